# SPDX-License-Identifier: Apache-2.0
"""Create, update, patch, apply and delete: the rules by which many clients change objects without locks.

Every object carries the number of its last change, `metadata.resourceVersion`. A client that writes sends
back the number that it read; when somebody else was faster the numbers differ, and the server answers 409
Conflict instead of losing the other's change. A write that changes nothing leaves the number alone.
"""

import base64
import random
import string
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone

from . import kinds, managed, patches, status, validation

SERVER_METADATA = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds",
                   "managedFields")


@dataclass
class Target:
    """Which object a request is about, and how it wants it written."""
    kind: kinds.Kind
    namespace: str = None
    name: str = None
    subresource: str = None
    manager: str = "unknown"
    operation: str = "Update"
    dry_run: bool = False
    force: bool = False
    field_validation: str = "Warn"
    warnings: list = field(default_factory=list)


def timestamp():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def require(store, target):
    obj = store.get(target.kind, target.namespace, target.name)
    if obj is None:
        raise status.not_found(target.kind, target.name)
    return obj


def create(store, target, obj):
    with store.lock:
        obj = _incoming(target, obj)
        metadata = obj["metadata"]
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + _random_suffix()
        if metadata.get("resourceVersion"):
            raise status.ApiError(500, "resourceVersion should not be set on objects to be created")
        for key in SERVER_METADATA:
            metadata.pop(key, None)
        if target.kind.custom:
            obj.pop("status", None)
        return _store_new(store, target, obj)


def _store_new(store, target, obj):
    kind, metadata = target.kind, obj["metadata"]
    obj = _normalized(kind, obj)
    validation.check(kind, None, obj)
    if kind.namespaced and store.get(kinds.NAMESPACE, None, target.namespace) is None:
        raise status.not_found(kinds.NAMESPACE, target.namespace)
    if store.get(kind, target.namespace, metadata["name"]) is not None:
        raise status.already_exists(kind, metadata["name"])
    metadata["uid"] = str(uuid.uuid4())
    metadata["creationTimestamp"] = timestamp()
    if kind.custom:
        metadata["generation"] = 1
    if target.dry_run:
        return obj
    _note_manager(store, target, {}, obj)
    return store.put(kind, obj)


def update(store, target, obj):
    """PUT: the whole object."""
    with store.lock:
        old = require(store, target)
        obj = _incoming(target, obj)
        if not obj["metadata"].get("resourceVersion") and target.kind.custom:
            raise status.invalid(target.kind, target.name, [
                ("metadata.resourceVersion", "Invalid value: 0x0: must be specified for an update")])
        return _replace(store, target, old, obj)


def patch(store, target, media_type, body):
    """PATCH of one of the three kinds that need the object to exist."""
    with store.lock:
        old = require(store, target)
        return _replace(store, target, old, _incoming(target, _patched(target, old, media_type, body)))


def _patched(target, old, media_type, body):
    try:
        if media_type == patches.JSON_PATCH:
            new = patches.json_patch(old, body)
        elif media_type == patches.MERGE_PATCH:
            new = patches.merge(old, body)
        else:
            new = patches.strategic_merge(old, body)
    except patches.TestFailed as error:
        raise status.ApiError(422, "the server rejected our request due to an error in our request: "
                              f"{error}") from None
    if not isinstance(new, dict):
        raise status.bad_request("the patch does not leave an object")
    return new


def apply(store, target, body):
    """Server-side apply: creates what is missing; a field has one owner unless all agree on its value."""
    with store.lock:
        if not isinstance(body, dict):
            raise status.bad_request("an apply patch is an object")
        target.operation = "Apply"
        old = store.get(target.kind, target.namespace, target.name)
        if old is None:
            return create(store, target, patches.merge({"metadata": {"name": target.name}}, body)), True
        owners = store.owners(target.kind, target.namespace, target.name)
        conflicts = patches.apply_conflicts(old, body, owners, target.manager)
        if conflicts and not target.force:
            raise _apply_conflict(conflicts)
        merged, new_owners = patches.apply(old, body, owners, target.manager)
        new = _replace(store, target, old, _incoming(target, merged), new_owners)
        if not target.dry_run:
            owners.clear()
            owners.update(new_owners)
        return new, False


def _apply_conflict(conflicts):
    named = [f'conflict with "{manager}": .{".".join(path)}' for manager, path in conflicts]
    causes = [{"reason": "FieldManagerConflict", "message": f'conflict with "{manager}"',
               "field": "." + ".".join(path)} for manager, path in conflicts]
    plural = "s" if len(named) > 1 else ""
    return status.ApiError(409, f"Apply failed with {len(named)} conflict{plural}: {', '.join(named)}",
                           details={"causes": causes})


def delete(store, target, options):
    with store.lock:
        obj = require(store, target)
        _check_preconditions(target, obj, options.get("preconditions") or {})
        if target.dry_run:
            return obj
        if obj["metadata"].get("finalizers"):
            metadata = dict(obj["metadata"], deletionTimestamp=timestamp(), deletionGracePeriodSeconds=0)
            return store.put(target.kind, dict(obj, metadata=metadata))
        if target.kind is kinds.NAMESPACE:
            _empty_namespace(store, target.name)
        store.remove(target.kind, obj)
        return obj


def touch(store, target):
    """Change an object a little, as somebody else might: its readers then hold an old version."""
    with store.lock:
        obj = store.get(target.kind, target.namespace, target.name)
        if obj is not None:
            annotations = dict(obj["metadata"].get("annotations") or {})
            annotations["practice.test/touched"] = str(store.version + 1)
            store.put(target.kind, dict(obj, metadata=dict(obj["metadata"], annotations=annotations)))


