# SPDX-License-Identifier: Apache-2.0
"""Which faults make up a round, and how a round goes: start, faults under load, quiet, last look, verdict."""

import os
import random
import shutil
import subprocess
import time
from dataclasses import dataclass, field

from . import checker, faults, history, hostile, restores, rig as rigs
from .fleet import STATES_BEFORE, Client, resource_id

SMALL_DISK = "24m"
CLIENTS = 3
QUIET_PATIENCE = 150.0 # seconds from the last fault until everything must be terminal
NEEDS_ROOT = "needs root"


@dataclass
class Outcome:
    """What became of a round."""
    name: str
    seed: int
    directory: object = None
    skipped: str = ""
    failure: str = ""       # why there is no verdict
    violations: list = field(default_factory=list)
    figures: dict = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def is_good(self):
        return not self.failure and not self.violations


def is_root():
    return os.geteuid() == 0


def no_need(_rig_directory=None):
    return ""


def needs_root():
    return "" if is_root() else f"{NEEDS_ROOT}: mounts a small tmpfs"


def needs_tracing():
    if not shutil.which("strace"):
        return "needs strace(1)"
    return "" if is_root() else f"{NEEDS_ROOT}: the supervisor does not let others trace it"


def mount_small_disk(rig):
    store = rig.system / "store"
    store.mkdir(mode=0o755, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK},mode=0770", "mimo-chaos", store], check=True)


def unmount_small_disk(system):
    store = system / "store"
    if os.path.ismount(store):
        subprocess.run(["umount", "-l", store], check=True)


@dataclass(frozen=True)
class Round:
    """A scenario: faults that act at the same time, each a thread of its own."""
    about: str
    faults: tuple
    obstacle: object = no_need # why it cannot run here, or ""
    prepare: object = None     # what the rig needs before it starts
    tasks: tuple = ()          # of manifests, beside Practice


ROUNDS = {
    "kill": Round("SIGKILL of supervisors, launchers, helpers and workers", (faults.Kill,)),
    "stop": Round("SIGSTOP of supervisors, launchers and workers, also for longer than a lease", (faults.Stop,)),
    "pairs": Round("SIGSTOP of a supervisor together with its launcher, also for longer than a lease", (faults.StopPair,)),
    "copies": Round("actuators that start in copies of others' state directories; kills of workers",
                    (faults.CopyIdentity, faults.KillWorkers)),
    "clocks": Round("membership records whose clocks say anything; kills", (faults.ForeignClocks, faults.Kill)),
    "api": Round("SIGKILL of the Admin API in mid request, and of workers", (faults.KillApi, faults.Kill)),
    "lock": Round("another process locks the database", (faults.Lock,)),
    "move": Round("the store's files are moved away and put back", (faults.MoveAway,)),
    "full": Round("the store's disk is full", (faults.FillDisk,), needs_root, mount_small_disk),
    "calls": Round("system calls of one actuator's store fail", (faults.FailCalls,), needs_tracing),
    "hostile": Round("programs that fork, start sessions, stop everybody, ignore signals, fill pipes, hold memory and descriptors; "
                     "SIGSTOP of supervisors with their launchers; kills", (faults.StopPair, faults.Kill),
                     prepare=hostile.install, tasks=tuple(hostile.TASKS.values())),
    "restore": Round("the store is put back from a backup while all is stopped, as mimo-store(8) says; kills of workers",
                     (restores.PutBack, faults.KillWorkers)),
    "reload": Round("an older dump is loaded beside running actuators (load --replace --force); kills of workers",
                    (restores.LoadBack, faults.KillWorkers)),
    "mixed": Round("kills, stops and a locked database at once", (faults.Kill, faults.Stop, faults.LockRarely)),
}


@dataclass(frozen=True)
class Size:
    """How much of it."""
    manifests: int = 300
    clusters: int = 40
    seconds: float = 20.0      # of faults
    longest_sleep: int = 250   # milliseconds of a step


def run_round(name, seed, build, directory, size):
    """Runs one round; returns its Outcome."""
    outcome = Outcome(name, seed, directory)
    plan = ROUNDS[name]
    outcome.skipped = plan.obstacle()
    if outcome.skipped:
        return outcome
    began = time.monotonic()
    try:
        with rigs.Rig(build, directory, clusters=size.clusters, prepare=plan.prepare, programs=bool(plan.tasks)) as rig:
            _run(plan, random.Random(seed), rig, outcome, size)
    except rigs.Failure as failure:
        outcome.failure = str(failure)
    finally:
        unmount_small_disk(directory / "up")
    outcome.seconds = time.monotonic() - began
    if not outcome.failure:
        outcome.violations = checker.check(history.read(directory / "history.jsonl"))
    return outcome


def _run(plan, chance, rig, outcome, size):
    rig.history.add("begin", seed=outcome.seed, round=outcome.name, lease_seconds=rigs.LEASE_SECONDS, mark="AdminUpdating",
                    clusters={resource_id(number): STATES_BEFORE[number % len(STATES_BEFORE)]
                              for number in range(size.clusters)})
    clients = [Client(rig, random.Random(chance.random()), range(first, size.manifests, CLIENTS), size.clusters,
                      size.seconds * 0.8, size.longest_sleep, plan.tasks) for first in range(CLIENTS)]
    acting = [kind(rig, random.Random(chance.random())) for kind in plan.faults]
    for thread in (*clients, *acting):
        thread.start()
    time.sleep(size.seconds)
    for thread in (*clients, *acting):
        thread.stop()
    for fault in acting:
        if fault.failure:
            raise rigs.Failure(f"{fault.name} ended: {fault.failure!r}")
    rig.history.add("faults over")
    seconds = rig.wait_until_terminal(QUIET_PATIENCE)
    rig.finish()
    rig.history.add("end", seconds_until_terminal=seconds)
    outcome.figures = figures(rig, acting, seconds)


def figures(rig, acting, seconds):
    counts = {}
    for fault in acting:
        for kind, count in fault.counts.items():
            counts[kind] = counts.get(kind, 0) + count
    story = checker.Story(history.read(rig.history.path))
    return {"manifests": len(story.final["manifests"]), "attempts": len(story.started),
            "late": sum(map(len, story.late.values())), "quiet": seconds, "faults": counts,
            "unsure": len(story.by["unsure"])}
