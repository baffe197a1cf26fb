# SPDX-License-Identifier: Apache-2.0
"""The objects of one cluster, in memory.

One counter numbers all changes of a cluster; the number of an object's last change is its
`metadata.resourceVersion`. Stored objects are never changed in place but replaced, so readers need no copy.

Watchers are woken through an eventfd each, which lets them wait for a change and for the end of their
connection at once, without using CPU.
"""

import os
import threading
from collections import deque
from dataclasses import dataclass

HISTORY_LENGTH = 4096
FIRST_VERSION = 1000


@dataclass(frozen=True)
class Change:
    version: int
    kind: object
    old: dict
    new: dict


class Store:
    """Whoever reads in order to write holds `lock` around both."""

    def __init__(self):
        self.lock = threading.RLock()
        self.version = FIRST_VERSION
        self._objects = {}
        self._owners = {}
        self._history = deque(maxlen=HISTORY_LENGTH)
        self._watchers = set()

    def get(self, kind, namespace, name):
        with self.lock:
            return self._objects.get(_key(kind, namespace, name))

    def list(self, kind, namespace=None, version=None):
        """The objects of a kind, sorted as kubectl expects them, and the version of the list: the present one, or the one
        that is asked for. (None, version) when that is too long ago to know."""
        with self.lock:
            found = {key: obj for key, obj in self._objects.items() if key[0] is kind and namespace in (None, key[1])}
            if version is None:
                version = self.version
            elif not self.oldest_version() <= version <= self.version:
                return None, version
            for change in reversed(self._history):
                if change.version > version and change.kind is kind:
                    _undo(change, namespace, found)
        return [found[key] for key in sorted(found, key=lambda key: key[1:])], version

    def put(self, kind, obj):
        """Create or replace; sets the new resourceVersion in `obj` and returns it."""
        metadata = obj["metadata"]
        key = _key(kind, metadata.get("namespace"), metadata["name"])
        with self.lock:
            old = self._objects.get(key)
            self.version += 1
            metadata["resourceVersion"] = str(self.version)
            self._objects[key] = obj
            self._announce(kind, old, obj)
        return obj

    def remove(self, kind, obj):
        metadata = obj["metadata"]
        key = _key(kind, metadata.get("namespace"), metadata["name"])
        with self.lock:
            old = self._objects.pop(key)
            self._owners.pop(key, None)
            self.version += 1
            last = dict(old, metadata=dict(old["metadata"], resourceVersion=str(self.version)))
            self._announce(kind, last, None)

    def owners(self, kind, namespace, name):
        """Who set which fields, for server-side apply: {manager: set of paths}. Not copied."""
        return self._owners.setdefault(_key(kind, namespace, name), {})

    def changes_after(self, version):
        """What happened after `version`, or None when that is too long ago to know."""
        with self.lock:
            oldest = self.oldest_version()
            if version < oldest:
                return None
            return [change for change in self._history if change.version > version]

    def oldest_version(self):
        return self._history[0].version - 1 if self._history else self.version

    def add_watcher(self):
        watcher = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        with self.lock:
            self._watchers.add(watcher)
        return watcher

    def remove_watcher(self, watcher):
        with self.lock:
            self._watchers.discard(watcher)
        os.close(watcher)

    def _announce(self, kind, old, new):
        self._history.append(Change(self.version, kind, old, new))
        for watcher in self._watchers:
            os.eventfd_write(watcher, 1)


def _undo(change, namespace, found):
    metadata = (change.new or change.old)["metadata"]
    key = _key(change.kind, metadata.get("namespace"), metadata["name"])
    if namespace not in (None, key[1]):
        return
    if change.old:
        found[key] = change.old
    else:
        found.pop(key, None)


def _key(kind, namespace, name):
    return (kind, namespace or "", name)
