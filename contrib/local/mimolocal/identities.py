# SPDX-License-Identifier: Apache-2.0
"""Which numeric users the programs run as when `up` is started as root.

systemd gives the users of services with DynamicUser= numbers from 61184 on; no accounts exist for them and none
are needed. Supervisor and Admin API have different users and one group, because they share the store.
Started by an ordinary user everything runs as that user; the programs then change nothing.
"""

import os
from dataclasses import dataclass

FIRST = 61184


@dataclass(frozen=True)
class Identity:
    uid: int
    gid: int

    def __str__(self):
        return f"{self.uid}:{self.gid}"


SUPERVISOR = Identity(FIRST, FIRST)
API = Identity(FIRST + 1, FIRST)
LAUNCHER = Identity(FIRST + 2, FIRST + 2)
METRICS = Identity(FIRST + 3, FIRST + 3)
WORKER = Identity(FIRST + 15, FIRST + 15)
WORKER_UIDS = f"{FIRST + 16}-{FIRST + 115}"

NAMES = {SUPERVISOR.uid: "supervisor", API.uid: "api", LAUNCHER.uid: "launcher", METRICS.uid: "metrics"}


def can_change():
    return os.geteuid() == 0


def configuration():
    """The configuration keys that say who runs as whom; none for an ordinary user."""
    if not can_change():
        return {}
    return {"actuator.user": SUPERVISOR, "actuator.launcher_user": LAUNCHER, "actuator.worker_user": WORKER,
            "actuator.metrics_user": METRICS, "actuator.worker_uids": WORKER_UIDS, "api.user": API}


def hand_over(path, identity):
    """Make `path` belong to a program's user."""
    if can_change():
        os.chown(path, identity.uid, identity.gid, follow_symlinks=False)


def role_of(uid):
    """What a user does in the system, for people who read listings."""
    first, _, last = WORKER_UIDS.partition("-")
    if int(first) <= uid <= int(last):
        return "worker"
    return NAMES.get(uid)
