# SPDX-License-Identifier: Apache-2.0
"""Clusters and manifests of a round, and a client that knows what it does not know.

A create whose answer never came may have happened: the marker, which is the name of the manifest's first step,
tells afterwards whose manifest it is.
"""

import contextlib
import http.client
import json
import threading
import time

PRACTICE = "00000000-0000-4000-8000-000000000001"
STATES_BEFORE = ("Succeeded", "Succeeded", "Failed", None) # a cluster without the state is one that nobody works on
# What the last step does, and how often. `hang` runs into the alarm.
ENDINGS = {"ok": 62, "transient": 12, "terminal": 5, "crash": 6, "exit": 4, "garbage": 3, "hang": 4, "forbidden": 4}
CANCELLED_SHARE, DELETED_SHARE, OTHERS_SHARE = 0.03, 0.02, 0.25


def resource_id(number):
    return ("/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/chaos/providers/"
            f"microsoft.redhatopenshift/openshiftclusters/chaos-{number}")


def cluster_document(number):
    state = STATES_BEFORE[number % len(STATES_BEFORE)]
    return {"id": f"00000000-0000-4000-9000-{number:012d}", "key": resource_id(number),
            "openShiftCluster": {"id": resource_id(number),
                                 "properties": {"provisioningState": state} if state else {}}}


def write_clusters(path, count):
    """A dump of clusters for `mimo-store load`."""
    with open(path, "w", encoding="utf-8") as file:
        for number in range(count):
            file.write(json.dumps({"container": "OpenShiftClusters", "document": cluster_document(number)}) + "\n")


def random_manifest(chance, marker, longest_sleep):
    """Members of a create: up to three steps with small sleeps, and some ending."""
    steps = [{"name": marker if number == 0 else f"step {number + 1}", "sleepMs": chance.randrange(longest_sleep + 1)}
             for number in range(chance.randrange(1, 4))]
    (ending, ) = chance.choices(list(ENDINGS), list(ENDINGS.values()))
    if ending != "ok":
        steps[-1]["then"] = ending
        if chance.random() < 0.5:
            steps[-1]["untilAttempt"] = chance.randrange(2, 4)
    return {"parameters": {"steps": steps}, "priority": chance.randrange(3)}


class Client(threading.Thread):
    """Creates a round's manifests over some time; cancels and deletes a few of them. `others` are tasks beside Practice,
    OTHERS_SHARE of all."""

    def __init__(self, rig, chance, numbers, clusters, seconds, longest_sleep, others=()):
        super().__init__(name="client", daemon=True)
        self.rig, self.chance, self.numbers, self.clusters = rig, chance, list(numbers), clusters
        self.pause, self.longest_sleep = seconds / max(1, len(self.numbers)), longest_sleep
        self.others = others
        self.created = []
        self._done = threading.Event()

    def run(self):
        for number in self.numbers:
            if self._done.wait(self.chance.random() * 2 * self.pause):
                return
            while not self.rig.answering.wait(1) and not self._done.is_set():
                continue
            self.create(f"m-{number}")
            if self.created and self.chance.random() < CANCELLED_SHARE:
                self.cancel(*self.chance.choice(self.created))
            if self.created and self.chance.random() < DELETED_SHARE:
                self.delete(*self.created.pop(self.chance.randrange(len(self.created))))

    def stop(self):
        self._done.set()
        self.join()

    def _ask(self, *arguments, **options):
        """The answer, or None when there was none."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.rig.api.client(*arguments, **options)
        return None

    def create(self, marker):
        cluster = resource_id(self.chance.randrange(self.clusters))
        body = {"maintenanceTaskID": PRACTICE, **random_manifest(self.chance, marker, self.longest_sleep)}
        if self.others and self.chance.random() < OTHERS_SHARE:
            body = {"maintenanceTaskID": self.chance.choice(self.others), "parameters": {"steps": [{"name": marker}]}}
        answer = self._ask("PUT", f"/admin{cluster}/maintenanceManifests", body)
        history = self.rig.history
        if answer is None or answer.status >= 500 or answer.document is None:
            history.add("unsure", marker=marker, cluster=cluster, status=answer.status if answer else None)
        elif answer.status == 201:
            identifier = answer.document["id"]
            history.add("accepted", marker=marker, manifest=identifier, cluster=cluster)
            self.created.append((cluster, identifier))
        else:
            history.add("refused", marker=marker, status=answer.status, text=answer.text)

    def cancel(self, cluster, identifier):
        self._ask("POST", f"/admin{cluster}/maintenanceManifests/{identifier}/cancel", query={"force": "true"})

    def delete(self, cluster, identifier):
        answer = self._ask("DELETE", f"/admin{cluster}/maintenanceManifests/{identifier}")
        sure = answer is not None and answer.status == 204
        self.rig.history.add("deleted", t=time.monotonic(), manifest=identifier, sure=sure)
