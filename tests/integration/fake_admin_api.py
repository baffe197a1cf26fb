# SPDX-License-Identifier: Apache-2.0
"""An HTTPS server that answers as a test tells it to, and remembers what it was asked.

    api.answer("GET /admin/tasks", {"value": []})                      a body, 200
    api.answer("POST /x", {"error": {...}}, status=406, headers={...})
    api.answer("GET /x", first, second)                                one after the other; the last one stays
    api.answer("GET /x", lambda request: (200, {...}))                 made from the request
    api.requests                                                       all requests, oldest first

Paths are compared without their query and without regard to case. What has no answer is 404 as the Admin API says it.
"""

import http.server
import json
import ssl
import subprocess
import threading
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit


@dataclass
class Request:
    method: str
    path: str
    query: dict      # name -> value
    headers: dict    # lower-case name -> value
    body: object     # JSON, or None

    def __str__(self):
        return f"{self.method} {self.path}"


@dataclass
class Answer:
    body: object            # JSON, bytes as they are, or None
    status: int = 200
    headers: dict = None


class Drop:
    """In place of an answer: the connection is closed without one."""


def make_certificates(directory):
    """A CA (ca.crt), its certificate for 127.0.0.1 and localhost (server.pem), another CA (other.crt)."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE)

    def make_ca(name):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt")

    make_ca("ca")
    make_ca("other")
    (directory / "extensions").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=server",
            "-keyout", "server.key", "-out", "server.csr")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "extensions", "-out", "server.crt")
    (directory / "server.pem").write_text((directory / "server.crt").read_text()
                                          + (directory / "server.key").read_text())
    return directory


class FakeAdminApi:
    def __init__(self, certificates):
        self.answers, self.requests, self.cacert = {}, [], certificates / "ca.crt"
        self._lock = threading.Lock()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / "server.pem")
        self._server = _Server(("127.0.0.1", 0), _handler_of(self))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True,
                                                  do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.port = self._server.server_address[1]
        self.url = f"https://127.0.0.1:{self.port}"

    def answer(self, what, *answers, status=200, headers=None):
        """What to say to "METHOD /path" from now on."""
        self.answers[what.lower()] = [
            one if callable(one) or isinstance(one, (Answer, Drop)) else Answer(one, status, headers)
            for one in answers]

    def requests_of(self, what):
        with self._lock:
            return [request for request in self.requests if str(request).lower() == what.lower()]

    def take(self, request):
        """Remember a request and return its answer."""
        with self._lock:
            self.requests.append(request)
            answers = self.answers.get(str(request).lower())
            if not answers:
                return Answer(error("NotFound", f"nothing at {request}"), 404)
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return answer(request) if callable(answer) else answer

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def error(code, message, target=None):
    """An error's body as the Admin API has it."""
    return {"error": {"code": code, "message": message, **({"target": target} if target else {})}}


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass # clients that do not trust us, or leave


def _handler_of(api):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def _serve(self):
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = api.take(Request(self.command, parts.path, query, headers, json.loads(body) if body else None))
            if isinstance(answer, Drop):
                self.close_connection = True
                return
            self._send(answer)

        def _send(self, answer):
            text = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            headers = {"Content-Type": "application/json", "x-ms-request-id": "f00d-1", **(answer.headers or {})}
            if answer.status == 204:
                text = b""
            else:
                headers["Content-Length"] = str(len(text))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_PUT = do_POST = do_DELETE = _serve # noqa: N815 (http.server wants these names)

        def log_message(self, *arguments):
            pass

    return Handler
