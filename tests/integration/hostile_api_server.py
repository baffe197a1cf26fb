# SPDX-License-Identifier: Apache-2.0
"""API servers that mean ill: each does one thing to whoever connects.

    with HostileServer(directory, says(b"HTTP/1.1 200 OK\\r\\n\\r\\n", forever=b" " * 65536)) as server:
        kubeconfig = server.kubeconfig()

A behaviour is a function of a connection (a socket, TLS on it) that returns when it is through with it. The kernel
bounds what is written to somebody who does not read; somebody who leaves ends it.
"""

import base64
import json
import socket
import ssl
import threading

from mimolocal.certificates import VALID, Issuer, pem_of

TOKEN = "token-for-an-api-server"


def read_request(connection):
    """The header lines of a request."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("it left")
        received += piece
    return received.decode()


def says(*pieces, forever=None, pause=None):
    """Answers each request with these bytes and closes; or goes on with `forever`, with `pause` seconds between."""
    def behave(connection, ended):
        for piece in pieces:
            connection.sendall(piece)
        while forever is not None and not ended.wait(pause or 0):
            connection.sendall(forever)
    return behave


def drips(data, pause):
    """Byte by byte."""
    def behave(connection, ended):
        for position in range(len(data)):
            connection.sendall(data[position:position + 1])
            if ended.wait(pause):
                return
    return behave


def is_silent(connection, ended):
    ended.wait()


class HostileServer:
    """Use as a context manager.

    before_tls    behaves before any handshake, in place of it
    names, valid  of its certificate
    """

    def __init__(self, directory, behave=None, *, before_tls=None, names=("localhost", ), valid=VALID):
        self.requests, self._ended = [], threading.Event()
        self._behave, self._before_tls = behave, before_tls
        issuer = Issuer("Hostile authority")
        self._ca = pem_of(issuer.certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        path = directory / f"hostile-{self.port}.pem"
        path.write_text(issuer.bundle("hostile", names, valid))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(path)

    @property
    def port(self):
        return self._listener.getsockname()[1]

    @property
    def url(self):
        return f"https://localhost:{self.port}"

    def kubeconfig(self):
        return json.dumps({
            "kind": "Config", "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": self.url, "certificate-authority-data": _base64(self._ca)}}],
            "users": [{"name": "u", "user": {"token": TOKEN}}]})

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection, ), daemon=True).start()

    def _serve(self, connection):
        try:
            if self._before_tls:
                self._before_tls(connection, self._ended)
                return
            connection = self._context.wrap_socket(connection, server_side=True)
            self.requests.append(read_request(connection))
            self._behave(connection, self._ended)
        except OSError:
            pass # it left, as it should
        finally:
            connection.close()


def _base64(text):
    return base64.b64encode(text.encode()).decode()
