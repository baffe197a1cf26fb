# SPDX-License-Identifier: Apache-2.0
"""The files from which clients start: where the cluster is, whom to trust, who they are.

Four for each cluster, one for each way in which kubeconfig files can say it:

    NAME.kubeconfig         client certificate, everything embedded
    NAME-token.kubeconfig   bearer token
    NAME-files.kubeconfig   client certificate, as references to files beside it
    NAME-viewer.kubeconfig  bearer token of a user who may only read
"""

import base64
import secrets

from . import identity, tls
from .files import write_private

SUFFIXES = {"kubeconfig": "", "tokenKubeconfig": "-token", "filesKubeconfig": "-files", "viewerKubeconfig": "-viewer"}

TEMPLATE = """\
apiVersion: v1
kind: Config
clusters:
- name: "{name}"
  cluster:
    server: {server}
    {authority}
users:
- name: "{user}"
  user:
{credentials}
contexts:
- name: "{name}"
  context:
    cluster: "{name}"
    user: "{user}"
    namespace: default
current-context: "{name}"
"""


def paths(directory, name):
    return {key: directory / f"{name}{suffix}.kubeconfig" for key, suffix in SUFFIXES.items()}


def tokens(directory, name):
    """The bearer tokens of a cluster, {token: user}; kept from run to run."""
    return {_token(directory / f"{name}-{role}.token"): user
            for role, user in (("admin", identity.ADMIN), ("viewer", identity.VIEWER))}


def _token(path):
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32) + "\n")
    return path.read_text().strip()


def write(directory, name, server, authority):
    """Write the four files of a cluster and, where it is missing, its client certificate."""
    key_path, certificate_path = tls.client_certificate(authority, name, directory)
    by_user = {user: token for token, user in tokens(directory, name).items()}
    embedded = f"certificate-authority-data: {_embedded(directory / 'ca.crt')}"
    users = {
        "kubeconfig": ("mimo", embedded, {"client-certificate-data": _embedded(certificate_path),
                                          "client-key-data": _embedded(key_path)}),
        "tokenKubeconfig": ("mimo", embedded, {"token": by_user[identity.ADMIN]}),
        "filesKubeconfig": ("mimo", "certificate-authority: ca.crt", {"client-certificate": certificate_path.name,
                                                                      "client-key": key_path.name}),
        "viewerKubeconfig": ("viewer", embedded, {"token": by_user[identity.VIEWER]}),
    }
    for key, path in paths(directory, name).items():
        user, trust, credentials = users[key]
        lines = "\n".join(f"    {field}: \"{value}\"" for field, value in credentials.items())
        write_private(path, TEMPLATE.format(name=name, server=server, authority=trust, user=user, credentials=lines))


def _embedded(path):
    return base64.b64encode(path.read_bytes()).decode()
