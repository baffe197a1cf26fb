# SPDX-License-Identifier: Apache-2.0
"""Documents and expectations that the tests of the Admin API share."""

import threading
import time
import uuid

from api_server import FLAGS, cluster_id

OWNER = "11111111-2222-4333-8444-555555555555"


def manifests_path(cluster, *rest):
    return "/".join([f"/admin{cluster}/maintenanceManifests", *rest])


def refused(answer, status, code, target=None, message=""):
    """Makes sure that it is this error; `message` is a part of it."""
    error = answer.expect(status)["error"]
    assert (error["code"], error.get("target")) == (code, target), error
    assert message in error["message"], error
    return error["message"]


def stored_manifest(cluster, state, **members):
    """A document as an actuator leaves it."""
    now = int(time.time())
    return {"id": str(uuid.uuid4()), "clusterResourceID": cluster.lower(), "dequeues": 1, "createdAt": now - 9000,
            "maintenanceManifest": {"state": state, "maintenanceTaskID": FLAGS, "priority": 0, "runAfter": now - 9000,
                                    "runBefore": now + 90000}, **members}


def running_manifest(cluster, seconds):
    """A manifest whose attempt began so many seconds ago."""
    now = int(time.time())
    return stored_manifest(cluster, "InProgress", startedAt=now - seconds, leaseOwner=OWNER, leaseExpires=now + 600,
                           attempts=[{"number": 1, "startedAt": now - seconds, "actuator": OWNER}])


def stored_cluster(cluster, manifest=None, **properties):
    document = {"id": str(uuid.uuid4()), "key": cluster.lower(), "partitionKey": cluster.lower().split("/")[2],
                "openShiftCluster": {"id": cluster, "properties": properties}}
    if manifest:
        document.update(leaseOwner=OWNER, leaseManifest=manifest, leaseExpires=int(time.time()) + 600)
    return document


def load_running(server, seconds):
    """A cluster on which a manifest has been running for so many seconds; returns both."""
    cluster = cluster_id()
    manifest = running_manifest(cluster, seconds)
    server.load("OpenShiftClusters", stored_cluster(cluster, manifest["id"]))
    server.load("MaintenanceManifests", manifest)
    return cluster, manifest


def end_lease(server, cluster):
    """As the actuator gives the cluster back when the worker has ended."""
    [document] = [document for document in server.dump("OpenShiftClusters") if document["key"] == cluster.lower()]
    for member in ("leaseOwner", "leaseManifest", "leaseExpires"):
        document.pop(member, None)
    server.load("OpenShiftClusters", document, replace=True)


def at_once(count, function):
    """Results of `function`, called by that many threads that begin together."""
    barrier, results = threading.Barrier(count), []

    def run():
        barrier.wait()
        results.append(function())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == count, "a thread died"
    return results
