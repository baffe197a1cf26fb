# SPDX-License-Identifier: Apache-2.0
"""A wall clock that jumps by hours: no worker is killed by it or doubled, nothing runs early.

libfaketime moves the wall clock of `mimod` alone, by a file that the test writes; the monotonic clock goes on as it is.
"""

import glob
import os
import subprocess
import time
from pathlib import Path

import pytest

from conftest import is_sanitized
from mimolocal import listing

from test_end_to_end import practice

TOP = Path(__file__).resolve().parents[2]
HOURS = 3
PROGRAMS = ("mimo-api", "mimo-launcher", "mimo-metrics", "mimo-store", "mimoctl")
WRAPPER = """#!/bin/sh
# mimod whose wall clock is that of {stamp}.
export LD_PRELOAD='{library}' FAKETIME_TIMESTAMP_FILE={stamp} FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_NO_CACHE=1
export FAKETIME_ONLY_CMDS=mimod
exec {mimod} "$@"
"""
DOUBTED, BELIEVED = "the wall clock has jumped", "the wall clock is trusted again"


def sanitizer_library():
    """The run-time library of the address sanitizer."""
    done = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


class Clock:
    """The wall clock of the actuators of a system."""

    def __init__(self, directory, build):
        library = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        if not library:
            pytest.skip("libfaketime is missing: apt-get install faketime")
        if is_sanitized(build):
            library = [f"{sanitizer_library()} {library[0]}"] # which must be loaded before all others
        self.stamp = directory / "system-0" / "clock" # beside the configuration, where mimod may read
        self.stamp.parent.mkdir()
        self.build = directory / "build"
        self.build.mkdir(mode=0o755)
        for name in PROGRAMS:
            (self.build / name).symlink_to(build / name)
        (self.build / "config.h").symlink_to(build / "config.h")
        wrapper = self.build / "mimod"
        wrapper.write_text(WRAPPER.format(stamp=self.stamp, library=library[0], mimod=build / "mimod"))
        wrapper.chmod(0o755)
        self.shift(0)

    def shift(self, hours):
        """By so many hours from the real time; in one step, for mimod reads the file whenever it asks for the time."""
        fresh = self.stamp.with_suffix(".new")
        fresh.write_text(f"{hours:+}h\n" if hours else "+0\n")
        fresh.chmod(0o644)
        fresh.replace(self.stamp)


def remove_shared_memory():
    """What libfaketime leaves in /dev/shm of processes that have ended: a killed one cannot tidy up."""
    for path in Path("/dev/shm").glob("*faketime_*"):
        number = path.name.rsplit("_", 1)[1]
        if number.isdigit() and not Path("/proc", number).exists():
            path.unlink(missing_ok=True)


@pytest.fixture
def clock(directory):
    yield Clock(directory, Path(os.environ.get("MIMO_BUILD", TOP / "build")).resolve())
    remove_shared_memory() # the fixture of the system has ended all by now


@pytest.fixture
def build_dir(clock):
    """What `system` starts here: the programs of the clock."""
    return clock.build


def workers_of(running, manifest):
    """The live processes that work on a manifest."""
    return [process.pid for process in listing.all_processes().values()
            if process.title.startswith("mimo-worker: ") and manifest["id"][:8] in process.title]


def polls(running, count):
    """Wait until the actuator has looked at the store again: each time it finds a manifest that is due by any clock."""
    for _ in range(count):
        due = int(time.time()) - (HOURS + 1) * 3600
        running.wait_for_state(running.create("practice", 2, runAfter=due), "Completed")


@pytest.mark.parametrize("hours", [HOURS, -HOURS], ids=["forward", "backward"])
def test_a_jump_neither_kills_nor_doubles_workers_and_nothing_runs_early(system, clock, hours):
    running = system(clusters=3, set={"actuator.poll_interval": "100ms", "actuator.membership_interval": "200ms"})
    long = running.create("practice", 0, **practice({"name": "long", "sleepMs": 600000}))
    later = running.create("practice", 1, runAfter=int(time.time()) + 3600)
    running.wait_for(lambda: workers_of(running, long), what="the worker")
    (worker, ) = workers_of(running, long)

    clock.shift(hours)
    running.wait_for(lambda: DOUBTED in running.log("actuator-0"), what="the jump to be noticed")
    polls(running, 3)
    assert workers_of(running, long) == [worker]
    assert (running.manifest(long)["state"], running.manifest(long)["dequeues"]) == ("InProgress", 1)
    assert running.manifest(later)["state"] == "Pending"

    clock.shift(0)
    running.wait_for(lambda: BELIEVED in running.log("actuator-0"), what="the jump to be forgotten")
    polls(running, 3)
    assert workers_of(running, long) == [worker]
    assert running.manifest(long)["dequeues"] == 1
    assert running.manifest(later)["state"] == "Pending"
    path = f"/admin{running.cluster(0)}/maintenanceManifests/{long['id']}/cancel"
    running.api("POST", path, query={"force": "true"}).expect(200)


def test_a_jump_that_lasts_for_a_lease_is_believed(system, clock):
    running = system(clusters=1, set={"actuator.poll_interval": "100ms", "actuator.lease_ttl": "5s",
                                              "actuator.task_timeout": "3s"})
    later = running.create("practice", runAfter=int(time.time()) + 3600)
    clock.shift(HOURS)
    running.wait_for(lambda: BELIEVED in running.log("actuator-0"), timeout=60, what="the new time")
    running.wait_for_state(later, "Completed")
    assert running.manifest(later)["dequeues"] == 1
