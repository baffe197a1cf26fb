# SPDX-License-Identifier: Apache-2.0
"""A client of the actuators' control sockets; include/mimo/control.h is their description."""

import json
import socket

from .slowness import slowness

PATIENCE = 5.0


def ask(runtime_directory, index, command="status"):
    """The answer of an actuator. OSError or ValueError when there is none."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(PATIENCE * slowness())
        connection.connect(f"{runtime_directory}/actuator-{index}.control")
        connection.sendall(json.dumps({"command": command}).encode() + b"\n")
        with connection.makefile("rb") as lines:
            answer = json.loads(lines.readline())
    if not answer.get("ok"):
        raise ValueError(f"actuator {index} refused {command!r}: {answer.get('error')}")
    return answer
