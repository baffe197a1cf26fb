# SPDX-License-Identifier: Apache-2.0
"""mimo-api as a service: first start, tokens and roles, certificates, signals, a store in trouble."""

import fcntl
import hashlib
import json
import os
import re
import signal
import socket
import sqlite3
import ssl
import stat
import subprocess
import threading

import pytest
from api_server import FLAGS, PATIENCE, USER, ApiServer, cluster_id, read_answer, receive, wait_for
from mimolocal.adminapi import AdminApi


@pytest.fixture(scope="module")
def server(build_dir):
    with ApiServer(build_dir) as running:
        yield running


@pytest.fixture
def own_server(build_dir, request):
    """A function that makes a server for one test alone, not started yet."""
    made = []

    def make(**arguments):
        made.append(ApiServer(build_dir, **arguments))
        return made[-1]

    yield make
    for running in made:
        running.end(keep=getattr(request.node, "failed", True))


# ---- first start ----

def test_the_first_start_makes_certificate_and_token(own_server):
    server = own_server(tokens=False).start()
    directory = server.directory
    clear = directory / "admin.token"
    assert stat.S_IMODE(clear.stat().st_mode) == 0o600
    assert clear.stat().st_uid == os.geteuid()
    for name in ("tokens", "api.key"):
        status = (directory / name).stat()
        assert stat.S_IMODE(status.st_mode) == 0o600
        assert status.st_uid == (USER if os.geteuid() == 0 else os.geteuid())
    token = clear.read_text().strip()
    assert hashlib.sha256(token.encode()).hexdigest() in (directory / "tokens").read_text()
    assert token not in server.log and str(clear) in server.log
    AdminApi(server.url, token, directory / "api.crt")("GET", "/admin/tasks").expect(200)
    certificate, entries = (directory / "api.crt").read_text(), (directory / "tokens").read_text()
    assert server.stop() == 0
    server.start()
    assert (directory / "api.crt").read_text() == certificate and (directory / "tokens").read_text() == entries


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_is_given_up_for_good(server):
    status = dict(line.split(":\t", 1) for line in open(f"/proc/{server.process.pid}/status") if ":\t" in line)
    assert set(status["Uid"].split()) == set(status["Gid"].split()) == {str(USER)}
    assert status["Groups"].strip() == ""
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[capabilities], 16) == 0
    assert status["NoNewPrivs"].strip() == "1"


def test_there_is_a_descriptor_for_each_connection(own_server):
    server = own_server(set={"api.max_connections": "3000"}).start()
    [limit] = [line.split() for line in open(f"/proc/{server.process.pid}/limits") if line.startswith("Max open files")]
    assert int(limit[3]) >= 3000


def refused_start(server):
    """What the server says when it does not start."""
    assert server.spawn().wait(PATIENCE) == 1
    return server.log


def test_one_file_of_the_tls_pair_alone_is_an_error(own_server):
    server = own_server()
    (server.directory / "api.crt").write_text("")
    log = refused_start(server)
    assert f"TLS key {server.directory}/api.key is missing but {server.directory}/api.crt exists" in log


def test_a_token_file_with_a_mistake_is_an_error_that_names_the_line(own_server):
    server = own_server()
    (server.directory / "tokens").write_text("# x\nme:king:00\n")
    assert f"{server.directory}/tokens:2: the role of \"me\" must be reader, operator or admin" in refused_start(server)


def test_a_store_that_was_never_made_is_an_error_that_says_how(own_server):
    server = own_server()
    server.config.write_text(server.config.read_text().replace("/mimo.db", "/other.db"))
    log = refused_start(server)
    server.config.write_text(server.config.read_text().replace("/other.db", "/mimo.db"))
    assert "init" in log and "other.db" in log


def test_an_address_in_use_is_an_error_that_names_it(own_server, server):
    other = own_server(set={"api.listen": f"127.0.0.1:{server.port}"})
    assert f"api.listen: cannot listen on 127.0.0.1:{server.port}: Address already in use" in refused_start(other)


@pytest.mark.parametrize("address, message", [
    ("8443", "\"8443\" is not an address such as"), ("127.0.0.1:", "\"127.0.0.1:\" is not an address such as"),
    ("nowhere.invalid:1", "api.listen: cannot resolve nowhere.invalid:1"),
])
def test_an_address_that_is_none_is_refused(own_server, address, message):
    server = own_server()
    process = server.spawn("--set", f"api.listen={address}")
    assert process.wait(PATIENCE) in (1, 2)
    assert message in server.log


def test_ipv6_is_served(own_server):
    server = own_server(set={"api.listen": "[::1]:0"}).start()
    assert server.url.startswith("https://[::1]:")
    server.nobody()("GET", "/healthz/live").expect(200)


