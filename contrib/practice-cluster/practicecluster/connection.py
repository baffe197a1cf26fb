# SPDX-License-Identifier: Apache-2.0
"""One client's connection: HTTP/1.1 over TLS, and the kinds of trouble that happen on the wire."""

import json
import select
import socket
import ssl
import struct
import time
from http.client import responses
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs

from . import requestlog, status, trouble
from .api import Request, error_response
from .watch import Watcher

BODY_LIMIT = 3 * 1024 * 1024
HANDSHAKE_TIMEOUT = 30
PIECE = b" " * 65536
BOOKMARK_INTERVAL = 60 # seconds; as often as a real server does
GONE = select.POLLRDHUP | select.POLLHUP | select.POLLERR


class CutShort(Exception):
    """Ends the connection without any goodbye: the client left, or a rule wants it so."""


class Connection(BaseHTTPRequestHandler):
    """`server` is the cluster; `number` tells connections apart in the log."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def __init__(self, tls_socket, address, cluster, number):
        self.number = number
        self.certificate = tls_socket.getpeercert()
        super().__init__(tls_socket, address, cluster)

    # ---- a request ----

    def do_GET(self):
        try:
            request = self._request()
        except status.ApiError as error:
            self.close_connection = True
            self._send(error_response(error))
            return
        cluster = self.server
        cluster.identify(request, self.certificate)
        response = cluster.control(request)
        if response:
            self._send(response)
        else:
            self._answer(request, cluster.pick_trouble(request))

    do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = do_OPTIONS = do_GET

    def _request(self):
        path, _, query = self.path.partition("?")
        body = self._body()
        return Request(self.command, path, parse_qs(query, keep_blank_values=True), self.headers, body)

    def _body(self):
        if (self.headers.get("Transfer-Encoding") or "").lower() == "chunked":
            return self._chunked_body()
        length = self.headers.get("Content-Length") or "0"
        if not length.isdigit():
            raise status.bad_request("Content-Length is not a number")
        return self._read(int(length), 0)

    def _chunked_body(self):
        body = b""
        while True:
            line = self.rfile.readline(1024).split(b";")[0].strip()
            try:
                length = int(line, 16)
            except ValueError:
                raise status.bad_request("malformed chunk") from None
            if length == 0:
                break
            body += self._read(length, len(body))
            self.rfile.readline(1024)
        while self.rfile.readline(65536).strip():
            pass
        return body

    def _read(self, length, already):
        if length + already > BODY_LIMIT:
            raise status.ApiError(413, f"Request entity too large: limit is {BODY_LIMIT}")
        data = self.rfile.read(length) if length else b""
        if len(data) < length:
            raise CutShort("the connection ended within a request")
        return data

    # ---- its answer ----

    def _answer(self, request, rule):
        """Carry the request out and answer it, as far as the rule lets that happen."""
        api = self.server.api
        outcome = api.handle(request) if rule.carry_out else None
        if rule.delay_ms and not self._pause(rule.delay_ms / 1000):
            self._log(request, rule, outcome, None, "the client did not wait for the answer")
            raise CutShort()
        if not (outcome or rule.replaces_answer):
            outcome = api.handle(request)
        answer = self.server.replacement(rule) if rule.replaces_answer else outcome
        self._log(request, rule, outcome, answer)
        if answer and answer.watch:
            self._watch(answer.watch)
        else:
            self._deliver(answer, rule)

    def _log(self, request, rule, outcome, answer, error=None):
        record = requestlog.of_request(self.number, request, rule, outcome, answer)
        self.server.log.add(dict(record, error=error))

    def _deliver(self, answer, rule):
        if rule.reset:
            self._reset_at_close()
        if rule.certificate:
            self.server.certificates.show_next(rule.certificate)
        if rule.no_http:
            self.wfile.write(b"\x15\x03\x01 this is no HTTP\r\n\r\n")
        if answer:
            self._send(answer, rule)
        if rule.half or not answer:
            raise CutShort()

    def _send(self, response, rule=trouble.NO_TROUBLE):
        padding = max(0, (rule.huge_bytes or 0) - len(response.body))
        head = self._head(response, rule, padding + len(response.body))
        if self.command == "HEAD":
            self.wfile.write(head)
        elif rule.half:
            self.wfile.write(head + response.body[:len(response.body) // 2])
        elif rule.slow_bytes_ms is not None:
            self._write_slowly(head + response.body, rule.slow_bytes_ms / 1000)
        else:
            self.wfile.write(head)
            self._write_body(response.body, padding, rule.chunked)
        self.wfile.flush()

    def _head(self, response, rule, length):
        headers = {"Content-Type": response.content_type, "Cache-Control": "no-cache, private"}
        if rule.chunked:
            headers["Transfer-Encoding"] = "chunked"
        else:
            headers["Content-Length"] = length
        if self.close_connection:
            headers["Connection"] = "close"
        headers.update(response.headers)
        headers.update(rule.headers or {})
        lines = [f"HTTP/1.1 {response.code} {responses.get(response.code, 'Practice')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join(lines + ["", ""]).encode("latin-1", "replace")

    def _write_body(self, body, padding, chunked):
        write = self._write_chunk if chunked else self.wfile.write
        while padding > 0:
            write(PIECE[:padding])
            padding -= len(PIECE)
        write(body)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _write_chunk(self, data):
        if data:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _write_slowly(self, data, pause):
        for position in range(len(data)):
            self.wfile.write(data[position:position + 1])
            self.wfile.flush()
            if not self._pause(pause):
                raise CutShort()

    def _pause(self, seconds):
        """Whether the client is still there afterwards."""
        poller = select.poll()
        poller.register(self.connection.fileno(), GONE)
        return not poller.poll(seconds * 1000)

    def _reset_at_close(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    # ---- watching ----

    def _watch(self, watch):
        deadline = time.monotonic() + watch.timeout if watch.timeout else None
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        with Watcher(self.server.store, watch) as watcher:
            self._send_events(watcher.initial_events())
            while not watcher.ended:
                pause = BOOKMARK_INTERVAL if watch.bookmarks else None
                if deadline is not None:
                    remaining = max(0, deadline - time.monotonic())
                    pause = remaining if pause is None else min(pause, remaining)
                if self._await_change(watcher, pause):
                    self._send_events(watcher.events())
                elif watch.bookmarks:
                    self._send_events([watcher.bookmark()])
                if deadline is not None and time.monotonic() >= deadline:
                    break
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _send_events(self, events):
        for event in events:
            self._write_chunk(json.dumps(event).encode() + b"\n")
        self.wfile.flush()

    def _await_change(self, watcher, seconds):
        """False when the time is over; raises when the client is gone."""
        poller = select.poll()
        poller.register(watcher, select.POLLIN)
        poller.register(self.connection.fileno(), GONE)
        ready = dict(poller.poll(None if seconds is None else seconds * 1000))
        if self.connection.fileno() in ready:
            raise CutShort()
        if watcher.fileno() in ready:
            watcher.acknowledge()
        return bool(ready)

    # ---- what the base class asks for ----

    def send_error(self, code, message=None, explain=None):
        """Requests that cannot be read at all."""
        self.command = self.command or ""
        self.close_connection = True
        self._send(error_response(status.ApiError(code, message or responses.get(code, ""))))

    def log_message(self, *_):
        pass


def serve(raw_socket, address, cluster, number, opened):
    """Everything of a connection, from the handshake on, in its own thread.

    `opened` is told the TLS socket, so that somebody else can end the connection.
    """
    try:
        context = cluster.certificates.next_context()
        tls_socket = context.wrap_socket(raw_socket, server_side=True, do_handshake_on_connect=False)
    except OSError:
        raw_socket.close()
        return
    opened.add(tls_socket)
    try:
        tls_socket.settimeout(HANDSHAKE_TIMEOUT)
        tls_socket.do_handshake()
        tls_socket.settimeout(None)
    except OSError as error:
        cluster.log.add(requestlog.of_failed_connection(number, f"TLS handshake: {error}"))
    else:
        _serve_requests(tls_socket, address, cluster, number)
    finally:
        opened.discard(tls_socket)
        tls_socket.close()


def _serve_requests(tls_socket, address, cluster, number):
    try:
        Connection(tls_socket, address, cluster, number)
        _say_goodbye(tls_socket)
    except (CutShort, OSError, ValueError):
        pass  # clients may leave whenever they like


def _say_goodbye(tls_socket):
    """Send the end of the TLS stream without waiting for the client's."""
    tls_socket.settimeout(0)
    try:
        tls_socket.unwrap()
    except ssl.SSLError:
        pass

