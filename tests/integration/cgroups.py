# SPDX-License-Identifier: Apache-2.0
"""A control group of a test's own, as the service manager delegates one; where the machine gives none, None.

It is made at the root of the hierarchy of version 2, wherever that is mounted. `entered_by` is for the preexec_fn of
what is to run in it.
"""

import contextlib
import os
import re
import time
from pathlib import Path


def root():
    """Where the hierarchy of version 2 is mounted, or None."""
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    found = [re.match(r"\S+ \S+ \S+ / (\S+) .* - cgroup2 ", mount) for mount in mounts]
    return next((Path(match[1]) for match in found if match), None)


def of(pid):
    """The path of a process's cgroup within that hierarchy, or None."""
    with contextlib.suppress(OSError):
        return next(line[3:] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines() if line.startswith("0::"))
    return None


def end(place):
    """Kill what is in a cgroup, and remove it with those inside of it."""
    deadline = time.monotonic() + 60
    inner = [Path(path) for path, _, _ in os.walk(place, topdown=False)]
    while inner and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            (place / "cgroup.kill").write_text("1")
        for path in list(inner):
            with contextlib.suppress(OSError):
                path.rmdir()
                inner.remove(path)
        time.sleep(0.02)


@contextlib.contextmanager
def delegated(user=0):
    """A cgroup that is marked as delegated and belongs to a user; None if this machine gives none."""
    place = root() and root() / f"mimo-test-{os.getpid()}-{time.monotonic_ns()}"
    try:
        place.mkdir()
        os.setxattr(place, "user.delegate", b"1")
        for path in (place, place / "cgroup.procs", place / "cgroup.subtree_control"):
            os.chown(path, user, user)
    except (OSError, AttributeError):
        yield None
        return
    try:
        yield place
    finally:
        end(place)
