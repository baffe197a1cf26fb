# SPDX-License-Identifier: Apache-2.0
"""Every endpoint with each of its answers: black box, over TLS, held against /openapi.json.

OPERATIONS has a row for each method and path, with requests that lead to each success and each error of its own; COMMON has
requests that lead any row to the errors that all rows of its kind share. The last test compares them with what
/openapi.json says: an endpoint or an error that is not tried here fails it, and so does one that is not documented.
Answers are held against their schemas, too; a member that the schema does not have fails.
"""

import copy
import http.client
import json
import re
import sqlite3
import ssl
import uuid
from dataclasses import dataclass, field
from types import SimpleNamespace

import jsonschema
import pytest
from admin_api_data import load_running, stored_manifest
from api_server import FLAGS, ApiServer, cluster_id, wait_for
from conftest import SLOWNESS

R = "/admin/subscriptions/{subscription}/resourceGroups/{resourceGroup}/providers/Microsoft.RedHatOpenShift/openShiftClusters/{cluster}"
FLEET = "/admin/maintenanceManifests"
CREATE = {"maintenanceTaskID": FLAGS}


@dataclass
class Operation:
    """role: the least that may. body: whether one is taken, "required" or "optional". target: (path, query) of a request that
    succeeds; `successes` and `errors` lead to them: functions of the world that return an answer."""
    role: str | None
    target: object
    successes: dict
    errors: dict = field(default_factory=dict)
    body: str | None = None
    valid_body: object = None
    uses_store: bool = True
    lower_role: str | None = None


class World:
    """A server, and what is to be had from it."""

    def __init__(self, server):
        self.server = server
        self.to_restore = []

    def ask(self, method, path, body=None, query="", role="admin", headers=None, version=True):
        target = path + ("?" + "&".join(filter(None, ["api-version=admin" if version and path.lower().startswith("/admin") else "", query]))).rstrip("?")
        headers = dict(headers or {})
        if role:
            headers.setdefault("Authorization", f"Bearer {self.server.tokens[role]}")
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        context = ssl.create_default_context(cafile=self.server.directory / "api.crt")
        connection = http.client.HTTPSConnection("localhost", self.server.port, timeout=30 * SLOWNESS, context=context)
        try:
            connection.putrequest(method, target)
            for name, value in headers.items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders()
            try:
                connection.send(body or b"")
            except (ConnectionError, ssl.SSLError):
                pass # the answer was there before the body
            answer = connection.getresponse()
            text = answer.read()
            return SimpleNamespace(status=answer.status, headers=dict(answer.getheaders()), text=text,
                                   document=json.loads(text) if text else None)
        finally:
            connection.close()

    def cluster(self, **properties):
        return self.server.register(**properties)

    def manifest(self, cluster=None, **members):
        """The path of a new manifest."""
        cluster = cluster or self.cluster()
        return f"/admin{cluster}/maintenanceManifests/{self.server.create(cluster, **members)['id']}"

    def ended(self, state="Failed"):
        manifest = stored_manifest(self.cluster(), state)
        self.server.load("MaintenanceManifests", manifest)
        return f"/admin{manifest['clusterResourceID']}/maintenanceManifests/{manifest['id']}"

    def running(self):
        cluster, manifest = load_running(self.server, 60)
        return f"/admin{cluster}/maintenanceManifests/{manifest['id']}"

    def missing(self):
        return f"/admin{self.cluster()}/maintenanceManifests/{uuid.uuid4()}"

    def unreadable(self):
        return self.spoil(self.manifest(), "$.dequeues")

    def unreadable_cluster(self):
        return self.spoil(f"/admin{self.cluster()}", "$.bucket")

    def spoil(self, path, member):
        """Makes a member a text where a number belongs, until the test is over."""
        table, name = self.row_of(path)
        [(document,)] = self.sql(f"SELECT document FROM {table} WHERE id = ?", name)
        self.sql(f"UPDATE {table} SET document = json_set(document, '{member}', 'many') WHERE id = ?", name)
        self.to_restore.append((f"UPDATE {table} SET document = ? WHERE id = ?", document, name))
        return path

    def contended(self, path):
        """A manifest that somebody else has always just changed: with an etag that matches nothing."""
        table, name = self.row_of(path)
        self.sql(f"UPDATE {table} SET etag = -5 WHERE id = ?", name)
        return path

    def row_of(self, path):
        if "/maintenanceManifests/" in path:
            return "manifests", path.rsplit("/", 1)[1]
        return "clusters", path.removeprefix("/admin").lower()

    def sql(self, statement, *arguments):
        store = sqlite3.connect(self.server.directory / "mimo.db", timeout=30 * SLOWNESS)
        with store:
            cursor = store.execute(statement, arguments)
            rows = cursor.fetchall()
            assert rows or cursor.rowcount == 1, statement
        store.close()
        return rows

    def restore(self):
        for statement, *arguments in self.to_restore:
            self.sql(statement, *arguments)

    def leased_cluster(self):
        return f"/admin{load_running(self.server, 60)[0]}"


