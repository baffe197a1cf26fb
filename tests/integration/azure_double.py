# SPDX-License-Identifier: Apache-2.0
"""Doubles of Azure Key Vault, of the login of applications, and of a machine's metadata service.

They are strict: a request that the real services would refuse is refused, and stands in `violations`. They fail
as told: `fail(what, status, ...)` strikes at the next requests for "secret", "identity" or "login".
"""

import base64
import http.server
import json
import re
import ssl
import subprocess
import threading
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography import x509

from mimolocal.certificates import Issuer, pem_of

AUDIENCE = "https://vault.practice.test"
TENANT, APPLICATION, SECRET = "11111111-2222-4333-8444-555555555555", "the-application", "s3cret/+ &=%"
HEADER = "the-identity-header"


def split(bundle):
    """(key, [certificates]) of a PEM bundle."""
    blocks = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", bundle, re.DOTALL)
    certificates = [x509.load_pem_x509_certificate(block.encode()) for block in blocks]
    return serialization.load_pem_private_key(bundle.encode(), None), certificates


def as_pkcs12(bundle, encryption=serialization.NoEncryption()):
    """As Key Vault hands it out: (value, contentType)."""
    key, certificates = split(bundle)
    data = pkcs12.serialize_key_and_certificates(b"practice", key, certificates[0], certificates[1:], encryption)
    return base64.b64encode(data).decode(), "application/x-pkcs12"


def as_legacy_pkcs12(bundle):
    """With the algorithms that Key Vault uses (3DES, RC2 with 40 bits) and an empty password."""
    done = subprocess.run(["openssl", "pkcs12", "-export", "-legacy", "-passout", "pass:"], input=bundle.encode(),
                          capture_output=True, check=True)
    return base64.b64encode(done.stdout).decode(), "application/x-pkcs12"


def as_pem(bundle):
    return bundle, "application/x-pem-file"


