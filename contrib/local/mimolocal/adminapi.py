# SPDX-License-Identifier: Apache-2.0
"""A client of the Admin API, as small as can be: tests use it to say exactly what they mean."""

import http.client
import json
import ssl
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, urlencode, urlsplit


class Unexpected(Exception):
    """An answer other than the one that the caller relies on."""


@dataclass
class Answer:
    status: int
    headers: dict
    text: str

    @property
    def document(self):
        """The body as JSON; None for a body that is none."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None

    @property
    def error_code(self):
        return ((self.document or {}).get("error") or {}).get("code")

    def expect(self, *statuses):
        """The document, if the answer has one of these status codes."""
        if self.status not in statuses:
            raise Unexpected(f"the Admin API answered {self.status}, not {statuses}: {self.text.strip()}")
        return self.document


class AdminApi:
    def __init__(self, url, token=None, cacert=None, timeout=30):
        self.url, self.token, self.cacert, self.timeout = url.rstrip("/"), token, cacert, timeout

    def with_token(self, token):
        """The same server, asked by somebody else."""
        return AdminApi(self.url, token, self.cacert, self.timeout)

    def __call__(self, method, path, body=None, query=None, headers=None):
        """One request. `body` is bytes as they are, or what becomes JSON. Adds api-version where it belongs unless
        `query` has it."""
        parts = urlsplit(self.url)
        version = {"api-version": "admin"} if path.lower().startswith("/admin") else {}
        query = {**version, **(query or {})}
        encoded = urlencode({key: value for key, value in query.items() if value is not None})
        target = quote(path) + ("?" + encoded if encoded else "")
        all_headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            all_headers["Content-Type"] = "application/json"
        all_headers.update(headers or {})
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=self.timeout,
                                                     context=ssl.create_default_context(cafile=self.cacert))
        else:
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=self.timeout)
        try:
            connection.request(method, target, body, all_headers)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read().decode("utf-8", "replace"))
        finally:
            connection.close()

    # ---- what tests and the demonstration say most often ----

    def create_manifest(self, cluster, task, **members):
        """Create a manifest for the cluster with this resource ID; returns it."""
        return self("PUT", f"/admin{cluster}/maintenanceManifests", {"maintenanceTaskID": task, **members}).expect(201)

    def manifest(self, cluster, identifier):
        return self("GET", f"/admin{cluster}/maintenanceManifests/{identifier}").expect(200)

    def manifests(self, **query):
        """All manifests of the fleet, through all pages."""
        token = None
        while True:
            page = self("GET", "/admin/maintenanceManifests", query={**query, "$skipToken": token}).expect(200)
            yield from page["value"]
            token = skip_token(page.get("nextLink"))
            if token is None:
                return

    def is_ready(self):
        try:
            return self("GET", "/healthz/ready").status == 200
        except (OSError, http.client.HTTPException):
            return False


def skip_token(link):
    """The $skipToken within a nextLink; None where there is no next page."""
    if not link:
        return None
    return parse_qs(urlsplit(link).query)["$skipToken"][0]
