# SPDX-License-Identifier: Apache-2.0
"""Who asks, and what they may do.

Authentication is as in Kubernetes: a client certificate (CN is the user, O are the groups) or a bearer token.
A certificate also carries the name of its cluster as OU, so that the credentials of one practice cluster do
not open another. Authorization knows two roles: `system:masters` may do all, everybody else may read.
"""

from dataclasses import dataclass

from . import status

ADMIN_GROUP = "system:masters"
VIEWER_GROUP = "practice:viewers"
READING_VERBS = ("get", "list", "watch")
OPEN_PATHS = ("version", "healthz", "livez", "readyz")


@dataclass(frozen=True)
class User:
    name: str
    groups: tuple

    @property
    def is_admin(self):
        return ADMIN_GROUP in self.groups


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))
ADMIN = User("mimo", (ADMIN_GROUP,))
VIEWER = User("viewer", (VIEWER_GROUP,))


def authenticate(cluster_name, tokens, authorization, certificate):
    """The user behind a request; ANONYMOUS without credentials; raises 401 for wrong ones."""
    if authorization:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer" and token.strip() in tokens:
            return tokens[token.strip()]
        raise status.unauthorized()
    if certificate:
        return _of_certificate(cluster_name, certificate)
    return ANONYMOUS


def _of_certificate(cluster_name, certificate):
    subject = [pair for part in certificate.get("subject", ()) for pair in part]
    names = [value for key, value in subject if key == "commonName"]
    groups = tuple(value for key, value in subject if key == "organizationName")
    if not names or ("organizationalUnitName", cluster_name) not in subject:
        raise status.unauthorized()
    return User(names[0], groups)


def check_path(user, method, path, segments):
    """Whether the user may use a path that is no resource."""
    if user is ANONYMOUS and segments[0] not in OPEN_PATHS:
        raise status.unauthorized()
    if method not in ("GET", "HEAD") and not user.is_admin:
        raise status.ApiError(403, f'forbidden: User "{user.name}" cannot {method.lower()} path "{path}"')


def check_resource(user, verb, kind, namespace, name):
    if user is ANONYMOUS:
        raise status.unauthorized()
    if user.is_admin or verb in READING_VERBS:
        return
    scope = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    named = f' "{name}"' if name else ""
    details = {"kind": kind.plural}
    details.update({key: value for key, value in (("name", name), ("group", kind.group)) if value})
    raise status.ApiError(403, f'{kind.resource}{named} is forbidden: User "{user.name}" cannot {verb} resource '
                          f'"{kind.plural}" in API group "{kind.group}" {scope}', details=details)


def review(user, resource, body):
    """The answers behind `kubectl auth can-i` and `kubectl auth whoami`; None for any other resource."""
    if not isinstance(body, dict):
        return None
    if resource == ["apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"]:
        attributes = (body.get("spec") or {}).get("resourceAttributes") or {}
        allowed = user.is_admin or attributes.get("verb") in READING_VERBS
        return dict(body, status={"allowed": allowed})
    if resource == ["apis", "authentication.k8s.io", "v1", "selfsubjectreviews"]:
        return dict(body, status={"userInfo": {"username": user.name, "groups": list(user.groups)}})
    return None