def test_the_service_manager_may_pass_the_socket(own_server):
    server = own_server(set={"api.listen": "127.0.0.1:1"}) # not used
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server.spawn_with_listener(listener)
        port = listener.getsockname()[1]
    wait_for(lambda: "listening on" in server.log or server.process.poll() is not None, "the server to listen")
    assert f"listening on https://127.0.0.1:{port}" in server.log
    server.url = f"https://127.0.0.1:{port}"
    server.nobody()("GET", "/healthz/live").expect(200)


def test_the_service_manager_is_told(own_server):
    server = own_server()
    path = server.directory / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        path.chmod(0o666)
        manager.settimeout(PATIENCE)
        server.spawn(environment={"NOTIFY_SOCKET": str(path)})
        assert manager.recv(4096) == b"READY=1"
        assert server.stop() == 0
        assert manager.recv(4096) == b"STOPPING=1"


# ---- who may ----

def test_without_a_valid_token_everything_is_401(server):
    for api in (server.nobody(), AdminApi(server.url, "wrong", server.directory / "api.crt")):
        answer = api("GET", "/admin/tasks")
        assert answer.expect(401)["error"]["code"] == "InvalidAuthenticationToken"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    for value in ("Basic YTpi", f"Bearer  {server.tokens['admin']}", f"Bearer {server.tokens['admin']} x", "Bearer",
                  "Bearer " + "x" * 17000):
        assert server.nobody()("GET", "/admin/tasks", headers={"Authorization": value}).status in (401, 431)
    head = f"GET /admin/tasks?api-version=admin HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.tokens['admin']}\r\n"
    assert server.raw(f"{head}\r\n".encode())[0] == 200
    assert server.raw(f"{head}Authorization: Bearer x\r\n\r\n".encode())[0] == 400


ALLOWED = {
    ("GET", "/admin/tasks"): "reader operator admin",
    ("GET", "/admin/maintenanceManifests/queued"): "reader operator admin",
    ("GET", "{cluster}"): "reader operator admin",
    ("PUT", "{cluster}/maintenanceManifests"): "operator admin",
    ("POST", "{cluster}/maintenanceManifests/x/cancel"): "operator admin",
    ("DELETE", "{cluster}/maintenanceManifests/x"): "operator admin",
    ("PUT", "{cluster}"): "admin",
    ("DELETE", "{cluster}"): "admin",
}


@pytest.mark.parametrize("method, path", ALLOWED)
def test_roles_reach_as_far_as_the_table_says(server, method, path):
    for role in ("reader", "operator", "admin"):
        body = {"nonsense": 1} if method == "PUT" else None
        answer = server.api(role)(method, path.replace("{cluster}", f"/admin{cluster_id()}"), body)
        if role in ALLOWED[method, path].split():
            assert answer.status in (200, 400, 404), answer
        else:
            error = answer.expect(403)["error"]
            needed = ALLOWED[method, path].split()[0]
            assert (error["code"], error["message"]) == \
                ("Forbidden", f"{role} (role {role}) needs the role {needed}")


def test_tokens_are_read_again_on_sighup(own_server):
    server = own_server().start()
    old, new = server.api("reader"), "brand-new-token"
    server.write_tokens({"reader": new})
    old("GET", "/admin/tasks").expect(200)
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "credentials were reloaded" in server.log, "the reload")
    old("GET", "/admin/tasks").expect(401)
    server.tokens["reader"] = new
    server.api("reader")("GET", "/admin/tasks").expect(200)
    (server.directory / "tokens").write_text("nonsense\n")
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "except for one file, whose previous content stays in force" in server.log, "the refusal")
    server.api("reader")("GET", "/admin/tasks").expect(200)


# Red when a reload does not compare: the change seemed to be in force, and was not.
def test_a_reload_tells_which_keys_need_a_restart(own_server):
    server = own_server().start()
    before = server.config.read_text()
    server.config.write_text(before + "\n[actuator]\nmax_workers = 7\n\n[api]\nauth = token-file, client-cert\n"
                             "client_ca = /ca.pem\nclient_file = /clients\n")
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "api.client_ca has changed, which needs a restart of mimo-api" in server.log, "the report")
    assert "api.auth has changed, which needs a restart" in server.log and "max_workers" not in server.log
    server.config.write_text(before + "\n[nonsense]\nkey = 1\n")
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "mimo-api would not start with it: " in server.log, "the refusal")
    server.config.write_text(before)
    server.api("reader")("GET", "/admin/tasks").expect(200)


