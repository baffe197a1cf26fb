# SPDX-License-Identifier: Apache-2.0
"""What the Admin API tells of, and does to, many manifests at once."""

import time
import uuid
from urllib.parse import parse_qsl, urlsplit

import pytest
from admin_api_data import manifests_path, refused, running_manifest, stored_cluster, stored_manifest
from api_server import FLAGS, PRACTICE, ApiServer, cluster_id
from mimolocal.adminapi import skip_token

FLEET = "/admin/maintenanceManifests"
SUMMARY = f"{FLEET}/summary"


@pytest.fixture
def server(build_dir):
    with ApiServer(build_dir) as running:
        yield running


@pytest.fixture
def api(server):
    return server.api()


@pytest.fixture
def cluster(server):
    return server.register()


# ---- finding by name ----

def test_clusters_are_found_by_their_name(server, api):
    """However many there are, those alone are looked at and sent."""
    one, _, other = (server.register() for _ in range(3))
    name = one.rsplit("/", 1)[1]
    found = api("GET", "/admin/clusters", query={"name": name.upper()}).expect(200)["value"]
    assert [cluster["id"].lower() for cluster in found] == [one.lower()]
    twin = other.rsplit("/", 1)[0].lower().replace("/resourcegroups/", "/resourcegroups/twin-") + "/" + name
    api("PUT", f"/admin{twin}", {"properties": {}}).expect(201)
    assert len(api("GET", "/admin/clusters", query={"name": name}).expect(200)["value"]) == 2
    page = api("GET", "/admin/clusters", query={"name": name, "limit": "1"}).expect(200)
    rest = api("GET", "/admin/clusters", query={"name": name, "limit": "1", "$skipToken": skip_token(page["nextLink"])}).expect(200)
    assert {cluster["id"].lower() for cluster in page["value"] + rest["value"]} == {one.lower(), twin}
    assert api("GET", "/admin/clusters", query={"name": name[:-1]}).expect(200) == {"value": []}
    for wrong in ("", "a/b", "x" * 2000):
        refused(api("GET", "/admin/clusters", query={"name": wrong}), 400, "InvalidParameter", "name")


# ---- the summary ----

def test_manifests_are_found_by_the_beginning_of_their_id(server, api):
    """However many there are, those alone are looked at and sent."""
    cluster = server.register()
    ids = [server.create(cluster)["id"] for _ in range(3)]
    for one in ids:
        assert [found["id"] for found in api("GET", FLEET, query={"idPrefix": one[:13].upper()}).expect(200)["value"]] == [one]
        assert [found["id"] for found in api("GET", FLEET, query={"idPrefix": one}).expect(200)["value"]] == [one]
    twins = [f"aaaabbbb-0000-4000-8000-00000000000{number}" for number in range(3)]
    server.load("MaintenanceManifests", *({**stored_manifest(cluster, "Failed"), "id": one} for one in reversed(twins)))
    page = api("GET", FLEET, query={"idPrefix": "aaaa", "limit": "2"}).expect(200)
    assert [found["id"] for found in page["value"]] == twins[:2]
    page = api("GET", FLEET, query={"idPrefix": "aaaa", "limit": "2", "$skipToken": skip_token(page["nextLink"])}).expect(200)
    assert [found["id"] for found in page["value"]] == twins[2:] and "nextLink" not in page
    assert api("GET", FLEET, query={"idPrefix": "aaaa-"}).expect(200) == {"value": []}
    for wrong in ("", "aaa", "aaag", "aaaa%", twins[0] + "0", "aaaa\"", "a" * 64):
        refused(api("GET", FLEET, query={"idPrefix": wrong}), 400, "InvalidParameter", "idPrefix", "4 to 36")
    refused(api("GET", FLEET, query={"idPrefix": "aaaa", "state": "Failed"}), 400, "InvalidParameter", "idPrefix", "state")


def test_the_summary_of_an_empty_fleet_is_all_zeros(api):
    summary = api("GET", SUMMARY).expect(200)
    assert set(summary["byState"].values()) == {0} and len(summary["byState"]) == 7
    assert (summary["byTask"], summary["byCluster"], summary["dequeues"]) == ([], [], [0] * 6)
    assert (summary["truncated"], summary["notUnderstood"]) == (False, 0)
    assert "oldestRunnable" not in summary


