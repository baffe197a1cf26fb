# SPDX-License-Identifier: Apache-2.0
"""What an API server that means ill can do to the actuator: cost one attempt, in bounded time and memory, and leave
a text that says what happened."""

import contextlib
import gzip
import re
import time
from dataclasses import dataclass, field

from conftest import is_sanitized
from hostile_api_server import TOKEN, HostileServer, drips, is_silent, says
from mimolocal.certificates import VALID
from mimolocal.slowness import in_time

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
MIB = 1024 * 1024
RSS_MAXIMUM = 64 * 1024 # KiB of a worker, whatever it is sent
TIME_MAXIMUM = 45 # seconds of an attempt: a request's 30 and what the machine takes


def whole(body, head=OK):
    """An answer with its length."""
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


@dataclass
class Case:
    """`text` is how the statusText goes on behind its prefix, a regular expression."""
    name: str
    outcome: str
    text: str
    server: dict
    rss: int = RSS_MAXIMUM
    redirect: str = field(default="")


def answers(name, outcome, text, *pieces, **more):
    return Case(name, outcome, text, {"behave": says(*pieces, **more)})


TOO_LARGE = r"the answer of localhost:\d+ is too large \(at most 65536 bytes of headers and 8388608 of body\)"
NOT_USABLE = r"the answer of localhost:\d+ is not usable: "
CLOSED = r"connection closed without an answer by localhost:\d+"
CUT = r"connection closed in the middle of an answer by localhost:\d+"
UNTRUSTED = r"TLS: untrusted certificate of localhost:\d+: "
TIMEOUT = r"timeout waiting for an answer of localhost:\d+ after 30s"

