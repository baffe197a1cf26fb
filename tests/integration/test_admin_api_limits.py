# SPDX-License-Identifier: Apache-2.0
"""What clients may cost: bytes in flight, handler threads, and a health check that answers whatever they do.

MIMO_SLOW_READERS=1000 runs the test of slow readers in full size."""

import contextlib
import os
import re
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from admin_api_data import manifests_path, refused, stored_manifest
from api_server import PRACTICE, USER, ApiServer, cluster_id, receive, wait_for
from conftest import SLOWNESS, skip_with_sanitizers
from mimolocal.adminapi import skip_token
from mimolocal.slowness import in_time

READERS = int(os.environ.get("MIMO_SLOW_READERS", "150"))
RESIDENT_MAXIMUM = 128 * 1024 # KiB
FLEET = "/admin/maintenanceManifests"
COUNT = 1000
LARGE = 12000 # bytes of one manifest, about


def large_manifest(cluster):
    manifest = stored_manifest(cluster, "Completed")
    manifest["maintenanceManifest"].update(maintenanceTaskID=PRACTICE, parameters={"steps": [{"name": "x" * LARGE}]})
    return manifest


@pytest.fixture(scope="module")
def server(build_dir):
    with ApiServer(build_dir, set={"api.max_connections": str(READERS + 100), "api.max_connections_per_address": str(READERS + 100)}) as running:
        running.load("MaintenanceManifests", *(large_manifest(cluster_id()) for _ in range(COUNT)))
        yield running


def memory(server, name):
    """VmRSS or VmHWM in KiB."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+)", status).group(1))


def test_pages_end_by_bytes_as_well_as_by_count(server):
    api, seen, pages = server.api("reader"), [], 0
    answer = api("GET", FLEET, query={"limit": COUNT})
    while True:
        page = answer.expect(200)
        assert len(answer.text) < 1024 * 1024 + 2 * LARGE, "a page is longer than its budget"
        seen += [manifest["id"] for manifest in page["value"]]
        pages += 1
        token = skip_token(page.get("nextLink"))
        if token is None:
            break
        answer = api("GET", FLEET, query={"limit": COUNT, "$skipToken": token})
    assert len(seen) == len(set(seen)) == COUNT and pages > COUNT * LARGE / 1024 / 1024


class Connections(list):
    """Connections that ask and do not read."""

    def __init__(self, server, count, request):
        context = ssl.create_default_context(cafile=server.directory / "api.crt")

        def connect(_):
            plain = socket.socket()
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            plain.settimeout(60 * SLOWNESS)
            plain.connect(("127.0.0.1", server.port))
            secure = context.wrap_socket(plain, server_hostname="localhost")
            secure.sendall(request)
            return secure

        with ThreadPoolExecutor(8) as pool:
            super().__init__(pool.map(connect, range(count)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for connection in self:
            connection.close()


def get(server, target, role="reader"):
    return (f"GET {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.tokens[role]}\r\n\r\n").encode()


def check_others(server):
    """Health, one manifest and the largest page, for the slowest of which it returns the seconds."""
    slowest = 0.0
    api = server.api("operator")
    for path, query in (("/healthz/ready", {}), (FLEET, {"limit": "1"}), (FLEET, {"limit": str(COUNT)})):
        began = time.monotonic()
        page = api("GET", path, query=query).expect(200)
        slowest = max(slowest, time.monotonic() - began)
        assert path != FLEET or page["value"], "a page has at least one item"
    return slowest


def test_slow_readers_of_the_largest_pages_cost_a_bounded_amount(server, build_dir):
    skip_with_sanitizers(build_dir, "keep what was freed")
    idle = memory(server, "VmRSS")
    target = f"{FLEET}?api-version=admin&limit={COUNT}"
    with Connections(server, READERS, get(server, target)):
        wait_for(lambda: server.log.count(f"GET \"{target}\"") + server.log.count(f"GET {target}") >= READERS, "all to be answered", 120)
        slowest = check_others(server)
        resident, highest = memory(server, "VmRSS"), memory(server, "VmHWM")
    print(f"{READERS} readers: {idle} KiB before, {resident} KiB, at most {highest} KiB; others served in {slowest:.2f} s")
    assert highest < RESIDENT_MAXIMUM


@pytest.mark.parametrize("count", [40])
def test_bodies_that_come_slowly_cost_a_bounded_amount(server, build_dir, count):
    """More of them than the budget has room for: those beyond it are told to come back."""
    skip_with_sanitizers(build_dir, "keep what was freed")
    body = b'{"properties": {"text": "' + b"x" * (1024 * 1024 - 100)
    head = (f"PUT /admin{cluster_id()}?api-version=admin HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {server.tokens['admin']}\r\nContent-Length: {len(body) + 3}\r\n\r\n").encode()
    with Connections(server, count, head + body) as slow:
        assert server.api()("GET", "/admin/tasks").status == 200
        for connection in slow:
            connection.sendall(b'"}}')
        statuses = []
        for connection in slow:
            received, _ = receive(connection)
            statuses.append(int(received.split(b" ")[1]))
            if statuses[-1] == 503:
                assert b"\r\nRetry-After: " in received and b"ServiceUnavailable" in received
    assert statuses.count(503) >= 1 and set(statuses) <= {201, 200, 409, 413, 503}, statuses
    assert memory(server, "VmHWM") < RESIDENT_MAXIMUM


# ---- handler threads ----

@pytest.fixture
def small_server(build_dir):
    with ApiServer(build_dir, set={"api.threads": "4"}) as running:
        yield running


class Held:
    """The store's write lock, as another process holds it."""

    def __init__(self, server):
        self.database = sqlite3.connect(server.directory / "mimo.db", isolation_level=None, check_same_thread=False)

    def __enter__(self):
        self.database.execute("BEGIN IMMEDIATE")
        return self

    def __exit__(self, *_):
        self.database.execute("ROLLBACK")
        self.database.close()


