# SPDX-License-Identifier: Apache-2.0
"""Just enough protobuf: newer kubectl sends some objects in it, older kubectl reads OpenAPI in it.

A message is a row of fields, each a number, a wire type and a value. `MESSAGES` gives the numbers their names
and types, after the definitions that Kubernetes publishes; fields which are not in it are skipped.
"""

import base64
from datetime import datetime, timezone

from . import status

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\x00"

# {message: {number: (name, type)}}; a type in [] is repeated, "map" and "bytes map" have text as keys.
MESSAGES = {
    "Unknown": {1: ("typeMeta", "TypeMeta"), 2: ("raw", "bytes")},
    "TypeMeta": {1: ("apiVersion", "text"), 2: ("kind", "text")},
    "ObjectMeta": {1: ("name", "text"), 2: ("generateName", "text"), 3: ("namespace", "text"), 5: ("uid", "text"),
                   6: ("resourceVersion", "text"), 7: ("generation", "number"), 8: ("creationTimestamp", "Time"),
                   11: ("labels", "map"), 12: ("annotations", "map"), 14: ("finalizers", "[text]")},
    "Time": {1: ("seconds", "number"), 2: ("nanos", "number")},
    "Secret": {1: ("metadata", "ObjectMeta"), 2: ("data", "bytes map"), 3: ("type", "text"), 4: ("stringData", "map"),
               5: ("immutable", "truth")},
    "ConfigMap": {1: ("metadata", "ObjectMeta"), 2: ("data", "map"), 3: ("binaryData", "bytes map"),
                  4: ("immutable", "truth")},
    "Namespace": {1: ("metadata", "ObjectMeta"), 2: ("spec", "NamespaceSpec"), 3: ("status", "NamespaceStatus")},
    "NamespaceSpec": {1: ("finalizers", "[text]")},
    "NamespaceStatus": {1: ("phase", "text")},
    "DeleteOptions": {1: ("gracePeriodSeconds", "number"), 2: ("preconditions", "Preconditions"),
                      4: ("propagationPolicy", "text"), 5: ("dryRun", "[text]")},
    "Preconditions": {1: ("uid", "text"), 2: ("resourceVersion", "text")},
    "SelfSubjectAccessReview": {1: ("metadata", "ObjectMeta"), 2: ("spec", "AccessReviewSpec")},
    "AccessReviewSpec": {1: ("resourceAttributes", "ResourceAttributes")},
    "ResourceAttributes": {1: ("namespace", "text"), 2: ("verb", "text"), 3: ("group", "text"),
                           4: ("version", "text"), 5: ("resource", "text"), 6: ("subresource", "text"),
                           7: ("name", "text")},
    "SelfSubjectReview": {1: ("metadata", "ObjectMeta")},
}
MAP_ENTRY = {"map": {1: ("key", "text"), 2: ("value", "text")},
             "bytes map": {1: ("key", "text"), 2: ("value", "base64")}}


def decode(body):
    """The object in a request's body, as JSON would have it."""
    try:
        if not body.startswith(MAGIC):
            raise ValueError("the magic bytes are missing")
        envelope = _message(body[len(MAGIC):], MESSAGES["Unknown"])
        kind = envelope["typeMeta"]["kind"]
        return {**envelope["typeMeta"], **_message(envelope.get("raw", b""), MESSAGES[kind])}
    except (ValueError, KeyError, IndexError) as error:
        raise status.bad_request(f"the protobuf body cannot be read: {error!r}") from None


def _message(data, fields):
    message = {}
    for number, value in _split(data):
        if number not in fields:
            continue
        name, kind = fields[number]
        if kind.startswith("["):
            message.setdefault(name, []).append(_value(value, kind[1:-1]))
        elif kind in MAP_ENTRY:
            entry = _message(value, MAP_ENTRY[kind])
            message.setdefault(name, {})[entry.get("key", "")] = entry.get("value", "")
        else:
            message[name] = _value(value, kind)
    # Go writes empty texts, which JSON leaves out.
    return {name: value for name, value in message.items() if value not in ("", None)}


def _value(value, kind):
    if kind == "text":
        return value.decode()
    if kind == "base64":
        return base64.b64encode(value).decode()
    if kind == "truth":
        return bool(value)
    if kind == "Time":
        return _time(_message(value, MESSAGES["Time"]))
    return _message(value, MESSAGES[kind]) if kind in MESSAGES else value


def _time(moment):
    if "seconds" not in moment:
        return None
    return datetime.fromtimestamp(moment["seconds"], timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _split(data):
    """(number, value) of each field."""
    position = 0
    while position < len(data):
        key, position = _read_varint(data, position)
        number, wire_type = key >> 3, key & 7
        if wire_type == 0:
            value, position = _read_varint(data, position)
        elif wire_type in (1, 5):
            length = 8 if wire_type == 1 else 4
            value, position = data[position:position + length], position + length
        elif wire_type == 2:
            length, position = _read_varint(data, position)
            value, position = data[position:position + length], position + length
        else:
            raise ValueError(f"wire type {wire_type}")
        if position > len(data):
            raise ValueError("cut short")
        yield number, value


def _read_varint(data, position):
    number = shift = 0
    while True:
        byte = data[position]
        number |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return number, position


def text(field, value):
    return nested(field, value.encode())


def nested(field, value):
    """A field of wire type 2: number and type, length, content."""
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(number):
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(encoded) + bytes([number])
