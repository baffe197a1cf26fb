# SPDX-License-Identifier: Apache-2.0
"""The demonstration: the manifests that it creates, and their expected ends. One row each, in the order of
creation."""

import re
from dataclasses import dataclass, field

FLAGS, TOKEN, TLS, LOGGING = "operator-flags-update", "acr-token-checker", "tls-cert-rotation", "mdsd-cert-rotation"
PRACTICE = "practice"
REPORT = "certificate-report" # of contrib/tasks.d: a program as a step

# All clusters answer with a delay, as distant ones do, so that progress can be seen.
SLOWNESS = {"delayMs": 250}

# The cluster that refuses changes: writes to its operator object get 403.
REFUSING_CLUSTER = "cluster-1"
REFUSAL = {"method": "PUT", "path": "/aro.openshift.io/", "status": 403,
           "message": 'clusters.aro.openshift.io "cluster" is forbidden: practice'}


@dataclass
class Act:
    """One manifest."""
    cluster: str
    task: str
    shows: str          # what it demonstrates, for people
    state: str          # the expected state ...
    status: str = ".*"  # ... with a statusText that matches this ...
    attempts: int = 1   # ... after so many attempts
    parameters: dict = None
    options: list = field(default_factory=list) # more options of `mimoctl manifest create`
    cancel: bool = False

    def differs(self, manifest):
        """The difference from the expected end; None without one."""
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
    Act("cluster-0", FLAGS, "updates the cluster's operator flags to those of its document", "Completed"),
    Act("cluster-1", FLAGS, "the cluster answers 403: no retry, an operator must look at it", "Failed",
        r"TerminalError: .*forbidden"),
    Act("cluster-2", TLS, "installs certificates for API server and ingress from the directory of the fleet",
    "Completed"), Act("cluster-0", LOGGING, "installs the certificate for sending the cluster's logs",
    "Completed"), Act("cluster-1", TOKEN, "finds a registry token that can be renewed, and reports for how long",
        "Failed", r"TerminalError: token able to be renewed for \d+ days"),
    Act("cluster-2", PRACTICE, "fails twice with a transient error, and is retried after longer pauses", "Completed",
        attempts=3,
        parameters=_steps(("call the cloud", {"sleepMs": 300, "then": "transient", "untilAttempt": 3,
                                              "message": "503 service unavailable"}),
                          ("note the result", {"sleepMs": 300}))),
    Act("cluster-0", PRACTICE, "has several steps and shows its progress", "Completed",
        parameters=_steps(("drain the gateway", {"sleepMs": 1500, "status": "12 connections left"}),
                          ("replace the certificate", {"sleepMs": 1500}),
                          ("bring the gateway back", {"sleepMs": 1500, "status": "waiting for health"}))),
    Act("cluster-1", PRACTICE, "its worker crashes; nothing else is affected, and the next attempt succeeds",
    "Completed",
        attempts=2,
        parameters=_steps(("read the configuration", {"sleepMs": 500}),
                          ("parse it", {"sleepMs": 300, "then": "crash", "untilAttempt": 2}))),
    Act("cluster-2", PRACTICE, "waits for its turn: a cluster has one attempt at a time", "Completed",
        parameters=_steps(("look around", {"sleepMs": 1000}), ("tidy up", {"sleepMs": 1000}))),
    Act("cluster-1", REPORT, "runs an external task, a sandboxed program that reports how long a certificate is valid",
        "Completed", r"the API server is v\S+; its certificate is valid for \d+ days"),
    Act("cluster-2", FLAGS, "scheduled for an hour from now, and then cancelled", "Cancelled", attempts=0,
        options=["--run-after", "+1h"], cancel=True),
)

TERMINAL_STATES = ("Completed", "Failed", "RetriesExceeded", "TimedOut", "Cancelled")
