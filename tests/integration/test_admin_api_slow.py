# SPDX-License-Identifier: Apache-2.0
"""Clients that take their time: each is ended after a total time, and none of them stops the others."""

import contextlib
import http.client
import select
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from admin_api_data import stored_manifest
from api_server import PRACTICE, ApiServer, cluster_id, read_answer, wait_for
from conftest import SLOWNESS
from mimolocal.slowness import in_time

ADDRESSES = [f"127.0.1.{number}" for number in range(1, 11)]
EACH = 100 # connections of one address
LIVE = b"GET /healthz/live HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def server(build_dir):
    with ApiServer(build_dir, set={"api.max_connections": "1200", "api.max_connections_per_address": str(EACH)}) as running:
        yield running


def open_plain(server, source):
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    connection.bind((source, 0))
    connection.settimeout(30 * SLOWNESS)
    connection.connect(("127.0.0.1", server.port))
    return connection


def is_open(connection):
    """Nothing has come, not even the end."""
    return not select.select([connection], [], [], 0)[0]


def test_a_thousand_slow_connections_do_not_stop_others(server):
    """Some say nothing, some began to speak TLS, some a request; others are served meanwhile without waiting."""
    beginnings = [b"", b"\x16\x03\x01", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"]
    context = ssl.create_default_context(cafile=server.directory / "api.crt")
    client = http.client.HTTPSConnection("localhost", server.port, timeout=30 * SLOWNESS, context=context, source_address=("127.0.0.1", 0))
    client.request("GET", "/healthz/ready") # the handshake comes first: what is measured is service
    client.getresponse().read()
    held = []
    try:
        began = time.monotonic()
        for number, source in enumerate(ADDRESSES * EACH):
            held.append(open_plain(server, source))
            held[-1].send(beginnings[number % len(beginnings)])
        worst, served = 0.0, 0
        while served < 50 or time.monotonic() < began + 3:
            asked = time.monotonic()
            client.request("GET", "/healthz/ready")
            answer = client.getresponse()
            answer.read()
            assert answer.status == 200
            worst, served = max(worst, time.monotonic() - asked), served + 1
        assert in_time(time.monotonic() - began, 5) or not is_open(held[0]), "the first should have been ended by now"
        still = sum(map(is_open, held))
        print(f"{served} served beside {still} that are open, the slowest after {worst * 1000:.0f} ms")
        assert in_time(worst, 2)
        with server.connect() as another: # a new one gets in, too
            another.sendall(LIVE)
            assert read_answer(another)[0] == 200
        refused = open_plain(server, ADDRESSES[-1]) # but none more of theirs
        assert refused.recv(1) == b""
        refused.close()
    finally:
        for connection in held:
            connection.close()
        client.close()


def end_of(connection, drop=None, at_most=60):
    """Seconds until the other end closes, while `drop` is sent twice a second."""
    began = time.monotonic()
    connection.settimeout(0.5)
    while time.monotonic() < began + at_most:
        try:
            if drop:
                connection.sendall(drop)
            while connection.recv(65536):
                pass
            break
        except TimeoutError:
            continue
        except (ConnectionError, ssl.SSLError, OSError):
            break
    return time.monotonic() - began


def drip_a_body(server):
    token = server.tokens["admin"].encode()
    with server.connect() as connection:
        connection.sendall(b"PUT /admin" + cluster_id().encode() + b"?api-version=admin HTTP/1.1\r\nHost: localhost\r\nAuthorization: "
                           b"Bearer " + token + b"\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
        return end_of(connection, b" ")


def say_nothing_after_an_answer(server):
    with server.connect() as connection:
        connection.sendall(LIVE)
        assert read_answer(connection) == (200, False)
        return end_of(connection)


def drip_the_next_header(server):
    with server.connect() as connection:
        connection.sendall(LIVE)
        assert read_answer(connection) == (200, False)
        connection.sendall(b"GET /healthz/live HTTP/1.1\r\nHost: localhost\r\n")
        return end_of(connection, b"X: y\r\n")


def is_established(port, client):
    """Whether the server's end of a connection still is."""
    ends = [f"0100007F:{port:04X}", f"{socket.inet_aton(client[0])[::-1].hex().upper()}:{client[1]:04X}", "01"]
    return any(line.split()[1:4] == ends for line in Path("/proc/net/tcp").read_text().splitlines())


def leave_an_answer_where_it_is(server):
    """Far more than fits into the buffers on the way, so that the end cannot be seen from here: an answer ends at 1 MiB,
    so 16 are asked for at once."""
    seconds = None
    while seconds is None: # on a busy machine the request may come too late: 5 s after the connection
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            seconds = leave_answers(server)
    return seconds


def leave_answers(server):
    """Seconds until the connection was closed because of it; None if it was closed before."""
    connection = open_plain(server, "127.0.0.9")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    context = ssl.create_default_context(cafile=server.directory / "api.crt")
    with context.wrap_socket(connection, server_hostname="localhost") as secure:
        client = secure.getsockname()
        began = time.monotonic()
        secure.sendall(16 * (b"GET /admin/maintenanceManifests?api-version=admin&limit=1000 HTTP/1.1\r\nHost: localhost\r\n"
                             b"Authorization: Bearer " + server.tokens["reader"].encode() + b"\r\n\r\n"))
        wait_for(lambda: not is_established(server.port, client), "the server's end to be closed", 60)
        return time.monotonic() - began if "the answer was not received within 30 s" in server.log else None


def test_whoever_takes_too_long_is_ended(server):
    """All at the same time, for each takes half a minute. Spec: 30 s of silence, and a total time for all else."""
    name = "x" * 12000
    manifests = []
    for _ in range(1000):
        manifest = stored_manifest(cluster_id(), "Completed")
        manifest["maintenanceManifest"].update(maintenanceTaskID=PRACTICE, parameters={"steps": [{"name": name}]})
        manifests.append(manifest)
    server.load("MaintenanceManifests", *manifests)
    cases = {drip_a_body: (29, 40), say_nothing_after_an_answer: (29, 40), drip_the_next_header: (34, 45),
             leave_an_answer_where_it_is: (28, 45)}
    with ThreadPoolExecutor(len(cases)) as pool:
        ends = {case: pool.submit(case, server) for case in cases}
        while not all(end.done() for end in ends.values()): # others are served all the time
            with server.connect() as connection:
                connection.sendall(LIVE)
                assert read_answer(connection)[0] == 200
            threading.Event().wait(0.2)
    print({case.__name__: round(end.result(), 1) for case, end in ends.items()})
    for case, (least, most) in cases.items():
        seconds = ends[case].result()
        assert least < seconds and in_time(seconds, most), f"{case.__name__}: {seconds:.1f} s"
    for line in ("the request's body was not complete within 30 s", "no further complete request header within 35 s"):
        wait_for(lambda: line in server.log, line)
