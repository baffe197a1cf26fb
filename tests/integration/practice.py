# SPDX-License-Identifier: Apache-2.0
"""Drive the practice cluster from tests: start it, talk to it, stop it."""

import http.client
import json
import select
import signal
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from conftest import SLOWNESS

FOLDER = Path(__file__).resolve().parents[2] / "contrib" / "practice-cluster"
START_DEADLINE = 20 * SLOWNESS
STOP_DEADLINE = 10
REQUEST_DEADLINE = 20 * SLOWNESS


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Client:
    """One user's way to one cluster; a fresh connection for each request."""

    def __init__(self, entry, token=None, certificate=None, verify=True):
        self.port = entry["port"]
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._context = ssl.create_default_context(cafile=entry["caCertificate"])
        if not verify:
            self._context.check_hostname, self._context.verify_mode = False, ssl.CERT_NONE
        if certificate:
            self._context.load_cert_chain(*certificate)

    def connect(self):
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=self._context, timeout=REQUEST_DEADLINE)

    def request(self, method, path, body=None, content_type="application/json", headers=None, connection=None):
        own = connection or self.connect()
        headers = {**self._headers, **(headers or {})}
        if body is not None:
            headers["Content-Type"] = content_type
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            own.request(method, path, body, headers)
            response = own.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            if connection is None:
                own.close()

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def trouble(self, *rules):
        answer = self.request("PUT", "/practice/trouble", list(rules))
        assert answer.status == 200, answer.body
        return answer.json

    def log(self, since=0):
        return self.get(f"/practice/requests?since={since}").json


class PracticeClusters:
    """A running `practice-cluster`; use as a context manager."""

    def __init__(self, directory, *arguments):
        self.directory = Path(directory)
        self._process = subprocess.Popen([FOLDER / "practice-cluster", "--directory", directory, *arguments],
                                         stdout=subprocess.PIPE, text=True)
        try:
            self._await_ready()
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        self.entries = {entry["name"]: entry for entry in json.loads((self.directory / "clusters.json").read_text())}

    def _await_ready(self):
        readable, _, _ = select.select([self._process.stdout], [], [], START_DEADLINE)
        line = self._process.stdout.readline() if readable else ""
        assert "ready" in line, f"practice-cluster did not start: {line!r}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def pid(self):
        return self._process.pid

    def stop(self, number=signal.SIGTERM):
        """The exit status."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            return self._process.wait(STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            self._process.stdout.close()

    def token(self, name, role="admin"):
        return (self.directory / f"{name}-{role}.token").read_text().strip()

    def admin(self, name, **more):
        return Client(self.entries[name], token=self.token(name), **more)

    def viewer(self, name):
        return Client(self.entries[name], token=self.token(name, "viewer"))

    def anonymous(self, name):
        return Client(self.entries[name])

    def with_certificate(self, name, owner=None):
        pair = (self.directory / f"{owner or name}-client.crt", self.directory / f"{owner or name}-client.key")
        return Client(self.entries[name], certificate=pair)