def of_manifest(suffix=""):
    return lambda world: (world.manifest() + suffix, "")


def below_cluster(path):
    return path


def by_id(path):
    """The path of the same manifest without its cluster."""
    return f"{FLEET}/{path.rsplit('/', 1)[1]}"


def changing(verb, success, may, may_not, where=below_cluster):
    """cancel and stop."""
    def post(manifest):
        return lambda world: world.ask("POST", f"{where(manifest(world))}/{verb}")

    return Operation(
        "operator", lambda world: (f"{where(may(world))}/{verb}", ""), {success: post(may)}, {
            (404, "NotFound"): post(World.missing),
            (406, "PropertyChangeNotAllowed"): post(may_not),
            (409, "Conflict"): post(lambda world: world.contended(may(world))),
            (500, "InternalServerError"): post(World.unreadable),
        }, body="optional", lower_role="reader")


def deleting(where=below_cluster):
    def delete(manifest, **options):
        return lambda world: world.ask("DELETE", where(manifest(world)), **options)

    return Operation(
        "operator", lambda world: (where(world.manifest()), ""), {202: delete(World.running, query="force=true"), 204: delete(World.manifest)},
        {(404, "NotFound"): delete(World.missing), (409, "Conflict"): delete(World.running),
         (500, "InternalServerError"): delete(World.unreadable)}, lower_role="reader")


def create(world, **options):
    return world.ask("PUT", f"/admin{options.pop('cluster', None) or world.cluster()}/maintenanceManifests", CREATE, **options)


def create_again(world, choice):
    cluster = world.cluster()
    world.manifest(cluster)
    return create(world, cluster=cluster, query=f"ifOpen={choice}")


def create_with_used_key(world):
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    assert create(world, headers=headers).status == 201
    return create(world, headers=headers) # for another cluster


def get(path, query="", **options):
    return lambda world: world.ask("GET", path(world) if callable(path) else path, query=query, **options)


def plain(path, query=""):
    return lambda world: (path, query)


def listing(path):
    return Operation("reader", plain(path), {200: get(path, "limit=1")})


