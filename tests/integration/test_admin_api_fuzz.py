# SPDX-License-Identifier: Apache-2.0
"""Thousands of generated requests: methods x paths x parameters x header fields x bodies, some spoilt byte by byte.

/openapi.json is the grammar; what it says is also held against what is answered. MIMO_SEED repeats a run, MIMO_REQUESTS
sets how many there are. With sanitizers the program under test is one that leaks can be searched in at its end.
"""

import json
import os
import random
import re
import socket
import ssl
import string
import subprocess
import threading
import time
import uuid
from collections import Counter
from contextlib import suppress
from pathlib import Path

import jsonschema
import pytest
from api_server import FLAGS, PRACTICE, SUBSCRIPTION, USER, ApiServer, cluster_id
from test_admin_api_table import strict
from conftest import SLOWNESS, is_sanitized

REQUESTS = int(os.environ.get("MIMO_REQUESTS", "20000"))
SEED = int(os.environ.get("MIMO_SEED", random.SystemRandom().randrange(1 << 32)))
CONNECTIONS = 6
PATIENCE = 60 * SLOWNESS
WARM_UP, GROWTH_MAXIMUM = 0.25, 24 << 20 # of the requests; bytes of memory that the others may add
MAY_FAIL = {501, 503} # of those from 500 on
OF_THE_LIBRARY = {400, 413, 414, 431, 501, 505} # libmicrohttpd's own answers have another form


class Server(ApiServer):
    """Where leaks are searched it is a program that is not confined, run as an ordinary user from the start."""

    def spawn(self, *arguments, environment=None):
        if not is_sanitized(self.build):
            return super().spawn(*arguments, environment=environment)
        identity = {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [self.build / "tests/fuzz/mimo_api_unconfined", "--config", self.config, *arguments], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, umask=0o007, **identity,
                env={**os.environ, "ASAN_OPTIONS": "detect_leaks=1", **(environment or {})})
        return self.process


@pytest.fixture(scope="module")
def server(build_dir):
    with Server(build_dir, set={"log.level": "notice"}) as running:
        yield running


# ---- what is asked ----

JSON_VALUES = [None, True, False, 0, -1, 1, 7, 1000001, 2 ** 63, -2 ** 63, 1.5, 1e300, "", "x", "practice", FLAGS, PRACTICE,
               "\u00e9\u20ac\U0001f600", "\x01", "a" * 300, "2030-01-01T00:00:00Z", "2030-13-01T00:00:00Z", [], [1], {}, {"a": 1},
               {"steps": []}, {"steps": [{"name": "x", "seconds": 0}]}, {"a": {"b": {"c": {"d": {}}}}}]
PARAMETER_VALUES = ["", "admin", "0", "1", "1000", "1001", "-1", "Pending", "Pending,Failed", "pending", ",", "true", "false", "yes",
                    "skip", "fail", "7d", "90s", "9999999999999999999", "2026-11-30T00:00:00Z", "practice", FLAGS, "%00", "%ff",
                    "%c3%a9", "%", "%4", "a%0ab", "+", "%20", "'", "\"", "%22%3b--", "../..", "x" * 200, "eyJhIjoxfQ", "bm9uZQ"]
FIELDS = ["Accept", "Content-Type", "Expect", "If-Match", "Range", "Upgrade", "X-Forwarded-Proto", "x-ms-client-request-id",
          "x-mimo-icm", "Idempotency-Key", "Cookie", "Content-Encoding", "Origin", "TE", "Trailer", "Via"]
FIELD_VALUES = ["", "a", "application/json", "application/json; charset=utf-8", "text/plain", "application/json; charset=utf-16",
                "100-continue", "bytes=0-1", "*", "x" * 128, "x" * 129, "x" * 5000, "\"quoted\"", "caf\u00e9", "a, b", "https",
                "\t", "a\tb", "h2c", "gzip"]


# (method, names a manifest, names a cluster): clusters must not vanish faster than they come, and manifests come often.
WEIGHTS = {("delete", False, True): 1, ("put", False, True): 12}


