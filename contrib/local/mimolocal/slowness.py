# SPDX-License-Identifier: Apache-2.0
"""How slow this machine is at the moment. Deadlines of tests are multiplied by it, so that a busy machine fails none."""

import hashlib
import os
import subprocess
import time

REFERENCE = 0.2 # seconds that the work below takes on a quiet machine of 2024
MOST = 40.0
VARIABLE = "MIMO_SLOWNESS" # what ./bootstrap check measured; unit tests read it as well (tests/unit/expect.h)


def _work():
    start = time.monotonic()
    for _ in range(20):
        subprocess.run(["true"], check=False)
    hashlib.sha256(bytes(32 << 20)).digest()
    return time.monotonic() - start


def slowness():
    """A factor from 1 to MOST: by the time that a fixed piece of work takes, by the load, and by MIMO_SLOWNESS."""
    load = os.getloadavg()[0] / len(os.sched_getaffinity(0))
    said = float(os.environ.get(VARIABLE) or 1)
    return min(MOST, max(1.0, said, load, min(_work() for _ in range(3)) / REFERENCE))


def in_time(took, seconds):
    """Whether something took less than these seconds of a quiet machine. What began before the machine became busy is
    measured with what it is by now."""
    return took < seconds or took < seconds * slowness()
