# SPDX-License-Identifier: Apache-2.0
"""A client of the actuators' control sockets; include/mimo/control.h is their description."""

import functools
import json
import socket

from .slowness import slowness

PATIENCE = 5.0


@functools.lru_cache(maxsize=1)
def _patience():
    """Measured once: to measure takes longer than an answer does."""
    return PATIENCE * slowness()


def ask(runtime_directory, index, command="status"):
    """The answer of an actuator. OSError or ValueError when it does not answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_patience())
        connection.connect(f"{runtime_directory}/actuator-{index}.control")
        connection.sendall(json.dumps({"command": command}).encode() + b"\n")
        with connection.makefile("rb") as lines:
            answer = json.loads(lines.readline())
    if not answer.get("ok"):
        raise ValueError(f"actuator {index} refused {command!r}: {answer.get('error')}")
    return answer