OPERATIONS = {
    ("get", f"{R}/maintenanceManifests"): Operation(
        "reader", lambda world: (f"/admin{world.cluster()}/maintenanceManifests", ""),
        {200: get(lambda world: world.manifest().rsplit("/", 1)[0], "state=Pending&limit=5")},
        {(404, "NotFound"): get(lambda world: f"/admin{cluster_id()}/maintenanceManifests")}),
    ("put", f"{R}/maintenanceManifests"): Operation(
        "operator", lambda world: (f"/admin{world.cluster()}/maintenanceManifests", ""),
        {200: lambda world: create_again(world, "skip"), 201: create},
        {(404, "NotFound"): lambda world: create(world, cluster=cluster_id()),
         (409, "Conflict"): lambda world: create_again(world, "fail"),
         (422, "IdempotencyKeyReused"): create_with_used_key},
        body="required", valid_body=CREATE, lower_role="reader"),
    ("get", f"{R}/maintenanceManifests/{{id}}"): Operation(
        "reader", of_manifest(), {200: get(lambda world: world.manifest())},
        {(404, "NotFound"): get(lambda world: world.missing()),
         (500, "InternalServerError"): get(lambda world: world.unreadable())}),
    ("delete", f"{R}/maintenanceManifests/{{id}}"): deleting(),
    ("post", f"{R}/maintenanceManifests/{{id}}/cancel"): changing("cancel", 200, World.manifest, World.ended),
    ("post", f"{R}/maintenanceManifests/{{id}}/stop"): changing("stop", 202, World.running, World.manifest),
    ("get", FLEET): listing(FLEET),
    ("delete", FLEET): Operation(
        "admin", plain(FLEET, "state=TimedOut"), {200: lambda world: world.ask("DELETE", FLEET, query="state=TimedOut&olderThan=7d")},
        lower_role="operator"),
    ("post", f"{FLEET}/cancel"): Operation(
        "admin", lambda world: (f"{FLEET}/cancel", f"scheduleID={uuid.uuid4()}"),
        {200: lambda world: world.ask("POST", f"{FLEET}/cancel", query=f"scheduleID={uuid.uuid4()}")}, body="optional", lower_role="operator"),
    ("get", f"{FLEET}/queued"): listing(f"{FLEET}/queued"),
    ("get", f"{FLEET}/summary"): Operation("reader", plain(f"{FLEET}/summary"), {200: get(f"{FLEET}/summary")}),
    ("get", f"{FLEET}/{{id}}"): Operation(
        "reader", lambda world: (f"{FLEET}/{world.manifest().rsplit('/', 1)[1]}", ""),
        {200: get(lambda world: f"{FLEET}/{world.manifest().rsplit('/', 1)[1]}")},
        {(404, "NotFound"): get(f"{FLEET}/{uuid.uuid4()}"),
         (500, "InternalServerError"): get(lambda world: f"{FLEET}/{world.unreadable().rsplit('/', 1)[1]}")}),
    ("delete", f"{FLEET}/{{id}}"): deleting(by_id),
    ("post", f"{FLEET}/{{id}}/cancel"): changing("cancel", 200, World.manifest, World.ended, by_id),
    ("post", f"{FLEET}/{{id}}/stop"): changing("stop", 202, World.running, World.manifest, by_id),
    ("get", "/admin/clusters"): listing("/admin/clusters"),
    ("get", R): Operation(
        "reader", lambda world: (f"/admin{world.cluster()}", ""), {200: get(lambda world: world.leased_cluster())},
        {(404, "NotFound"): get(lambda world: f"/admin{cluster_id()}"),
         (500, "InternalServerError"): get(lambda world: world.unreadable_cluster())}),
    ("put", R): Operation(
        "admin", lambda world: (f"/admin{cluster_id()}", ""),
        {200: lambda world: world.ask("PUT", f"/admin{world.cluster()}", {"properties": {"a": 1}}),
         201: lambda world: world.ask("PUT", f"/admin{cluster_id()}", {"properties": {}})},
        {(409, "Conflict"): lambda world: world.ask("PUT", world.leased_cluster(), {}),
         (500, "InternalServerError"): lambda world: world.ask("PUT", world.unreadable_cluster(), {})},
        body="required", valid_body={}, lower_role="operator"),
    ("delete", R): Operation(
        "admin", lambda world: (f"/admin{world.cluster()}", ""), {204: lambda world: world.ask("DELETE", f"/admin{world.cluster()}")},
        {(404, "NotFound"): lambda world: world.ask("DELETE", f"/admin{cluster_id()}"),
         (409, "Conflict"): lambda world: world.ask("DELETE", world.manifest().split("/maintenanceManifests/")[0]),
         (500, "InternalServerError"): lambda world: world.ask("DELETE", world.unreadable_cluster())}, lower_role="operator"),
    ("get", "/admin/tasks"): Operation("reader", plain("/admin/tasks"), {200: get("/admin/tasks")}, uses_store=False),
    ("get", "/admin/actuators"): Operation("reader", plain("/admin/actuators"), {200: get("/admin/actuators")}),
    ("get", "/admin/audit"): listing("/admin/audit"),
    ("get", "/healthz/live"): Operation(None, plain("/healthz/live"), {200: get("/healthz/live", role=None)}, uses_store=False),
    ("get", "/healthz/ready"): Operation(None, plain("/healthz/ready"), {200: get("/healthz/ready", role=None)}),
    ("get", "/openapi.json"): Operation(None, plain("/openapi.json"), {200: get("/openapi.json", role=None)}, uses_store=False),
}


