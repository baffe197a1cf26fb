# SPDX-License-Identifier: Apache-2.0
"""The endpoints of the Admin API: what they answer, and each error that has a name."""

import re
import time
import uuid
from urllib.parse import parse_qsl, urlsplit

import pytest
from admin_api_data import OWNER, at_once, end_lease, load_running, manifests_path, refused, stored_manifest
from api_server import FLAGS, PRACTICE, ApiServer, cluster_id
from mimolocal.slowness import in_time

FLEET = "/admin/maintenanceManifests"


@pytest.fixture(scope="module")
def server(build_dir):
    with ApiServer(build_dir) as running:
        yield running


@pytest.fixture
def api(server):
    return server.api()


@pytest.fixture
def cluster(server):
    return server.register()


# ---- manifests: creating ----

def test_create_answers_201_with_the_pending_manifest(server, api, cluster):
    before = int(time.time())
    answer = api("PUT", manifests_path(cluster), {"maintenanceTaskID": FLAGS})
    manifest = answer.expect(201)
    assert uuid.UUID(manifest["id"]).version == 4
    assert manifest["state"] == "Pending"
    assert manifest["maintenanceTaskID"] == FLAGS
    assert manifest["clusterResourceID"] == cluster.lower()
    assert (manifest["priority"], manifest["dequeues"]) == (0, 0)
    assert before <= manifest["runAfter"] <= time.time()
    assert manifest["runBefore"] == manifest["runAfter"] + 7 * 86400
    assert answer.headers["Content-Type"] == "application/json"
    assert api("GET", manifests_path(cluster)).expect(200)["value"] == [manifest]
    [stored] = [document for document in server.dump("MaintenanceManifests") if document["id"] == manifest["id"]]
    assert stored["maintenanceManifest"]["state"] == "Pending"


def test_create_takes_times_priority_parameters_and_a_short_name(api, cluster):
    manifest = api("PUT", manifests_path(cluster), {
        "maintenanceTaskID": "practice", "runAfter": "2099-11-30T02:00:00+02:00", "runBefore": 4099680001,
        "priority": 7, "parameters": {"steps": []}, "id": "mine", "state": "Completed", "dequeues": 3}).expect(201)
    assert manifest["maintenanceTaskID"] == PRACTICE
    assert (manifest["runAfter"], manifest["runBefore"]) == (4099680000, 4099680001)
    assert manifest["priority"] == 7
    assert manifest["parameters"] == {"steps": []}
    assert (manifest["state"], manifest["dequeues"]) == ("Pending", 0)
    assert manifest["id"] != "mine"


def test_what_was_read_can_be_sent_back_to_create_it_again(api, cluster):
    first = api("PUT", manifests_path(cluster), {"maintenanceTaskID": FLAGS, "priority": 3}).expect(201)
    second = api("PUT", manifests_path(cluster), first).expect(201)
    assert second["id"] != first["id"]
    assert second["priority"] == 3


