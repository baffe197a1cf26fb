# SPDX-License-Identifier: Apache-2.0
"""Lists in pieces: `limit` and `continue`.

All pieces show the collection as it was when the first was asked for. A token holds that version and the last object of the
piece before. When the history no longer reaches back to it, the answer is 410 and the client lists anew, as with a real server.
"""

import base64
import json

from . import status


class Page:
    """One answer to a list: objects, the version that they are of, and the metadata of the list."""

    def __init__(self, objects, version, rest=(), counted=True):
        self.objects, self.version = objects, version
        self.metadata = {"resourceVersion": str(version)}
        if rest:
            self.metadata["continue"] = _token(version, objects[-1])
            if counted: # with a selector a real server does not count either
                self.metadata["remainingItemCount"] = len(rest)


def page(store, request, target, selected):
    limit, token = request.option("limit"), request.option("continue")
    if limit and not limit.isdecimal():
        raise status.bad_request("limit is a number that is not negative")
    if token and request.option("resourceVersion") not in ("", "0"):
        raise status.bad_request("specifying resource version is not allowed when using continue")
    version, after = _read_token(token) if token else (None, None)
    objects, version = store.list(target.kind, target.namespace, version)
    if objects is None:
        raise status.expired_continue()
    objects = [obj for obj in objects if selected(obj) and (after is None or _place(obj) > after)]
    count = int(limit or 0) or len(objects)
    has_selector = bool(request.option("labelSelector") or request.option("fieldSelector"))
    return Page(objects[:count], version, objects[count:], not has_selector)


def _place(obj):
    return obj["metadata"].get("namespace") or "", obj["metadata"]["name"]


def _token(version, last):
    return base64.urlsafe_b64encode(json.dumps([version, *_place(last)]).encode()).decode()


def _read_token(token):
    try:
        version, namespace, name = json.loads(base64.urlsafe_b64decode(token.encode()))
        if not (isinstance(version, int) and isinstance(namespace, str) and isinstance(name, str)):
            raise ValueError
    except ValueError:
        raise status.bad_request("continue key is not valid: it was not made by this server") from None
    return version, (namespace, name)
