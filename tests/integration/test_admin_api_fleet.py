# SPDX-License-Identifier: Apache-2.0
"""What the Admin API tells of, and does to, many manifests at once."""

import time

import pytest
from admin_api_data import manifests_path, stored_manifest
from api_server import FLAGS, PRACTICE, ApiServer

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


# ---- the summary ----

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