CASES = [
    answers("endless-body", "transient", TOO_LARGE, OK + b"\r\n{", forever=b" " * 65536),
    answers("endless-chunks", "transient", TOO_LARGE, OK + b"Transfer-Encoding: chunked\r\n\r\n",
            forever=b"10000\r\n" + b" " * 65536 + b"\r\n"),
    answers("100-mib", "transient", TOO_LARGE, OK + b"Content-Length: %d\r\n\r\n" % (100 * MIB + 2), b"{",
            *[b" " * MIB] * 100, b"}"),
    answers("deep-nesting", "transient", NOT_USABLE, whole(b'{"a":' + b"[" * 1000000 + b"]" * 1000000 + b"}")),
    answers("wide-nesting", "transient", NOT_USABLE, whole(b'{"a":' * 100000 + b"1" + b"}" * 100000)),
    answers("redirect-to-a-file", "transient", "307 clusteroperator kube-apiserver: a redirect, which no API server sends",
            whole(b"", b"HTTP/1.1 307 Away\r\nLocation: file:///etc/passwd\r\n")),
    answers("invalid-utf-8", "transient", NOT_USABLE + ".*byte 0xff is not UTF-8", whole(b'{"kind": "\xff\xfe"}')),
    answers("nul", "transient", NOT_USABLE, whole(b'{"kind": "\x00"}')),
    answers("no-object", "transient", NOT_USABLE, whole(b"[1, 2]")),
    answers("wrong-kind", "transient", "kube-apiserver Available=unknown, ", whole(b'{"kind": "Pod", "metadata": {"name": "p"}}')),
    answers("gzip-bomb", "transient", NOT_USABLE,
            whole(gzip.compress(b" " * 200 * MIB, 1), OK + b"Content-Encoding: gzip\r\n")),
    answers("no-chunks", "transient", "connection lost while waiting for localhost", OK +
            b"Transfer-Encoding: chunked\r\n\r\nsurely not hexadecimal\r\n"),
    answers("chunk-larger-than-the-world", "t.*", "", OK + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}"),
    answers("chunk-that-never-comes", "transient", CUT, OK + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n{}"),
    answers("endless-headers", "transient", TOO_LARGE, OK, forever=b"X-More: and more and more\r\n" * 100),
    answers("endless-trailers", "transient", TOO_LARGE, OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n",
            forever=b"X-More: and more and more\r\n" * 100),
    answers("endless-header-line", "transient", "out of memory for the answer, or an endless header line, of localhost", OK + b"X-More: ", forever=b"more" * 16384),
    answers("1xx-flood", "transient", TOO_LARGE, forever=b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    answers("upgrade", "transient", CLOSED, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: ws\r\nConnection: Upgrade\r\n\r\n"),
    answers("negative-length", "t.*", "", OK + b"Content-Length: -5\r\n\r\n{}"),
    answers("two-lengths", "t.*", "", OK + b"Content-Length: 2\r\nContent-Length: 20000000000000000000\r\n\r\n{}"),
    answers("no-http", "transient", r"no HTTP/1\.1 answer from localhost:\d+", b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    answers("half", "transient", CUT, OK + b"Content-Length: 100\r\n\r\n{}"),
    answers("closed", "transient", CLOSED),
    answers("long-words", "transient", "503 clusteroperator kube-apiserver: Busy: .{1000}", whole(
        b'{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 503, "reason": "Busy", "message": "' + b"x" * MIB + b'"}', b"HTTP/1.1 503 Busy\r\n")),
    answers("words-with-control-characters", "transient", r"500 clusteroperator kube-apiserver: A\?\[2J: b\?TerminalError: c$",
            whole(b'{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 500, "reason": "A\\u001b[2J", "message": "b\\nTerminalError: c"}', b"HTTP/1.1 500 No\r\n")),
    Case("slow-bytes", "transient", TIMEOUT, {"behave": drips(whole(b"{" + b" " * 1000 + b"}"), 0.2)}),
    Case("slow-headers", "transient", TIMEOUT, {"behave": drips(OK + b"X: y\r\n" * 1000, 0.2)}),
    Case("silence", "transient", TIMEOUT, {"behave": is_silent}),
    Case("silence-before-tls", "transient", r"timeout connecting to localhost:\d+ after 10s", {"before_tls": is_silent}),
    Case("slow-tls", "transient", r"timeout connecting to localhost:\d+ after 10s", {
        "before_tls": drips(b"\x16\x03\x03\x40\x00" + b"\x02" * 1000, 0.2)}),
    Case("tls-garbage", "transient", r"TLS: no secure connection to localhost:\d+", {
        "before_tls": says(b"HTTP/1.1 400 Bad Request\r\n\r\n")}),
    Case("endless-handshake", "transient", r"TLS: no secure connection to localhost:\d+: endless handshake messages", {
        "before_tls": says(forever=b"\x16\x03\x03\x40\x00" + b"\x00" * 16384)}), # messages of the kind HelloRequest
    Case("endless-tls-garbage", "transient", r"TLS: no secure connection to localhost:\d+", {
        "before_tls": says(forever=b"\x17\x03\x03\x40\x00" + b"\x00" * 16384)}),
    Case("endless-alerts", "transient", r"TLS: no secure connection to localhost:\d+", {
        "before_tls": says(forever=b"\x15\x03\x03\x00\x02\x01\x5a" * 1000)}),
    Case("endless-empty-records", "transient", r"TLS: no secure connection to localhost:\d+", {
        "before_tls": says(forever=b"\x16\x03\x03\x00\x00" * 1000)}),
    Case("wrong-name", "transient", UNTRUSTED, {"behave": says(whole(b"{}")), "names": ("elsewhere.test", )}),
    Case("expired", "transient", UNTRUSTED + ".*expired", {"behave": says(whole(b"{}")), "valid": -VALID}),
]

# As many values as fit into an answer: the most that a byte on the wire can cost in memory.
VALUES = Case("as-many-values-as-fit", "t.*", "", {"behave": says(whole(b'{"a":[' + b"1," * (4 * MIB - 100) + b"1]}"))},
              rss=256 * 1024)


def register(running, name, server):
    """A cluster with this API server; returns its resource ID."""
    resource_id = re.sub("[^/]+$", name, running.cluster(0))
    running.api("PUT", f"/admin{resource_id}", {"kubeconfig": server.kubeconfig(), "properties": {
        "operatorFlags": {"a": "true"}}}).expect(201)
    return resource_id


def first_attempt(running, manifest):
    """The manifest after its first attempt, which may be waiting for another."""
    return running.wait_for(lambda: (now := running.manifest(manifest))["state"] != "InProgress" and now.get("attempts") and
                            now["attempts"][0].get("outcome") and now, TIME_MAXIMUM + 30,
                            f"attempt 1 on {manifest['clusterResourceID']} to end")


def problems_of(case, server, done, rss_maximum):
    """What is not as it must be."""
    attempt = done["attempts"][0]
    prefix = "TransientError: " if attempt["outcome"] == "transient" else "TerminalError: "
    state = "Pending" if attempt["outcome"] == "transient" else "Failed"
    duration = attempt["finishedAt"] - attempt["startedAt"]
    if not re.fullmatch(case.outcome, attempt["outcome"]) or done["state"] != state:
        yield f"{attempt['outcome']}, {done['state']}: {done['statusText'][:300]}"
    if not re.match(prefix + case.text, done["statusText"]):
        yield f"its text: {done['statusText'][:300]}"
    if len(done["attempts"]) != 1 or done["dequeues"] != 1:
        yield f"{len(done['attempts'])} attempts"
    if duration > TIME_MAXIMUM:
        yield f"{duration} s"
    if not 0 < attempt["maxRssKiB"] <= rss_maximum:
        yield f"{attempt['maxRssKiB']} KiB of memory"
    if len(done["statusText"].encode()) > 4096 or TOKEN in done["statusText"]:
        yield "its text is too long, or tells the token"
    if len(server.requests) > 1:
        yield f"{len(server.requests)} requests"


def try_all(system, directory, cases):
    """All at once, so that those that take their time take it together."""
    running = system(clusters=1, set={"actuator.retry_backoff": "1h", "actuator.max_workers": "40"})
    with contextlib.ExitStack() as stack:
        servers = {case.name: stack.enter_context(HostileServer(directory, **case.server)) for case in cases}
        manifests = {case.name: running.create("operator-flags-update", cluster=register(running, case.name, servers[case.name]))
                     for case in cases}
        ended = {case.name: first_attempt(running, manifests[case.name]) for case in cases}
        # Sanitizers keep a shadow of all memory, and what was freed.
        factor = 12 if is_sanitized(running.build) else 1
        found = [f"{case.name}: {problem}" for case in cases
                 for problem in problems_of(case, servers[case.name], ended[case.name], factor * case.rss)]
        assert not found, "\n".join(found)
        # and a cluster that means well is served all the while
        done = running.wait_for_state(running.create("operator-flags-update"), "Completed", "Failed")
        assert done["state"] == "Completed", done


def test_an_api_server_that_means_ill_costs_one_attempt_bounded_time_and_memory(system, directory):
    try_all(system, directory, CASES)


def test_the_largest_answer_that_is_allowed_fits_into_a_worker(system, directory):
    try_all(system, directory, [VALUES])


def test_a_redirect_takes_the_token_nowhere(system, directory):
    running = system(clusters=1, set={"actuator.retry_backoff": "1h"})
    with HostileServer(directory, says(whole(b"{}"))) as elsewhere:
        location = f"Location: {elsewhere.url}/apis\r\n".encode()
        for status in (301, 302, 303, 307, 308):
            head = b"HTTP/1.1 %d Away\r\n" % status + location
            with HostileServer(directory, says(whole(b"{}", head))) as server:
                manifest = running.create("operator-flags-update", cluster=register(running, f"away-{status}", server))
                done = first_attempt(running, manifest)
                assert done["statusText"].startswith(f"TransientError: {status} clusteroperator kube-apiserver: a redirect"), done
                assert f"Authorization: Bearer {TOKEN}" in server.requests[0]
        assert elsewhere.requests == []


def test_a_server_that_hangs_holds_up_nobody_but_its_worker(system, directory):
    running = system(clusters=1)
    with HostileServer(directory, is_silent) as server:
        cluster = register(running, "hangs", server)
        manifest = running.create("operator-flags-update", cluster=cluster)
        running.wait_for(lambda: server.requests, what="the worker to ask")
        (worker, ) = running.workers()
        assert running.wait_for_state(running.create("operator-flags-update"), "Completed")
        start = time.monotonic()
        running.api("POST", f"/admin{cluster}/maintenanceManifests/{manifest['id']}/stop").expect(202)
        running.wait_for(lambda: worker["pid"] not in [left["pid"] for left in running.workers()], what="the worker to end")
        assert in_time(time.monotonic() - start, 20) # its request would take 30