class Generator:
    """Requests, each as bytes with what is known about it."""

    def __init__(self, seed, openapi, clusters, tokens):
        self.random, self.clusters, self.tokens = random.Random(seed), clusters, tokens
        self.operations = [(method, path, operation) for path, item in openapi["paths"].items() for method, operation in item.items()]
        self.weights = [WEIGHTS.get((method, "{id}" in path, "{cluster}" in path), 4) for method, path, _ in self.operations]
        self.schemas = openapi["components"]["schemas"]
        self.manifests = [str(uuid.UUID(int=number)) for number in range(3)]

    def often(self, share):
        return self.random.random() < share

    def word(self):
        return "".join(self.random.choice(string.printable[:94]) for _ in range(self.random.randrange(1, 12)))

    def path(self, pattern):
        values = {"subscription": SUBSCRIPTION, "resourceGroup": "my-rg", "cluster": "x", "id": self.random.choice(self.manifests)}
        if "{cluster}" in pattern:
            known = self.random.choice(self.clusters).split("/")
            values |= {"resourceGroup": known[4], "cluster": known[-1]}
        if self.often(0.1):
            name = self.random.choice(list(values))
            values[name] = self.random.choice(["", "x", "%41", "%2e", "..", "a" * 200, "a%2fb", "\u00e9", "(b)", "%28b%29", self.word()])
        path = re.sub(r"{(\w+)}", lambda match: values[match.group(1)], pattern)
        if self.often(0.05):
            path = self.random.choice([path + "/", path.upper(), path.replace("/", "//", 1), path + "/" + self.word(), path[:-1],
                                       "/" + self.word(), "*", "/", path + ";a=b", path + "/..", "http://x" + path])
        return path

    def query(self, operation):
        known = [parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "query"]
        pieces = [] if self.often(0.03) else ["api-version=admin"]
        for name in known[1:]:
            if self.often(0.3):
                value = self.random.choice(PARAMETER_VALUES) if self.often(0.6) else self.good_value(name)
                pieces.append(f"{name if self.often(0.9) else name.upper()}={value}")
        if self.often(0.05):
            pieces.append(self.random.choice(["", "=", "&", "a", "=b", "limit", "%6cimit=1", "a=b=c", "state=" + self.word()]))
        self.random.shuffle(pieces)
        return "&".join(pieces)

    def good_value(self, name):
        return {"limit": "5", "state": "Failed", "clusterResourceID": self.random.choice(self.clusters), "maintenanceTaskID": FLAGS,
                "createdBySchedule": str(uuid.UUID(int=5)), "scheduleID": str(uuid.UUID(int=5)), "olderThan": "7d", "since": "0",
                "force": "true", "ifOpen": "skip", "icm": "123"}.get(name, "x")

    def body(self, operation):
        content = operation.get("requestBody", {}).get("content", {})
        reference = content.get("application/json", {}).get("schema", {}).get("$ref", "x/none").rsplit("/", 1)[1]
        known = list(self.schemas.get(reference, {}).get("properties", {})) or ["icm"]
        body = {"maintenanceTaskID": self.random.choice([FLAGS, PRACTICE, "practice"])} if "maintenanceTaskID" in known and self.often(0.9) else {}
        for name in known:
            if name != "maintenanceTaskID" and self.often(0.3):
                body[name] = self.random.choice(JSON_VALUES) if self.often(0.5) else \
                    {"priority": 5, "runAfter": 2000000000, "icm": "1", "properties": {"a": 1}}.get(name, {})
        if self.often(0.1):
            body[self.random.choice(["id", "state", "lease", "", "\u00e9", self.word()])] = self.random.choice(JSON_VALUES)
        text = json.dumps(body, ensure_ascii=self.often(0.5)).encode()
        return self.spoil(text, 3) if self.often(0.1) else text

    def spoil(self, data, most):
        """Bytes changed, taken out, put in, doubled."""
        data = bytearray(data)
        for _ in range(self.random.randrange(1, most + 1)):
            at = self.random.randrange(len(data) + 1)
            kind = self.random.randrange(5)
            if kind == 0 and at < len(data):
                data[at] = self.random.randrange(256)
            elif kind == 1:
                del data[at:at + self.random.randrange(1, 8)]
            elif kind == 2:
                data[at:at] = bytes(self.random.choices(b"\0\r\n \t:,%/\"{}[]\x80\xff0Aa", k=self.random.randrange(1, 6)))
            elif kind == 3:
                data[at:at] = data[at:at + self.random.randrange(1, 40)]
            elif at < len(data):
                data[at] ^= 1 << self.random.randrange(8)
        return bytes(data)

    def fields(self, body, takes_body):
        fields = [("Host", "localhost")]
        if not self.often(0.03):
            token = self.random.choice([self.tokens["admin"]] * 8 + [self.tokens["operator"], self.tokens["reader"], "wrong"])
            fields.append(("Authorization", f"{'Bearer' if self.often(0.98) else self.word()} {token}"))
        if body is not None and not self.often(0.03):
            fields.append(("Content-Type", "application/json"))
        while self.often(0.12):
            fields.append((self.random.choice(FIELDS), self.random.choice(FIELD_VALUES)))
        if takes_body and self.often(0.15):
            fields.append(("Idempotency-Key", self.random.choice(["a", "b", str(uuid.UUID(int=self.random.randrange(50)))])))
        return fields

    def request(self):
        """(bytes, method, operation or None, whether it is spelt well)"""
        [(method, pattern, operation)] = self.random.choices(self.operations, self.weights)
        if self.often(0.04):
            method = self.random.choice(["HEAD", "OPTIONS", "PATCH", "POST", "PUT", "DELETE", "TRACE", "FOO", "get"])
            operation_of_answer = None
        else:
            operation_of_answer = operation
            method = method.upper()
        path, query = self.path(pattern), self.query(operation)
        takes_body = "requestBody" in operation
        body = self.body(operation) if self.often(0.95 if takes_body else 0.05) else None
        head = [f"{method} {path}{'?' if query else ''}{query} HTTP/1.1"]
        head += [f"{name}: {value}" for name, value in self.fields(body, takes_body)]
        chunked = body is not None and self.often(0.1)
        if chunked:
            head.append("Transfer-Encoding: chunked")
            cut = self.random.randrange(len(body) + 1)
            body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (body[:cut], body[cut:]) if piece) + b"0\r\n\r\n"
        elif body is not None:
            head.append(f"Content-Length: {len(body)}")
        data = ("\r\n".join(head) + "\r\n\r\n").encode("utf-8") + (body or b"")
        if self.often(0.04):
            return self.spoil(data, 4), method, None, False
        return data, method, operation_of_answer, True


