# SPDX-License-Identifier: Apache-2.0
"""Why a manifest is not running: `blockers` of the Admin API, and stopping one that is."""

import time
import uuid
from operator import itemgetter

import pytest
from admin_api_data import OWNER, at_once, load_running, manifests_path, refused, stored_manifest
from api_server import ApiServer, cluster_id


@pytest.fixture
def server(build_dir):
    with ApiServer(build_dir) as running:
        yield running


@pytest.fixture
def api(server):
    return server.api()


def load_actuator(server, **members):
    """A live actuator that has all buckets; returns its id."""
    now, identity = int(time.time()), str(uuid.uuid4())
    server.load("PoolWorkers", {"id": identity, "workerType": "MIMO_ACTUATOR", "hostname": "vm-1", "index": 0,
                                "version": "1", "startedAt": now, "seenAt": now, "ttl": 600, "buckets": [0, 255],
                                "workers": 0, "maxWorkers": 3, "mode": "working", **members})
    return identity


def blockers(api, manifest):
    """Those of a manifest without their messages, which both of its endpoints must agree on while its cluster is there."""
    found = api("GET", f"/admin/maintenanceManifests/{manifest['id']}").expect(200)["blockers"]
    one = api("GET", manifests_path(manifest["clusterResourceID"], manifest["id"]))
    assert one.status == 404 if "clusterMissing" in map(itemgetter("kind"), found) else one.expect(200)["blockers"] == found
    assert all(blocker.pop("message") for blocker in found)
    return found


def test_nothing_is_in_the_way_of_a_manifest_whose_actuator_lives(server, api):
    manifest = server.create(server.register(provisioningState="Succeeded"))
    assert blockers(api, manifest) == [{"kind": "noActuator", "bucket": manifest["bucket"]}]
    load_actuator(server)
    assert blockers(api, manifest) == []


def test_each_cause_is_told(server, api):
    actuator = load_actuator(server, workers=3)
    full = {"kind": "actuatorFull", "actuator": actuator, "hostname": "vm-1"}
    later = int(time.time()) + 5000
    assert blockers(api, server.create(server.register(), runAfter=later)) == [{"kind": "notDue", "until": later}, full]
    assert blockers(api, server.create(server.register(provisioningState="Updating"))) == \
        [{"kind": "clusterBusy", "provisioningState": "Updating"}, full]
    cluster, running = load_running(server, 60)
    assert blockers(api, server.create(cluster)) == \
        [{"kind": "clusterBusy", "manifest": running["id"], "until": running["leaseExpires"]}, full]
    orphan = stored_manifest(cluster_id(), "Pending", nextAttempt=later)
    server.load("MaintenanceManifests", orphan)
    assert blockers(api, orphan) == [{"kind": "backoff", "until": later}, {"kind": "clusterMissing"}, full]


def test_only_what_waits_has_blockers(server, api):
    cluster, running = load_running(server, 60)
    closed = stored_manifest(cluster, "Completed")
    server.load("MaintenanceManifests", closed)
    for manifest in (running, closed):
        assert "blockers" not in api("GET", manifests_path(cluster, manifest["id"])).expect(200)


# ---- stopping ----

def test_stop_cancels_what_runs_and_asks_for_its_worker(server, api):
    cluster, running = load_running(server, 5)
    path = manifests_path(cluster, running["id"], "stop")
    answer = server.api("operator")("POST", path, {"icm": "42"})
    view = answer.expect(202)
    assert (view["id"], view["state"]) == (running["id"], "Cancelled") and "leaseOwner" not in view
    [stored] = server.dump("MaintenanceManifests")
    assert stored["stopRequested"] is True
    assert stored["maintenanceManifest"]["state"] == "Cancelled"
    # its worker still runs, and so its cluster is not free
    assert api("GET", f"/admin{cluster}").expect(200)["leaseManifest"] == running["id"]
    entry = server.audit(answer.headers["x-ms-request-id"])
    assert (entry["action"], entry["status"], entry["icm"]) == ("manifest.stop", 202, "42")
    assert api("POST", path).expect(202)["running"]["actuator"] == OWNER # it still runs


def test_stop_is_for_what_runs(server, api):
    cluster = server.register()
    waiting, closed = server.create(cluster), stored_manifest(cluster, "Completed")
    server.load("MaintenanceManifests", closed)
    refused(api("POST", manifests_path(cluster, waiting["id"], "stop")), 406, "PropertyChangeNotAllowed", None, "cancel it")
    refused(api("POST", manifests_path(cluster, closed["id"], "stop")), 406, "PropertyChangeNotAllowed", None,
            "cannot stop task in state Completed")
    refused(api("POST", manifests_path(cluster, str(uuid.uuid4()), "stop")), 404, "NotFound", None, "manifest not found: ")
    refused(server.api("reader")("POST", manifests_path(cluster, waiting["id"], "stop")), 403, "Forbidden")
    assert all("stopRequested" not in document for document in server.dump("MaintenanceManifests"))


def test_cancel_alone_asks_for_no_worker(server, api):
    cluster, running = load_running(server, 5)
    api("POST", manifests_path(cluster, running["id"], "cancel"), query={"force": "true"}).expect(200)
    [stored] = server.dump("MaintenanceManifests")
    assert "stopRequested" not in stored


def test_of_many_who_stop_at_once_none_is_refused(server, api):
    cluster, running = load_running(server, 5)
    answers = at_once(16, lambda: api("POST", manifests_path(cluster, running["id"], "stop")))
    assert {answer.status for answer in answers} == {202}