@pytest.mark.parametrize("body, target, message", [
    ({}, "maintenanceTaskID", "Must be provided"),
    ({"maintenanceTaskID": "nonsense"}, "maintenanceTaskID", f"{FLAGS} (operator-flags-update)"),
    ({"maintenanceTaskID": 5}, "maintenanceTaskID", "must be a string"),
    ({"runAfter": -1}, "runAfter", "1970"),
    ({"runAfter": 253402300800}, "runAfter", "9999"),
    ({"runBefore": "soon"}, "runBefore", "runBefore"),
    ({"runBefore": 1.5}, "runBefore", "Unix seconds"),
    ({"runAfter": 2000000001, "runBefore": 2000000000}, "runBefore", "runBefore"),
    ({"runBefore": 1000000000}, "runBefore", "runBefore"),
    ({"runAfter": 7990500560}, "runBefore", "default is 7 days"),
    ({"priority": 1000001}, "priority", "1000000"),
    ({"priority": "high"}, "priority", "whole number"),
    ({"parameters": {"a": 1}}, "parameters", "takes no parameters"),
    ({"maintenanceTaskID": "practice", "parameters": {"steps": 5}}, "parameters", "steps"),
    ({"maintenanceTaskID": "practice", "parameters": {"steps": [{"name": "x" * 17000}]}}, "parameters", ""),
    ({"parameters": [1]}, "parameters", "must be an object"),
    ({"priority": -1}, "priority", "whole number"),
    ({"priority": 1.0}, "priority", "whole number"),
    ({"runAfter": True}, "runAfter", "Unix seconds"),
    ({"runAfter": "2026-11-31T00:00:00Z"}, "runAfter", "runAfter"),
    ({"runBefore": -1}, "runBefore", "1970"),
    ({"runBefore": 253402300800}, "runBefore", "9999"),
    ({"icm": "x" * 129}, "icm", "at most 128 bytes"),
    ({"icm": "123\u202e654"}, "icm", "without control and invisible characters"),
    ({"runafter": 1}, "runafter", "there is no member \"runafter\""),
    ({"icm": [1]}, "icm", "number or a text"),
])
def test_create_refuses_a_wrong_member_and_names_it(api, cluster, body, target, message):
    if "maintenanceTaskID" not in body and body:
        body = {"maintenanceTaskID": FLAGS, **body}
    refused(api("PUT", manifests_path(cluster), body), 400, "InvalidParameter", target, message)
    assert api("GET", manifests_path(cluster)).expect(200) == {"value": []}


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"7", b"null", b'{"a":1}x', b'{"a":1,"a":2}', b'{"a":"\\u0000"}', b'{"a":"\x00"}', b'{"a":"\xff"}',
    b'\xef\xbb\xbf\xef\xbb\xbf{}', b'{"a":' * 40 + b"1" + b"}" * 40, b"{'a':1}", b'{"a":1,}', b'{"a":NaN}',
], ids=lambda body: repr(body)[:24])
def test_a_body_that_is_no_strict_json_object_is_refused(api, cluster, body):
    refused(api("PUT", manifests_path(cluster), body), 400, "InvalidRequestContent")


def test_a_body_over_1_mib_is_413_and_below_it_is_looked_at(api, cluster):
    padding = b'{"maintenanceTaskID":"%s","state":"' % FLAGS.encode()
    body = padding + b"x" * (1024 * 1024 - len(padding) - 2) + b'"}'
    assert len(body) == 1024 * 1024
    api("PUT", manifests_path(cluster), body).expect(201)
    refused(api("PUT", manifests_path(cluster), body + b" "), 413, "RequestEntityTooLarge")


@pytest.mark.parametrize("content_type, status", [
    ("application/json", 201), ("Application/JSON; charset=utf-8", 201), ("application/json;charset=\"UTF-8\"", 201),
    ("application/json; charset=latin-1", 415), ("application/x-www-form-urlencoded", 415), ("", 415),
    ("application/jsonx", 415), ("text/plain", 415),
])
def test_the_body_must_be_declared_as_json(api, cluster, content_type, status):
    answer = api("PUT", manifests_path(cluster), {"maintenanceTaskID": FLAGS}, headers={"Content-Type": content_type})
    if status == 415:
        refused(answer, 415, "UnsupportedMediaType", "Content-Type")
    answer.expect(status)


def test_a_cluster_that_is_missing_or_being_deleted_has_no_manifests(server, api):
    """Whatever is below it: the cluster is looked at before the manifest and the body."""
    missing, one = cluster_id(), str(uuid.uuid4())
    deleted = server.register(provisioningState="Deleting")
    for cluster, message in ((missing, f"cluster not found: {missing.lower()}"), (deleted, "cluster being deleted")):
        for method, rest, body in (("GET", [], None), ("PUT", [], {"maintenanceTaskID": FLAGS}), ("PUT", [], b"no JSON"), ("PUT", [], {"a": 1}),
                                   ("GET", [one], None), ("DELETE", [one], None), ("POST", [one, "cancel"], None),
                                   ("POST", [one, "stop"], None), ("POST", [one, "stop"], b"no JSON")):
            refused(api(method, manifests_path(cluster, *rest), body), 404, "NotFound", None, message)


