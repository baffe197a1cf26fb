# SPDX-License-Identifier: Apache-2.0
"""The kinds of PATCH that Kubernetes knows, as functions from an old object to a new one.

None of them changes its arguments: what is stored stays as it is until the result has passed validation.
"""

import copy

from . import status

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


class TestFailed(Exception):
    """The patch was well formed, but it does not fit the object."""


def merge(old, patch):
    """JSON merge patch, RFC 7386: null removes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


# ---- strategic merge patch: as merge patch, with directives, and with some lists merged as sets ----

MERGED_LISTS = ("finalizers",)


def strategic_merge(old, patch):
    if not isinstance(patch, dict):
        return patch
    directive = patch.get("$patch")
    if directive == "delete":
        return {}
    merged = dict(old) if isinstance(old, dict) and directive != "replace" else {}
    if "$retainKeys" in patch:
        merged = {key: value for key, value in merged.items() if key in patch["$retainKeys"]}
    for key, value in patch.items():
        _strategic_entry(merged, key, value)
    return merged


def _strategic_entry(merged, key, value):
    if key.startswith("$deleteFromPrimitiveList/"):
        field = key.split("/", 1)[1]
        merged[field] = [entry for entry in merged.get(field, []) if entry not in value]
    elif key.startswith("$"):
        pass
    elif value is None:
        merged.pop(key, None)
    elif isinstance(value, list) and key in MERGED_LISTS:
        old = merged.get(key, [])
        merged[key] = old + [entry for entry in value if entry not in old]
    elif isinstance(value, dict) and value.get("$patch") == "delete":
        merged.pop(key, None)
    else:
        merged[key] = strategic_merge(merged.get(key), value)


# ---- JSON patch, RFC 6902 ----

def json_patch(old, operations):
    if not isinstance(operations, list) or not all(isinstance(entry, dict) for entry in operations):
        raise status.bad_request("json: a JSON patch is an array of operations")
    document = copy.deepcopy(old)
    for operation in operations:
        document = _json_operation(document, operation)
    return document


def _json_operation(document, operation):
    name, path = operation.get("op"), _pointer(operation.get("path"))
    if name in ("add", "replace", "test") and "value" not in operation:
        raise status.bad_request(f'the "{name}" operation of a JSON patch needs a value')
    if name == "add":
        return _add(document, path, operation["value"])
    if name == "remove":
        return _remove(document, path)
    if name == "replace":
        return _add(_remove(document, path), path, operation["value"])
    if name == "test":
        if _look_up(document, path) != operation["value"]:
            raise TestFailed(f"testing value {operation['path']} failed")
        return document
    if name in ("move", "copy"):
        return _move_or_copy(document, name, _pointer(operation.get("from")), path)
    raise status.bad_request(f"Unexpected kind: {name}")


def _move_or_copy(document, name, source, path):
    value = copy.deepcopy(_look_up(document, source))
    if name == "move":
        document = _remove(document, source)
    return _add(document, path, value)


def _pointer(text):
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise status.bad_request("a JSON patch needs paths which start with /")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _look_up(document, path):
    for part in path:
        document = _member(document, part)
    return document


def _member(container, part):
    try:
        return container[_index(container, part)]
    except (KeyError, IndexError, TypeError):
        raise TestFailed(f"path does not exist: {part}") from None


def _index(container, part):
    if not isinstance(container, list):
        return part
    if not part.isdigit():
        raise TestFailed(f"not an index: {part}")
    return int(part)


def _add(document, path, value):
    if not path:
        return value
    parent, last = _look_up(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        at = len(parent) if last == "-" else _index(parent, last)
        if at > len(parent):
            raise TestFailed(f"index out of range: {last}")
        parent.insert(at, value)
    elif isinstance(parent, dict):
        parent[last] = value
    else:
        raise TestFailed(f"cannot add to {'/'.join(path[:-1])}")
    return document


def _remove(document, path):
    if not path:
        return None
    _look_up(document, path)
    parent = _look_up(document, path[:-1])
    del parent[_index(parent, path[-1])]
    return document


# ---- server-side apply: every field has the manager who set it last ----

def leaves(obj, prefix=()):
    """{path: value} of everything below `obj` that is no object itself; lists count as one value."""
    found = {}
    for key, value in obj.items():
        if isinstance(value, dict) and value:
            found.update(leaves(value, prefix + (key,)))
        else:
            found[prefix + (key,)] = value
    return found


def managed_leaves(obj):
    """The leaves which can have a manager: not those that identify the object or belong to the server."""
    managed = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind", "metadata")}
    metadata = obj.get("metadata") or {}
    managed["metadata"] = {key: metadata[key] for key in ("labels", "annotations", "finalizers") if metadata.get(key)}
    return leaves({key: value for key, value in managed.items() if key != "metadata" or value})


def apply_conflicts(old, applied, owners, manager):
    """[(other manager, path)] of the fields that somebody else holds with another value."""
    current, wanted = managed_leaves(old), managed_leaves(applied)
    return [(other, path) for other, paths in owners.items() if other != manager
            for path in sorted(paths & wanted.keys()) if current.get(path) != wanted[path]]


def apply(old, applied, owners, manager):
    """The new object, and who owns what in it. Conflicts have been settled before."""
    wanted = managed_leaves(applied)
    current = managed_leaves(old)
    new_owners = {other: {path for path in paths if path not in wanted or current.get(path) == wanted[path]}
                  for other, paths in owners.items() if other != manager}
    kept = set().union(*new_owners.values(), wanted)
    merged = merge(old, applied)
    for path in owners.get(manager, set()) - kept:
        merged = _without(merged, path)
    new_owners[manager] = set(wanted)
    return merged, new_owners


def _without(obj, path):
    """`obj` without the leaf at `path` and without the objects which are empty then."""
    if path[0] not in obj:
        return obj
    remaining = {key: value for key, value in obj.items() if key != path[0]}
    if len(path) > 1 and isinstance(obj[path[0]], dict):
        below = _without(obj[path[0]], path[1:])
        if below:
            remaining[path[0]] = below
    return remaining


def moved_ownership(old, new, owners, manager):
    """Who owns what after `manager` changed an object without server-side apply."""
    before, after = managed_leaves(old), managed_leaves(new)
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    moved = {other: paths - changed for other, paths in owners.items()}
    moved[manager] = moved.get(manager, set()) | (changed & after.keys())
    return moved