def _incoming(target, obj):
    """The object as the client sent it, checked against the URL and cleaned; a new outermost layer."""
    kind = target.kind
    if not isinstance(obj, dict):
        raise status.bad_request("the object provided is unrecognized (must be an object)")
    obj = dict(obj)
    _check_type(kind, obj)
    validation.check_shape(kind, obj)
    _handle_unknown_fields(target, obj)
    obj["metadata"] = dict(obj.get("metadata") or {})
    for key in ("managedFields", "selfLink"):
        obj["metadata"].pop(key, None)
    _check_place(target, obj["metadata"])
    return obj


def _check_type(kind, obj):
    for key, what, expected in (("apiVersion", "API version", kind.api_version), ("kind", "kind", kind.name)):
        given = obj.get(key) or (None if kind.custom else expected)
        if given is None:
            raise status.bad_request(f"Object '{key[0].upper() + key[1:]}' is missing")
        if given != expected:
            raise status.bad_request(f"the {what} in the data ({given}) does not match the expected {what} "
                                     f"({expected})")
        obj[key] = expected


def _handle_unknown_fields(target, obj):
    unknown = validation.unknown_fields(target.kind, obj)
    if unknown and target.field_validation == "Strict":
        names = ", ".join(f'unknown field "{name}"' for name in unknown)
        raise status.bad_request(f'{target.kind.name} in version "{target.kind.version}" cannot be handled as a '
                                 f"{target.kind.name}: strict decoding error: {names}")
    for name in unknown:
        del obj[name]
        if target.field_validation == "Warn":
            target.warnings.append(f'unknown field "{name}"')


def _check_place(target, metadata):
    if target.name and metadata.setdefault("name", target.name) != target.name:
        raise status.bad_request(f"the name of the object ({metadata['name']}) does not match the name on the URL "
                                 f"({target.name})")
    if not target.kind.namespaced:
        metadata.pop("namespace", None)
    elif (metadata.get("namespace") or target.namespace) != target.namespace:
        raise status.bad_request("the namespace of the provided object does not match the namespace sent on the "
                                 "request")
    else:
        metadata["namespace"] = target.namespace


def _replace(store, target, old, new, owners=None):
    """`owners`: who owns what afterwards, where that does not follow from what changed."""
    _check_version(target, old["metadata"], new["metadata"])
    for key in SERVER_METADATA:
        new["metadata"].pop(key, None)
        if key in old["metadata"]:
            new["metadata"][key] = old["metadata"][key]
    new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
    new = _only_what_may_change(target, old, _normalized(target.kind, new))
    validation.check(target.kind, old, new)
    if new == old or target.dry_run:
        return new
    if target.kind.custom and _beside_status(new) != _beside_status(old):
        new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
    _note_manager(store, target, old, new, owners)
    stored = store.put(target.kind, new)
    if new["metadata"].get("deletionTimestamp") and not new["metadata"].get("finalizers"):
        store.remove(target.kind, stored)
    return stored


def _check_version(target, old, new):
    if new.get("uid") not in (None, "", old["uid"]):
        raise status.conflict(target.kind, target.name, f"Precondition failed: UID in precondition: {new['uid']}, "
                              f"UID in object meta: {old['uid']}")
    if new.get("resourceVersion") not in (None, "", old["resourceVersion"]):
        raise status.conflict(target.kind, target.name)


def _check_preconditions(target, obj, wanted):
    for key, title in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        given, current = wanted.get(key), obj["metadata"][key]
        if given not in (None, "", current):
            raise status.conflict(target.kind, target.name, f"Precondition failed: {title} in precondition: {given}, "
                                  f"{title} in object meta: {current}")


def _only_what_may_change(target, old, new):
    """`/status` changes the status alone, and the object's own path everything but the status."""
    if not target.kind.has_status:
        return new
    taken, kept = (new, old) if target.subresource == "status" else (old, new)
    result = {key: value for key, value in kept.items() if key != "status"}
    if taken.get("status") is not None:
        result["status"] = taken["status"]
    if target.subresource == "status":
        result["metadata"] = dict(old["metadata"])
    return result


def _beside_status(obj):
    return {key: value for key, value in obj.items() if key not in ("metadata", "status")}


def _normalized(kind, obj):
    """Defaults, and `stringData` moved to `data`."""
    if kind is kinds.SECRET:
        plain = obj.pop("stringData", None) or {}
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
        if encoded or obj.get("data"):
            obj["data"] = {**(obj.get("data") or {}), **encoded}
        obj.setdefault("type", "Opaque")
    if kind is kinds.NAMESPACE:
        obj.setdefault("spec", {"finalizers": ["kubernetes"]})
        obj.setdefault("status", {"phase": "Active"})
        labels = dict(obj["metadata"].get("labels") or {})
        labels["kubernetes.io/metadata.name"] = obj["metadata"].get("name", "")
        obj["metadata"]["labels"] = labels
    return {key: value for key, value in obj.items() if value is not None}


def _note_manager(store, target, old, new, new_owners=None):
    metadata = new["metadata"]
    owners = store.owners(target.kind, metadata.get("namespace"), metadata["name"])
    moved = new_owners or patches.moved_ownership(old, new, owners, target.manager)
    owners.clear()
    owners.update(moved)
    metadata["managedFields"] = managed.entries(moved, metadata.get("managedFields") or [], target.kind.api_version,
                                                (target.manager, target.operation), timestamp())


def _empty_namespace(store, namespace):
    for kind in kinds.KINDS:
        if kind.namespaced:
            for obj in store.list(kind, namespace)[0]:
                store.remove(kind, obj)


def _random_suffix():
    return "".join(random.choices(string.ascii_lowercase + string.digits, k=5))