def test_a_second_open_manifest_is_created_skipped_or_refused_as_wanted(api, cluster):
    first = api("PUT", manifests_path(cluster), {"maintenanceTaskID": FLAGS}, {"ifOpen": "skip"}).expect(201)
    assert api("PUT", manifests_path(cluster), {"maintenanceTaskID": FLAGS}, {"ifOpen": "skip"}).expect(200) == first
    refused(api("PUT", manifests_path(cluster), {"maintenanceTaskID": FLAGS}, {"ifOpen": "fail"}), 409, "Conflict", "ifOpen",
            first["id"])
    api("PUT", manifests_path(cluster), {"maintenanceTaskID": PRACTICE}, {"ifOpen": "fail"}).expect(201)
    api("PUT", manifests_path(cluster), {"maintenanceTaskID": FLAGS}).expect(201)
    assert len(api("GET", manifests_path(cluster)).expect(200)["value"]) == 3
    refused(api("PUT", manifests_path(cluster), {"maintenanceTaskID": FLAGS}, {"ifOpen": "maybe"}), 400,
            "InvalidParameter", "ifOpen")


def test_a_closed_manifest_does_not_count_as_open(server, api, cluster):
    closed = server.create(cluster)
    api("POST", manifests_path(cluster, closed["id"], "cancel")).expect(200)
    assert api("PUT", manifests_path(cluster), {"maintenanceTaskID": FLAGS}, {"ifOpen": "fail"}).expect(201)


# ---- manifests: looking ----

def test_pages_hold_each_manifest_once_in_order_of_creation(server, api, cluster):
    created = [server.create(cluster, priority=number)["id"] for number in range(7)]
    path, query, seen = manifests_path(cluster), {"limit": 3, "state": "Pending"}, []
    while True:
        page = api("GET", path, query=query).expect(200)
        assert len(page["value"]) <= 3
        seen += [manifest["id"] for manifest in page["value"]]
        if "nextLink" not in page:
            break
        link = page["nextLink"]
        assert link.startswith(f"{server.url}{path}?") and "state=Pending" in link and link.count("skipToken") == 1
        query = dict(parse_qsl(urlsplit(link).query))
    assert sorted(seen) == sorted(created) and len(seen) == 7


def test_a_token_that_is_none_of_ours_is_refused(api, cluster):
    for token in ("####", "YWJj", "a", "x" * 5000):
        refused(api("GET", manifests_path(cluster), query={"$skipToken": token}), 400, "InvalidParameter", "$skipToken",
                "nextLink")


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "ten", ""])
def test_limit_is_from_1_to_1000(api, cluster, limit):
    refused(api("GET", manifests_path(cluster), query={"limit": limit}), 400, "InvalidParameter", "limit", "1 to 1000")


def test_state_filters_and_wrong_states_are_listed(server, api, cluster):
    pending, cancelled = server.create(cluster), server.create(cluster)
    api("POST", manifests_path(cluster, cancelled["id"], "cancel")).expect(200)

    def ids(state):
        return [manifest["id"] for manifest in api("GET", manifests_path(cluster), query={"state": state}).expect(200)["value"]]

    assert ids("Pending") == [pending["id"]]
    assert ids("Cancelled") == [cancelled["id"]]
    assert sorted(ids("Pending,Cancelled")) == sorted([pending["id"], cancelled["id"]])
    assert ids("Failed") == []
    refused(api("GET", manifests_path(cluster), query={"state": "pending"}), 400, "InvalidParameter", "state", "TimedOut")


def test_one_manifest_is_found_by_cluster_and_by_id_alone(server, api, cluster):
    manifest = server.create(cluster)
    for path in (manifests_path(cluster, manifest["id"].upper()), f"/admin/maintenanceManifests/{manifest['id']}"):
        found = api("GET", path).expect(200)
        del found["blockers"]
        assert found == manifest
    missing = str(uuid.uuid4())
    for path in (manifests_path(cluster, missing), f"/admin/maintenanceManifests/{missing}",
                 manifests_path(server.register(), manifest["id"])):
        refused(api("GET", path), 404, "NotFound", None, "manifest not found: ")
    refused(api("GET", manifests_path(cluster, "no-uuid")), 404, "NotFound", None, "manifest not found: no-uuid")


