# SPDX-License-Identifier: Apache-2.0
"""Why a manifest is not running: `blockers` of the Admin API, and stopping one that is."""

import time
import uuid

import pytest
from admin_api_data import load_running, manifests_path, stored_manifest
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
    """Those of a manifest without their messages, which both of its endpoints must agree on."""
    path = manifests_path(manifest["clusterResourceID"], manifest["id"])
    found = api("GET", path).expect(200)["blockers"]
    assert api("GET", f"/admin/maintenanceManifests/{manifest['id']}").expect(200)["blockers"] == found
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
