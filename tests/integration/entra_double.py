# SPDX-License-Identifier: Apache-2.0
"""A double of Microsoft Entra ID for one tenant: the discovery document, the key set, and whoever signs tokens.

    with EntraDouble() as entra:
        server = ApiServer(build_dir, set=entra.settings())
        token = entra.token(roles=["MIMO.Reader"])
        entra.rotate()

What it serves can be put out of order: `status`, `delay`, `key_document`, `discovery` replace what a healthy authority
would do. `requests` has the paths in their order.
"""

import base64
import hashlib
import hmac
import http.server
import json
import ssl
import tempfile
import threading
import time
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from mimolocal.certificates import Issuer, pem_of

TENANT = "0f0e0d0c-0b0a-4908-8706-050403020100"
AUDIENCE = "11111111-2222-4333-8444-555555555555"
OBJECT = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
CLIENT = "cccccccc-bbbb-4ccc-8ddd-eeeeeeeeeeee"


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def bytes_of(number):
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def compact(value):
    """JSON for a part of a token; bytes are taken as they are."""
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()


class Key:
    """One key that signs tokens."""

    def __init__(self, name, bits=2048, exponent=65537):
        self.name, self.private = name, rsa.generate_private_key(public_exponent=exponent, key_size=bits)

    def document(self, **members):
        """The public half, as it stands in the key set."""
        numbers = self.private.public_key().public_numbers()
        return {"kty": "RSA", "use": "sig", "kid": self.name, "n": encode(bytes_of(numbers.n)), "e": encode(bytes_of(numbers.e)),
                "issuer": "https://login.test/", "x5t": self.name, **members}

    def public_pem(self):
        return self.private.public_key().public_bytes(serialization.Encoding.PEM,
                                                      serialization.PublicFormat.SubjectPublicKeyInfo)

    def sign(self, algorithm, data):
        if algorithm == "HS256": # with what everybody has
            return hmac.new(self.public_pem(), data, hashlib.sha256).digest()
        digest = hashes.SHA512() if algorithm == "RS512" else hashes.SHA256()
        if algorithm == "PS256":
            return self.private.sign(data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        return self.private.sign(data, padding.PKCS1v15(), digest)


class EntraDouble:
    """Use as a context manager."""

    def __init__(self):
        self._directory = tempfile.TemporaryDirectory(prefix="mimo-entra-")
        directory = Path(self._directory.name)
        directory.chmod(0o755) # the server is another user
        self.keys = [Key("key-1")]
        self.requests = []
        self._counter = 1
        self.heal()
        issuer = Issuer("Entra practice authority")
        self.ca_file, certificate = directory / "entra-ca.pem", directory / "entra.pem"
        self.ca_file.write_text(pem_of(issuer.certificate))
        self.ca_file.chmod(0o644)
        certificate.write_text(issuer.bundle("localhost", ["localhost"]))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._released = threading.Event()

    def _handler(self):
        double = self

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = 30

            def do_GET(self):
                double.requests.append(self.path)
                double._answer(self)

            def log_message(self, *_):
                pass

        return Handler

    def heal(self):
        """Everything as it should be."""
        self.status, self.delay, self.key_document, self.discovery, self.location = 200, 0.0, None, {}, None

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.02, ), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._directory.cleanup()

    @property
    def url(self):
        return f"https://localhost:{self._server.server_port}"

    @property
    def issuer(self):
        return f"{self.url}/{TENANT}/v2.0"

    @property
    def fetches(self):
        """How often the key set was asked for."""
        return sum(path.endswith("/keys") for path in self.requests)

    def settings(self, ways="token-file entra"):
        """Configuration of an Admin API that its users log in to."""
        return {"api.auth": ways, "api.entra_tenant": TENANT.upper(), "api.entra_audience": AUDIENCE,
                "api.entra_authority": self.url, "azure.ca_file": self.ca_file}

    def _answer(self, handler):
        if self.delay:
            self._released.wait(self.delay)
        if handler.path == f"/{TENANT}/v2.0/.well-known/openid-configuration":
            document = {"issuer": self.issuer, "jwks_uri": f"{self.url}/{TENANT}/discovery/v2.0/keys",
                        "token_endpoint": f"{self.url}/{TENANT}/oauth2/v2.0/token", **self.discovery}
            status = 200
        elif handler.path == f"/{TENANT}/discovery/v2.0/keys":
            document, status = {"keys": [key.document() for key in self.keys]}, self.status
            document = document if self.key_document is None else self.key_document
        else:
            document, status = {"error": "not found"}, 404
        body = compact(document)
        try:
            handler.send_response(status)
            if status in (301, 302, 307):
                handler.send_header("Location", self.location)
            handler.send_header("Content-Type", "application/json; charset=utf-8")
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
        except OSError:
            pass # the other end had enough

    # ---- signing ----

    @property
    def key(self):
        """The one that signs now."""
        return self.keys[-1]

    def rotate(self, keep=True):
        """A new key signs from now on; without `keep` the old ones are no longer shown."""
        self._counter += 1
        self.keys = (self.keys if keep else []) + [Key(f"key-{self._counter}")]

    @staticmethod
    def without_none(members):
        return {name: value for name, value in members.items() if value is not None}

    def header(self, **members):
        return self.without_none({"typ": "JWT", "alg": "RS256", "kid": self.key.name, **members})

    def claims(self, **members):
        """None takes a claim away."""
        now = int(time.time())
        return self.without_none({
            "iss": self.issuer, "aud": AUDIENCE, "tid": TENANT, "ver": "2.0", "iat": now - 5, "nbf": now - 5,
            "exp": now + 3600, "oid": OBJECT, "azp": CLIENT, "azpacr": "1", "sub": "x" * 43, "uti": "u", "rh": "0.A",
            "name": "Ann", "preferred_username": "ann@example.com", "scp": "access", "roles": ["MIMO.Operator"], **members})

    def mint(self, header, claims, algorithm="RS256", key=None):
        """A token of these two; each a dict, or bytes as they are."""
        head = f"{encode(compact(header))}.{encode(compact(claims))}"
        return f"{head}.{encode((key or self.key).sign(algorithm, head.encode()))}"

    def token(self, **claims):
        """An ordinary token, with some claims replaced."""
        return self.mint(self.header(), self.claims(**claims))
