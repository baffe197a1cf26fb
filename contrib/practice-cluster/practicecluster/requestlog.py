# SPDX-License-Identifier: Apache-2.0
"""The request log: who asked for what, and whether it changed anything.

One line of JSON a request, written before the answer goes out: whoever has an answer finds its line. All
clusters of a directory share the file; the last lines of each cluster are also kept in memory.
"""

import json
import os
import threading
from collections import deque
from datetime import datetime, timezone

KEPT_IN_MEMORY = 10000


class RequestLog:
    def __init__(self, path):
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._lock = threading.Lock()
        self._number = 0

    def write(self, record):
        """Number and write a record; returns it."""
        with self._lock:
            self._number += 1
            now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            record = {"number": self._number, "time": now, **record}
            os.write(self._file, json.dumps(record).encode() + b"\n")
            return record


class ClusterLog:
    """The log as one cluster sees it."""

    def __init__(self, cluster_name, log):
        self._cluster_name = cluster_name
        self._log = log
        self._records = deque(maxlen=KEPT_IN_MEMORY)

    def add(self, record):
        self._records.append(self._log.write({"cluster": self._cluster_name, **record}))

    def since(self, number):
        return [record for record in list(self._records) if record["number"] > number]

    def clear(self):
        self._records.clear()


def of_request(connection, request, rule, outcome, answer):
    """The record of a request: `outcome` if it was carried out, `answer` if it gets one (status 0: none)."""
    before, after = (outcome.version_before, outcome.version_after) if outcome else (None, None)
    return {
        "connection": connection, "method": request.method, "path": request.path,
        "query": {key: values[0] for key, values in request.query.items()}, "user": request.user.name,
        "userAgent": request.headers.get("User-Agent") or "", "status": answer.code if answer else 0,
        "resourceVersionBefore": before, "resourceVersionAfter": after, "write": request.is_write,
        "changed": request.is_write and before != after, "trouble": rule.summary or None, "error": None,
    }


def of_failed_connection(connection, error):
    """The record of a client that never got as far as a request; it has the same keys."""
    return {"connection": connection, "method": "", "path": "", "query": {}, "user": "", "userAgent": "", "status": 0,
            "resourceVersionBefore": None, "resourceVersionAfter": None, "write": False, "changed": False,
            "trouble": None, "error": str(error)}
