# SPDX-License-Identifier: Apache-2.0
"""api.tls = off: plain HTTP, for a proxy on this machine, and nowhere else."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from api_server import FLAGS, ApiServer, cluster_id, wait_for
from conftest import SLOWNESS
from mimolocal.adminapi import AdminApi


@pytest.fixture(scope="module")
def server(build_dir):
    with ApiServer(build_dir, set={"api.tls": "off", "api.trusted_proxies": "127.0.0.1, 10.0.0.0/8", "api.max_connections_per_address": "5"}) as running:
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
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30 * SLOWNESS)
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
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30 * SLOWNESS)
    connection.request("GET", "/admin/tasks?api-version=admin")
    assert connection.getresponse().status == 401
    connection.close()


@pytest.mark.parametrize("forwarded, base", [
    ({}, "http://mimo.example.com"), ({"X_Forwarded_Proto": "https"}, "https://mimo.example.com"),
    ({"X_Forwarded_Proto": "gopher"}, "http://mimo.example.com"),
    ({"X_Forwarded_Proto": "https", "X_Forwarded_Host": "outside.example:444"}, "https://outside.example:444"),
    ({"X_Forwarded_Host": "forged.example, outside.example"}, "http://outside.example"),
    ({"X_Forwarded_Host": "not a host"}, "http://mimo.example.com"),
    ({"Forwarded": 'for=192.0.2.7;proto=https;host="outside.example:8443"'}, "https://outside.example:8443"),
])
def test_links_to_further_pages_lead_where_the_client_came_from(server, forwarded, base):
    for _ in range(2):
        assert ask(server, "PUT", f"/admin{cluster_id()}?api-version=admin", {})[0] == 201
    status, page = ask(server, "GET", "/admin/clusters?api-version=admin&limit=1", Host="mimo.example.com", **forwarded)
    assert status == 200
    assert page["nextLink"].startswith(f"{base}/admin/clusters?")


@pytest.mark.parametrize("forwarded, client", [
    ({}, "127.0.0.1"), ({"X_Forwarded_For": "192.0.2.7"}, "192.0.2.7"), ({"X_Forwarded_For": "6.6.6.6, 192.0.2.8, 10.1.2.3"}, "192.0.2.8"),
    ({"Forwarded": 'for="[2001:db8::9]:4711"'}, "2001:db8::9"), ({"X_Forwarded_For": "192.0.2.7, nonsense"}, "127.0.0.1"),
])
def test_the_audit_trail_and_the_log_have_the_address_of_the_client(server, forwarded, client):
    cluster = cluster_id()
    assert ask(server, "PUT", f"/admin{cluster}?api-version=admin", {}, **forwarded)[0] == 201
    [entry] = [entry for entry in server.dump("Audit") if entry["resource"] == cluster.lower()]
    assert entry["client"] == client
    [line] = [line for line in server.log.splitlines() if cluster in line]
    assert (f" client={client} via=127.0.0.1:" if client != "127.0.0.1" else " client=127.0.0.1:") in line


def test_a_client_that_is_no_proxy_is_not_believed(build_dir):
    with ApiServer(build_dir, set={"api.tls": "off", "api.trusted_proxies": "10.0.0.1"}) as server:
        cluster = cluster_id()
        forged = {"X_Forwarded_For": "192.0.2.7", "X_Forwarded_Proto": "https", "X_Forwarded_Host": "forged.example"}
        for one in (cluster, cluster_id()):
            assert ask(server, "PUT", f"/admin{one}?api-version=admin", {}, **forged)[0] == 201
        [entry] = [entry for entry in server.dump("Audit") if entry["resource"] == cluster.lower()]
        assert entry["client"] == "127.0.0.1"
        page = ask(server, "GET", "/admin/clusters?api-version=admin&limit=1", Host="mimo.example.com", **forged)[1]
        assert page["nextLink"].startswith("http://mimo.example.com/")


def test_connections_of_a_proxy_are_not_those_of_one_client(server, build_dir):
    """Far more than max_connections_per_address; one that is not trusted is refused beyond it, and the log says so."""
    def open_many(port):
        held = [socket.create_connection(("127.0.0.1", port), timeout=30 * SLOWNESS) for _ in range(20)]
        answered = 0
        for connection in held:
            with contextlib.suppress(OSError):
                connection.sendall(b"GET /healthz/live HTTP/1.1\r\nHost: x\r\n\r\n")
                answered += connection.recv(100).startswith(b"HTTP/1.1 200")
        for connection in held:
            connection.close()
        return answered

    assert open_many(server.port) == 20
    with ApiServer(build_dir, set={"api.tls": "off", "api.max_connections_per_address": "5"}) as other:
        assert open_many(other.port) == 5
        assert "connection of 127.0.0.1 refused" in other.log and "api.trusted_proxies" in other.log


def test_requests_of_one_client_behind_a_proxy_are_bounded(server):
    """While five are under way further ones are told to come back, and other clients are served."""
    held = []
    head = (f"PUT /admin{cluster_id()}?api-version=admin HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {server.tokens['admin']}\r\nX-Forwarded-For: 192.0.2.50\r\nContent-Length: 2\r\n\r\n").encode()
    for _ in range(5):
        held.append(socket.create_connection(("127.0.0.1", server.port), timeout=30 * SLOWNESS))
        held[-1].sendall(head + b"{")
    target = "/admin/clusters?api-version=admin"
    wait_for(lambda: ask(server, "GET", target, X_Forwarded_For="192.0.2.50")[0] == 503, "the bound to be reached")
    assert ask(server, "GET", target, X_Forwarded_For="192.0.2.51")[0] == 200
    assert ask(server, "GET", "/healthz/live", X_Forwarded_For="192.0.2.50")[0] == 200
    for connection in held:
        connection.close()
    wait_for(lambda: ask(server, "GET", target, X_Forwarded_For="192.0.2.50")[0] == 200, "the client to be served again")


# ---- nginx ----

@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed")
def test_the_example_for_nginx(server, tmp_path):
    """contrib/nginx as it stands, but for ports and paths: TLS outside, the client's address inside."""
    example = (Path(__file__).parents[2] / "contrib/nginx/mimo-api.conf").read_text()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"], check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for was, becomes in (("127.0.0.1:8443", f"127.0.0.1:{server.port}"), ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
                         ("listen [::]:443 ssl;", ""), ("mimo.example.com", "localhost"),
                         ("/etc/ssl/certs/mimo.pem", str(tmp_path / "cert.pem")), ("/etc/ssl/private/mimo.key", str(tmp_path / "key.pem"))):
        assert was in example, was
        example = example.replace(was, becomes)
    config = tmp_path / "nginx.conf"
    config.write_text(f"pid {tmp_path}/pid; error_log {tmp_path}/error.log; daemon off; worker_processes 1;\n"
                      f"{'user root;' if os.geteuid() == 0 else ''} events {{}}\nhttp {{ access_log off;\n"
                      + "".join(f"{kind}_temp_path {tmp_path}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
                      + example + "}\n")
    proxy = subprocess.Popen([shutil.which("nginx"), "-c", config, "-e", tmp_path / "error.log"])
    try:
        api = AdminApi(f"https://localhost:{port}", server.tokens["admin"], tmp_path / "cert.pem")
        wait_for(api.is_ready, "nginx to serve")
        cluster = cluster_id()
        api("PUT", f"/admin{cluster}", {}, headers={"X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6"}).expect(201)
        api("PUT", f"/admin{cluster_id()}", {}).expect(201)
        [entry] = [entry for entry in server.dump("Audit") if entry["resource"] == cluster.lower()]
        assert entry["client"] == "127.0.0.1"
        assert api("GET", "/admin/clusters", query={"limit": "1"}).expect(200)["nextLink"].startswith(f"https://localhost:{port}/admin/clusters?")
        with ThreadPoolExecutor(20) as pool: # more than one address may have open: none is lost
            statuses = list(pool.map(lambda _: api("GET", "/healthz/ready").status, range(100)))
        assert statuses == [200] * 100
    finally:
        proxy.terminate()
        proxy.wait(30)


def test_mimoctl_talks_to_it(server):
    done = subprocess.run([server.build / "mimoctl", "--url", server.url, "task", "list"], text=True, capture_output=True,
                          env={**os.environ, "MIMO_TOKEN": server.tokens["reader"]}, check=False)
    assert done.returncode == 0, done.stderr
    assert "operator-flags-update" in done.stdout


def test_sighup_reads_the_tokens_alone(server):
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "no TLS certificate to reload: api.tls = off" in server.log, "the line in the log")
    assert ask(server, "GET", "/admin/tasks?api-version=admin")[0] == 200


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_it_is_refused_where_others_can_connect(own_server, address):
    server = own_server(set={"api.tls": "off"})
    assert server.spawn("--set", f"api.listen={address}").wait(30) == 2
    assert f"api.listen: other machines can reach {address}, and with api.tls = off" in server.log
    assert "let it be 127.0.0.1:PORT" in server.log


def test_it_is_served_on_the_other_loopback_too(own_server):
    server = own_server(set={"api.tls": "off", "api.listen": "[::1]:0"}).start()
    with socket.create_connection(("::1", server.port), timeout=30 * SLOWNESS) as connection:
        connection.sendall(b"GET /healthz/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_a_word_that_is_none_is_refused(own_server):
    server = own_server()
    assert server.spawn("--set", "api.tls=no").wait(30) == 2
    assert 'api.tls: "no" is not on or off' in server.log


def test_who_speaks_tls_to_it_is_turned_away(server):
    """The first bytes of a handshake are no request."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30 * SLOWNESS) as connection:
        connection.sendall(b"\x16\x03\x01\x00\x2a\x01\x00\x00\x26\x03\x03" + b"\x00" * 35 + b"\r\n\r\n")
        answer = connection.recv(4096)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400 "), answer