def test_the_summary_counts_more_than_a_page_of_the_store(server, api, cluster):
    other = server.register()
    open_ones = [stored_manifest(cluster, "Pending", dequeues=number % 3) for number in range(1200)]
    oldest = open_ones[700]
    oldest["maintenanceManifest"]["runAfter"] -= 50
    closed = [stored_manifest(other, "Completed") for _ in range(1100)]
    server.load("MaintenanceManifests", *open_ones, *closed, stored_manifest(other, "Failed"))
    api("PUT", manifests_path(other), {"maintenanceTaskID": PRACTICE, "runAfter": int(time.time()) + 900}).expect(201)
    summary = server.api("reader")("GET", SUMMARY).expect(200)
    assert {name: count for name, count in summary["byState"].items() if count} == \
        {"Pending": 1201, "Completed": 1100, "Failed": 1}
    assert summary["byTask"] == [
        {"maintenanceTaskID": FLAGS, "shortName": "operator-flags-update", "open": 1200, "total": 2301},
        {"maintenanceTaskID": PRACTICE, "shortName": "practice", "open": 1, "total": 1}]
    assert summary["byCluster"] == [{"clusterResourceID": cluster.lower(), "open": 1200},
                                    {"clusterResourceID": other.lower(), "open": 1}]
    assert summary["dequeues"] == [401, 400, 400, 0, 0, 0]
    assert summary["oldestRunnable"] == {"id": oldest["id"], "clusterResourceID": cluster.lower(),
                                         "since": oldest["maintenanceManifest"]["runAfter"]}
    assert summary["truncated"] is False


# ---- deleting many ----

def test_bulk_delete_takes_what_has_ended_and_is_old_enough(server, api, cluster):
    now = int(time.time())
    old = [stored_manifest(cluster, state, createdAt=now - 8 * 86400) for state in ("Completed", "Failed", "Pending")]
    new = stored_manifest(cluster, "Completed", createdAt=now - 60)
    server.load("MaintenanceManifests", *old, new)
    answer = api("DELETE", FLEET, query={"state": "Completed,TimedOut", "olderThan": "7d", "icm": "77"})
    assert answer.expect(200) == {"deleted": 1, "errors": 0, "more": False}
    left = {document["id"] for document in server.dump("MaintenanceManifests")}
    assert left == {old[1]["id"], old[2]["id"], new["id"]}
    entry = server.audit(answer.headers["x-ms-request-id"])
    assert (entry["action"], entry["count"], entry["status"], entry["icm"], entry["actor"]) == \
        ("manifests.delete", 1, 200, "77", "admin")
    assert entry["resource"] == "/maintenanceManifests?state=Completed,TimedOut&olderThan=7d"
    assert api("DELETE", FLEET, query={"state": "Failed"}).expect(200)["deleted"] == 1


def test_bulk_delete_takes_a_time_as_well(server, api, cluster):
    server.load("MaintenanceManifests", stored_manifest(cluster, "Failed", createdAt=1700000000),
                stored_manifest(cluster, "Failed", createdAt=1700000001))
    query = {"state": "Failed", "olderThan": "2023-11-14T22:13:21Z"}
    assert api("DELETE", FLEET, query=query).expect(200)["deleted"] == 1
    [left] = server.dump("MaintenanceManifests")
    assert left["createdAt"] == 1700000001


def test_bulk_delete_of_several_batches_is_one_entry_and_ends_somewhere(server, api, cluster):
    server.load("MaintenanceManifests", *(stored_manifest(cluster, "Completed") for _ in range(10050)),
                stored_manifest(cluster, "Pending"))
    first = api("DELETE", FLEET, query={"state": "Completed"})
    assert first.expect(200) == {"deleted": 10000, "errors": 0, "more": True}
    second = api("DELETE", FLEET, query={"state": "Completed"})
    assert second.expect(200) == {"deleted": 50, "errors": 0, "more": False}
    counts = [server.audit(answer.headers["x-ms-request-id"])["count"] for answer in (first, second)]
    assert counts == [10000, 50]
    [left] = server.dump("MaintenanceManifests")
    assert left["maintenanceManifest"]["state"] == "Pending"


def test_bulk_delete_refuses_what_is_open_or_not_said(server, api, cluster):
    server.create(cluster)
    refused(api("DELETE", FLEET), 400, "InvalidParameter", "state", "Parameter is missing")
    for state in ("Pending", "InProgress", "Completed,Pending"):
        refused(api("DELETE", FLEET, query={"state": state}), 400, "InvalidParameter", "state", "ended")
    refused(api("DELETE", FLEET, query={"state": "Done"}), 400, "InvalidParameter", "state", "TimedOut")
    refused(api("DELETE", FLEET, query={"state": "Failed", "olderThan": "long"}), 400, "InvalidParameter", "olderThan", "7d")
    refused(server.api("operator")("DELETE", FLEET, query={"state": "Failed"}), 403, "Forbidden", None, "admin")
    before = server.dump("Audit")
    assert api("DELETE", FLEET, query={"state": "Failed"}).expect(200) == {"deleted": 0, "errors": 0, "more": False}
    assert server.dump("Audit") == before # nothing was changed
    assert len(server.dump("MaintenanceManifests")) == 1


