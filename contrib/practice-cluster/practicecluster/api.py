# SPDX-License-Identifier: Apache-2.0
"""From a request to a response: the Kubernetes API without any socket.

`Api.handle` never raises; whatever goes wrong becomes a `Status` object.
"""

import json
import traceback
from contextlib import nullcontext
from dataclasses import dataclass, field
from urllib.parse import unquote

import yaml

from . import discovery, identity, kinds, paging, patches, protobuf, selection, status, table, writes

JSON = "application/json"
YAML_TYPES = ("application/yaml", patches.APPLY_PATCH)
OBJECT_TYPES = (JSON, "application/yaml", protobuf.MEDIA_TYPE)
WRITING_METHODS = ("POST", "PUT", "PATCH", "DELETE")
HEALTH_PATHS = ("healthz", "livez", "readyz")


class _Loader(yaml.SafeLoader):
    """Leaves timestamps as the strings that JSON has."""


_Loader.yaml_implicit_resolvers = {
    first: [entry for entry in resolvers if entry[0] != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}


@dataclass
class Request:
    method: str
    path: str
    query: dict
    headers: dict
    body: bytes = b""
    user: identity.User = identity.ANONYMOUS
    rejection: status.ApiError = None

    def option(self, name):
        return self.query.get(name, [""])[0]

    def flag(self, name):
        """As Kubernetes reads it: only an absent parameter, "false" and "0" mean no."""
        return self.query.get(name, ["false"])[0].lower() not in ("false", "0")

    @property
    def segments(self):
        return [unquote(part) for part in self.path.split("/") if part] or [""]

    @property
    def is_write(self):
        return self.method in WRITING_METHODS

    @property
    def media_type(self):
        return (self.headers.get("Content-Type") or "").split(";")[0].strip().lower()

    def document(self, accepted=OBJECT_TYPES):
        """What the body says if its type is an accepted one, else 415. No type means JSON."""
        if self.media_type and self.media_type not in accepted:
            raise status.unsupported_media_type(accepted)
        if self.media_type == protobuf.MEDIA_TYPE:
            return protobuf.decode(self.body)
        return self.parsed()

    def parsed(self):
        """The body as YAML if it says so, else as JSON."""
        try:
            if self.media_type in YAML_TYPES:
                return yaml.load(self.body, _Loader)
            return json.loads(self.body)
        except (ValueError, RecursionError, yaml.YAMLError) as error:
            raise status.bad_request(f"couldn't get version/kind; json parse error: {error}") from None


@dataclass
class Response:
    code: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: dict = field(default_factory=dict)
    version_before: str = None
    version_after: str = None
    watch: "Watch" = None


@dataclass
class Watch:
    """What a watcher wants to hear about; the connection does the waiting."""
    kind: kinds.Kind
    namespace: str
    selected: object
    version: int
    as_table: bool
    include: str
    timeout: float
    bookmarks: bool = False # tell now and then which version the watcher has reached
    initial: bool = False   # begin with all that there is, whatever `version` says, and a bookmark behind it


def json_response(document, code=200, **more):
    return Response(code, json.dumps(document).encode() + b"\n", **more)


def error_response(error):
    return json_response(error.status(), error.code)


class Api:
    def __init__(self, store):
        self.store = store

    def handle(self, request):
        with self.store.lock if request.is_write else nullcontext():
            return self._handle_safely(request)

    def _handle_safely(self, request):
        before = self._version_of(request)
        try:
            response = self._handle(request)
        except status.ApiError as error:
            response = error_response(error)
        except Exception as error:  # a defect here must look to clients like a defect of a server
            traceback.print_exc()
            response = error_response(status.ApiError(500, f"Internal error occurred: {error!r}"))
        response.version_before = before
        response.version_after = response.version_after or self._version_of(request)
        return response

    def _version_of(self, request):
        target = self._named_object(request)
        obj = target and self.store.get(target.kind, target.namespace, target.name)
        return obj["metadata"]["resourceVersion"] if obj else None

    def touch(self, request):
        """Let somebody else change the object that the request is about."""
        target = self._named_object(request)
        if target:
            writes.touch(self.store, target)

    def _named_object(self, request):
        """The target of a request that names an object, else None."""
        try:
            target = self._target(request)
        except status.ApiError:
            return None
        return target if target and target.name else None

    def _handle(self, request):
        if request.rejection:
            raise request.rejection
        target = self._target(request)
        if target is None:
            return self._beside_resources(request)
        if target.name is None:
            return self._on_collection(request, target)
        return self._on_object(request, target)

    # ---- everything that is no resource ----

    def _beside_resources(self, request):
        segments = request.segments
        if request.method == "POST" and request.user is not identity.ANONYMOUS:
            answer = identity.review(request.user, segments, request.document() if request.body else {})
            if answer is not None:
                return json_response(answer, 201)
        identity.check_path(request.user, request.method, request.path, segments)
        if request.method not in ("GET", "HEAD"):
            raise status.method_not_allowed()
        if segments[0] in HEALTH_PATHS:
            return Response(200, b"ok", "text/plain; charset=utf-8")
        if segments == ["openapi", "v2"]:
            return _openapi_v2(request.headers.get("Accept") or "")
        document = discovery.document(segments)
        if document is None:
            raise status.no_such_path()
        return json_response(document)

    # ---- resources ----

    def _target(self, request):
        """The resource that a path names; None when the path is not about resources."""
        segments = request.segments
        if segments[0] == "api" and len(segments) > 2:
            group, version, rest = "", segments[1], segments[2:]
        elif segments[0] == "apis" and len(segments) > 3:
            group, version, rest = segments[1], segments[2], segments[3:]
        else:
            return None
        namespace = None
        if rest[0] == "namespaces" and len(rest) > 2 and not (len(rest) == 3 and rest[2] in ("status", "finalize")):
            namespace, rest = rest[1], rest[2:]
        kind = kinds.find(group, version, rest[0])
        if kind is None or len(rest) > 3 or (namespace and not kind.namespaced):
            return None
        return self._options(request, kind, namespace, *rest[1:])

    def _options(self, request, kind, namespace, name=None, subresource=None):
        if subresource and not (subresource == "status" and kind.has_status):
            raise status.no_such_path()
        agent = (request.headers.get("User-Agent") or "unknown").split("/")[0]
        return writes.Target(
            kind, namespace, name, subresource,
            manager=request.option("fieldManager") or agent,
            dry_run=request.option("dryRun") == "All",
            force=request.flag("force"),
            field_validation=request.option("fieldValidation") or "Warn")

    def _on_collection(self, request, target):
        kind, namespace = target.kind, target.namespace
        if request.method in ("GET", "HEAD"):
            watching = request.flag("watch")
            identity.check_resource(request.user, "watch" if watching else "list", kind, namespace, None)
            return self._watch(request, target) if watching else self._list(request, target)
        if kind.namespaced and not namespace:
            raise status.method_not_allowed(kind)
        if request.method == "POST":
            identity.check_resource(request.user, "create", kind, namespace, None)
            created = writes.create(self.store, target, request.document())
            return self._object_response(request, target, created, 201)
        if request.method == "DELETE":
            identity.check_resource(request.user, "deletecollection", kind, namespace, None)
            return self._delete_selected(request, target)
        raise status.method_not_allowed(kind)

    def _on_object(self, request, target):
        if target.kind.namespaced and not target.namespace:
            raise status.no_such_path()
        action = {"GET": ("get", self._get), "HEAD": ("get", self._get), "PUT": ("update", self._put),
                  "PATCH": ("patch", self._patch), "DELETE": ("delete", self._delete)}.get(request.method)
        if action is None:
            raise status.method_not_allowed(target.kind)
        verb, handler = action
        identity.check_resource(request.user, verb, target.kind, target.namespace, target.name)
        return handler(request, target)

    def _get(self, request, target):
        return self._object_response(request, target, writes.require(self.store, target))

    def _put(self, request, target):
        return self._object_response(request, target, writes.update(self.store, target, request.document()))

    def _patch(self, request, target):
        accepted = [patches.JSON_PATCH, patches.MERGE_PATCH, patches.APPLY_PATCH]
        if not target.kind.custom:
            accepted.append(patches.STRATEGIC_MERGE_PATCH)
        body = request.document(accepted)
        if request.media_type != patches.APPLY_PATCH:
            patched = writes.patch(self.store, target, request.media_type, body)
            return self._object_response(request, target, patched)
        if not request.option("fieldManager"):
            raise status.ApiError(422, 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is '
                                  "required for apply patch")
        applied, created = writes.apply(self.store, target, body)
        return self._object_response(request, target, applied, 201 if created else 200)

    def _delete(self, request, target):
        if target.subresource:
            raise status.method_not_allowed(target.kind)
        deleted = writes.delete(self.store, target, self._delete_options(request, target))
        if deleted["metadata"].get("deletionTimestamp"):
            return json_response(deleted)
        return json_response(status.success(target.kind, deleted))

    def _delete_options(self, request, target):
        options = request.document() if request.body else {}
        if not isinstance(options, dict):
            raise status.bad_request("DeleteOptions is an object")
        target.dry_run = target.dry_run or "All" in (options.get("dryRun") or [])
        return options

    def _delete_selected(self, request, target):
        self._delete_options(request, target)
        selected = self._selected(request, target.kind)
        with self.store.lock:
            objects = [obj for obj in self.store.list(target.kind, target.namespace)[0] if selected(obj)]
            for obj in objects:
                target.name = obj["metadata"]["name"]
                writes.delete(self.store, target, {})
            response = json_response(_list_document(target.kind, objects, self.store.version))
        response.version_after = str(self.store.version) if objects else None
        return response

    def _list(self, request, target):
        piece = paging.page(self.store, request, target, self._selected(request, target.kind))
        if table.wanted(request.headers.get("Accept") or ""):
            document = table.build(target.kind, piece.objects, piece.version, request.option("includeObject"))
        else:
            document = _list_document(target.kind, piece.objects, piece.version)
        return json_response({**document, "metadata": piece.metadata})

    def _watch(self, request, target):
        try:
            version = int(request.option("resourceVersion") or 0)
            timeout = float(request.option("timeoutSeconds") or 0)
        except ValueError:
            raise status.bad_request("resourceVersion and timeoutSeconds are numbers") from None
        bookmarks, initial = request.flag("allowWatchBookmarks"), request.flag("sendInitialEvents")
        if initial and not (bookmarks and request.option("resourceVersionMatch") == "NotOlderThan"):
            raise status.ApiError(422, 'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: it needs '
                                       "allowWatchBookmarks and resourceVersionMatch=NotOlderThan")
        selected = self._selected(request, target.kind)
        as_table = table.wanted(request.headers.get("Accept") or "")
        watch = Watch(target.kind, target.namespace, selected, version, as_table, request.option("includeObject"),
                      timeout, bookmarks, initial)
        return Response(watch=watch)

    def _selected(self, request, kind):
        return selection.selector(kind, request.option("labelSelector"), request.option("fieldSelector"))

    def _object_response(self, request, target, obj, code=200):
        document = obj
        if table.wanted(request.headers.get("Accept") or ""):
            version = obj["metadata"].get("resourceVersion", "")
            document = table.build(target.kind, [obj], version, request.option("includeObject"))
        response = json_response(document, code)
        if request.is_write and not target.dry_run:
            response.version_after = obj["metadata"].get("resourceVersion")
        if target.warnings:
            response.headers["Warning"] = ", ".join(
                '299 - "' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in target.warnings)
        return response


def _list_document(kind, objects, version):
    return {"kind": f"{kind.name}List", "apiVersion": kind.api_version, "metadata": {"resourceVersion": str(version)},
            "items": objects}


def _openapi_v2(accept):
    if "protobuf" in accept:
        return Response(200, discovery.openapi_v2_protobuf(), discovery.OPENAPI_V2_PROTOBUF)
    return json_response(discovery.openapi_v2_json())
