# SPDX-License-Identifier: Apache-2.0
"""An Admin API of its own for tests of mimo-api alone: no actuators, a store in a private directory.

    with ApiServer(build_dir) as server:
        server.api("reader")("GET", "/admin/tasks").expect(200)
        answer = server.raw(b"GET / HTTP/1.1\\r\\n\\r\\n")

Started as root the server changes to a numeric user, as it does in production; the store belongs to that user.
"""

import base64
import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from pathlib import Path

from mimolocal.adminapi import AdminApi
from mimolocal.logs import whole_lines
from mimolocal.slowness import in_time, slowness

USER = 61190 # of systemd's dynamic range; no account exists for it
PATIENCE = 30.0 * slowness()
ROLES = ("reader", "operator", "admin")
SUBSCRIPTION = "60bf318d-6914-4105-a3b5-d0d2c10388c8"
PRACTICE = "00000000-0000-4000-8000-000000000001"
FLAGS = "b41749fc-af26-4ab7-b5a1-e03f3ee4cba6"
# mimo-api makes itself undumpable, and the search for leaks at a program's end has to trace it
ENVIRONMENT = {"ASAN_OPTIONS": "detect_leaks=0"}
SANITIZER = re.compile(r"ERROR: (?:Address|Leak)Sanitizer.*|.*runtime error: .*")


def wait_for(condition, what, patience=30.0):
    """What `condition` returns as soon as that is true; `patience` is in seconds of a quiet machine."""
    began = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        assert in_time(time.monotonic() - began, patience), f"waited {time.monotonic() - began:.0f} s for {what}"
        time.sleep(0.01)


def cluster_id(name=None, group="my-rg"):
    """A resource ID as operators write it; a new one each time unless named."""
    name = name or f"cluster-{secrets.token_hex(6)}"
    return (f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.RedHatOpenShift"
            f"/openShiftClusters/{name}")


