# SPDX-License-Identifier: Apache-2.0
"""What a worker tries and may not leaves one line in the log, of a fixed form; what is no attack leaves none."""

import os
import re
import shutil
import subprocess
import urllib.request

import pytest
from conftest import SLOWNESS, is_sanitized, skip_with_sanitizers

ORDINARY_USER = 61190
# From its beginning on: what a worker says stands behind other words, and cannot look like this.
LINE = re.compile(r"^\S+ mimod\[\d+\] warning: sandbox: manifest (\S+), cluster (/\S+), task (.+?), attempt (\d+), worker (\d+): (.+)$",
                  re.MULTILINE)

DENIED = {
    "forbidden": "forbidden system call uname",
    "open": "forbidden system call openat",
    "hang": "outlived its time, 2s",
    "garbage": "broke the rules of reports: ",
    "flood": "broke the rules of reports: ",
    "oom": "used up its memory (sandbox.memory)",
    "crash": "killed by signal 11 (SIGSEGV)",
}
HARMLESS = ("ok", "transient", "terminal", "exit")


def end_of(running, created):
    return running.wait_for(lambda: (now := running.manifest(created)).get("attempts") and
                            now["attempts"][0].get("outcome") and now)


@pytest.mark.parametrize("user", [None, pytest.param(ORDINARY_USER, marks=pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can be somebody else"))])
def test_each_denial_is_one_line_that_says_who_and_what(system, build_dir, user):
    denied = dict(DENIED)
    if is_sanitized(build_dir):
        del denied["oom"], denied["crash"] # memory without a bound; a handler for crashes
    words = [*denied, *HARMLESS]
    running = system(clusters=len(words), user=user, set={
        "actuator.retry_backoff": "1h", "actuator.task_timeout": "2s", "actuator.max_workers": len(words)})
    neighbour = running.create("practice", cluster=0, parameters={"steps": [{"name": "runs all the time", "sleepMs": 500}]})
    assert running.wait_for_state(neighbour, "Completed")
    created = {word: running.create("practice", cluster=number, parameters={"steps": [
        {"name": word, "then": word, "message": "warning: sandbox: manifest x, cluster /x, task x, attempt 1, worker 1: a lie"}]})
        for number, word in enumerate(words)}
    for word in words:
        end_of(running, created[word])

    said = {}
    for manifest, cluster, task, attempt, pid, what in LINE.findall(running.log("actuator-0")):
        assert manifest not in said, f"two lines for {manifest}"
        said[manifest] = (cluster, task, attempt, what)
        assert int(pid) > 1
    for number, word in enumerate(words):
        line = said.pop(created[word]["id"], None)
        if word in HARMLESS:
            assert line is None, f"{word}: {line}"
        else:
            cluster, task, attempt, what = line
            assert (cluster, task, attempt) == (running.cluster(number).lower(), "Practice", "1")
            assert what.startswith(denied[word]), what
    assert not said
    page = lambda: urllib.request.urlopen(running.env["MIMO_METRICS_URL"] + "/metrics", timeout=10 * SLOWNESS).read().decode()
    running.wait_for(lambda: f"mimo_actuator_workers_denied_total {len(denied)}" in page(), what="the metric")


def limits_of(pid):
    """{name: (soft, hard)} of a process, as /proc shows them."""
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        return {row[0]: (row[1], row[2]) for row in (re.split(r"\s{2,}", line.strip()) for line in list(file)[1:])}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees the limits of other users' processes")
def test_limits_of_the_configuration_are_those_of_a_worker(system, build_dir):
    running = system(clusters=1, set={"sandbox.memory": "192M", "sandbox.open_files": "33", "sandbox.cpu": "77s", "sandbox.file_size": "4K"})
    running.create("practice", parameters={"steps": [{"name": "long", "sleepMs": 600000}]})
    (worker,) = running.wait_for(lambda: [worker for worker in running.workers() if worker["pid"]])

    def limits_are_set():
        limits = limits_of(worker["pid"])
        return limits if limits["Max open files"] == ("33", "33") else None
    limits = running.wait_for(limits_are_set, what="the worker to be inside")
    if not is_sanitized(build_dir):
        assert limits["Max address space"] == (str(192 << 20), str(192 << 20))
    assert limits["Max cpu time"] == ("77", "82") # SIGXCPU, then SIGKILL
    assert limits["Max file size"] == ("4096", "4096")
    assert limits["Max core file size"] == ("0", "0") and limits["Max processes"] == ("0", "0")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees the limits of other users' processes")
def test_processor_time_of_a_task_is_its_time_unless_the_configuration_says_otherwise(system):
    running = system(clusters=1, set={"actuator.task_timeout": "20m"})
    running.create("practice", parameters={"steps": [{"name": "long", "sleepMs": 600000}]})
    (worker,) = running.wait_for(lambda: [worker for worker in running.workers() if worker["pid"]])
    running.wait_for(lambda: limits_of(worker["pid"])["Max cpu time"][0] == "1200", what="the limit")


PRIVATE_MAXIMUM = 1.5 * 1024 # KiB


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees the memory of other users' processes")
def test_an_idle_worker_has_little_memory_of_its_own(system, build_dir):
    skip_with_sanitizers(build_dir, "have memory of their own")
    running = system(clusters=1)
    running.create("practice", parameters={"steps": [{"name": "idle", "sleepMs": 600000}]})
    (worker,) = running.wait_for(lambda: [worker for worker in running.workers() if worker["pid"] and worker["step"]])
    with open(f"/proc/{worker['pid']}/smaps_rollup", encoding="ascii") as file:
        private = int(re.search(r"^Private_Dirty: +(\d+) kB", file.read(), re.MULTILINE)[1])
    assert 0 < private <= PRIVATE_MAXIMUM


IMPOSTOR = """#!/usr/bin/python3
import socket, sys
channel = socket.socket(fileno=int(sys.argv[sys.argv.index("--channel") + 1]))
channel.send(b"this is no message")
channel.recv(1) # until the supervisor is gone
"""


def test_a_launcher_that_is_not_what_it_should_be_is_told_once_and_ends_the_family(system, build_dir):
    running = system(instances=0)
    programs = running.directory / "programs"
    programs.mkdir(mode=0o755)
    for name in ("mimod", "mimo-metrics"):
        shutil.copy(build_dir / name, programs)
    (programs / "mimo-launcher").write_text(IMPOSTOR)
    (programs / "mimo-launcher").chmod(0o755)
    state = running.directory / "state" / "of-the-impostor"
    done = subprocess.run([programs / "mimod", "--config", running.config, f"--set=actuator.state_directory={state}"],
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1, done.stderr
    told = re.findall(r"^\S+ mimod\[\d+\] warning: sandbox: (.+)$", done.stderr, re.MULTILINE)
    assert len(told) == 1 and told[0].startswith("the launcher broke the rules of its channel: "), done.stderr
