# SPDX-License-Identifier: Apache-2.0
"""What is seen from outside, by threads that look often.

A process is surely alive between the first look that found it and the last: each look is stamped after the
first and before the last, so spans of two processes that overlap here did overlap.
"""

import contextlib
import http.client
import os
import re
import signal
import threading
import time
from dataclasses import dataclass, field

from .hostile import NAME as HOSTILE

PROCESS_PAUSE = 0.01
DESCRIPTORS_PAUSE = 0.5
DOCUMENTS_PAUSE = 0.25
ZOMBIE_PATIENCE = 1.0
FATAL = 1 << (signal.SIGKILL - 1) | 1 << (signal.SIGALRM - 1) # a worker's alarm, which nobody catches
EXITING = 0x4 # PF_EXITING among the flags of proc(5)
WORKER = re.compile(r"^mimo-worker: [^\[]* ([^\s\[]+)(?: \[.*\])? ([0-9a-f]{8})(?: \[.*\])?$") # step before or behind
SUPERVISOR = re.compile(r"^mimod: actuator (\d+), supervisor")
PROGRAMS = {"mimo-launcher": "launcher", "mimo-keeper": "keeper", "mimo-metrics": "helper",
            "mimo-api": "api", "mimod": "supervisor"}


@dataclass
class Seen:
    """A process of the system."""
    pid: int
    start: int              # starttime of proc(5): with the pid it names a process for ever
    role: str = ""          # supervisor, launcher, keeper, helper, api, worker, program; "" while it is none of them
    title: str = ""
    index: int = -1         # of the actuator
    manifest: str = ""      # workers: 8 digits; programs: all of its ID
    cluster: str = ""
    attempt: int = 0        # programs
    parent: int = 0
    launcher: int = 0       # workers: the parent they began with
    orphaned: float = None
    stopped: bool = False
    zombie_since: float = None
    zombie_excused: bool = False
    runs: list = field(default_factory=list)
    running: bool = False   # the last span of `runs` is still open
    first: float = 0.0
    last: float = 0.0

    @property
    def key(self):
        return self.pid, self.start


def _text(path):
    with open(path, "rb") as file:
        return file.read().decode("utf-8", "replace")


def children_of(pid):
    with contextlib.suppress(OSError):
        return [int(word) for word in _text(f"/proc/{pid}/task/{pid}/children").split()]
    return []


