# SPDX-License-Identifier: Apache-2.0
"""Malformed HTTP: what the Admin API answers, byte for byte over TLS.

docs/admin-api.md has the table; where libmicrohttpd 0.9.75 answers before we are asked, the expectation here is its
answer and the table says so.
"""

import http.client
import socket
import ssl
import time

import pytest
from api_server import ApiServer, read_answer, wait_for
from conftest import SLOWNESS
from mimolocal.slowness import in_time

HOST = b"Host: localhost\r\n"


@pytest.fixture(scope="module")
def server(build_dir):
    with ApiServer(build_dir, set={"api.max_connections_per_address": "20", "api.max_connections": "30"}) as running:
        yield running


@pytest.fixture(autouse=True)
def still_serving(server):
    """Whatever was sent, the next client is served."""
    yield
    assert server.raw(b"GET /healthz/live HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n") == (200, True)


def get(target=b"/healthz/live", *fields, version=b"HTTP/1.1"):
    return b"GET " + target + b" " + version + b"\r\n" + HOST + b"".join(field + b"\r\n" for field in fields) + b"\r\n"


def put(*fields, body=b""):
    """To an endpoint that takes a body; nobody is logged in, so 401 says that HTTP itself was fine."""
    path = (b"/admin/subscriptions/60bf318d-6914-4105-a3b5-d0d2c10388c8/resourceGroups/rg/providers/"
            b"Microsoft.RedHatOpenShift/openShiftClusters/one?api-version=admin")
    return b"PUT " + path + b" HTTP/1.1\r\n" + HOST + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


