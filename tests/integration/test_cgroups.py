# SPDX-License-Identifier: Apache-2.0
"""Attempts in control groups: what is made and removed, what ends a family that is stopped, what is left of an earlier life."""

import contextlib
import os
import signal
import time

import pytest

import cgroups
from test_end_to_end import practice
from test_takeover import SHORT, SHORT_LEASE

ORDINARY_USER = 61190
LONG = {"name": "long", "sleepMs": 600000}
ONLY_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change users")


@contextlib.contextmanager
def in_cgroup(user=0):
    """Programs started within are in a delegated cgroup; gives its path, or None."""
    own = cgroups.of("self")
    with cgroups.delegated(user) as place:
        if place:
            (place / "cgroup.procs").write_text(str(os.getpid()))
        try:
            yield place
        finally:
            if place:
                (cgroups.root() / own.strip("/") / "cgroup.procs").write_text(str(os.getpid()))


def means(running, index=0):
    """How the launcher ends and limits attempts."""
    (launcher,) = [process for process in running.control("security", index)["processes"] if process["role"] == "launcher"]
    return launcher["attempts"]


def wait_for_worker(running, index=0):
    (worker,) = running.wait_for(lambda: [worker for worker in running.workers(index) if worker["pid"]], what="a worker")
    return worker["pid"]


@pytest.mark.parametrize("user", [pytest.param(0, marks=ONLY_ROOT), pytest.param(ORDINARY_USER, marks=ONLY_ROOT)], ids=["root", "ordinary user"])
def test_each_process_of_the_family_is_in_the_cgroup_of_its_kind(system, user):
    with in_cgroup(user) as place:
        running = system(clusters=1, user=user or None)
        running.create("practice", **practice(LONG))
        worker = wait_for_worker(running)
        said = running.mimoctl("ps", "--security").stdout
        assert means(running)["cgroup"] is (place is not None)
        if not place:
            assert "(no cgroups)" in said and "attempts have no cgroup: " in running.log("actuator-0")
            return
        assert ", cgroups; " in said
        home = cgroups.of(running.pid("actuator-0")).removesuffix("/supervisor")
        assert home.startswith(f"/{place.name}/mimo-")
        roles = {process["role"]: cgroups.of(process["pid"]).removeprefix(home) for process in running.control("security")["processes"]}
        of_worker = roles.pop("worker")
        assert of_worker.startswith("/launcher/0") and of_worker == cgroups.of(worker).removeprefix(home)
        assert roles == {"supervisor": "/supervisor", "keeper": "/supervisor", "metrics helper": "/supervisor", "launcher": "/launcher/launcher"}
        os.kill(worker, signal.SIGKILL)
        running.wait_for(lambda: not (cgroups.root() / f"{home}{of_worker}".strip("/")).exists(), what="the end of the attempt's cgroup")
        running.stop()


@ONLY_ROOT
def test_a_stopped_launcher_of_an_earlier_life_does_not_keep_an_actuator_from_starting(system):
    with in_cgroup() as place:
        running = system(clusters=1, restart=True, set=SHORT)
        running.create("practice", **practice(LONG))
        worker = wait_for_worker(running)
        launcher = next(process["pid"] for process in running.control("security")["processes"] if process["role"] == "launcher")
        for pid in (launcher, worker):
            os.kill(pid, signal.SIGSTOP)
        before = running.pid("actuator-0")
        running.kill("actuator-0")
        if not place: # without a cgroup it waits until somebody ends them
            for pid in (launcher, worker):
                os.kill(pid, signal.SIGCONT)
        running.wait_for(lambda: running.pid("actuator-0") != before and running.log("actuator-0").count(" is running") == 2, timeout=60,
                         what="a new actuator")
        if place:
            assert "held the lock of" in running.log("actuator-0")
            assert cgroups.of(launcher) is None and cgroups.of(worker) is None
        running.stop()


@ONLY_ROOT
def test_a_launcher_that_hangs_is_killed_by_its_cgroup_before_the_lease_is_over(system):
    """Its worker, which is stopped as well, with it."""
    with in_cgroup() as place:
        running = system(clusters=1, restart=True, set=SHORT_LEASE)
        created = running.create("practice", **practice(LONG))
        worker = wait_for_worker(running)
        launcher = next(process["pid"] for process in running.control("security")["processes"] if process["role"] == "launcher")
        lease_end = running.manifest(created)["leaseExpiry"] + 1 # a lease lasts to the end of its last second
        running.expect_ending("actuator-0")
        for pid in (launcher, worker):
            os.kill(pid, signal.SIGSTOP)
        if not place: # then only its timers end the worker, and nothing ends the launcher
            os.kill(launcher, signal.SIGCONT)
            return
        running.wait_for(lambda: cgroups.of(launcher) is None and cgroups.of(worker) is None, what="the end of both")
        assert time.time() < lease_end
        assert "the launcher hangs: it and all attempts were killed by their cgroup" in running.log("actuator-0")
        running.wait_for(lambda: running.log("actuator-0").count(" is running") == 2, timeout=60, what="a new actuator")
        running.wait_for(lambda: len(running.manifest(created)["attempts"]) == 2, timeout=60, what="the next attempt")
        running.stop()
