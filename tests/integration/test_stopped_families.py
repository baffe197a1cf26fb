# SPDX-License-Identifier: Apache-2.0
"""Never are processes of two attempts alive on one cluster, and none is alive after its lease, whichever of supervisor,
launcher and workers of the actuator that ran the first attempt are stopped (SIGSTOP).

One system has an actuator for each set of stopped processes, and one more, which nobody stops. Each of the others runs a task
of every kind; all of them are stopped at the same time. An observer reads /proc all the while, until each cluster has had a
second attempt and those that were stopped run again. The timers, the namespaces and the cgroups alone, without supervisor and
store: tests/unit/test_launcher_death.c."""

import contextlib
import os
import re
import signal
import threading
import time
import uuid
from dataclasses import dataclass

import pytest

from conftest import STRETCH
from mimolocal import listing

from test_cgroups import means
from test_end_to_end import fleet, practice, resource_id
from test_takeover import SHORT, members_of, owner_of

# The alarm, two seconds later SIGKILL, then the end of the lease: on a busy machine all attempts must still begin before the alarm.
SETTINGS = {**SHORT, "actuator.lease_ttl": f"{round(7000 * STRETCH)}ms", "actuator.task_timeout": f"{round(4000 * STRETCH)}ms",
            "actuator.drain_timeout": "0", "actuator.max_workers": "16"}
AFTERWARDS = 2.0 # seconds for which the observer goes on: what was stopped does now what it had not done
EXITING = 0x4    # PF_EXITING of the kernel: such a process runs nothing any more
WORKER = re.compile(r"^mimo-worker: .*\b([0-9a-f]{8})\b")
CLUSTERS = 64    # so that every actuator has enough of them

PROGRAMS = {
    "shell": "#!/bin/sh\ntrap '' TERM\n(sleep 1000 & sleep 1000) & sleep 1000\n",
    "python": """#!/usr/bin/python3
import subprocess, time
subprocess.Popen(["/bin/sleep", "1000"])
time.sleep(1000)
""",
    # Daemons in sessions of their own, if they are let; then a signal that stops whoever is in the group.
    "hostile": """#!/usr/bin/python3
import contextlib, os, signal, time
for number in (signal.SIGTERM, signal.SIGCONT, signal.SIGHUP, signal.SIGALRM):
    signal.signal(number, signal.SIG_IGN)
for _ in range(2):
    if os.fork() == 0:
        with contextlib.suppress(PermissionError):
            os.setsid()
        if os.fork() == 0:
            time.sleep(1000)
        os._exit(0)
with contextlib.suppress(PermissionError):
    os.kill(0, signal.SIGSTOP)
time.sleep(1000)
""",
}
KINDS = ("built-in", *PROGRAMS)


@pytest.fixture
def tasks(directory):
    """Settings by which the programs above are tasks, named as they are. Without user namespaces the limit of processes counts
    all that a user has, and actuators on one machine share the users of their workers."""
    place = directory / "tasks.d"
    place.mkdir(mode=0o755)
    for name, text in PROGRAMS.items():
        program = place / name
        program.write_text(text)
        program.chmod(0o755)
        (place / f"{name}.conf").write_text(
            f"[task]\nid = {uuid.uuid4()}\nname = {name}\nshort_name = {name}\nsummary = does not end\n"
            f"[sandbox]\nexecute = /usr/bin\nprocesses = 64\n[step stay]\nprogram = {program}\n")
    return {"tasks.directory": str(place)}


# ---- what /proc shows ----

@dataclass
class Attempt:
    """A worker, with its guard and all that it has started."""
    launcher: int
    processes: tuple # (pid, start) of each, first of those that the launcher has started

    def living(self):
        return [key for key in self.processes if is_alive(key)]


def processes():
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def read_stat(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()


def is_alive(key):
    """Stopped ones are."""
    with contextlib.suppress(OSError, IndexError):
        words = read_stat(key[0])
        return int(words[listing.STARTED]) == key[1] and words[listing.STATE] not in "ZX" and not int(words[6]) & EXITING
    return False


class Observer(threading.Thread):
    """Looks for processes of the attempts of some manifests, as often as it can, and notes what must not be.

    A worker is known by its title, which has the first eight digits of the manifest; what it starts, by its parents, or,
    where these have ended, by its environment."""

    def __init__(self, launchers):
        super().__init__(daemon=True)
        self.launchers = set(launchers)
        self.attempts = {} # {eight digits: [Attempt, ...]}, in the order of their beginnings
        self.leases = {}   # {eight digits: when the lease of the first attempt is over, by the wall clock}
        self.problems = []
        self._found = {}   # {(pid, start): Attempt or None}
        self._others = set(processes()) # what was there before them
        self._done = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *failure):
        self._done.set()
        self.join()

    def run(self):
        try:
            while not self._done.wait(0.01):
                self._look()
        except Exception as failure:
            self.problems.append(f"the observer failed: {failure!r}")
            raise

    def _look(self):
        for pid in processes():
            with contextlib.suppress(OSError, IndexError):
                self._recognize(pid)
        for manifest, attempts in self.attempts.items():
            self._judge(manifest, attempts)

    def _recognize(self, pid):
        """Returns the attempt that a process belongs to, or None."""
        if pid in self._others:
            return None
        words = read_stat(pid)
        key, parent = (pid, int(words[listing.STARTED])), int(words[listing.PARENT])
        if self._found.get(key) or key in self._found and parent not in self.launchers: # whose children get their title later
            return self._found[key]
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            title = file.read().replace("\0", " ")
        worker = WORKER.match(title)
        if worker and parent in self.launchers:
            attempt = Attempt(parent, ())
            self.attempts = {**self.attempts, worker[1]: [*self.attempts.get(worker[1], []), attempt]}
        else:
            attempt = self._attempt_of(pid, parent)
        self._found[key] = attempt
        if attempt:
            attempt.processes += (key,)
        return attempt

    def _attempt_of(self, pid, parent):
        with contextlib.suppress(OSError, IndexError):
            if found := self._recognize(parent):
                return found
        with open(f"/proc/{pid}/environ", encoding="utf-8", errors="replace") as file:
            environment = dict(word.partition("=")[::2] for word in file.read().split("\0"))
        attempts = self.attempts.get(environment.get("MIMO_MANIFEST_ID", "")[:8])
        return attempts[-1] if attempts else None

    def _judge(self, manifest, attempts):
        first = attempts[0].living()
        if first and time.time() >= self.leases.get(manifest, float("inf")) and attempts[0].living():
            self._note(f"{manifest}: {first} of the first attempt are alive after its lease")
        for later in attempts[1:]: # both, if the first is alive again after the second was seen
            if first and (second := later.living()) and (still := attempts[0].living()):
                self._note(f"{manifest}: {still} of the first attempt and {second} of another one are alive at the same time")

    def _note(self, problem):
        if len(self.problems) < 20:
            self.problems.append(problem)


