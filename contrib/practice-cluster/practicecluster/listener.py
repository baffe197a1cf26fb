# SPDX-License-Identifier: Apache-2.0
"""The listening sockets of all clusters, in one loop that sleeps until a client comes or a signal says stop."""

import os
import selectors
import signal
import socket
import threading
from itertools import count

from . import connection

BACKLOG = 512
STOP_PATIENCE = 2.0


def bind(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((address, port))
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    listening.setblocking(False)
    return listening


class Listener:
    def __init__(self):
        self._selector = selectors.DefaultSelector()
        self._stop_reader, self._stop_writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._selector.register(self._stop_reader, selectors.EVENT_READ)
        self._numbers = count(1)
        self._open = set()
        self._threads = set()

    def add(self, listening, cluster):
        self._selector.register(listening, selectors.EVENT_READ, cluster)

    def stop_on_signals(self):
        """The kernel may give a signal to the thread of a client, while Python's handler waits for the main thread to
        wake up: the pipe is written at once, whichever thread it was."""
        signal.set_wakeup_fd(self._stop_writer)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)

    def run(self):
        """Accept clients until stopped."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj == self._stop_reader:
                    self._stop()
                    return
                self._accept(key.fileobj, key.data)

    def _accept(self, listening, cluster):
        try:
            client, address = listening.accept()
        except OSError:
            return  # it left again before we came to it
        client.setblocking(True)
        thread = threading.Thread(target=self._serve, args=(client, address, cluster), daemon=True)
        self._threads.add(thread)
        thread.start()

    def _serve(self, *arguments):
        try:
            connection.serve(*arguments, next(self._numbers), self._open)
        finally:
            self._threads.discard(threading.current_thread())

    def _stop(self):
        """End all connections, and wait a little for their threads."""
        for key in list(self._selector.get_map().values()):
            if key.fileobj != self._stop_reader:
                key.fileobj.close()
        for tls_socket in list(self._open):
            try:
                socket.socket.shutdown(tls_socket, socket.SHUT_RDWR)
            except OSError:
                pass  # already closed
        for thread in list(self._threads):
            thread.join(STOP_PATIENCE)
