# SPDX-License-Identifier: Apache-2.0
"""The demonstration: the manifests it creates, and how each is to end. One row each, in the order of creation."""

import re
from dataclasses import dataclass, field

FLAGS, TOKEN, TLS, LOGGING = "operator-flags-update", "acr-token-checker", "tls-cert-rotation", "mdsd-cert-rotation"
PRACTICE = "practice"
REPORT = "certificate-report" # of contrib/tasks.d: a program as a step

# All clusters answer a little late, as distant ones do: otherwise there would be nothing to see.
SLOWNESS = {"delayMs": 250}

# The cluster that refuses its own maintainer: its operator object answers 403 to whoever wants to write it.
REFUSING_CLUSTER = "cluster-1"
REFUSAL = {"method": "PUT", "path": "/aro.openshift.io/", "status": 403,
           "message": 'clusters.aro.openshift.io "cluster" is forbidden: practice'}


@dataclass
class Act:
    """One manifest."""
    cluster: str
    task: str
    shows: str          # what it is there to show, for people
    state: str          # how it is to end ...
    status: str = ".*"  # ... with a statusText that matches this ...
    attempts: int = 1   # ... after so many attempts
    parameters: dict = None
    options: list = field(default_factory=list) # more options of `mimoctl manifest create`
    cancel: bool = False

    def differs(self, manifest):
        """What is not as it was to be; None if all is."""
        if manifest["state"] != self.state:
            return f"ended {manifest['state']} ({manifest.get('statusText', '')}), not {self.state}"
        if not re.match(self.status, manifest.get("statusText") or ""):
            return f"statusText is {manifest.get('statusText')!r}, not like {self.status!r}"
        if manifest.get("dequeues", 0) != self.attempts:
            return f"took {manifest.get('dequeues')} attempts, not {self.attempts}"
        return None


def _steps(*steps):
    return {"steps": [{"name": name, **more} for name, more in steps]}


ACTS = (
    Act("cluster-0", FLAGS, "brings the cluster's operator flags up to what its document says", "Completed"),
    Act("cluster-1", FLAGS, "the cluster answers 403: nothing to retry, an operator has to look", "Failed",
        r"TerminalError: .*forbidden"),
    Act("cluster-2", TLS, "gives API server and ingress their certificates out of the directory of the fleet", "Completed"),
    Act("cluster-0", LOGGING, "the same for the certificate with which the cluster's logs are sent", "Completed"),
    Act("cluster-1", TOKEN, "finds a registry token that is old enough to be renewed, and says for how long it can be",
        "Failed", r"TerminalError: token able to be renewed for \d+ days"),
    Act("cluster-2", PRACTICE, "fails twice with an error that passes, and is retried with growing pauses", "Completed",
        attempts=3,
        parameters=_steps(("call the cloud", {"sleepMs": 300, "then": "transient", "untilAttempt": 3,
                                              "message": "503 service unavailable"}),
                          ("note the result", {"sleepMs": 300}))),
    Act("cluster-0", PRACTICE, "several steps; its progress can be followed", "Completed",
        parameters=_steps(("drain the gateway", {"sleepMs": 1500, "status": "12 connections left"}),
                          ("replace the certificate", {"sleepMs": 1500}),
                          ("bring the gateway back", {"sleepMs": 1500, "status": "waiting for health"}))),
    Act("cluster-1", PRACTICE, "its worker crashes; nothing else suffers, and the next attempt succeeds", "Completed",
        attempts=2,
        parameters=_steps(("read the configuration", {"sleepMs": 500}),
                          ("parse it", {"sleepMs": 300, "then": "crash", "untilAttempt": 2}))),
    Act("cluster-2", PRACTICE, "waits its turn: one attempt at a time on a cluster", "Completed",
        parameters=_steps(("look around", {"sleepMs": 1000}), ("tidy up", {"sleepMs": 1000}))),
    Act("cluster-1", REPORT, "a task of the operator's own, a program in a sandbox: says how long a certificate is valid",
        "Completed", r"the API server is v\S+; its certificate is valid for \d+ days"),
    Act("cluster-2", FLAGS, "planned for an hour from now, and then cancelled", "Cancelled", attempts=0,
        options=["--run-after", "+1h"], cancel=True),
)

TERMINAL_STATES = ("Completed", "Failed", "RetriesExceeded", "TimedOut", "Cancelled")
