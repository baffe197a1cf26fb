# SPDX-License-Identifier: Apache-2.0
"""What the programs say of themselves: the lines of DIR/log/*.log (log.format = text)."""

import datetime
import re

LINE = re.compile(r"^(\d{4}-\d\d-\d\dT[\d:.]+)Z (\S+?)\[(\d+)\] (\w+): (.*)$")

STARTED = re.compile(r"^manifest (\S+): attempt (\d+) of .* on (/\S+) runs as worker (\d+)$")
ENDED = re.compile(r"^manifest (\S+): attempt (\d+) (\S+) after (\d+) ms: now (\w+)")
LATE = re.compile(r"^result \"(\w+)\" dropped: (?:manifest (\S+), attempt (\d+): )?")
ACTUATOR = re.compile(r"^actuator ([0-9a-f-]{36}) starts on ")
STORE_GONE = re.compile(r"running attempts continue, nothing is claimed until the store answers$")
STORE_BACK = re.compile(r"^the store answers again$")
RECOVERY = re.compile(r"^recovery: (\d+) manifests that this actuator left over are back")


def lines(path):
    """[(wall, program, pid, level, text)] of a log. What has no such form is another program's (a sanitizer's)."""
    found = []
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if match := LINE.match(line.rstrip("\n")):
                moment = datetime.datetime.fromisoformat(match.group(1)).replace(tzinfo=datetime.timezone.utc)
                found.append((moment.timestamp(), match.group(2), int(match.group(3)), match.group(4), match.group(5)))
    return found


def record(history, path, offset):
    """Put a log into a history. `offset` is CLOCK_MONOTONIC less the wall clock."""
    for wall, program, pid, level, text in lines(path):
        history.add("log", t=wall + offset, wall=wall, program=program, pid=pid, level=level, text=text)
