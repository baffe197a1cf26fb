# SPDX-License-Identifier: Apache-2.0
"""Free ports that stay ours.

A port that was free a moment ago may be taken before a program gets to it. A socket that is bound with
SO_REUSEADDR but does not listen closes that gap on Linux: the kernel gives its port to nobody who asks for any
port, while a server that asks for this very port, also with SO_REUSEADDR, gets it; and gets it again when it
is started anew (see socket(7), and inet_csk_bind_conflict() in the kernel).
"""

import socket


class Reservations:
    def __init__(self):
        self._sockets = []

    def take(self):
        """A TCP port on 127.0.0.1, reserved until this object is closed."""
        reserved = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        self._sockets.append(reserved)
        return reserved.getsockname()[1]

    def close(self):
        while self._sockets:
            self._sockets.pop().close()
