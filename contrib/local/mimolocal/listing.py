# SPDX-License-Identifier: Apache-2.0
"""Process listings: a family as ps(1) would show it, with the titles that the programs give themselves."""

import contextlib
import os
import pwd
from dataclasses import dataclass

from . import identities


@dataclass
class Process:
    pid: int
    parent: int
    uid: int
    started: int # in clock ticks since boot; with the pid, this tells processes apart for ever
    title: str
    depth: int = 0

    def is_alive(self):
        """Whether this very process still runs. One that has ended and was not waited for yet does not."""
        try:
            fields = _stat(self.pid)[1]
        except OSError:
            return False
        return int(fields[STARTED]) == self.started and fields[STATE] not in "ZX"

    @property
    def short_title(self):
        """The title that a program gave itself; of a command line the program's name alone."""
        return self.title.split()[0].rsplit("/", 1)[-1] if self.title.startswith("/") else self.title

    @property
    def user(self):
        role = identities.role_of(self.uid)
        if role:
            return f"{self.uid} ({role})"
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)


def all_processes():
    """{pid: Process} of the machine. A process that ends meanwhile is left out."""
    processes = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                processes[int(entry)] = _read(int(entry))
    return processes


# Places in /proc/PID/stat behind the name, see proc(5).
STATE, PARENT, STARTED = 0, 1, 19


def _stat(pid):
    """(name, fields behind it)"""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        name, _, rest = file.read().partition("(")[2].rpartition(")")
    return name, rest.split()


def _read(pid):
    name, fields = _stat(pid)
    with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
        title = file.read().replace("\0", " ").strip() or f"[{name}]"
    return Process(pid, int(fields[PARENT]), os.stat(f"/proc/{pid}").st_uid, int(fields[STARTED]), title)


def descendants(pid):
    """The processes below `pid`, parents before children, with their depth."""
    children = {}
    for process in sorted(all_processes().values(), key=lambda process: process.pid):
        children.setdefault(process.parent, []).append(process)
    found = []

    def collect(parent, depth):
        for process in children.get(parent, []):
            process.depth = depth
            found.append(process)
            collect(process.pid, depth + 1)

    collect(pid, 0)
    return found


def lines(processes, width):
    """A listing, each line cut to `width`."""
    rows = [("PID", "USER", "PROCESS")]
    rows += [(str(process.pid), process.user, "  " * process.depth + process.short_title) for process in processes]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return [f"{pid:>{widths[0]}}  {user:<{widths[1]}}  {title}"[:width] for pid, user, title in rows]
