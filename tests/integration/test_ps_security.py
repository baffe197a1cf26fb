# SPDX-License-Identifier: Apache-2.0
"""mimoctl ps --security: what the kernel says each process of the family may do, and what is more than it needs."""

import json
import os
import re
import subprocess

import pytest

from mimoctl_fixtures import actuator_answer, actuators, api, certificates, environment, home, mimoctl, rows  # noqa: F401

ORDINARY_USER = 61190
LONG_TASK = {"parameters": {"steps": [{"name": "long", "sleepMs": 600000}]}}
ONLY_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change users")


def show(running):
    """{role: [process]}, with the Admin API of this system alone: others may run on the machine."""
    answer = json.loads(running.mimoctl("ps", "--security", "-o", "json").stdout)
    processes = [process for actuator in answer["value"] for process in actuator["processes"]]
    processes += [process for process in answer["adminApi"] if process["pid"] == running.pid("api")]
    by_role = {}
    for process in processes:
        by_role.setdefault(process["role"], []).append(process)
    return by_role


def start_worker(running):
    created = running.create("practice", **LONG_TASK)
    running.wait_for_state(created, "InProgress")
    running.wait_for(lambda: [worker for worker in running.workers() if worker["pid"]])
    return created


@ONLY_ROOT
def test_each_process_has_its_user_and_what_it_needs(system):
    running = system(clusters=1)
    created = start_worker(running)
    processes = show(running)
    assert sorted(processes) == ["Admin API", "keeper", "launcher", "metrics helper", "supervisor", "worker"]
    users = {role: found[0]["uid"] for role, found in processes.items()}
    assert users.pop("keeper") == users["metrics helper"] # it starts the helper again, as whom it has to be
    assert 0 not in users.values() and len(set(users.values())) == len(users), users
    for role, (process,) in processes.items():
        kept = "kill,setgid,setuid" if role == "launcher" else "none"
        assert (process["capabilities"], process["permitted"]) == (kept, kept), role
        assert process["noNewPrivileges"] is True and process["dumpable"] is False, role
        assert process["supplementaryGroups"] == 0, role
        assert process["seccomp"] == "filter", role
    (worker,), (launcher,) = processes["worker"], processes["launcher"]
    assert worker["manifestID"] == created["id"] and worker["seccomp"] == "filter" and worker["seccompFilters"] == 2
    assert worker["bounding"] == launcher["bounding"] == "kill,setgid,setuid"
    assert worker["landlockAbi"] == launcher["landlockAbi"] == running.control()["actuator"]["landlockAbi"]
    assert worker["gaps"] == []

    table = rows(running.mimoctl("ps", "--security").stdout)
    assert table[0] == ["PROCESS", "PID", "USER", "CAPABILITIES", "SECCOMP", "LANDLOCK", "GAPS"]
    (row,) = [row for row in table if row[0] == "worker"]
    assert row[1:5] == [str(worker["pid"]), worker["user"], "none", "filter (2)"]
    assert row[6:] == ["0"]
    wide = running.mimoctl("ps", "--security", "-o", "wide").stdout
    assert "BOUNDING" in wide and created["id"] in wide
    assert str(worker["pid"]) in running.mimoctl("ps", "--security", "-o", "id").stdout.split()


def test_what_is_in_force_is_in_the_log_once(system):
    running = system(clusters=0)
    for program, log in (("mimod", "actuator-0"), ("mimo-launcher", "actuator-0"), ("mimo-metrics", "actuator-0"), ("mimo-api", "api")):
        line = rf"^\S+ {program}\[\d+\] info: confined: user \d+, group \d+, .*no new privileges, "
        running.wait_for(lambda: len(re.findall(line, running.log(log), re.MULTILINE)) == 1, what=f"the line of {program}")


@ONLY_ROOT
def test_an_ordinary_user_s_family_shares_a_user_and_that_is_said(system):
    running = system(clusters=1, user=ORDINARY_USER)
    start_worker(running)
    processes = show(running)
    (worker,), (launcher,) = processes["worker"], processes["launcher"]
    assert worker["uid"] == launcher["uid"] == ORDINARY_USER
    assert worker["capabilities"] == "none" and worker["noNewPrivileges"] is True and worker["seccompFilters"] == 2
    (gap,) = launcher["gaps"]
    assert "share one user" in gap
    assert f"launcher {launcher['pid']}: {gap}" in running.mimoctl("ps", "--security").stdout


def test_what_is_more_than_a_process_needs_is_named(mimoctl, actuators):
    """With this test as the processes: it runs with what it was started with."""
    idler = subprocess.Popen(["sleep", "600"])
    try:
        run = actuators({**actuator_answer(), "processes": [
            {"role": "supervisor", "pid": idler.pid, "landlockAbi": 7},
            {"role": "launcher", "pid": idler.pid, "landlockAbi": 2},
            {"role": "worker", "pid": 2 ** 22 + 1, "landlockAbi": 2, "manifestID": "x"}]})
        said = mimoctl("ps", "--security", "--runtime-directory", run).stdout
    finally:
        idler.kill()
        idler.wait()
    assert f"launcher {idler.pid}: Landlock ABI 2: workers may connect to any TCP port" in said
    assert f"supervisor {idler.pid}: may make any system call (no seccomp filter)" in said
    if os.geteuid() == 0:
        assert f"supervisor {idler.pid}: runs as root: give it a user of its own" in said
        assert re.search(f"supervisor {idler.pid}: has capabilities that it does not need: ", said)
    assert "process 4194305 has ended, or is hidden from this user" in said
