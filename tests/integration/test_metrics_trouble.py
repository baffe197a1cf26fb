# SPDX-License-Identifier: Apache-2.0
"""Telemetry shares no fate with the work: whatever happens to the metrics helper, attempts go on."""

import os
import re
import signal

from test_end_to_end import member, practice

LONG = {"name": "long", "sleepMs": 600000}


def start_worker(running):
    created = running.create("practice", **practice(LONG))
    running.wait_for_state(created, "InProgress")
    (worker,) = running.wait_for(lambda: [worker for worker in running.workers() if worker["pid"]])
    return created, worker["pid"]


def kill_member(running, program, number=signal.SIGKILL):
    pid = running.wait_for(lambda: member(running, program), what=f"a {program}")
    os.kill(pid, number)
    return pid


def assert_undisturbed(running, created, worker, supervisor):
    assert running.pid("actuator-0") == supervisor
    assert [found["pid"] for found in running.workers()] == [worker]
    manifest = running.manifest(created)
    assert (manifest["state"], manifest["dequeues"]) == ("InProgress", 1)


def test_a_killed_metrics_helper_is_started_again_and_ends_no_attempt(system):
    running = system(clusters=1, restart=True)
    supervisor = running.pid("actuator-0")
    created, worker = start_worker(running)
    for _ in range(3):
        old = kill_member(running, "mimo-metrics")
        running.wait_for(lambda: (fresh := member(running, "mimo-metrics")) and fresh != old, what="a fresh helper")
        assert_undisturbed(running, created, worker, supervisor)

    def lines():
        found = re.findall(r"warning: the metrics helper was killed by signal 9 \(SIGKILL\); "
                           r"it is started again in (\S+);", running.log("actuator-0"))
        return found if len(found) == 3 else None

    assert running.wait_for(lines, what="a line for each") == ["100ms", "200ms", "400ms"]
    running.wait_for(lambda: pid_of_helper(running) == member(running, "mimo-metrics"), what="its pid in the answer")


def pid_of_helper(running):
    """As `mimoctl ps --security` gets it."""
    return next((process["pid"] for process in running.control("security")["processes"]
                 if process["role"] == "metrics helper"), None)


def test_without_keeper_and_helper_the_work_goes_on(system):
    running = system(clusters=1, restart=True)
    supervisor = running.pid("actuator-0")
    created, worker = start_worker(running)
    helper = running.wait_for(lambda: member(running, "mimo-metrics"), what="a helper")
    kill_member(running, "mimo-keeper")
    os.kill(helper, signal.SIGKILL)
    running.wait_for(lambda: "there are no metrics and no heartbeat until mimod is restarted" in running.log("actuator-0"),
                     what="the line in the log")
    assert_undisturbed(running, created, worker, supervisor)


def test_a_metrics_helper_that_cannot_start_keeps_no_actuator_from_working(system):
    """The address of its page is no address of this machine, as after a change of the network."""
    running = system(clusters=1, restart=True, set={"metrics.listen": "192.0.2.1:9464"})
    created = running.create("practice", cluster=0)
    running.wait_for_state(created, "Completed")
    running.wait_for(lambda: "the metrics helper ended with exit status" in running.log("actuator-0"), what="the line in the log")


def test_a_statsd_name_that_cannot_be_resolved_keeps_no_actuator_from_working(system):
    """As when the name service is away."""
    running = system(clusters=1, restart=True, set={"metrics.statsd": "udp:statsd.invalid:8125"})
    supervisor = running.pid("actuator-0")
    created = running.create("practice", cluster=0)
    running.wait_for_state(created, "Completed")
    assert running.pid("actuator-0") == supervisor