MALFORMED = {
    "no Host": (b"GET /healthz/live HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (get(b"/healthz/live", b"Host: localhost"), 400),
    "Host with a space": (b"GET /healthz/live HTTP/1.1\r\nHost: local host\r\n\r\n", 400),
    "empty Host": (b"GET /healthz/live HTTP/1.1\r\nHost:\r\n\r\n", 400),
    "absolute URI": (get(b"http://other/healthz/live"), 400),
    "HTTP/0.9": (b"GET /healthz/live\r\n\r\n", 400),
    "HTTP/3.0": (get(version=b"HTTP/3.0"), 505),
    "HTTP/1.2": (get(version=b"HTTP/1.2"), 200), # as HTTP/1.1: the library's answer
    "empty lines first": (b"\r\n\r\n" + get(), 200), # ignored by the library
    "preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "HTTP/1.10": (get(version=b"HTTP/1.10"), 400),
    "lower-case method": (b"get /healthz/live HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "unknown method": (b"FOO /healthz/live HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "TRACE": (b"TRACE /healthz/live HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "CONNECT": (b"CONNECT /healthz/live HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "OPTIONS *": (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "bare LF after the request line": (b"GET /healthz/live HTTP/1.1\n" + HOST + b"\r\n", 400),
    "bare LF after a field": (b"GET /healthz/live HTTP/1.1\r\nHost: localhost\n\r\n", 400),
    "bare LF at the end": (b"GET /healthz/live HTTP/1.1\r\nHost: localhost\r\n\n", 400),
    "tab as separator": (b"GET\t/healthz/live HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "two spaces": (b"GET  /healthz/live HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "space before colon": (get(b"/healthz/live", b"X : y"), 400),
    "CR in a value": (get(b"/healthz/live", b"X: a\rb"), 400),
    "NUL in a value": (get(b"/healthz/live", b"X: a\0b"), 400),
    "control character in a name": (get(b"/healthz/live", b"X\x01: b"), 400),
    "NUL in the path": (get(b"/healthz/live\0x"), 400),
    "folded line": (get(b"/healthz/live", b"X: a", b" b"), 400),
    "line without colon": (get(b"/healthz/live", b"X"), 400),
    "empty name": (get(b"/healthz/live", b": x"), 400),
    "header of 7 KB": (get(b"/healthz/live", b"X: " + b"x" * 7000), 200),
    "header of 20 KB": (get(b"/healthz/live", b"X: " + b"x" * 20000), 431),
    "header of 200 KB": (get(b"/healthz/live", b"X: " + b"x" * 200000), 431),
    "header of 2 MB": (get(b"/healthz/live", b"X: " + b"x" * (2 << 20)), 431),
    "headers of 31 KB": (get(b"/healthz/live", *[b"X%02d: " % i + b"x" * 315 for i in range(98)]), 200),
    "headers of 33 KB": (get(b"/healthz/live", *[b"X%02d: " % i + b"x" * 335 for i in range(98)]), 431),
    "headers of 40 KB": (get(b"/healthz/live", *[b"X%d: " % i + b"x" * 4000 for i in range(10)]), 431),
    "150 headers": (get(b"/healthz/live", *[b"X%d: y" % i for i in range(150)]), 431),
    "5000 headers": (get(b"/healthz/live", *[b"X%d: y" % i for i in range(5000)]), 431),
    "1000 parameters": (get(b"/healthz/live?" + b"&".join(b"a%d=1" % i for i in range(1000))), 200),
    "8000 empty parameters": (get(b"/healthz/live?" + b"&" * 8000), 200),
    "URI of 9 KB": (get(b"/" + b"x" * 9000), 414),
    "URI of 70 KB": (get(b"/" + b"x" * 70000), 414),
    "length and chunked": (put(b"Content-Length: 2", b"Transfer-Encoding: chunked", body=b"{}"), 400),
    "two lengths that differ": (put(b"Content-Length: 2", b"Content-Length: 3", body=b"{}"), 400),
    "two lengths that agree": (put(b"Content-Length: 2", b"Content-Length: 2", body=b"{}"), 400),
    "length 1, 1": (put(b"Content-Length: 2, 2", body=b"{}"), 400),
    "length +2": (put(b"Content-Length: +2", body=b"{}"), 400),
    "length -1": (put(b"Content-Length: -1"), 400),
    "length 0x2": (put(b"Content-Length: 0x2", body=b"{}"), 400),
    "length 2^64+1": (put(b"Content-Length: 18446744073709551617"), 413), # the library's answer
    "empty length": (put(b"Content-Length:"), 400),
    "unknown coding": (put(b"Transfer-Encoding: xchunked"), 501),
    "two codings": (put(b"Transfer-Encoding: chunked, identity"), 501),
    "chunked twice": (put(b"Transfer-Encoding: chunked, chunked"), 400),
    "chunked in two fields": (put(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), 400),
    "chunked in HTTP/1.0": (put(b"Transfer-Encoding: chunked").replace(b"HTTP/1.1", b"HTTP/1.0"), 400),
    "coding with VT": (put(b"Transfer-Encoding: \x0bchunked"), 400),
    "chunk size not hexadecimal": (put(b"Transfer-Encoding: chunked", body=b"zz\r\n"), 400),
    "chunk with line feeds alone": (put(b"Transfer-Encoding: chunked", body=b"2\n{}\n0\n\n"), 401), # the library takes it
    "chunk size 2^64": (put(b"Transfer-Encoding: chunked", body=b"10000000000000000\r\n"), 413), # the library's answer
    "GET with a body": (get(b"/healthz/live", b"Content-Length: 2") + b"{}", 400),
    "dot segments": (get(b"/../x"), 400),
    "escaped dot segments": (get(b"/%2e%2e%2fx"), 400),
    "escaped backslash": (get(b"/..%5cx"), 404),
    "overlong UTF-8": (get(b"/%c0%ae%c0%ae/x"), 404),
    "doubly escaped": (get(b"/%252e%252e/x"), 404),
    "%00": (get(b"/healthz/live%00"), 400),
    "raw 0x80": (get(b"/\x80"), 400),
    "space in the path": (get(b"/healthz /live"), 400),
    "%zz": (get(b"/%zz"), 400),
    "cut escape": (get(b"/x%2"), 400),
    "fragment": (get(b"/healthz/live#x"), 400),
    "dot segment within": (get(b"/healthz/../healthz/live"), 400),
    "single dot": (get(b"/./healthz/live"), 400),
    "doubled slash": (get(b"//healthz/live"), 404),
    "path parameter": (get(b"/healthz/live;x=1"), 404),
    "escaped letter": (get(b"/%68ealthz/live"), 404),
    "escaped slash": (get(b"/healthz%2flive"), 404),
    "Expect of something else": (put(b"Content-Length: 2", b"Expect: miracles", body=b"{}"), 417),
    "Upgrade to h2c": (get(b"/healthz/live", b"Upgrade: h2c", b"Connection: Upgrade"), 200),
    "1000 ranges": (get(b"/healthz/live", b"Range: bytes=" + b",".join([b"0-1"] * 1000)), 200),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_requests(server, name):
    request, expected = MALFORMED[name]
    status, closed = server.raw(request)
    assert status == expected
    if status in (400, 413, 414, 417, 431, 501, 505) and name != "GET with a body":
        assert closed, "whoever sends this may have sent more of it"


def test_ordinary_requests_of_every_kind(server):
    assert server.raw(get()) == (200, False)
    assert server.raw(get(version=b"HTTP/1.0")) == (200, True)
    assert server.raw(b"GET /healthz/live HTTP/1.0\r\n\r\n") == (200, True)
    assert server.raw(put(b"Content-Length: 2", body=b"{}"))[0] == 401
    assert server.raw(put(b"Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\n\r\n"))[0] == 401


def test_pipelined_requests_are_answered_in_order(server):
    with server.connect() as connection:
        connection.sendall(get() + get(b"/nowhere") + get(b"/healthz/ready", b"Connection: close"))
        received = b""
        while piece := connection.recv(65536):
            received += piece
    positions = [received.find(text) for text in (b'"live"', b'"NotFound"', b'"ready"')]
    assert -1 < positions[0] < positions[1] < positions[2]


def test_a_client_that_waits_for_100_continue_gets_the_error_at_once(server):
    assert server.raw(put(b"Content-Length: 2", b"Expect: 100-continue")) == (401, True)


def test_a_client_that_waits_for_100_continue_is_told_to_go_on(server):
    token = b"Authorization: Bearer " + server.tokens["admin"].encode()
    with server.connect() as connection:
        connection.sendall(put(b"Content-Length: 2", b"Expect: 100-continue", b"Content-Type: application/json", token))
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"{}")
        assert read_answer(connection) == (201, False)


def send(connection, data):
    """As much of it as the other end takes."""
    try:
        connection.sendall(data)
    except (ssl.SSLError, ConnectionError):
        pass


@pytest.mark.parametrize("size, expected", [(3 << 20, (413, False)), (9 << 20, (413, True))])
def test_a_body_that_is_too_large_is_read_as_long_as_that_is_worth_it(server, size, expected):
    token = b"Authorization: Bearer " + server.tokens["admin"].encode()
    with server.connect() as connection:
        connection.sendall(put(b"Content-Length: %d" % size, b"Content-Type: application/json", token))
        if not expected[1]: # else the answer comes before the body
            connection.sendall(b"x" * size)
        assert read_answer(connection) == expected


@pytest.mark.parametrize("chunks, expected", [(3, (413, False)), (12, (None, True))])
def test_a_body_in_chunks_is_bounded_too(server, chunks, expected):
    token = b"Authorization: Bearer " + server.tokens["admin"].encode()
    with server.connect() as connection:
        connection.sendall(put(b"Transfer-Encoding: chunked", b"Content-Type: application/json", token))
        for _ in range(chunks):
            send(connection, b"100000\r\n" + b"x" * (1 << 20) + b"\r\n")
        send(connection, b"0\r\n\r\n")
        assert read_answer(connection) == expected


def test_the_body_of_a_refused_request_does_not_become_a_request(server):
    body = get(b"/healthz/ready")
    with server.connect() as connection:
        connection.sendall(put(b"Content-Length: %d" % len(body), body=body) + get())
        assert read_answer(connection) == (401, False)
        assert read_answer(connection) == (200, False)


def test_bytes_that_are_no_tls_end_the_connection(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10 * SLOWNESS) as connection:
        connection.sendall(get())
        received = b""
        try:
            while piece := connection.recv(4096):
                received += piece
        except ConnectionError:
            pass
        assert b"HTTP/" not in received


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken(server, version):
    with server.connect(minimum_version=version, maximum_version=version) as connection:
        connection.sendall(get())
        assert read_answer(connection)[0] == 200


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tls_1_1_is_refused(server):
    with pytest.raises((ssl.SSLError, ConnectionError)):
        server.connect(minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)


def is_ended(connection, at_most):
    """Whether the other end closes within so many seconds; what it sends by then is thrown away."""
    connection.settimeout(at_most)
    try:
        while connection.recv(4096):
            pass
    except TimeoutError:
        return False
    except (ssl.SSLError, ConnectionError):
        pass
    return True


def test_who_connects_and_says_nothing_is_closed_after_5_s(server):
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port)) as plain, server.connect() as silent:
        for connection in (plain, silent):
            assert is_ended(connection, 20)
            assert time.monotonic() - start > 4.9
    wait_for(lambda: server.log.count("no complete request header within 5 s of connecting") >= 2, "both log lines")


def test_a_header_that_drips_has_5_s_in_all(server):
    before, start = server.log.count("within 5 s"), time.monotonic()
    with server.connect() as connection:
        send(connection, b"GET /healthz/live HTTP/1.1\r\n" + HOST)
        while time.monotonic() - start < 20:
            send(connection, b"X: y\r\n")
            if is_ended(connection, 0.05): # waiting is the pause between two drops
                break
        took = time.monotonic() - start
        assert took > 4.9 and in_time(took, 15)
    wait_for(lambda: server.log.count("within 5 s") == before + 1, "the log line")


def test_connections_of_one_address_are_limited(server):
    held = []
    try:
        for _ in range(20):
            held.append(server.connect())
        with pytest.raises((ssl.SSLError, ConnectionError)):
            with server.connect() as refused:
                refused.sendall(get())
                assert read_answer(refused)[0] is not None
                raise AssertionError("the 21st connection was served")
    finally:
        for connection in held:
            connection.close()

    def is_served():
        try:
            return server.raw(get())[0] == 200
        except (ssl.SSLError, ConnectionError):
            return False

    wait_for(is_served, "connections that were closed to count no longer")


def test_connections_in_all_are_limited_and_others_wait_until_one_ends(server):
    """30 of them: 20 of one address, 10 of another."""
    held = []

    def is_served(source):
        try:
            with server.connect(source=source, patience=1) as connection:
                connection.sendall(get())
                return read_answer(connection)[0] == 200
        except (ssl.SSLError, ConnectionError, TimeoutError):
            return False

    try:
        wait_for(lambda: is_served("127.0.0.1"), "connections of other tests to be gone")
        for source in ["127.0.0.2"] * 20 + ["127.0.0.3"] * 10:
            held.append(server.connect(source=source))
            held[-1].sendall(get()) # who says nothing is closed after a while
            assert read_answer(held[-1]) == (200, False)
        assert not is_served("127.0.0.4")
        held.pop().close()
        wait_for(lambda: is_served("127.0.0.4"), "the place of the one that ended")
    finally:
        for connection in held:
            connection.close()
    wait_for(lambda: is_served("127.0.0.1"), "connections that were closed to count no longer")


def test_what_is_asked_for_next_has_to_be_http_1_1(server):
    """A client that offers HTTP/2 is not promised it."""
    context = ssl.create_default_context(cafile=server.directory / "api.crt")
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("127.0.0.1", server.port), timeout=10 * SLOWNESS) as plain, \
            context.wrap_socket(plain, server_hostname="localhost") as connection:
        assert connection.selected_alpn_protocol() != "h2"
        connection.sendall(get())
        assert read_answer(connection)[0] == 200


def test_a_connection_serves_many_requests(server):
    context = ssl.create_default_context(cafile=server.directory / "api.crt")
    connection = http.client.HTTPSConnection("localhost", server.port, timeout=10 * SLOWNESS, context=context)
    for _ in range(50):
        connection.request("GET", "/healthz/live")
        answer = connection.getresponse()
        assert answer.status == 200
        answer.read()
    connection.close()