class AzureDouble:
    """Use as a context manager."""

    def __init__(self, directory):
        self.secrets = {}    # name: (value, contentType)
        self.requests = []   # (what, path with query), in their order
        self.violations = [] # what a real service would not have taken
        self.challenge = AUDIENCE
        self.client_id = None
        self._failures, self._tokens, self._lock = [], [], threading.Lock()
        issuer = Issuer("Azure practice authority")
        self.ca_file, self.secret_file = directory / "azure-ca.pem", directory / "client-secret"
        self.ca_file.write_text(pem_of(issuer.certificate))
        self.secret_file.write_text(SECRET + "\n")
        for path in (self.ca_file, self.secret_file):
            path.chmod(0o644)
        certificate = directory / "azure.pem"
        certificate.write_text(issuer.bundle("localhost", ["localhost"]))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._plain, self._secure = self._server(), self._server()
        self._secure.socket = context.wrap_socket(self._secure.socket, server_side=True)

    def _server(self):
        double = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                double.handle(self, "")

            def do_POST(self):
                double.handle(self, self.rfile.read(int(self.headers["Content-Length"])).decode())

            def log_message(self, *_):
                pass

        return http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self):
        for server in (self._plain, self._secure):
            threading.Thread(target=server.serve_forever, args=(0.02, ), daemon=True).start()
        return self

    def __exit__(self, *_):
        for server in (self._plain, self._secure):
            server.shutdown()
            server.server_close()

    @property
    def identity_endpoint(self):
        return f"http://127.0.0.1:{self._plain.server_port}/metadata/identity/oauth2/token"

    @property
    def url(self):
        return f"https://localhost:{self._secure.server_port}"

    def settings(self):
        """Configuration of an actuator that reads from here with the machine's identity."""
        return {"tasks.certificates": f"keyvault:{self.url}", "azure.vault_audience": AUDIENCE,
                "azure.ca_file": self.ca_file, "azure.identity_endpoint": self.identity_endpoint}

    def settings_of_application(self):
        return {**self.settings(), "azure.tenant": TENANT, "azure.client_id": APPLICATION, "azure.authority": self.url,
                "azure.client_secret_file": self.secret_file}

    def fail(self, what, status, times=1, body=None, **headers):
        """The next requests for "secret", "identity" or "login" end like this; status 0 drops the connection."""
        with self._lock:
            self._failures.append([what, times, status, body, headers])

    def expire_tokens(self):
        with self._lock:
            self._tokens.clear()

    def kinds(self):
        return [what for what, _ in self.requests]

    # ---- answering ----

    def handle(self, handler, body):
        url = urlsplit(handler.path)
        query = {key: values[0] for key, values in parse_qs(url.query, keep_blank_values=True).items()}
        what, answer = "other", None
        if url.path.startswith("/secrets/"):
            what, answer = "secret", self._secret
        elif url.path.startswith("/metadata/"):
            what, answer = "identity", self._identity
        elif url.path.endswith("/oauth2/v2.0/token"):
            what, answer = "login", self._login
        with self._lock:
            self.requests.append((what, handler.path))
            failure = next((one for one in self._failures if one[0] == what and one[1] > 0), None)
            if failure:
                failure[1] -= 1
        if failure and failure[2] == 0:
            handler.close_connection = True
            return
        if failure:
            usual = {"error": {"code": "Practice", "message": "as told"}} if what == "secret" else \
                {"error": "practice", "error_description": "as told"}
            self._send(handler, failure[2], failure[3] or usual, failure[4])
        elif answer is None:
            self._violate(handler, 404, "no such service")
        else:
            answer(handler, url.path, query, body)

    def _violate(self, handler, status, text):
        self.violations.append(f"{handler.command} {handler.path}: {text}")
        self._send(handler, status, {"error": "invalid_request", "error_description": text})

    def _send(self, handler, status, document, headers=None):
        data = document.encode() if isinstance(document, str) else json.dumps(document).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    def _give_token(self, handler):
        with self._lock:
            token = f"token-{len(self.requests)}"
            self._tokens.append(token)
        self._send(handler, 200, {"access_token": token, "expires_in": "3599", "token_type": "Bearer"})

    def _identity(self, handler, path, query, body):
        hosted = handler.headers["X-IDENTITY-HEADER"]
        if hosted is None and handler.headers["Metadata"] != "true":
            return self._violate(handler, 400, "Metadata: true is missing")
        if hosted is not None and hosted != HEADER:
            return self._violate(handler, 400, "the wrong X-IDENTITY-HEADER")
        if query.pop("api-version", None) != ("2018-02-01" if hosted is None else "2019-08-01"):
            return self._violate(handler, 400, "the wrong api-version")
        if query.pop("client_id", None) != self.client_id or query != {"resource": AUDIENCE}:
            return self._violate(handler, 400, f"the wrong query: {query}")
        return self._give_token(handler)

    def _login(self, handler, path, query, body):
        form = {key: values[0] for key, values in parse_qs(body, keep_blank_values=True).items()}
        wanted = {"grant_type": "client_credentials", "client_id": APPLICATION, "client_secret": SECRET,
                  "scope": f"{AUDIENCE}/.default"}
        if path != f"/{TENANT}/oauth2/v2.0/token" or handler.command != "POST":
            return self._violate(handler, 404, "no such tenant")
        if form != wanted or handler.headers["Content-Type"] != "application/x-www-form-urlencoded":
            return self._violate(handler, 400, "AADSTS7000215: Invalid client secret provided.")
        return self._give_token(handler)

    def _secret(self, handler, path, query, body):
        token = (handler.headers["Authorization"] or "").removeprefix("Bearer ")
        if query != {"api-version": "7.4"}:
            return self._violate(handler, 400, "the wrong api-version")
        if token not in self._tokens:
            challenge = f'Bearer authorization="{self.url}/{TENANT}", resource="{self.challenge}"'
            return self._send(handler, 401, {"error": {"code": "Unauthorized", "message": "token is not valid"}},
                              {"WWW-Authenticate": challenge})
        name = path.removeprefix("/secrets/")
        if name not in self.secrets:
            message = f"A secret with (name/id) {name} was not found in this key vault."
            return self._send(handler, 404, {"error": {"code": "SecretNotFound", "message": message}})
        value, content_type = self.secrets[name]
        return self._send(handler, 200, {"value": value, "contentType": content_type, "attributes": {"enabled": True},
                                         "id": f"{self.url}{path}/0123456789abcdef"})
