# SPDX-License-Identifier: Apache-2.0
"""api.tls = off: plain HTTP, for a proxy on this machine, and nowhere else."""

import http.client
import json
import os
import signal
import socket
import subprocess

import pytest
from api_server import FLAGS, ApiServer, cluster_id, wait_for


@pytest.fixture(scope="module")
def server(build_dir):
    with ApiServer(build_dir, set={"api.tls": "off"}) as running:
        yield running


@pytest.fixture
def own_server(build_dir):
    """A function that makes one that does not run yet."""
    made = []

    def make(**arguments):
        made.append(ApiServer(build_dir, **arguments))
        return made[-1]

    yield make
    for server in made:
        server.end()


def ask(server, method, target, body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    headers["Authorization"] = f"Bearer {server.tokens['admin']}"
    if body is not None:
        headers["Content-Type"] = "application/json"
    connection.request(method, target, json.dumps(body) if body is not None else None, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text) if text else None


def test_plain_http_is_served_and_no_certificate_made(server):
    assert server.url.startswith("http://127.0.0.1:")
    cluster = cluster_id()
    assert ask(server, "PUT", f"/admin{cluster}?api-version=admin", {})[0] == 201
    status, manifest = ask(server, "PUT", f"/admin{cluster}/maintenanceManifests?api-version=admin",
                           {"maintenanceTaskID": FLAGS})
    assert (status, manifest["state"]) == (201, "Pending")
    assert not (server.directory / "api.crt").exists() and not (server.directory / "api.key").exists()


def test_tokens_are_asked_for_all_the_same(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", "/admin/tasks?api-version=admin")
    assert connection.getresponse().status == 401
    connection.close()


@pytest.mark.parametrize("forwarded, scheme", [({}, "http"), ({"X_Forwarded_Proto": "https"}, "https"),
                                               ({"X_Forwarded_Proto": "gopher"}, "http")])
def test_links_to_further_pages_lead_where_the_client_came_from(server, forwarded, scheme):
    for _ in range(2):
        assert ask(server, "PUT", f"/admin{cluster_id()}?api-version=admin", {})[0] == 201
    status, page = ask(server, "GET", "/admin/clusters?api-version=admin&limit=1", Host="mimo.example.com", **forwarded)
    assert status == 200
    assert page["nextLink"].startswith(f"{scheme}://mimo.example.com/admin/clusters?")


def test_mimoctl_talks_to_it(server):
    done = subprocess.run([server.build / "mimoctl", "--url", server.url, "task", "list"], text=True, capture_output=True,
                          env={**os.environ, "MIMO_TOKEN": server.tokens["reader"]}, check=False)
    assert done.returncode == 0, done.stderr
    assert "operator-flags-update" in done.stdout


def test_sighup_reads_the_tokens_alone(server):
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "there is no TLS certificate to read again: api.tls = off" in server.log, "the line in the log")
    assert ask(server, "GET", "/admin/tasks?api-version=admin")[0] == 200


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_it_is_refused_where_others_can_connect(own_server, address):
    server = own_server(set={"api.tls": "off", "api.listen": address})
    assert server.spawn().wait(30) == 1
    assert "api.tls = off, but other machines can reach" in server.log
    assert "let api.listen be 127.0.0.1:PORT" in server.log


def test_it_is_served_on_the_other_loopback_too(own_server):
    server = own_server(set={"api.tls": "off", "api.listen": "[::1]:0"}).start()
    with socket.create_connection(("::1", server.port), timeout=30) as connection:
        connection.sendall(b"GET /healthz/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_a_word_that_is_none_is_refused(own_server):
    server = own_server()
    assert server.spawn("--set", "api.tls=no").wait(30) == 2
    assert 'api.tls: "no" is not on or off' in server.log


def test_who_speaks_tls_to_it_is_turned_away(server):
    """The first bytes of a handshake are no request."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(b"\x16\x03\x01\x00\x2a\x01\x00\x00\x26\x03\x03" + b"\x00" * 35 + b"\r\n\r\n")
        answer = connection.recv(4096)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400 "), answer
