# SPDX-License-Identifier: Apache-2.0
"""What makes an object invalid, for the kinds and the mistakes that matter in practice.

A real server knows every field of every kind; this one knows the fields that maintenance touches. What it
refuses, it refuses with the words of Kubernetes.
"""

import base64
import binascii
import re

from . import kinds, status

DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
DATA_KEY = re.compile(r"[-._a-zA-Z0-9]+")
NAME_RULE = ("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "
             "must start and end with an alphanumeric character")
REQUIRED_KEYS = {"kubernetes.io/tls": ("tls.crt", "tls.key"),
                 "kubernetes.io/dockerconfigjson": (".dockerconfigjson",)}
JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object",
              type(None): "null"}


def check_shape(kind, obj):
    """Raise unless the parts that everything else relies on have the right types."""
    _expect(kind, obj.get("metadata", {}), dict, "metadata")
    for field in ("labels", "annotations"):
        _check_strings(kind, obj.get("metadata", {}).get(field), f"metadata.{field}")
    for field in ("spec", "status"):
        _expect(kind, obj.get(field) or {}, dict, field)
    if kind in (kinds.SECRET, kinds.CONFIG_MAP):
        _check_strings(kind, obj.get("data"), "data")
        _check_strings(kind, obj.get("stringData"), "stringData")


def unknown_fields(kind, obj):
    return [field for field in obj if field not in kind.known_fields]


def check(kind, old, new):
    """Raise 422 naming every cause, 400 for what cannot even be read."""
    causes = _name_causes(new)
    if kind is kinds.SECRET:
        causes += _secret_causes(old, new)
    if kind in (kinds.SECRET, kinds.CONFIG_MAP):
        causes += _immutable_causes(old, new)
    if kind is kinds.ARO_CLUSTER:
        causes += _operator_flag_causes(new)
    if kind is kinds.API_SERVER:
        causes += _named_certificate_causes(new)
    if causes:
        raise status.invalid(kind, new["metadata"].get("name", ""), causes)


def _name_causes(obj):
    name = obj["metadata"].get("name")
    if not name:
        return [("metadata.name", "Required value: name or generateName is required")]
    if not isinstance(name, str) or len(name) > 253 or not DNS_SUBDOMAIN.fullmatch(name):
        return [("metadata.name", f'Invalid value: "{name}": {NAME_RULE}')]
    return []


def _secret_causes(old, new):
    data = new.get("data") or {}
    for key, value in data.items():
        _check_base64(key, value)
    causes = [(f"data[{key}]", f'Invalid value: "{key}": a valid config key must consist of alphanumeric '
               "characters, '-', '_' or '.'") for key in data if not DATA_KEY.fullmatch(key)]
    secret_type = new.get("type", "Opaque")
    causes += [(f"data[{key}]", "Required value") for key in REQUIRED_KEYS.get(secret_type, ()) if key not in data]
    if old and old.get("type") != secret_type:
        causes.append(("type", f'Invalid value: "{secret_type}": field is immutable'))
    return causes


def _immutable_causes(old, new):
    if not (old and old.get("immutable")):
        return []
    forbidden = "Forbidden: field is immutable when `immutable` is set"
    return [(field, forbidden) for field in ("immutable", "data", "binaryData") if old.get(field) != new.get(field)]


def _operator_flag_causes(obj):
    return _type_causes((obj.get("spec") or {}).get("operatorflags"), "spec.operatorflags")


def _type_causes(mapping, where):
    if mapping is None:
        return []
    if not isinstance(mapping, dict):
        return [_wrong_type(mapping, where, "object")]
    return [_wrong_type(value, f"{where}.{key}", "string") for key, value in mapping.items()
            if not isinstance(value, str)]


def _named_certificate_causes(obj):
    where = "spec.servingCerts.namedCertificates"
    entries = ((obj.get("spec") or {}).get("servingCerts") or {}).get("namedCertificates") or []
    if not isinstance(entries, list):
        return [_wrong_type(entries, where, "array")]
    return [_wrong_type(entry, f"{where}[{index}]", "object") for index, entry in enumerate(entries)
            if not isinstance(entry, dict)]


def _wrong_type(value, where, expected):
    found = JSON_TYPES[type(value)]
    return where, f'Invalid value: "{found}": {where} in body must be of type {expected}: "{found}"'


def _check_base64(key, value):
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise status.bad_request('Secret in version "v1" cannot be handled as a Secret: illegal base64 data in '
                                 f'data["{key}"]') from None


def _check_strings(kind, mapping, where):
    _expect(kind, mapping or {}, dict, where)
    for key, value in (mapping or {}).items():
        _expect(kind, value, str, f"{where}.{key}")


def _expect(kind, value, wanted, where):
    if not isinstance(value, wanted):
        raise status.bad_request(
            f'{kind.name} in version "{kind.version}" cannot be handled as a {kind.name}: json: cannot unmarshal '
            f"{JSON_TYPES[type(value)]} into field {where} of type {JSON_TYPES[wanted]}")
