# SPDX-License-Identifier: Apache-2.0
"""What tests of mimoctl stand on: a fake Admin API, fake actuators, an environment of its own, and terminals.

Tests import the fixtures they use by name.
"""

import fcntl
import json
import os
import pty
import re
import select
import socket
import struct
import subprocess
import termios
import threading
import time
from pathlib import Path

import pytest

from fake_admin_api import FakeAdminApi, make_certificates
from conftest import SLOWNESS
from mimolocal.slowness import in_time

TOP = Path(__file__).resolve().parents[2]
DEADLINE = 30 * SLOWNESS
R = ("/subscriptions/225e02bc-43d0-43d1-a01a-17e584a4ef69/resourceGroups/rg/providers/Microsoft.RedHatOpenShift"
     "/openShiftClusters")
R1, R2 = f"{R}/one".lower(), f"{R}/two".lower()
FLAGS = "b41749fc-af26-4ab7-b5a1-e03f3ee4cba6"
TLS = "9b741734-6505-447f-8510-85eb0ae561a2"
ID = "2b65ac7b-cbf5-4fdc-829d-a737e646d492"
ID2 = "2b65ffff-cbf5-4fdc-829d-a737e646d492"
TASKS = {"value": [
    {"id": FLAGS, "name": "Operator Flags Update", "shortName": "operator-flags-update", "summary": "sets flags",
     "takesParameters": False},
    {"id": TLS, "name": "TLS Certificate Rotation", "shortName": "tls-cert-rotation", "summary": "rotates",
     "takesParameters": False},
]}
CLUSTERS = {"value": [
    {"id": f"{R}/One", "name": "One", "bucket": 7, "properties": {
        "provisioningState": "Succeeded", "apiserverProfile": {"url": "https://api.one:6443"}}},
    {"id": f"{R}/two", "name": "two", "bucket": 200, "leaseOwner": ID, "leaseManifest": ID, "leaseExpiry": 4102444800,
     "properties": {"provisioningState": "AdminUpdating", "lastProvisioningState": "Succeeded"}},
]}
MANIFESTS = "/admin/maintenanceManifests"


def manifest(state="Pending", identifier=ID, cluster=R1, task=FLAGS, ago=0, **members):
    """A manifest's view, created `ago` seconds before now."""
    created = int(time.time()) - ago
    return {"id": identifier, "clusterResourceID": cluster, "maintenanceTaskID": task, "state": state, "priority": 0,
            "runAfter": created, "runBefore": created + 7 * 86400, "bucket": 7, "dequeues": 0, "createdAt": created,
            **members}


def progress(step, name, **members):
    now = int(time.time())
    return manifest("InProgress", startedAt=now, dequeues=1, progress={"step": step, "steps": 3, "name": name},
                    attempts=[{"number": 1, "startedAt": now, "actuator": ID}], **members)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def api(certificates):
    fake = FakeAdminApi(certificates)
    fake.answer("GET /admin/tasks", TASKS)
    fake.answer("GET /admin/clusters", CLUSTERS)
    fake.answer(f"GET {MANIFESTS}", {"value": []})
    for number, cluster in enumerate((R1, R2)):
        fake.answer(f"GET /admin{cluster}", CLUSTERS["value"][number])
    yield fake
    fake.stop()


@pytest.fixture
def home(directory):
    (directory / "home").mkdir()
    return directory / "home"


