# SPDX-License-Identifier: Apache-2.0
"""Watching: telling a client about changes as they happen, as `kubectl get -w` wants it.

Without a resourceVersion a watch begins with what there is, as ADDED events; with one it begins with what
happened since. A version from before the history that is kept ends it with 410, and the client lists again.

Bookmarks, if the client allows them, say which version it has reached although nothing that it selects has changed: now and
then, at the end of the watch, and (sendInitialEvents) behind the objects that it begins with.
"""

import os

from . import status, table


class Watcher:
    """Use as a context manager; `fileno()` becomes readable when `events()` has something to say."""

    def __init__(self, store, watch):
        self._store = store
        self._watch = watch
        self._version = watch.version
        self.ended = False

    def __enter__(self):
        self._wakeup = self._store.add_watcher()
        return self

    def __exit__(self, *_):
        self._store.remove_watcher(self._wakeup)

    def fileno(self):
        return self._wakeup

    def acknowledge(self):
        os.eventfd_read(self._wakeup)

    def initial_events(self):
        if self._watch.initial:
            return [*self._all_objects(), self.bookmark({"k8s.io/initial-events-end": "true"})]
        return self.events() if self._version else self._all_objects()

    def _all_objects(self):
        objects, self._version = self._store.list(self._watch.kind, self._watch.namespace)
        return [self._event("ADDED", obj) for obj in objects if self._watch.selected(obj)]

    def events(self):
        """What happened since the last call."""
        changes = self._store.changes_after(self._version)
        if changes is None:
            self.ended = True
            error = status.expired(self._version, self._store.oldest_version())
            return [{"type": "ERROR", "object": error.status()}]
        if changes:
            self._version = changes[-1].version
        events = [self._of_change(change) for change in changes if change.kind is self._watch.kind]
        return [event for event in events if event]

    def bookmark(self, annotations=None):
        metadata = {"resourceVersion": str(self._version), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        kind = self._watch.kind
        return {"type": "BOOKMARK", "object": {"kind": kind.name, "apiVersion": kind.api_version, "metadata": metadata}}

    def _of_change(self, change):
        was, now = self._concerns(change.old), self._concerns(change.new)
        if now:
            return self._event("MODIFIED" if was else "ADDED", change.new)
        return self._event("DELETED", change.new or change.old) if was else None

    def _concerns(self, obj):
        return (obj is not None and self._watch.namespace in (None, obj["metadata"].get("namespace"))
                and self._watch.selected(obj))

    def _event(self, event_type, obj):
        if self._watch.as_table:
            version = obj["metadata"]["resourceVersion"]
            obj = table.build(self._watch.kind, [obj], version, self._watch.include)
        return {"type": event_type, "object": obj}