class ProcessObserver(threading.Thread):
    """Watches everything below `root`, which must be a child subreaper so that orphans are below it too. `programs`: what
    workers start is looked at as well."""

    def __init__(self, history, root, *, programs=False):
        super().__init__(name="process observer", daemon=True)
        self.history, self.root = history, root
        self.childless = {"keeper", "helper", "api"} | (set() if programs else {"worker"})
        self.programs = programs
        self.failure = None
        self._seen = {}
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._descriptors_at = 0.0

    def living(self, *roles):
        """The processes of these roles that were alive at the latest look, stopped ones included."""
        with self._lock:
            return [seen for seen in self._seen.values() if seen.role in roles and seen.zombie_since is None]

    def stop(self):
        self._done.set()
        self.join()
        with self._lock:
            for seen in self._seen.values():
                self._record_end(seen)

    def run(self):
        try:
            while not self._done.wait(PROCESS_PAUSE):
                self._look()
        except Exception as failure: # a round whose observer is blind proves nothing: rig.check_observers()
            self.failure = failure
            raise

    def _look(self):
        found = set()
        pending = [(pid, self.root) for pid in children_of(self.root)]
        while pending:
            pid, parent = pending.pop()
            with contextlib.suppress(OSError, ValueError, IndexError):
                seen = self._look_at(pid, parent)
                found.add(seen.key)
                if seen.role not in self.childless:
                    pending += [(child, pid) for child in children_of(pid)]
        with self._lock:
            for key in [key for key in self._seen if key not in found]:
                self._record_end(self._seen.pop(key))
        if time.monotonic() >= self._descriptors_at:
            self._descriptors_at = time.monotonic() + DESCRIPTORS_PAUSE
            self._count_descriptors()

    def _look_at(self, pid, parent):
        before = time.monotonic()
        words = _text(f"/proc/{pid}/stat").rpartition(")")[2].split()
        state, flags, start = words[0], int(words[6]), int(words[19])
        after = time.monotonic()
        with self._lock:
            seen = self._seen.get((pid, start))
            if seen is None:
                seen = self._seen[(pid, start)] = Seen(pid, start, parent=parent, first=after)
        if not seen.role and state != "Z":
            self._recognize(seen)
        if seen.parent != parent:
            if seen.role == "worker" and seen.orphaned is None:
                seen.orphaned = after
            seen.parent = parent
        seen.last = before
        seen.stopped = state in "Tt"
        self._note_zombie(seen, state, after)
        if seen.role == "worker":
            self._note_run(seen, state in "TtZX" or bool(flags & EXITING), before, after)
        elif seen.role == "program": # a stopped one is there all the same: another process may continue it
            self._note_run(seen, state in "ZX" or bool(flags & EXITING), before, after)
        return seen

    def _recognize(self, seen):
        title = _text(f"/proc/{seen.pid}/cmdline").replace("\0", " ").strip()
        seen.title = title
        parent = next((other for other in self._seen.values() if other.pid == seen.parent and other.zombie_since is None), None)
        if worker := WORKER.match(title):
            if not (parent and WORKER.match(parent.title)): # its runner, and a program that is not yet one
                seen.role, seen.cluster, seen.manifest, seen.launcher = "worker", worker.group(1), worker.group(2), seen.parent
            return
        if self.programs and HOSTILE in title.partition(" ")[0]:
            self._recognize_program(seen)
            return
        if supervisor := SUPERVISOR.match(title):
            seen.role, seen.index = "supervisor", int(supervisor.group(1))
        elif parent is None or parent.role != "launcher": # a fork of the launcher has its title until it has its own
            program = os.path.basename(title.split()[0]).rstrip(":") if title else ""
            role = PROGRAMS.get(program, "")
            if role != "supervisor": # which has its own title when it is past its start
                seen.role = role
            if role in ("launcher", "keeper", "helper") and parent is not None:
                seen.index = parent.index

    @staticmethod
    def _recognize_program(seen):
        environment = dict(word.partition("=")[::2] for word in _text(f"/proc/{seen.pid}/environ").split("\0"))
        if "MIMO_ATTEMPT" in environment:
            seen.role, seen.manifest, seen.cluster = "program", environment["MIMO_MANIFEST_ID"], environment["MIMO_CLUSTER"]
            seen.attempt = int(environment["MIMO_ATTEMPT"])

    def _note_zombie(self, seen, state, now):
        if state != "Z" or seen.role == "program": # whose parent may leave it so, as long as that lives
            return
        if seen.zombie_since is None:
            seen.zombie_since = now
        parent = next((other for other in self._seen.values() if other.pid == seen.parent), None)
        if parent is not None and parent.stopped:
            seen.zombie_excused = True

    def _note_run(self, seen, idle, before, after):
        """A stopped process does nothing, and one with a fatal signal pending will never do anything again."""
        alive = not idle
        if alive:
            status = _text(f"/proc/{seen.pid}/status")
            masks = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith(("SigPnd", "ShdPnd"))]
            alive = not any(mask & FATAL for mask in masks)
        if alive and seen.running:
            seen.runs[-1][1] = before
        elif alive:
            seen.runs.append([after, after])
        seen.running = alive

    def _record_end(self, seen):
        if seen.role == "worker":
            self.history.add("worker", t=seen.first, pid=seen.pid, start=seen.start, manifest=seen.manifest,
                             cluster=seen.cluster, launcher=seen.launcher, orphaned=seen.orphaned, last=seen.last,
                             runs=[[round(first, 6), round(max(first, last), 6)] for first, last in seen.runs])
        if seen.role == "program":
            self.history.add("program", t=seen.first, pid=seen.pid, manifest=seen.manifest, attempt=seen.attempt,
                             cluster=seen.cluster, title=seen.title,
                             runs=[[round(first, 6), round(max(first, last), 6)] for first, last in seen.runs])
        if seen.zombie_since is not None and seen.last - seen.zombie_since > ZOMBIE_PATIENCE:
            self.history.add("zombie", pid=seen.pid, role=seen.role, since=seen.zombie_since, until=seen.last,
                             excused=seen.zombie_excused)

    def _count_descriptors(self):
        workers = {}
        for seen in self.living("worker"):
            workers[seen.launcher] = workers.get(seen.launcher, 0) + 1
        launcher_of = {seen.parent: seen.pid for seen in self.living("launcher")}
        for seen in self.living("supervisor", "launcher", "api"):
            with contextlib.suppress(OSError):
                count = len(os.listdir(f"/proc/{seen.pid}/fd"))
                launcher = seen.pid if seen.role == "launcher" else launcher_of.get(seen.pid)
                self.history.add("descriptors", pid=seen.pid, role=seen.role, count=count, workers=workers.get(launcher, 0))


class DocumentObserver(threading.Thread):
    """Asks the Admin API for everything, again and again, and records what has changed."""

    def __init__(self, history, api):
        super().__init__(name="document observer", daemon=True)
        self.history, self.api = history, api
        self._known = {}
        self._done = threading.Event()
        self.looks = 0

    def stop(self):
        self._done.set()
        self.join()

    def run(self):
        while not self._done.wait(DOCUMENTS_PAUSE):
            with contextlib.suppress(OSError, http.client.HTTPException, LookupError, ValueError, self.api.Refused):
                self.look()

    def look(self):
        """(manifests, clusters) as they are now; what is new goes into the history."""
        before = time.monotonic()
        manifests = list(self.api.all("/admin/maintenanceManifests"))
        clusters = list(self.api.all("/admin/clusters"))
        for what, documents in (("document", manifests), ("cluster", clusters)):
            for document in documents:
                if self._known.get((what, document["id"])) != document:
                    self._known[(what, document["id"])] = document
                    self.history.add(what, t=before, document=document)
        self.looks += 1
        return manifests, clusters