# ---- the test ----

def place_clusters(running, count):
    """[clusters of actuator 0, of actuator 1, ...], one for each kind; none of the last actuator."""
    owner_of(running, resource_id(0), count) # waits until the buckets are divided
    ranges = [running.control(index=index)["actuator"]["buckets"] for index in range(count - 1)]
    placed = [[] for _ in ranges]
    for number in range(CLUSTERS):
        bucket = running.api("GET", f"/admin{resource_id(number)}").expect(200)["bucket"]
        for clusters, (first, last) in zip(placed, ranges):
            if first <= bucket <= last and len(clusters) < len(KINDS):
                clusters.append(resource_id(number))
    assert all(len(clusters) == len(KINDS) for clusters in placed), ranges
    return placed


def create(running, kind, cluster):
    if kind == "built-in":
        return running.create("practice", cluster, **practice({"name": "stay", "sleepMs": 3600000}))
    return running.create(kind, cluster)


def has_begun(observer, manifest, kind):
    attempts = observer.attempts.get(manifest["id"][:8])
    return attempts and len(attempts[0].living()) >= (1 if kind == "built-in" else 4) # guard, runner, at least two programs


def stop(running, sets, firsts):
    """Stops a set of processes of each actuator; returns the process IDs of supervisors, and of launchers."""
    supervisors, launchers = [], []
    for index, members in enumerate(sets):
        if "supervisor" in members:
            running.stop_outside_transaction(f"actuator-{index}")
            supervisors.append(running.pid(f"actuator-{index}"))
        if "launcher" in members:
            os.kill(running.launchers[index], signal.SIGSTOP)
            launchers.append(running.launchers[index])
        for attempt in firsts[index] if "worker" in members else []: # none of them lives long enough to be continued
            for pid, _ in attempt.living() if in_namespaces(running) else attempt.processes[:1]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
    return supervisors, launchers


def resume(pids):
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


def in_namespaces(running):
    """Else only one or two of guard, runner and programs may be stopped (docs/security.md, "The end of an attempt")."""
    return means(running, len(running.launchers) - 1)["programs"] == "pidNamespace"


def wait_for_second_attempts(running, observer, created, not_of=None):
    def begun():
        attempts = [observer.attempts[manifest["id"][:8]][1:2] for _, manifest in created]
        return all(attempts) and attempts

    for second, in running.wait_for(begun, timeout=60, what=f"second attempts of {[kind for kind, _ in created]}"):
        assert second.launcher != not_of


SINGLES = (("supervisor",), ("launcher",), ("worker",))
PAIRS = (("supervisor", "launcher"), ("supervisor", "worker"), ("launcher", "worker"))


@pytest.mark.parametrize("sets", [SINGLES, PAIRS], ids=["one", "pairs"])
def test_two_attempts_are_never_alive_on_one_cluster(system, directory, tasks, sets):
    count = len(sets) + 1
    running = system(instances=count, clusters=0, load=fleet(directory / "fleet.jsonl", CLUSTERS, 0), set={**SETTINGS, **tasks})
    running.launchers = [members_of(running, index)["mimo-launcher"] for index in range(count)]
    clusters = place_clusters(running, count)
    with Observer(running.launchers) as observer:
        created = [[(kind, create(running, kind, cluster)) for kind, cluster in zip(KINDS, mine)] for mine in clusters]
        everything = [pair for mine in created for pair in mine]
        running.wait_for(lambda: all(has_begun(observer, manifest, kind) for kind, manifest in everything), what="all programs")
        for _, manifest in everything: # a lease lasts to the end of its last second
            observer.leases[manifest["id"][:8]] = running.manifest(manifest)["leaseExpiry"] + 1
        firsts = [[observer.attempts[manifest["id"][:8]][0] for _, manifest in mine] for mine in created]
        assert all(attempt.launcher == launcher for mine, launcher in zip(firsts, running.launchers) for attempt in mine)
        supervisors, launchers = stop(running, sets, firsts)
        try:
            running.wait_for(lambda: time.time() > max(observer.leases.values()), timeout=60, what="the end of all leases")
            resume(launchers) # with them stopped, an actuator would still claim what it cannot run
            for index, members in enumerate(sets):
                if "supervisor" in members:
                    wait_for_second_attempts(running, observer, created[index], not_of=running.launchers[index])
        finally:
            resume(launchers + supervisors)
        for mine in created:
            wait_for_second_attempts(running, observer, mine)
        time.sleep(AFTERWARDS)
    assert not observer.problems, "\n".join(observer.problems)