# ---- what is answered ----

class Closed(Exception):
    pass


class Client:
    """One connection after the other, each for as many requests as it lasts."""

    def __init__(self, server):
        self.server, self.connection, self.buffer = server, None, b""
        self.context = ssl.create_default_context(cafile=server.directory / "api.crt")

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection, self.buffer = None, b""

    def send(self, data):
        if not self.connection:
            plain = socket.create_connection(("127.0.0.1", self.server.port), timeout=PATIENCE)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
            self.connection = self.context.wrap_socket(plain, server_hostname="localhost")
        try:
            self.connection.sendall(data)
        except (ConnectionError, ssl.SSLError):
            pass # the answer may have come before the end of the request

    def _more(self):
        try:
            piece = self.connection.recv(65536)
        except (ConnectionError, ssl.SSLError):
            piece = b""
        if not piece:
            raise Closed
        self.buffer += piece

    def answer(self, method):
        """(status, header, body); 100 Continue is passed over."""
        while True:
            while b"\r\n\r\n" not in self.buffer:
                self._more()
            head, _, rest = self.buffer.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            status = int(re.fullmatch(r"HTTP/1\.[01] (\d{3}) .*", lines[0]).group(1))
            if status == 100:
                self.buffer = rest
                continue
            header = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
            length = 0 if method == "HEAD" or status == 204 else int(header["content-length"])
            while len(rest) < length:
                self._more()
                rest = self.buffer.partition(b"\r\n\r\n")[2]
            self.buffer = rest[length:]
            return status, header, rest[:length]

    def ask(self, data, method):
        """The answer to a well-spelt request. A connection that was closed meanwhile is opened again."""
        for _ in range(2):
            fresh = self.connection is None
            self.send(data)
            try:
                answer = self.answer(method)
            except Closed:
                self.close()
                assert not fresh, "closed without an answer"
                continue
            if answer[1].get("connection") == "close":
                self.close()
            return answer
        raise AssertionError("closed without an answer, twice")

    def ask_spoilt(self, data, method):
        """All answers to bytes that may be any number of requests, or a part of one: nothing follows them."""
        self.close()
        self.send(data)
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
        with suppress(Closed):
            while True:
                self._more()
        received, self.buffer = self.buffer, b""
        self.close()
        return re.findall(rb"HTTP/1\.[01] (\d{3}) [^\r]*\r\n(.*?)\r\n\r\n([^\0]*?)(?=HTTP/1\.|\Z)", received, re.DOTALL)