class ApiServer:
    """set: configuration keys. tokens: False leaves the token file to the first start."""

    def __init__(self, build_dir, *, set=None, tokens=True):
        self.build, self.process = build_dir, None
        self.parent = Path(tempfile.mkdtemp(prefix="mimo-api-")) # root's, where root starts the server
        self.parent.chmod(0o755)
        self.directory = self.parent / "own"
        self.directory.mkdir()
        self.config, self.log_path = self.parent / "mimo.conf", self.directory / "api.log"
        self.run = self.directory / "run"
        self.run.mkdir()
        self.tokens = {role: secrets.token_urlsafe(32) for role in ROLES} if tokens else {}
        keys = {
            "store.uri": f"sqlite:{self.directory}/mimo.db",
            "actuator.runtime_directory": self.run,
            "actuator.practice_tasks": "yes",
            "clusters.seal_certificate": self.directory / "seal.crt",
            "clusters.seal_key": self.directory / "seal.key",
            "api.listen": "127.0.0.1:0",
            "api.tls_certificate": self.directory / "api.crt",
            "api.tls_key": self.directory / "api.key",
            "api.token_file": self.directory / "tokens",
            "api.user": f"{USER}:{USER}",
            "log.format": "text",
            **(set or {}),
        }
        sections = {}
        for key, value in keys.items():
            section, name = key.split(".", 1)
            sections.setdefault(section, []).append(f"{name} = {value}\n")
        self.config.write_text("".join(f"[{section}]\n{''.join(lines)}" for section, lines in sections.items()))
        if tokens:
            self.write_tokens(self.tokens)
        if os.geteuid() == 0:
            os.chown(self.directory, USER, USER)
            os.chown(self.run, USER, USER)
        self.store_tool("init")

    def write_tokens(self, tokens):
        path = self.directory / "tokens"
        path.write_text("# made by a test\n" + "".join(
            f"{role}:{role}:{hashlib.sha256(token.encode()).hexdigest()}\n" for role, token in tokens.items()))
        path.chmod(0o600)
        if os.geteuid() == 0:
            os.chown(path, USER, USER)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        self.end(keep=kind is not None)

    def start(self, environment=None):
        self.spawn(environment=environment)
        match = wait_for(lambda: re.search(r"listening on (https?://\S+)", self.log) or self._check_running(),
                         "the server to listen")
        self.url = match.group(1)
        self.port = int(self.url.rsplit(":", 1)[1])
        return self

    def spawn(self, *arguments, environment=None):
        """Starts the program and does not wait."""
        self.log_path.unlink(missing_ok=True)
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([self.build / "mimo-api", "--config", self.config, *arguments],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **ENVIRONMENT, **(environment or {})})
        return self.process

    def spawn_with_listener(self, listener):
        """The same with a listening socket, as the service manager passes it."""
        self.log_path.unlink(missing_ok=True)
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(["sh", "-c", 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"', self.build / "mimo-api",
                                             "--config", self.config], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **ENVIRONMENT}, pass_fds=(3,), preexec_fn=lambda: os.dup2(listener.fileno(), 3))
        return self.process

    def _check_running(self):
        assert self.process.poll() is None, f"mimo-api ended with {self.process.returncode}:\n{self.log}"

    @property
    def log(self):
        """What it has said so far."""
        return whole_lines(self.log_path)

    def stop(self, number=signal.SIGTERM):
        """Ends the server; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def end(self, keep=False):
        """Ends it and makes sure that it ended well and left a sound store."""
        problems = []
        if self.process and self.process.poll() is None and self.stop() != 0:
            problems.append(f"mimo-api ended with {self.process.returncode}")
        problems += SANITIZER.findall(self.log) if self.log_path.exists() else []
        check = self.store_tool("check", check=False)
        problems += [f"mimo-store check: {check.stdout}{check.stderr}"] if check.returncode else []
        if keep or problems:
            print(f"files: {self.directory}\n{self.log[-5000:] if self.log_path.exists() else ''}")
        else:
            shutil.rmtree(self.parent)
        assert not problems, "\n".join(problems)

    # ---- the store behind it ----

    def store_tool(self, *arguments, check=True):
        identity = {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}
        done = subprocess.run([self.build / "mimo-store", "--config", self.config, *arguments], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, umask=0o007, env={**os.environ, **ENVIRONMENT},
                              **identity)
        assert not check or done.returncode == 0, f"mimo-store {arguments}: {done.stdout}{done.stderr}"
        return done

    def dump(self, container):
        """All documents of a container."""
        lines = self.store_tool("dump").stdout.splitlines()
        return [line["document"] for line in map(json.loads, lines) if line["container"] == container]

    def load(self, container, *documents, replace=False):
        """Puts documents into the store past the Admin API."""
        path = self.directory / f"load-{secrets.token_hex(4)}.jsonl"
        path.write_text("".join(json.dumps({"container": container, "document": document}) + "\n"
                                for document in documents))
        path.chmod(0o644)
        self.store_tool("--force", "load", *(["--replace"] if replace else []), path)

    def audit(self, request_id):
        """The audit entry of a request; None when it left none."""
        found = [entry for entry in self.dump("Audit") if entry["requestId"] == request_id]
        assert len(found) < 2, found
        return found[0] if found else None

    def unseal(self, sealed):
        """What was sealed under the server's certificate."""
        return subprocess.run(["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-recip",
                               self.directory / "seal.crt", "-inkey", self.directory / "seal.key"], check=True,
                              input=base64.b64decode(sealed, validate=True), capture_output=True).stdout.decode()

    # ---- asking it ----

    def api(self, role="admin"):
        return AdminApi(self.url, self.tokens[role], self.directory / "api.crt")

    def nobody(self):
        return AdminApi(self.url, None, self.directory / "api.crt")

    def register(self, **properties):
        """A new cluster; returns its resource ID."""
        cluster = cluster_id()
        self.api()("PUT", f"/admin{cluster}", {"properties": properties}).expect(201)
        return cluster

    def create(self, cluster, **members):
        """A new manifest; returns it."""
        return self.api("operator")("PUT", f"/admin{cluster}/maintenanceManifests",
                                    {"maintenanceTaskID": FLAGS, **members}).expect(201)

    def connect(self, source=None, patience=PATIENCE, **options):
        """A TLS connection that speaks no HTTP by itself; `source` is the address it comes from."""
        context = ssl.create_default_context(cafile=self.directory / "api.crt")
        for name, value in options.items():
            setattr(context, name, value)
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=patience, source_address=(source or "127.0.0.1", 0))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        return context.wrap_socket(plain, server_hostname="localhost")

    def raw(self, data):
        """Sends bytes; returns the status of the answer and whether the connection was closed behind it. Status None:
        closed without an answer."""
        with self.connect() as connection:
            with contextlib.suppress(ConnectionError, ssl.SSLError): # refused before all of it was sent
                connection.sendall(data)
            return read_answer(connection)


def receive(connection):
    """One answer, header and body, and whether the other end closed the connection behind it."""
    received = b""
    while True:
        try:
            piece = connection.recv(65536)
        except (ConnectionError, ssl.SSLError):
            piece = b""
        if not piece:
            return received, True
        received += piece
        header, separator, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", header)
        if separator and len(body) >= (int(length.group(1)) if length else 0):
            return received, False


def read_answer(connection):
    """(status or None, whether the connection was closed or will be)"""
    received, closed = receive(connection)
    match = re.match(rb"HTTP/1\.[01] (\d{3})", received)
    return int(match.group(1)) if match else None, closed or b"\r\nConnection: close" in received
