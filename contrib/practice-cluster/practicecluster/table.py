# SPDX-License-Identifier: Apache-2.0
"""Tables: the server, not kubectl, decides which columns `kubectl get` prints.

kubectl asks for them with `Accept: application/json;as=Table;v=v1;g=meta.k8s.io`.
"""

from datetime import datetime, timezone

from . import kinds


def age(moment):
    """`5m`, `3h12m`, `2d`: how long ago, the way kubectl writes it."""
    if not moment:
        return "<unknown>"
    then = datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    seconds = max(0, int((datetime.now(timezone.utc) - then).total_seconds()))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 2:
        return f"{seconds}s"
    if hours < 3:
        return f"{minutes}m"
    return f"{hours}h" if days < 2 else f"{days}d"


def _age(obj):
    return age(obj["metadata"].get("creationTimestamp"))


def _condition(obj, name):
    for condition in (obj.get("status") or {}).get("conditions") or []:
        if condition.get("type") == name:
            return condition
    return {}


def _condition_status(name):
    return lambda obj: _condition(obj, name).get("status", "")


def _operator_version(obj):
    versions = (obj.get("status") or {}).get("versions") or []
    return next((entry.get("version", "") for entry in versions if entry.get("name") == "operator"), "")


def _operator_message(obj):
    """What is wrong, if something is."""
    for name, healthy in (("Available", "True"), ("Degraded", "False"), ("Progressing", "False")):
        condition = _condition(obj, name)
        if condition.get("status", healthy) != healthy:
            return condition.get("message", "")
    return ""


def _involved(obj):
    involved = obj.get("involvedObject") or {}
    return f"{involved.get('kind', '')}/{involved.get('name', '')}".lower()


def _history_version(obj):
    history = (obj.get("status") or {}).get("history") or [{}]
    return history[0].get("version", "")


CONDITIONS = [(name, _condition_status(name)) for name in ("Available", "Progressing", "Degraded")]
COLUMNS = {
    kinds.NAMESPACE: [("Status", lambda obj: (obj.get("status") or {}).get("phase", "")), ("Age", _age)],
    kinds.SECRET: [("Type", lambda obj: obj.get("type", "")), ("Data", lambda obj: len(obj.get("data") or {})),
                   ("Age", _age)],
    kinds.CONFIG_MAP: [("Data", lambda obj: len(obj.get("data") or {}) + len(obj.get("binaryData") or {})),
                       ("Age", _age)],
    kinds.EVENT: [("Last Seen", lambda obj: age(obj.get("lastTimestamp"))), ("Type", lambda obj: obj.get("type", "")),
                  ("Reason", lambda obj: obj.get("reason", "")), ("Object", _involved),
                  ("Message", lambda obj: obj.get("message", ""))],
    kinds.CLUSTER_OPERATOR: [("Version", _operator_version), *CONDITIONS,
                             ("Since", lambda obj: age(_condition(obj, "Available").get("lastTransitionTime"))),
                             ("Message", _operator_message)],
    kinds.CLUSTER_VERSION: [("Version", _history_version), *CONDITIONS[:2],
                            ("Since", lambda obj: age(_condition(obj, "Progressing").get("lastTransitionTime"))),
                            ("Status", lambda obj: _condition(obj, "Progressing").get("message", ""))],
}
DEFAULT_COLUMNS = [("Age", _age)]


def wanted(accept):
    """Whether the first acceptable form is a table."""
    first = accept.split(",")[0].replace(" ", "")
    return "as=Table" in first and "g=meta.k8s.io" in first


def build(kind, objects, version, include):
    """`include` says how much of each object comes along: Metadata (the default), Object or None."""
    columns = COLUMNS.get(kind, DEFAULT_COLUMNS)
    return {
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": str(version)},
        "columnDefinitions": [_definition("Name", "name")] + [_definition(name) for name, _ in columns],
        "rows": [_row(obj, columns, include) for obj in objects],
    }


def _definition(name, form=""):
    return {"name": name, "type": "integer" if name == "Data" else "string", "format": form, "description": name,
            "priority": 0}


def _row(obj, columns, include):
    row = {"cells": [obj["metadata"]["name"]] + [value(obj) for _, value in columns]}
    if include == "Object":
        row["object"] = obj
    elif include != "None":
        row["object"] = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
    return row