class Judge:
    def __init__(self, openapi):
        self.openapi, self.seen, self.lock = openapi, Counter(), threading.Lock()
        self.components = {"components": {"schemas": strict(openapi["components"]["schemas"])}}
        self.codes = {code for item in openapi["paths"].values() for operation in item.values()
                      for response in operation["responses"].values() for code in response.get("x-error-codes", [])}
        self.codes |= {"MethodNotAllowed", "NotFound"}

    def error(self, status, body):
        """An error has our form and names something."""
        error = json.loads(body)["error"]
        assert error["code"] in self.codes and len(error["message"]) > 10 and set(error) <= {"code", "message", "target"}, error
        return error["code"]

    def judge(self, method, operation, status, header, body, number):
        assert status < 500 or status in MAY_FAIL, f"{status}: {body}"
        if "x-ms-request-id" not in header: # refused before we were asked
            assert status in OF_THE_LIBRARY, (status, body)
            return "library"
        uuid.UUID(header["x-ms-request-id"])
        assert ("retry-after" in header) <= (status in {503, 409})
        if status == 204 or method == "HEAD":
            return status
        assert header["content-type"] == "application/json"
        code = self.error(status, body) if status >= 400 else None
        if operation and code not in {"MethodNotAllowed", "NotFound"}: # a spoilt path is another one's
            response = operation["responses"].get(str(status))
            assert response, f"{status} is not documented: {body}"
            assert code is None or code in response["x-error-codes"], f"{status} {code} is not documented"
            if code is None and number % 10 == 0:
                schema = {**self.components, **response["content"]["application/json"]["schema"]}
                jsonschema.Draft202012Validator(schema).validate(json.loads(body))
        return code or status

    def count(self, what):
        with self.lock:
            self.seen[what] += 1


def run(server, generator, judge, count, problems):
    """One client's share. Stops at the first problem of anybody."""
    client, sent = Client(server), b""
    try:
        for number in range(count):
            if problems:
                break
            sent, method, operation, well_spelt = generator.request()
            if well_spelt:
                status, header, body = client.ask(sent, method)
                judge.count(judge.judge(method, operation, status, header, body, number))
                if status == 201 and b'"maintenanceTaskID"' in body:
                    generator.manifests[generator.random.randrange(3)] = json.loads(body)["id"]
                continue
            for status, head, body in client.ask_spoilt(sent, method):
                assert int(status) < 500 or int(status) in MAY_FAIL | {505}, (status, body)
                if int(status) >= 400 and b"x-ms-request-id" in head and method != "HEAD" and body.strip():
                    judge.error(int(status), body)
            judge.count("spoilt")
    except Exception as problem: # the thread's; the test tells it
        problems.append(f"{type(problem).__name__}: {problem}\nsent: {sent[:3000]!r}")
    finally:
        client.close()


def run_all(server, generators, judge, requests):
    problems = []
    threads = [threading.Thread(target=run, args=(server, generator, judge, requests // CONNECTIONS + 1, problems))
               for generator in generators]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems, "\n".join(problems)


def memory(pid):
    return int(re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text()).group(1)) * 1024


def test_no_generated_request_breaks_anything(server):
    print(f"MIMO_SEED={SEED} MIMO_REQUESTS={REQUESTS}")
    openapi = server.nobody()("GET", "/openapi.json").expect(200)
    clusters = [server.register() for _ in range(4)] + [cluster_id()]
    judge = Judge(openapi)
    generators = [Generator(f"{SEED}-{number}", openapi, clusters, server.tokens) for number in range(CONNECTIONS)]
    began = time.monotonic()
    run_all(server, generators, judge, int(REQUESTS * WARM_UP))
    before = memory(server.process.pid)
    run_all(server, generators, judge, int(REQUESTS * (1 - WARM_UP)))
    grown = memory(server.process.pid) - before
    seconds = time.monotonic() - began
    print(f"{sum(judge.seen.values())} answers in {seconds:.1f} s, {grown >> 10} KiB more memory: {dict(judge.seen.most_common())}")
    assert server.process.poll() is None
    assert sum(judge.seen.values()) >= REQUESTS
    # The generator reaches deep enough, and all the ways out.
    for expected in (200, 201, 204, "NotFound", "InvalidParameter", "InvalidRequestContent", "MethodNotAllowed", "Forbidden",
                     "InvalidAuthenticationToken", "InvalidApiVersionParameter", "MalformedRequest", "UnsupportedMediaType",
                     "IdempotencyKeyReused", "PropertyChangeNotAllowed", "Conflict", "spoilt"):
        assert judge.seen[expected] > 0 or REQUESTS < 20000, f"nothing led to {expected}"
    if not is_sanitized(server.build): # there freed memory is kept for a while
        assert grown < GROWTH_MAXIMUM, "it takes more memory with every request"
    assert "libmicrohttpd failed at" not in server.log
    server.nobody()("GET", "/healthz/ready").expect(200)
