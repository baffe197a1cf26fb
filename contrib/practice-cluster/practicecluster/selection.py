# SPDX-License-Identifier: Apache-2.0
"""Label and field selectors, as in `kubectl get -l app=x,tier!=y` and `--field-selector metadata.name=z`."""

import re

from . import kinds, status

SET_TERM = re.compile(r"([^\s!=]+)\s+(in|notin)\s+\(([^)]*)\)")
EQUALITY_TERM = re.compile(r"([^\s!=]+)\s*(==|=|!=)\s*([^\s,=]*)")
EXISTENCE_TERM = re.compile(r"(!?)\s*([^\s!=]+)")
SELECTABLE = ("metadata.name", "metadata.namespace")


def selector(kind, labels, fields):
    """A function that says whether an object is selected. Raises 400 for a selector that cannot be read."""
    tests = [_label_test(term) for term in _split(labels)]
    tests += [_field_test(kind, term) for term in _split(fields)]
    return lambda obj: all(test(obj) for test in tests)


def _split(text):
    """Split at commas, except those inside of parentheses."""
    return [term.strip() for term in re.split(r",(?![^(]*\))", text or "") if term.strip()]


def _label_test(term):
    if match := SET_TERM.fullmatch(term):
        key, operator, values = match.groups()
        allowed = {value.strip() for value in values.split(",")}
        return lambda obj: (_labels(obj).get(key) in allowed) == (operator == "in")
    if match := EQUALITY_TERM.fullmatch(term):
        key, operator, value = match.groups()
        return lambda obj: (_labels(obj).get(key) == value) == (operator != "!=")
    if match := EXISTENCE_TERM.fullmatch(term):
        negated, key = match.groups()
        return lambda obj: (key in _labels(obj)) != bool(negated)
    raise status.bad_request(f"unable to parse requirement: {term}")


def _labels(obj):
    return obj["metadata"].get("labels") or {}


def _field_test(kind, term):
    match = EQUALITY_TERM.fullmatch(term)
    if not match:
        raise status.bad_request(f"invalid selector: '{term}'; can't understand '{term}'")
    path, operator, value = match.groups()
    if not _selectable(kind, path):
        raise status.bad_request(f'"{path}" is not a known field selector: only "metadata.name", "metadata.namespace"')
    return lambda obj: (_field(obj, path) == value) == (operator != "!=")


def _selectable(kind, path):
    return path in SELECTABLE or kind is kinds.EVENT or (kind is kinds.SECRET and path == "type")


def _field(obj, path):
    for part in path.split("."):
        obj = obj.get(part) if isinstance(obj, dict) else None
    return obj or ""