def ask_with(**changes):
    """The operation's good request with something changed."""
    def ask(world, method, path, operation):
        target, query = operation.target(world)
        arguments = {"body": operation.valid_body, "query": query, **changes}
        if "more_query" in arguments:
            arguments["query"] = "&".join(filter(None, [query, arguments.pop("more_query")]))
        if arguments.pop("lower_role", False):
            arguments["role"] = operation.lower_role
        return world.ask(method.upper(), target, **arguments)
    return ask


def ask_for_no_resource(world, method, path, operation):
    target, query = operation.target(world)
    return world.ask(method.upper(), target.replace("/Microsoft.RedHatOpenShift/", "/Microsoft.Compute/").replace(
        "/microsoft.redhatopenshift/", "/Microsoft.Compute/"), operation.valid_body, query)


# What it is for; which operations; the request.
COMMON = {
    (400, "MalformedRequest"): (lambda path, op: True, ask_with(more_query="a#b")),
    (414, "RequestUriTooLong"): (lambda path, op: True, ask_with(more_query="x=" + "y" * 9000)),
    (417, "ExpectationFailed"): (lambda path, op: True, ask_with(headers={"Expect": "miracles"})),
    (431, "RequestHeaderFieldsTooLarge"): (lambda path, op: True, ask_with(headers={"X-Long": "y" * 20000})),
    (501, "NotImplemented"): (lambda path, op: True, ask_with(headers={"Transfer-Encoding": "gzip"}, body=None)),
    (401, "InvalidAuthenticationToken"): (lambda path, op: op.role, ask_with(role=None)),
    (400, "InvalidApiVersionParameter"): (lambda path, op: op.role, ask_with(version=False)),
    (400, "InvalidParameter"): (lambda path, op: op.role, ask_with(more_query="api-version=admin")),
    (403, "Forbidden"): (lambda path, op: op.lower_role, ask_with(lower_role=True)),
    (400, "InvalidResourceID"): (lambda path, op: path.startswith(R), ask_for_no_resource),
    (400, "InvalidRequestContent"): (lambda path, op: op.body, ask_with(body=b"[]")),
    (413, "RequestEntityTooLarge"): (lambda path, op: op.body, ask_with(body=b'{"icm":"%s"}' % (b"x" * (1 << 20)))),
    (415, "UnsupportedMediaType"): (lambda path, op: op.body, ask_with(body=b"{}", headers={"Content-Type": "text/plain"})),
    (503, "ServiceUnavailable"): (lambda path, op: op.uses_store, ask_with()),
}


def rows():
    """(method, path, status, code or None)"""
    for (method, path), operation in OPERATIONS.items():
        for status in operation.successes:
            yield method, path, status, None
        for status, code in operation.errors:
            yield method, path, status, code
        for (status, code), (applies, _) in COMMON.items():
            if applies(path, operation):
                yield method, path, status, code


def name_of(row):
    method, path, status, code = row
    return f"{method} {path.replace(R, '{R}')} {status} {code or ''}".strip()


@pytest.fixture(scope="module")
def server(build_dir):
    with ApiServer(build_dir) as running:
        yield running


@pytest.fixture(scope="module")
def without_store(build_dir):
    """A server whose store goes away as soon as the request is known."""
    with ApiServer(build_dir) as running:
        yield running


@pytest.fixture
def world(server):
    made = World(server)
    yield made
    made.restore()


@pytest.fixture(scope="module")
def openapi(server):
    return World(server).ask("GET", "/openapi.json", role=None).document