@pytest.mark.parametrize("text", ["plain", 'says "no"', "a\\b", "naïve, \U0001f680", ""])
def test_a_manifest_is_shown_alike_whatever_its_texts(server, api, cluster, text):
    attempt = {"number": 1, "startedAt": 5, "actuator": OWNER, "finishedAt": 6, "outcome": "failed", "message": text}
    manifest = stored_manifest(cluster, "Failed", startedAt=5, finishedAt=6, attempts=[attempt])
    manifest["maintenanceManifest"]["statusText"] = text
    server.load("MaintenanceManifests", manifest)
    shown = api("GET", manifests_path(cluster, manifest["id"])).expect(200)
    assert (shown.get("statusText", ""), shown["attempts"][0]["message"]) == (text, text)
    assert api("GET", f"/admin/maintenanceManifests/{manifest['id']}").expect(200) == shown
    assert api("GET", manifests_path(cluster)).expect(200)["value"] == [shown]


def test_the_owner_of_a_lease_has_a_name(server, api):
    now = int(time.time())
    cluster, manifest = load_running(server, 60)
    server.load("PoolWorkers", {"id": OWNER, "workerType": "MIMO_ACTUATOR", "hostname": "actuator-vm-2", "index": 2,
                                "version": "1", "startedAt": now, "seenAt": now, "ttl": 60, "buckets": [0, 255],
                                "workers": 3})
    began = time.monotonic() # names are kept for two seconds
    while True:
        view = api("GET", manifests_path(cluster, manifest["id"])).expect(200)
        if "leaseOwnerName" in view or not in_time(time.monotonic() - began, 10):
            break
    assert (view["leaseOwner"], view["leaseOwnerName"]) == (OWNER, "actuator-vm-2")
    assert view["leaseExpiry"] == manifest["leaseExpires"]
    [actuator] = [item for item in api("GET", "/admin/actuators").expect(200)["value"] if item["id"] == OWNER]
    assert actuator["alive"] is True
    assert (actuator["hostname"], actuator["index"], actuator["buckets"], actuator["workers"]) == \
        ("actuator-vm-2", 2, [0, 255], 3)


def test_an_actuator_that_was_not_heard_of_is_not_alive(server, api):
    long_ago = int(time.time()) - 100
    server.load("PoolWorkers", {"id": str(uuid.uuid4()), "workerType": "MIMO_ACTUATOR", "hostname": "gone", "index": 9,
                                "version": "1", "startedAt": long_ago, "seenAt": long_ago, "ttl": 60})
    [actuator] = [item for item in api("GET", "/admin/actuators").expect(200)["value"] if item["hostname"] == "gone"]
    assert actuator["alive"] is False


def test_the_global_query_filters(server, api, cluster):
    old = stored_manifest(cluster, "Failed", createdAt=int(time.time()) - 8 * 86400)
    scheduled = stored_manifest(cluster, "Completed")
    scheduled["maintenanceManifest"]["createdBySchedule"] = schedule = str(uuid.uuid4())
    server.load("MaintenanceManifests", old, scheduled)
    new = server.create(cluster)
    practice = api("PUT", manifests_path(cluster), {"maintenanceTaskID": PRACTICE}).expect(201)

    def ids(**query):
        found = api.manifests(clusterResourceID=cluster, **query)
        return {manifest["id"] for manifest in found}

    assert ids() == {old["id"], scheduled["id"], new["id"], practice["id"]}
    assert ids(state="Failed") == {old["id"]}
    assert ids(olderThan="7d") == {old["id"]}
    assert ids(olderThan="0") == ids()
    assert ids(createdBySchedule=schedule) == ids(createdBySchedule=schedule.upper()) == {scheduled["id"]}
    assert ids(maintenanceTaskID=PRACTICE.upper()) == {practice["id"]}
    assert ids(maintenanceTaskID=FLAGS.upper()) == ids() - {practice["id"]}
    assert ids(maintenanceTaskID="practice") == ids(maintenanceTaskID=PRACTICE) == {practice["id"]}
    assert ids(maintenanceTaskID=str(uuid.uuid4())) == set()
    for name, value in (("olderThan", "long"), ("maintenanceTaskID", "nonsense"), ("createdBySchedule", "x"), ("state", "x")):
        refused(api("GET", "/admin/maintenanceManifests", query={name: value}), 400, "InvalidParameter", name)
    refused(api("GET", "/admin/maintenanceManifests", query={"clusterResourceID": "/x"}), 400, "InvalidParameter",
            "clusterResourceID")


