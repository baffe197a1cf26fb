# SPDX-License-Identifier: Apache-2.0
"""Discovery: the documents from which kubectl learns which resources there are and what they are called.

`kubectl get co` works because /apis/config.openshift.io/v1 lists `clusteroperators` with the short name `co`.
The OpenAPI documents are small: they name the kinds and say that PATCH knows `dryRun` and `fieldValidation`,
which is what `kubectl apply` looks for. They do not describe the fields of the kinds.
"""

from . import kinds
from .protobuf import nested, text

VERSION = {
    "major": "1", "minor": "29", "gitVersion": "v1.29.11+practice", "gitCommit": "practice", "gitTreeState": "clean",
    "buildDate": "2024-11-20T00:00:00Z", "goVersion": "none", "compiler": "none", "platform": "linux/amd64",
}
VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
PATCH_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation", "force")
OPENAPI_V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
GROUPS = sorted({group for group, _ in kinds.GROUP_VERSIONS if group})


def document(segments):
    """The discovery document at a path, or None."""
    if segments == ["version"]:
        return VERSION
    if segments == ["api"]:
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
    if segments == ["apis"]:
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(group) for group in GROUPS]}
    if segments == ["api", "v1"]:
        return _resource_list("", "v1")
    if len(segments) == 2 and segments[0] == "apis" and segments[1] in GROUPS:
        return dict(_group(segments[1]), kind="APIGroup", apiVersion="v1")
    if len(segments) == 3 and segments[0] == "apis" and tuple(segments[1:]) in kinds.GROUP_VERSIONS:
        return _resource_list(*segments[1:])
    if segments[:2] == ["openapi", "v3"]:
        return _openapi_v3(segments[2:])
    return None


def _group(group):
    versions = [{"groupVersion": f"{group}/{version}", "version": version}
                for name, version in kinds.GROUP_VERSIONS if name == group]
    return {"name": group, "versions": versions, "preferredVersion": versions[0]}


def _resource_list(group, version):
    resources = []
    for kind in kinds.of_group_version(group, version):
        resources.append(_resource(kind))
        if kind.has_status:
            resources.append({"name": f"{kind.plural}/status", "singularName": "", "namespaced": kind.namespaced,
                              "kind": kind.name, "verbs": ["get", "patch", "update"]})
    group_version = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}


def _resource(kind):
    resource = {"name": kind.plural, "singularName": kind.name.lower(), "namespaced": kind.namespaced,
                "kind": kind.name, "verbs": VERBS}
    if kind.short_names:
        resource["shortNames"] = list(kind.short_names)
    return resource


# ---- OpenAPI v3, which kubectl 1.27 and later reads ----

def _openapi_v3(segments):
    if not segments:
        paths = {_root(group, version): {"serverRelativeURL": f"/openapi/v3/{_root(group, version)}"}
                 for group, version in kinds.GROUP_VERSIONS}
        return {"paths": paths}
    for group, version in kinds.GROUP_VERSIONS:
        if "/".join(segments) == _root(group, version):
            return _openapi_v3_of(group, version)
    return None


def _openapi_v3_of(group, version):
    of_version = kinds.of_group_version(group, version)
    return {
        "openapi": "3.0.0", "info": {"title": "practice cluster", "version": VERSION["gitVersion"]},
        "paths": {_path(kind): {"patch": _patch_operation(kind)} for kind in of_version},
        "components": {"schemas": {_schema_name(kind): _schema(kind) for kind in of_version}},
    }


def _patch_operation(kind):
    parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in PATCH_PARAMETERS]
    return {"parameters": parameters, "x-kubernetes-action": "patch",
            "x-kubernetes-group-version-kind": _group_version_kind(kind),
            "responses": {"200": {"description": "OK"}}}


def _schema(kind):
    properties = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
    properties.update({name: {"x-kubernetes-preserve-unknown-fields": True} for name in kind.fields})
    return {"type": "object", "properties": properties, "x-kubernetes-group-version-kind": [_group_version_kind(kind)]}


def _schema_name(kind):
    group = ".".join(reversed((kind.group or "core.api.k8s.io").split(".")))
    return f"{group}.{kind.version}.{kind.name}"


def _group_version_kind(kind):
    return {"group": kind.group, "version": kind.version, "kind": kind.name}


def _root(group, version):
    return f"apis/{group}/{version}" if group else f"api/{version}"


def _path(kind):
    namespace = "/namespaces/{namespace}" if kind.namespaced else ""
    return f"/{_root(kind.group, kind.version)}{namespace}/{kind.plural}/{{name}}"


# ---- OpenAPI v2, which older kubectl reads as protobuf only ----

def openapi_v2_json():
    parameters = [{"name": name, "in": "query", "type": "string"} for name in PATCH_PARAMETERS]
    paths = {_path(kind): {"patch": dict(_patch_operation(kind), parameters=parameters)} for kind in kinds.KINDS}
    return {"swagger": "2.0", "info": {"title": "practice cluster", "version": VERSION["gitVersion"]},
            "paths": paths, "definitions": {}}


def openapi_v2_protobuf():
    """The same as a message `openapi.v2.Document`; the numbers are those of its definition."""
    info = text(1, "practice cluster") + text(2, VERSION["gitVersion"])
    paths = b"".join(nested(2, text(1, _path(kind)) + nested(2, nested(8, _patch_message(kind))))
                     for kind in kinds.KINDS)
    return text(1, "2.0") + nested(2, info) + nested(8, paths) + nested(9, b"")


def _patch_message(kind):
    parameters = b"".join(nested(8, _query_parameter(name)) for name in PATCH_PARAMETERS)
    yaml = "".join(f"{key}: \"{value}\"\n" for key, value in _group_version_kind(kind).items())
    extension = text(1, "x-kubernetes-group-version-kind") + nested(2, text(2, yaml))
    return parameters + nested(13, extension)


def _query_parameter(name):
    return nested(1, nested(2, nested(3, text(2, "query") + text(4, name) + text(6, "string"))))