def test_the_certificate_is_exchanged_on_sighup_and_connections_stay(own_server):
    server, other = own_server().start(), own_server()
    other.start()
    assert other.stop() == 0
    with server.connect() as before:
        first = before.getpeercert(binary_form=True)
        for name in ("api.crt", "api.key"):
            (server.directory / name).write_text((other.directory / name).read_text())
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "the TLS certificate was replaced" in server.log, "the reload")
        with server.connect() as after:
            assert after.getpeercert(binary_form=True) != first
        before.sendall(b"GET /healthz/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert before.recv(100).startswith(b"HTTP/1.1 200")
    (server.directory / "api.key").write_text("nonsense")
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "cannot reload the TLS certificate" in server.log, "the refusal")
    server.nobody()("GET", "/healthz/live").expect(200)


def test_tokens_are_never_logged(server):
    api = server.api()
    api("GET", "/admin/tasks").expect(200)
    api("GET", "/nowhere\n\x1b[31m").expect(404)
    assert not any(token in server.log for token in server.tokens.values())
    assert "\x1b" not in server.log


def test_what_a_client_chooses_cannot_forge_a_field_of_the_log(server):
    """Target, method and name of the actor stand in quotes."""
    target = b'/x"%20200%200%20ms%20actor="admin"\\ request=1'.replace(b" ", b"%20")
    server.raw(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    server.raw(b'actor=root"\\ /y HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    line = re.compile(r'info: "((?:[^"\\]|\\.)*)" (\d{3}) \d+ ms actor="((?:[^"\\]|\\.)*)" request=[0-9a-f-]{36} client=\S+$')
    lines = [entry for entry in server.log.splitlines() if " ms actor=" in entry]
    assert any("/x" in entry for entry in lines)
    for entry in lines:
        match = line.search(entry)
        assert match, entry
        assert match.group(3) in ("", "admin", "reader", "operator"), entry


# ---- the end of a connection ----

@pytest.mark.parametrize("request_line", [b"GET /healthz/live HTTP/1.1", b"GET /healthz/live HTTP/1.0", b"FOO / HTTP/1.1"])
def test_tls_ends_with_close_notify(server, request_line):
    """Without it a client cannot tell the end from an attacker's."""
    context = ssl.create_default_context(cafile=server.directory / "api.crt")
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF # which Python sets
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context.minimum_version = context.maximum_version = version
        with context.wrap_socket(socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE), server_hostname="localhost",
                                 suppress_ragged_eofs=False) as connection:
            connection.sendall(request_line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
            received = b""
            while piece := connection.recv(65536): # SSLEOFError: no close_notify
                received += piece
            assert received.startswith(b"HTTP/1.")


def test_openssl_sees_a_proper_end(server):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-CAfile", server.directory / "api.crt", "-ign_eof"],
                          input=b"GET /healthz/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", capture_output=True, timeout=60)
    assert b'"live"' in done.stdout
    assert b"unexpected eof" not in done.stderr and done.returncode == 0, done.stderr


# ---- actuators ----

def test_actuators_are_woken_by_a_change(server):
    path = server.run / "actuator-0.wake"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as actuator:
        actuator.bind(str(path))
        path.chmod(0o666)
        actuator.settimeout(PATIENCE)
        cluster = server.register()
        actuator.recv(10)
        server.create(cluster)
        actuator.recv(10)
        server.api()("GET", "/admin/tasks").expect(200)
        actuator.setblocking(False)
        with pytest.raises(BlockingIOError):
            actuator.recv(10)
    path.unlink()


# ---- a store in trouble ----

def test_a_store_that_cannot_be_written_answers_503_and_nothing_is_half_done(server):
    cluster = server.register()
    lock = sqlite3.connect(server.directory / "mimo.db", isolation_level=None)
    try:
        lock.execute("BEGIN IMMEDIATE")
        answer = server.api()("PUT", f"/admin{cluster}/maintenanceManifests", {"maintenanceTaskID": FLAGS})
        assert answer.expect(503)["error"]["code"] == "ServiceUnavailable"
        assert int(answer.headers["Retry-After"]) > 0
        server.nobody()("GET", "/healthz/live").expect(200)
        assert server.api()("GET", f"/admin{cluster}/maintenanceManifests").expect(200) == {"value": []}
    finally:
        lock.execute("ROLLBACK")
        lock.close()
    server.create(cluster)


def test_a_store_that_cannot_be_read_is_not_ready_until_it_can(own_server):
    server = own_server(set={"api.threads": "1"}).start()
    nobody = server.nobody()
    nobody("GET", "/healthz/ready").expect(200)
    with open(server.directory / "mimo.db-shm", "r+b") as shared:
        # what SQLite's readers hold while they read, taken from all of them: https://www.sqlite.org/walformat.html
        fcntl.lockf(shared, fcntl.LOCK_EX, 5, 123)
        answer = wait_for(lambda: (found := nobody("GET", "/healthz/ready")).status == 503 and found, "503", 60)
        assert answer.document["error"]["code"] == "ServiceUnavailable"
        assert answer.headers["Retry-After"]
        nobody("GET", "/healthz/live").expect(200)
    wait_for(lambda: nobody("GET", "/healthz/ready").status == 200, "200 again")


def test_more_requests_than_may_wait_are_503(own_server):
    server = own_server(set={"api.threads": "1", "api.max_connections_per_address": "200"}).start()
    live = b"GET /healthz/live HTTP/1.1\r\nHost: x\r\n\r\n"
    listing = b"".join([b"GET /admin/clusters?api-version=admin HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ",
                        server.tokens["reader"].encode(), b"\r\n\r\n"])
    connections = []
    try:
        for _ in range(140):
            connections.append(server.connect())
            connections[-1].sendall(live) # who says nothing for 5 s is closed
            assert read_answer(connections[-1]) == (200, False)
        with open(server.directory / "mimo.db-shm", "r+b") as shared:
            fcntl.lockf(shared, fcntl.LOCK_EX, 5, 123) # as above: one request is stuck, 64 of one actor may wait
            for connection in connections:
                connection.sendall(listing)
            wait_for(lambda: server.log.count('"GET /admin/clusters?api-version=admin" 503 ') >= 75, "75 to be turned away")
        answers = [receive(connection)[0] for connection in connections]
    finally:
        for connection in connections:
            connection.close()
    turned_away = [answer for answer in answers if b"too many requests are waiting" in answer]
    assert len(turned_away) in (75, 76) # the stuck one may still have been in the queue when that was full
    assert all(answer.startswith(b"HTTP/1.1 503") and b"\r\nRetry-After: " in answer for answer in turned_away)


# ---- many at once, and the end ----

def test_requests_of_many_clients_at_once_are_all_served(server):
    cluster, failures = server.register(), []

    def create(number):
        try:
            for _ in range(5):
                server.create(cluster, priority=number)
        except Exception as problem: # collected, for it would be lost in a thread
            failures.append(problem)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    found = list(server.api().manifests(clusterResourceID=cluster, limit=7))
    assert len({manifest["id"] for manifest in found}) == len(found) == 100


def is_refused(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    return False


def test_sigterm_lets_a_request_under_way_finish(own_server):
    server = own_server().start()
    body = json.dumps({"properties": {}}).encode()
    request = (f"PUT /admin{cluster_id()}?api-version=admin HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
               f"Authorization: Bearer {server.tokens['admin']}\r\nContent-Length: {len(body)}\r\n\r\n").encode()
    with server.connect() as connection, server.connect() as idle:
        connection.sendall(request)
        # the header is there when it has been judged: a second connection is answered after it
        server.nobody()("GET", "/healthz/live").expect(200)
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "requests under way" in server.log, "the beginning of the end")
        wait_for(lambda: is_refused(server.port), "new connections to be refused")
        connection.sendall(body)
        answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 201") and b"Connection: close" in answer
        assert server.process.wait(PATIENCE) == 0
        assert idle.recv(10) == b""


def test_no_request_is_lost_by_a_restart(own_server):
    """Under socket activation: what was accepted is answered, the rest waits for the next process."""
    server, statuses, done = own_server(), [], threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=511) as listener:
        port = listener.getsockname()[1]

        def start():
            server.spawn_with_listener(listener)
            wait_for(lambda: "listening on" in server.log, "the server to listen")

        def ask():
            context = ssl.create_default_context(cafile=server.directory / "api.crt")
            while not done.is_set():
                try:
                    with context.wrap_socket(socket.create_connection(("127.0.0.1", port), PATIENCE), server_hostname="localhost") as one:
                        one.sendall(b"GET /healthz/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                        statuses.append(read_answer(one)[0])
                except OSError as problem:
                    statuses.append(repr(problem))

        start()
        threads = [threading.Thread(target=ask) for _ in range(12)]
        for thread in threads:
            thread.start()
        for _ in range(5):
            asked = len(statuses)
            wait_for(lambda: len(statuses) > asked + 30, "requests before the restart", 120)
            assert server.stop() == 0
            start()
        asked = len(statuses)
        wait_for(lambda: len(statuses) > asked + 30, "requests after the last restart", 120)
        done.set()
        for thread in threads:
            thread.join()
    lost = [status for status in statuses if status != 200]
    assert not lost, f"{len(lost)} of {len(statuses)} were lost: {lost[:5]}"


def test_sigterm_does_not_wait_for_ever_for_a_client(own_server):
    server = own_server().start()
    with server.connect() as connection:
        connection.sendall(b"PUT /healthz/live HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
        server.nobody()("GET", "/healthz/live").expect(200)
        assert server.stop() == 0
    assert "requests are dropped" in server.log