def test_the_queue_shows_what_is_pending_with_its_cluster(server, api, cluster):
    pending, cancelled = server.create(cluster), server.create(cluster)
    api("POST", manifests_path(cluster, cancelled["id"], "cancel")).expect(200)
    page = api("GET", "/admin/maintenanceManifests/queued", query={"limit": 1000}).expect(200)
    queued = {item["id"]: item for item in page["value"]}
    assert queued[pending["id"]]["clusterResourceID"] == cluster.lower()
    assert cancelled["id"] not in queued
    assert {item["state"] for item in queued.values()} == {"Pending"}


# ---- manifests: cancelling and deleting ----

def test_cancel_ends_a_pending_manifest_once(server, api, cluster):
    manifest = server.create(cluster)
    cancelled = server.api("operator")("POST", manifests_path(cluster, manifest["id"], "cancel")).expect(200)
    assert (cancelled["id"], cancelled["state"]) == (manifest["id"], "Cancelled")
    assert cancelled["finishedAt"] >= manifest["createdAt"]
    refused(api("POST", manifests_path(cluster, manifest["id"], "cancel")), 406, "PropertyChangeNotAllowed", None,
            "cannot cancel task in state Cancelled")
    refused(api("POST", manifests_path(cluster, str(uuid.uuid4()), "cancel")), 404, "NotFound", None, "manifest not found: ")


@pytest.mark.parametrize("state", ["Completed", "Failed", "RetriesExceeded", "TimedOut"])
def test_cancel_of_what_has_ended_is_406(server, api, cluster, state):
    manifest = stored_manifest(cluster, state)
    server.load("MaintenanceManifests", manifest)
    refused(api("POST", manifests_path(cluster, manifest["id"], "cancel"), query={"force": "true"}), 406,
            "PropertyChangeNotAllowed", None, f"cannot cancel task in state {state}")


def test_cancel_of_a_running_manifest_needs_an_hour_or_force(server, api):
    cluster, young = load_running(server, 600)
    path = manifests_path(cluster, young["id"], "cancel")
    refused(api("POST", path), 406, "PropertyChangeNotAllowed", None, "force")
    refused(api("POST", path, query={"force": "false"}), 406, "PropertyChangeNotAllowed")
    refused(api("POST", path, query={"force": "yes"}), 400, "InvalidParameter", "force")
    view = api("POST", path, query={"force": "true"}).expect(200)
    assert view["state"] == "Cancelled" and "leaseOwner" not in view
    # its worker still runs, and so its cluster is not free
    assert api("GET", f"/admin{cluster}").expect(200)["leaseManifest"] == young["id"]
    cluster, stuck = load_running(server, 3700)
    assert api("POST", manifests_path(cluster, stuck["id"], "cancel")).expect(200)["state"] == "Cancelled"


def test_cancel_takes_an_optional_body_with_a_ticket(server, api, cluster):
    manifest = server.create(cluster)
    answer = api("POST", manifests_path(cluster, manifest["id"], "cancel"), {"icm": "691536013"})
    answer.expect(200)
    assert server.audit(answer.headers["x-ms-request-id"])["icm"] == "691536013"


def test_delete_removes_a_manifest_that_does_not_run(server, api):
    cluster = server.register()
    ended = stored_manifest(cluster, "Failed")
    server.load("MaintenanceManifests", ended)
    for manifest in (server.create(cluster), ended):
        answer = server.api("operator")("DELETE", manifests_path(cluster, manifest["id"]))
        answer.expect(204)
        assert answer.text == "" and "Content-Type" not in answer.headers
        refused(api("DELETE", manifests_path(cluster, manifest["id"])), 404, "NotFound", None, "manifest not found: ")
    assert api("GET", manifests_path(cluster)).expect(200) == {"value": []}


