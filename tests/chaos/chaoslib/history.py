# SPDX-License-Identifier: Apache-2.0
"""A history: what happened in a round, a JSON object a line, each with both clocks.

    {"what": "accepted", "t": 12.345, "wall": 1795427818.2, "manifest": "...", "cluster": "..."}

`t` is CLOCK_MONOTONIC, by which everything is ordered; `wall` is what documents and logs speak of. The kinds:

    begin, end          of the round: seed, settings; whether everything was terminal in time
    accepted            a manifest that the Admin API answered with 201: manifest, cluster, marker
    unsure, refused     a create whose answer never came, or was an error: marker
    deleted             a manifest that the Admin API answered with 204, or that may be gone: manifest
    document            a manifest as the Admin API showed it, whenever it had changed
    cluster             the same of a cluster
    final               the last look: manifests and clusters, all of them, by id and by key
    log                 a line of a program's log: program, pid, text
    worker              a worker's life as seen in /proc: pid, start, manifest (8 digits), cluster (name), launcher,
                        runs (spans of `t` in which it surely was alive and not stopped), orphaned (since when)
    program             what a worker of a hostile task started, as seen in /proc: pid, manifest, attempt, cluster, title,
                        runs (stopped or not)
    zombie              pid, role, since, until, excused (its parent was stopped)
    descriptors         pid, role, count, workers
    late                results counted as late by a supervisor's metrics: pid, count
    restored            the store was put back, since `began`, to a copy that was begun at `since`; whole: what was made
                        after that is gone
    fault               what was done: kind, target, pid
    left                a process that was there when everything had ended: pid, title
    store               what `mimo-store check` said: status, text
"""

import json
import threading
import time


class History:
    def __init__(self, path):
        self.path = path
        self._file = open(path, "a", encoding="utf-8")
        self._lock = threading.Lock()

    def add(self, what, t=None, wall=None, **fields):
        now, now_wall = time.monotonic(), time.time()
        t = now if t is None else t
        event = {"what": what, "t": round(t, 6), "wall": round(now_wall - (now - t) if wall is None else wall, 6), **fields}
        with self._lock:
            if not self._file.closed:
                self._file.write(json.dumps(event) + "\n")
        return event

    def close(self):
        with self._lock:
            self._file.close()


def read(path):
    """The events in order of time."""
    with open(path, encoding="utf-8") as file:
        return sorted(map(json.loads, file), key=lambda event: event["t"])