@pytest.mark.parametrize("way", ["key", "ifOpen"])
def test_one_operator_does_not_occupy_all_threads(small_server, way):
    """While their repeated requests wait for the store and each other, others are served and health is told."""
    cluster = small_server.register()
    headers = {"Idempotency-Key": "the-same"} if way == "key" else {}
    query = {"ifOpen": "skip"} if way == "ifOpen" else {}
    statuses = []

    def create():
        statuses.append(small_server.api("operator")("PUT", manifests_path(cluster), {"maintenanceTaskID": "practice"}, query=query,
                                                     headers=headers).status)

    with Held(small_server):
        threads = [threading.Thread(target=create) for _ in range(12)]
        for thread in threads:
            thread.start()
        threading.Event().wait(0.5) # time for those that could block all threads to do so
        began = time.monotonic()
        small_server.nobody()("GET", "/healthz/live").expect(200)
        assert small_server.nobody()("GET", "/healthz/ready").status in (200, 503)
        small_server.api("reader")("GET", FLEET).expect(200)
        took = time.monotonic() - began
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 201, 409, 503}, statuses
    assert in_time(took, 2), f"others waited {took:.1f} s"


# ---- readiness ----

def ready(server):
    return server.nobody()("GET", "/healthz/ready")


def test_not_ready_while_another_process_holds_the_lock(server):
    ready(server).expect(200)
    with Held(server):
        answer = wait_for(lambda: (found := ready(server)).status == 503 and found, "503", 120)
        refused(answer, 503, "ServiceUnavailable", "store", "the store does not accept writes: ")
    wait_for(lambda: ready(server).status == 200, "200 again", 60)
    assert "not ready: the store does not accept writes" in server.log
    assert "ready: the store accepts writes again" in server.log


@pytest.fixture
def small_disk():
    """A file system of 4 MiB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    path = Path(tempfile.mkdtemp(prefix="mimo-disk-"))
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", path]).returncode != 0:
        path.rmdir()
        pytest.skip("this machine does not let root mount a file system")
    os.chown(path, USER, USER)
    yield path
    subprocess.run(["umount", path], check=True)
    path.rmdir()


def test_not_ready_while_the_disk_is_full(build_dir, small_disk):
    with ApiServer(build_dir, set={"store.uri": f"sqlite:{small_disk}/mimo.db"}) as server:
        ready(server).expect(200)
        filler = small_disk / "filler"
        with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
            while file.write(b"x" * 4096):
                pass
        answer = wait_for(lambda: (found := ready(server)).status == 503 and found, "503", 60)
        assert "full" in refused(answer, 503, "ServiceUnavailable", "store", "the store does not accept writes: ")
        filler.unlink()
        wait_for(lambda: ready(server).status == 200, "200 again", 60)


def test_what_readiness_writes_does_not_add_up(build_dir):
    with ApiServer(build_dir) as server:
        assert [entry["actor"] for entry in server.dump("Answers")] == ["mimo-api"]
        assert server.stop() == 0
        assert server.dump("Answers") == []