def test_delete_does_not_leave_a_worker_that_nobody_can_stop(server, api):
    cluster, running = load_running(server, 5)
    path = manifests_path(cluster, running["id"])
    message = refused(api("DELETE", path), 409, "Conflict", "running", f"manifest {running['id']} is InProgress and its worker still runs")
    assert "/stop" in message and "force=true" in message
    api("POST", f"{path}/cancel", query={"force": "true"}).expect(200)
    refused(api("DELETE", path), 409, "Conflict", "running", f"manifest {running['id']} is Cancelled and its worker still runs")
    query = {"state": "Cancelled", "clusterResourceID": cluster}
    assert api("DELETE", "/admin/maintenanceManifests", query=query).expect(200) == {"deleted": 0, "errors": 1, "more": False}
    stopped = api("DELETE", path, query={"force": "true"}).expect(202)
    assert stopped["state"] == "Cancelled" and "asked to end" in stopped["running"]["message"]
    [stored] = [document for document in server.dump("MaintenanceManifests") if document["id"] == running["id"]]
    assert stored["stopRequested"] is True
    end_lease(server, cluster)
    api("DELETE", path, query={"force": "true"}).expect(204)


def test_forced_delete_stops_what_is_in_progress(server, api):
    cluster, running = load_running(server, 5)
    answer = api("DELETE", manifests_path(cluster, running["id"]), query={"force": "true"})
    assert answer.expect(202)["state"] == "Cancelled" and "stopped by an operator" in answer.document["statusText"]
    entry = server.audit(answer.headers["x-ms-request-id"])
    assert (entry["action"], entry["status"]) == ("manifest.delete", 202)
    [stored] = [document for document in server.dump("MaintenanceManifests") if document["id"] == running["id"]]
    assert stored["stopRequested"] is True and "leaseOwner" not in stored


def test_cancel_tells_what_still_runs_and_stop_ends_it(server, api):
    cluster, running = load_running(server, 5)
    path = manifests_path(cluster, running["id"])
    cancelled = api("POST", f"{path}/cancel", query={"force": "true"}).expect(200)
    assert cancelled["running"]["actuator"] == OWNER and cancelled["running"]["until"] > time.time()
    assert "its worker still runs" in cancelled["running"]["message"] and "/stop" in cancelled["running"]["message"]
    assert api("GET", path).expect(200)["running"] == cancelled["running"]
    stopped = api("POST", f"{path}/stop").expect(202)
    assert stopped["state"] == "Cancelled" and "asked to end" in stopped["running"]["message"]
    assert api("GET", path).expect(200)["running"] == stopped["running"]
    assert stopped["statusText"] == "stopped by an operator" and stopped["running"]["stopping"] is True
    end_lease(server, cluster)
    assert "running" not in api("GET", path).expect(200)
    refused(api("POST", f"{path}/stop"), 406, "PropertyChangeNotAllowed", None, "cannot stop task in state Cancelled: it has no running worker")


def test_manifests_of_a_cluster_that_is_gone_can_be_deleted(server, api):
    orphan, other = stored_manifest(cluster_id(), "Completed"), stored_manifest(cluster_id(), "Completed")
    server.load("MaintenanceManifests", orphan, other)
    refused(api("DELETE", manifests_path(orphan["clusterResourceID"], orphan["id"])), 404, "NotFound", None, "cluster not found: ")
    query = {"state": "Completed", "clusterResourceID": orphan["clusterResourceID"].upper()}
    assert api("DELETE", "/admin/maintenanceManifests", query=query).expect(200) == {"deleted": 1, "errors": 0, "more": False}
    assert other["id"] in [document["id"] for document in server.dump("MaintenanceManifests")]
    query["clusterResourceID"] = "nowhere"
    refused(api("DELETE", "/admin/maintenanceManifests", query=query), 400, "InvalidParameter", "clusterResourceID")