@pytest.fixture
def environment(home, certificates):
    """What mimoctl runs in: nothing of the caller's."""
    variables = {"HOME": str(home), "PATH": os.environ["PATH"], "MIMO_TOKEN": "t0ken", "TZ": "CET-1",
                 "MIMO_CACERT": str(certificates / "ca.crt")}
    variables.update({name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")})
    return variables


@pytest.fixture
def mimoctl(build_dir, environment, api):
    """Runs mimoctl with these arguments against the fake; expects an exit status."""

    def run(*arguments, status=0, **variables):
        changed = {**environment, "MIMO_URL": api.url, **variables}
        done = subprocess.run([build_dir / "mimoctl", *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=DEADLINE, check=False,
                              env={name: value for name, value in changed.items() if value is not None})
        assert done.returncode == status, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return run


def rows(text):
    """A table as a list of lists of cells."""
    return [re.split(r"  +", line.strip()) for line in text.splitlines()]


# ---- fake actuators ----

class FakeActuator:
    """A control socket that gives one answer to everything, or one after the other (the last one stays), or none."""

    def __init__(self, directory, index, answer):
        self.answer = answer
        self.questions = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(str(directory / f"actuator-{index}.control"))
        self.socket.listen()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as lines:
                self.questions.append(json.loads(lines.readline()))
                answer = self.answer
                if isinstance(answer, list):
                    answer = answer.pop(0) if len(answer) > 1 else answer[0]
                text = answer if isinstance(answer, bytes) else json.dumps(answer).encode() + b"\n"
                connection.sendall(text)

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(DEADLINE)


def actuator_answer(index=0, workers=(), **members):
    return {"ok": True, "workers": list(workers), "actuator": {
        "id": ID, "index": index, "hostname": "vm0", "version": "0.1.0", "pid": 812, "ready": True, "notReady": [],
        "startedAt": int(time.time()) - 7300, "mode": "working", "draining": False, "buckets": [0, 255], "maxWorkers": 10,
        "workersActive": len(list(workers)), "storeReachable": True, **members}}


WORKER = {"pid": 4711, "slot": 3, "manifestID": ID, "taskID": FLAGS, "task": "Operator Flags Update",
          "clusterResourceID": R1, "attempt": 2, "step": 1, "steps": 3, "stepName": "look", "statusText": "looking",
          "runMilliseconds": 67000, "rssKiB": 5120}


@pytest.fixture
def actuators(directory):
    """Starts fake actuators in one runtime directory."""
    run = directory / ("run" + "x" * 100) # longer than a socket's address has room for
    run.mkdir()
    started = []

    def start(*answers):
        here = os.getcwd()
        os.chdir(run)
        try:
            for index, answer in enumerate(answers):
                started.append(FakeActuator(type(run)("."), index, answer))
        finally:
            os.chdir(here)
        return run

    start.started = started
    yield start
    for actuator in started:
        actuator.stop()


# ---- terminals ----

class Terminal:
    """A program on a terminal of its own; what appears there is in `text`."""

    def __init__(self, command, environment, columns=80, lines=24):
        self.text = ""
        self._leader, self._follower = pty.openpty()
        fcntl.ioctl(self._follower, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.before = termios.tcgetattr(self._follower)
        self.process = subprocess.Popen(command, stdin=self._follower, stdout=self._follower, stderr=self._follower,
                                        env=environment, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def read(self):
        """Take what comes next; False when nothing more can."""
        ready = select.select([self._leader], [], [], 0.05)[0]
        if ready:
            self.text += os.read(self._leader, 65536).decode()
        return bool(ready) or self.process.poll() is None

    def wait_for(self, text, count=1):
        self.wait_until(lambda shown: shown.count(text) >= count, text)

    def wait_until(self, predicate, what):
        began = time.monotonic()
        while not predicate(self.text):
            assert in_time(time.monotonic() - began, 30), f"timed out waiting for {what!r} in\n{self.text}"
            assert self.read() or predicate(self.text), f"ended without {what!r}:\n{self.text}"

    def type(self, keys):
        os.write(self._leader, keys.encode())

    def resize(self, lines, columns):
        """As a window does: the kernel tells the program by SIGWINCH."""
        fcntl.ioctl(self._leader, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def end(self):
        """Wait until the program has ended; its exit status."""
        began = time.monotonic()
        while self.read():
            assert in_time(time.monotonic() - began, 30), f"does not end:\n{self.text}"
        self.after = termios.tcgetattr(self._follower)
        os.close(self._leader)
        os.close(self._follower)
        return self.process.wait(DEADLINE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def run_on_terminal(build_dir, arguments, environment):
    """Exit status, and what appeared on a terminal of 80 columns."""
    with Terminal([build_dir / "mimoctl", *arguments], environment) as terminal:
        return terminal.end(), terminal.text