# ---- cancelling many ----

def of_schedule(manifest, schedule):
    manifest["maintenanceManifest"]["createdBySchedule"] = schedule
    return manifest


def test_bulk_cancel_takes_what_waits_of_one_schedule(server, api, cluster):
    schedule, other = str(uuid.uuid4()), str(uuid.uuid4())
    waiting = [of_schedule(stored_manifest(cluster, "Pending"), schedule) for _ in range(450)]
    strangers = [of_schedule(stored_manifest(cluster, "Pending"), other), stored_manifest(cluster, "Pending"),
                 of_schedule(stored_manifest(cluster, "Completed"), schedule)]
    server.load("MaintenanceManifests", *waiting, *strangers)
    answer = api("POST", f"{FLEET}/cancel", query={"scheduleID": schedule.upper()})
    assert answer.expect(200) == {"cancelled": 450, "errors": 0, "more": False}
    states = {document["id"]: document["maintenanceManifest"]["state"] for document in server.dump("MaintenanceManifests")}
    assert {states[manifest["id"]] for manifest in waiting} == {"Cancelled"}
    assert [states[manifest["id"]] for manifest in strangers] == ["Pending", "Pending", "Completed"]
    entry = server.audit(answer.headers["x-ms-request-id"])
    assert (entry["action"], entry["count"], entry["resource"]) == \
        ("manifests.cancel", 450, f"/maintenanceManifests?scheduleID={schedule}")
    assert api("POST", f"{FLEET}/cancel", query={"scheduleID": schedule}).expect(200)["cancelled"] == 0


def test_bulk_cancel_needs_a_schedule_and_leaves_alone_what_runs(server, api):
    for query in ({}, {"scheduleID": ""}):
        refused(api("POST", f"{FLEET}/cancel", query=query), 400, "InvalidParameter", "scheduleID", "Parameter is missing")
    refused(server.api("operator")("POST", f"{FLEET}/cancel", query={"scheduleID": "x"}), 403, "Forbidden")
    refused(api("POST", f"{FLEET}/cancel", query={"scheduleID": "x" * 5000}), 400, "InvalidParameter", "scheduleID", "UUID")
    cluster, schedule = cluster_id(), str(uuid.uuid4())
    ours = of_schedule(running_manifest(cluster, 7200), schedule)
    server.load("OpenShiftClusters", stored_cluster(cluster, ours["id"]))
    server.load("MaintenanceManifests", ours)
    assert api("POST", f"{FLEET}/cancel", query={"scheduleID": schedule}).expect(200)["cancelled"] == 0
    [left] = server.dump("MaintenanceManifests")
    assert left["maintenanceManifest"]["state"] == "InProgress"


# ---- the audit trail ----

def test_the_audit_trail_is_listed_newest_last(server, api, cluster):
    manifests = [server.create(cluster, icm=number) for number in range(5)]
    entries = server.api("reader")("GET", "/admin/audit").expect(200)["value"]
    assert len(entries) == 6 # the cluster's is among them
    assert [entry["time"] for entry in entries] == sorted(entry["time"] for entry in entries)
    assert sorted(entries, key=lambda entry: entry["id"]) == sorted(server.dump("Audit"), key=lambda entry: entry["id"])
    assert {entry["resource"].rsplit("/", 1)[1] for entry in entries} >= {manifest["id"] for manifest in manifests}


def test_the_audit_trail_begins_where_it_is_asked_to_and_comes_in_pages(server, api):
    server.load("Audit", *({"id": str(uuid.uuid4()), "time": 1000 + number, "actor": "ci"} for number in range(7)))

    def times(**query):
        return [entry["time"] for entry in api("GET", "/admin/audit", query=query).expect(200)["value"]]

    assert times() == [1000, 1001, 1002, 1003, 1004, 1005, 1006]
    assert times(since=1004) == times(since="1970-01-01T00:16:44Z") == [1004, 1005, 1006]
    assert times(since=1007) == []
    page = api("GET", "/admin/audit", query={"since": 1002, "limit": 3}).expect(200)
    assert [entry["time"] for entry in page["value"]] == [1002, 1003, 1004]
    query = dict(parse_qsl(urlsplit(page["nextLink"]).query))
    assert times(**query) == [1005, 1006]
    for since in ("", "-1", "soon", "5x", "99999999999999999999"):
        refused(api("GET", "/admin/audit", query={"since": since}), 400, "InvalidParameter", "since", "Unix seconds")