def test_a_manifest_without_a_cluster_is_changed_by_its_id(server, api):
    waiting, other, third, running = (stored_manifest(cluster_id(), state) for state in ("Pending", "Pending", "Pending", "InProgress"))
    third["clusterResourceID"] = other["clusterResourceID"]
    server.load("MaintenanceManifests", waiting, other, third, running)

    def path(manifest):
        return f"{FLEET}/{manifest['id']}"

    assert "clusterMissing" in [blocker["kind"] for blocker in api("GET", path(waiting)).expect(200)["blockers"]]
    assert api("POST", path(waiting) + "/cancel", query={"icm": "7"}).expect(200)["state"] == "Cancelled"
    refused(api("POST", path(waiting) + "/stop"), 406, "PropertyChangeNotAllowed")
    refused(api("DELETE", path(running)), 409, "Conflict", "running")
    assert api("POST", path(running) + "/stop").expect(202)["state"] == "Cancelled"
    answer = api("DELETE", path(waiting))
    answer.expect(204)
    assert server.audit(answer.headers["x-ms-request-id"])["resource"] == f"{waiting['clusterResourceID']}/maintenanceManifests/{waiting['id']}"
    refused(api("DELETE", path(waiting)), 404, "NotFound", None, "manifest not found: ")

    known = server.create(server.register())
    for cluster in (None, known["clusterResourceID"]):
        refused(api("DELETE", FLEET, query={"state": "Pending", "clusterResourceID": cluster}), 400, "InvalidParameter", "state", "not in the inventory")
    query = {"state": "Pending,Failed", "clusterResourceID": other["clusterResourceID"]}
    refused(api("DELETE", FLEET, query={**query, "state": "InProgress"}), 400, "InvalidParameter", "state")
    assert api("DELETE", FLEET, query=query).expect(200) == {"deleted": 2, "errors": 0, "more": False}


def test_of_many_who_cancel_at_once_one_succeeds(server, api, cluster):
    manifest = server.create(cluster)
    path = manifests_path(cluster, manifest["id"], "cancel")
    answers = at_once(16, lambda: api("POST", path))
    assert sorted(answer.status for answer in answers) == [200] + [406] * 15
    assert api("GET", manifests_path(cluster, manifest["id"])).expect(200)["state"] == "Cancelled"


def test_of_many_who_want_the_only_open_manifest_one_creates_it(api, cluster):
    answers = at_once(16, lambda: api("PUT", manifests_path(cluster), {"maintenanceTaskID": FLAGS}, {"ifOpen": "skip"}))
    assert sorted(answer.status for answer in answers) == [200] * 15 + [201]
    assert len({answer.document["id"] for answer in answers}) == 1


# ---- tasks, versions, ids ----

def test_tasks_are_listed(api):
    tasks = {task["shortName"]: task for task in api("GET", "/admin/tasks").expect(200)["value"]}
    assert tasks["operator-flags-update"]["id"] == FLAGS
    assert tasks["practice"]["practice"] is True
    assert set(tasks["practice"]) == {"id", "name", "shortName", "summary", "takesParameters", "practice", "external", "cluster"}
    flags = tasks["operator-flags-update"]
    assert flags["cluster"] and not flags["external"] and flags["steps"][0] == "API server is up"


def test_every_request_needs_the_api_version(api, cluster):
    for query in ({"api-version": None}, {"api-version": "2023-01-01"}):
        refused(api("GET", manifests_path(cluster), query=query), 400, "InvalidApiVersionParameter", "api-version")


def test_paths_and_parameters_are_compared_without_case(server, api, cluster):
    server.create(cluster)
    page = api("GET", manifests_path(cluster).upper(), query={"api-version": None, "API-VERSION": "admin", "LIMIT": "1"})
    assert len(page.expect(200)["value"]) == 1


def test_unknown_parameters_are_ignored_and_known_ones_come_once(server, cluster):
    api = server.api()
    api("GET", manifests_path(cluster), query={"whatever": "1"}).expect(200)
    head = f"GET {manifests_path(cluster)}?api-version=admin&%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.token}\r\n\r\n"
    assert server.raw((head % "a=1&a=2").encode())[0] == 200
    assert server.raw((head % "limit=1&limit=1").encode())[0] == 400
    assert server.raw((head % "API-version=admin").encode())[0] == 400