def strict(schema):
    """The schemas, with members they do not name forbidden."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: strict(value) for name, value in schema.items()}
    if schema.get("type") == "object" and "properties" in schema and "membership record" not in schema.get("description", ""):
        schema.setdefault("additionalProperties", False)
    return schema


def validate(openapi, response, document):
    schema = response["content"]["application/json"]["schema"]
    root = {**schema, "components": {"schemas": strict(copy.deepcopy(openapi["components"]["schemas"]))}}
    jsonschema.Draft202012Validator(root).validate(document)


def ask_row(world, row):
    method, path, status, code = row
    operation = OPERATIONS[method, path]
    if code is None:
        return operation.successes[status](world)
    if (status, code) in operation.errors:
        return operation.errors[status, code](world)
    return COMMON[status, code][1](world, method, path, operation)


@pytest.mark.parametrize("row", [row for row in rows() if row[2] != 503], ids=name_of)
def test_each_answer_of_each_endpoint(world, openapi, row):
    check_answer(openapi, row, ask_row(world, row))


def check_answer(openapi, row, answer):
    method, path, status, code = row
    assert answer.status == status, answer.text
    uuid.UUID(answer.headers["x-ms-request-id"])
    response = openapi["paths"][path][method]["responses"][str(status)]
    assert set(answer.headers) & set(openapi["components"]["headers"]) <= set(response["headers"])
    if status == 204:
        assert answer.text == b"" and "content" not in response
        return
    assert answer.headers["Content-Type"] == "application/json"
    validate(openapi, response, answer.document)
    if code is None:
        return
    assert answer.document["error"]["code"] == code
    assert len(answer.document["error"]["message"]) > 10
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert ("Retry-After" in answer.headers) == (status == 503)


@pytest.mark.parametrize("row", [row for row in rows() if row[2] == 503], ids=name_of)
def test_without_a_store_each_endpoint_says_so(without_store, openapi, row):
    method, path, _, _ = row
    world = World(without_store)
    operation = OPERATIONS[method, path]
    target, query = operation.target(world)
    database = without_store.directory / "mimo.db"
    database.rename(database.with_suffix(".away"))
    try:
        def ask():
            answer = world.ask(method.upper(), target, operation.valid_body, query)
            return answer if answer.status == 503 or path != "/healthz/ready" else None

        answer = wait_for(ask, "a write to be tried")
    finally:
        database.with_suffix(".away").rename(database)
    check_answer(openapi, row, answer)


def test_every_endpoint_and_every_answer_of_it_is_tried(openapi):
    documented = set()
    for path, item in openapi["paths"].items():
        for method, operation in item.items():
            for status, response in operation["responses"].items():
                codes = response.get("x-error-codes", [None])
                documented |= {(method, path, int(status), code) for code in codes}
    tried = set(rows())
    assert {name_of(row) for row in documented - tried} == set(), "documented, not tried"
    assert {name_of(row) for row in tried - documented} == set(), "tried, not documented"


def test_roles_and_bodies_are_documented_as_they_are(openapi):
    for (method, path), operation in OPERATIONS.items():
        described = openapi["paths"][path][method]
        assert described["x-role"] == (operation.role or "nobody")
        assert bool(described["security"]) == bool(operation.role)
        assert ("requestBody" in described) == bool(operation.body)
        if operation.body:
            assert described["requestBody"]["required"] == (operation.body == "required")


def test_the_document_is_openapi_3_1(openapi):
    """The structure that the specification asks for; its schemas are JSON Schema 2020-12."""
    assert openapi["openapi"] == "3.1.0"
    assert set(openapi) == {"openapi", "info", "servers", "tags", "paths", "components"}
    assert openapi["info"]["license"]["identifier"] == "Apache-2.0" and openapi["servers"] == [{"url": "/", "description": "the server that sent this document"}]
    operations = [operation for item in openapi["paths"].values() for operation in item.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names) and all(re.fullmatch("[a-z][A-Za-z]+", name) for name in names), names
    assert "getClusterMaintenanceManifestsById" in names and "putCluster" in names and "getOpenapiJson" in names
    assert {tag for operation in operations for tag in operation["tags"]} == {tag["name"] for tag in openapi["tags"]}
    assert openapi["info"]["title"] and openapi["info"]["version"]
    schemas = openapi["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    text = json.dumps(openapi)
    used = {part.split('"', 1)[0] for part in text.split("#/components/schemas/")[1:]}
    assert used == set(schemas), "schemas that are named, and those that are there"
    used = {part.split('"', 1)[0] for part in text.split("#/components/headers/")[1:]}
    assert used == set(openapi["components"]["headers"])
    for path, item in openapi["paths"].items():
        assert path.startswith("/")
        for method, operation in item.items():
            assert method in {"get", "put", "post", "delete"}
            assert operation["summary"].endswith(".")
            places = [(parameter["in"], parameter["name"].lower()) for parameter in operation["parameters"]]
            assert len(set(places)) == len(places)
            for parameter in operation["parameters"]:
                assert parameter["in"] in {"path", "query", "header"}
                assert parameter["required"] or parameter["in"] != "path"
                jsonschema.Draft202012Validator.check_schema(parameter["schema"])
            assert {name for place, name in places if place == "path"} == \
                {part.split("}")[0].lower() for part in path.split("{")[1:]}
            assert all(response["description"] for response in operation["responses"].values())


@pytest.mark.parametrize("path, schema", [(f"{R}/maintenanceManifests", "manifestRequest"), (R, "clusterRequest")])
def test_bodies_have_the_members_that_are_documented(server, openapi, path, schema):
    """The refusal of a member that is none lists those there are."""
    operation = OPERATIONS["put", path]
    world = World(server)
    message = world.ask("PUT", operation.target(world)[0], {"no": 1}).document["error"]["message"]
    listed = message.split("members are ")[1].split(", ")
    assert set(listed) == set(openapi["components"]["schemas"][schema]["properties"])


def test_parameters_that_must_be_given_are_those_documented(server, openapi):
    world = World(server)
    for (method, path), operation in OPERATIONS.items():
        required = {parameter["name"] for parameter in openapi["paths"][path][method]["parameters"]
                    if parameter["in"] == "query" and parameter["required"]}
        target, query = operation.target(world)
        given = {piece.split("=")[0] for piece in query.split("&") if piece}
        assert given <= required | {"limit"} and required <= given | {"api-version"}
        for name in required - {"api-version"}:
            error = world.ask(method.upper(), target).document["error"]
            assert (error["code"], error["target"]) == ("InvalidParameter", name)


def test_pages_stay_whole_while_others_create_and_delete(server):
    """What was there all the time comes exactly once, whatever comes and goes in between."""
    world = World(server)
    cluster = world.cluster()
    first = [server.create(cluster)["id"] for _ in range(12)]
    gone, kept = set(first[::3]), set(first) - set(first[::3])
    path, seen, query = f"/admin{cluster}/maintenanceManifests", [], "limit=2"
    while True:
        page = world.ask("GET", path, query=query).document
        seen += [manifest["id"] for manifest in page["value"]]
        if gone:
            assert world.ask("DELETE", f"{path}/{gone.pop()}").status == 204
        if len(seen) < 20:
            server.create(cluster)
        if "nextLink" not in page:
            break
        query = page["nextLink"].split("?", 1)[1].replace("api-version=admin&", "")
    assert len(seen) == len(set(seen)), "something came twice"
    assert kept <= set(seen), "something that stayed did not come"


@pytest.mark.parametrize("row", sorted(OPERATIONS), ids=lambda row: f"{row[0]} {row[1].replace(R, '{R}')}")
def test_paths_are_compared_without_case_and_other_methods_refused(server, openapi, row):
    method, path = row
    world = World(server)
    target, query = OPERATIONS[row].target(world)
    mixed = "".join(letter.upper() if index % 2 else letter.lower() for index, letter in enumerate(target))
    answer = world.ask("PATCH", mixed, query="api-version=admin", version=False)
    assert (answer.status, answer.document["error"]["code"]) == (405, "MethodNotAllowed")
    methods = {name.upper() for name in openapi["paths"][path]}
    assert set(answer.headers["Allow"].split(", ")) == methods | ({"HEAD"} if "GET" in methods else set())
    if method == "get":
        got, head = world.ask("GET", target, query=query), world.ask("HEAD", mixed, query=query)
        assert (head.status, head.text) == (200, b"")
        assert head.headers["Content-Type"] == "application/json"
        assert abs(int(head.headers["Content-Length"]) - len(got.text)) < 5000 # others may have been created