def test_every_answer_has_a_request_id_and_echoes_the_clients(server, api):
    for path in ("/admin/tasks", "/nowhere", "/healthz/live"):
        answer = api("GET", path, headers={"x-ms-client-request-id": "mine-1"})
        assert uuid.UUID(answer.headers["x-ms-request-id"]).version == 4
        assert answer.headers["x-ms-client-request-id"] == "mine-1"
        assert f"request={answer.headers['x-ms-request-id']}" in server.log
    long = api("GET", "/admin/tasks", headers={"x-ms-client-request-id": "x" * 200})
    assert "x-ms-client-request-id" not in long.headers


def test_unknown_paths_are_404_and_other_methods_405(server, api, cluster):
    for path in ("/", "/admin", "/admin/nothing", f"/admin{cluster}/nothing", "/admin/tasks/"):
        refused(api("GET", path), 404, "NotFound", "endpoint", "there is no such endpoint")
    answer = api("POST", manifests_path(cluster), {})
    refused(answer, 405, "MethodNotAllowed")
    assert answer.headers["Allow"] == "GET, HEAD, PUT"
    head = api("HEAD", "/admin/tasks")
    assert (head.status, head.text) == (200, "") and int(head.headers["Content-Length"]) > 100


def test_health_needs_no_token_and_no_version(server):
    nobody = server.nobody()
    assert nobody("GET", "/healthz/live", query={"api-version": None}).expect(200) == {"status": "live"}
    assert nobody("GET", "/healthz/ready").expect(200) == {"status": "ready"}


def test_the_endpoints_describe_themselves(server):
    document = server.nobody()("GET", "/openapi.json").expect(200)
    assert document["openapi"] == "3.1.0"
    seen = 0
    for path, item in document["paths"].items():
        for method, operation in item.items():
            seen += 1
            inside = {name["name"] for name in operation["parameters"] if name["in"] == "path"}
            assert inside == set(re.findall(r"{(\w+)}", path)), path
            assert operation["summary"] and operation["responses"]
            assert bool(operation["security"]) == path.startswith("/admin")
            assert ("requestBody" in operation) == (method in ("put", "post"))
            # it is there: without a token only those that need none are served
            target = re.sub("{subscription}", str(uuid.uuid4()), re.sub(r"{(id|cluster|resourceGroup)}", "x", path))
            answer = server.nobody()(method.upper(), target, {} if "requestBody" in operation else None)
            assert answer.status == (401 if operation["security"] else 200), (method, target)
    assert seen >= 17


# ---- who did what ----

def test_every_change_is_in_the_audit_trail(server, api, cluster):
    entries = []

    def change(method, path, body=None, status=200, **options):
        answer = server.api("admin")(method, path, body, **options)
        answer.expect(status)
        entries.append((answer.headers["x-ms-request-id"], status))
        return answer.document

    path = manifests_path(cluster)
    manifest = change("PUT", path, {"maintenanceTaskID": FLAGS, "icm": 1}, 201)
    change("POST", f"{path}/{manifest['id']}/cancel", query={"icm": "2"})
    change("DELETE", f"{path}/{manifest['id']}", status=204, headers={"x-mimo-icm": "3"})
    change("PUT", f"/admin{cluster}", {"properties": {}})
    change("DELETE", f"/admin{cluster}", status=204)
    resource = cluster.lower()
    single = f"{resource}/maintenanceManifests/{manifest['id']}"
    expected = [("manifest.create", single, "1"), ("manifest.cancel", single, "2"), ("manifest.delete", single, "3"),
                ("cluster.put", resource, None), ("cluster.delete", resource, None)]
    for (request_id, status), (action, target, icm) in zip(entries, expected):
        entry = server.audit(request_id)
        assert (entry["actor"], entry["action"], entry["resource"], entry.get("icm"), entry["status"]) == \
            ("admin", action, target, icm, status)
        assert abs(entry["time"] - time.time()) < 60


def test_what_changed_nothing_is_not_in_the_audit_trail(server, api, cluster):
    before = len(server.dump("Audit"))
    api("GET", manifests_path(cluster)).expect(200)
    api("PUT", manifests_path(cluster), {}).expect(400)
    api("DELETE", manifests_path(cluster, str(uuid.uuid4()))).expect(404)
    assert len(server.dump("Audit")) == before
