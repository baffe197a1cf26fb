# SPDX-License-Identifier: Apache-2.0
"""Commands of mimoctl end with the command to run next, for people and never for programs."""

import re
import time

import pytest

from fake_admin_api import error
from mimoctl_fixtures import (FLAGS, ID, ID2, MANIFESTS, R1, R2, WORKER, actuator_answer, actuators, api, certificates,  # noqa: F401
                              environment, home, manifest, mimoctl, progress)

SHOW = f"GET {MANIFESTS}/{ID}"
CREATE = f"PUT /admin{R1}/maintenanceManifests"
ONE = f"/admin{R1}/maintenanceManifests/{ID}"


def actuator(**members):
    return {"id": ID, "index": 0, "hostname": "vm0", "alive": True, "seenAt": int(time.time()), "buckets": [0, 255], **members}


NEXT = [
    (["manifest", "create", "-t", FLAGS, "-c", R1], [(CREATE, manifest(), 201)], "manifest watch 2b65ac7b"),
    (["manifest", "list"], [(f"GET {MANIFESTS}", {"value": [manifest(), manifest("Completed", ID2)]})],
     "manifest explain 2b65ac7b"),
    (["manifest", "list"], [(f"GET {MANIFESTS}", {"value": [progress(1, "look"), manifest("Failed", ID2)]})],
     "manifest logs 2b65ffff"),
    (["manifest", "list"], [(f"GET {MANIFESTS}", {"value": [manifest("Completed")]})], "cluster show one"),
    (["manifest", "list"], [], "queue"),
    (["manifest", "stop", ID], [(SHOW, progress(1, "look")), (f"POST {ONE}/stop", manifest("Cancelled"), 202)],
     "manifest wait 2b65ac7b --for Cancelled"),
    (["manifest", "recreate", ID, ID], [(SHOW, manifest("Failed")), (CREATE, manifest(identifier=ID2), 201)],
     "manifest list --state Pending,InProgress"),
    (["manifest", "cancel", ID], [(SHOW, manifest()), (f"POST {ONE}/cancel", manifest("Cancelled"))],
     "manifest show 2b65ac7b"),
    (["manifest", "wait", ID, "--for", "Completed"], [(SHOW, manifest("Completed")), (f"GET {ONE}", manifest("Completed"))],
     "cluster show one"),
    (["manifest", "cleanup", "--yes"], [], "queue"),
    (["cluster", "list"], [], "cluster show One"),
    (["cluster", "show", "One"], [], "task list"),
    (["cluster", "show", "One"], [(f"GET {MANIFESTS}", {"value": [manifest("Completed")]})], "manifest list --cluster One"),
    (["cluster", "remove", R1], [(f"DELETE /admin{R1}", None, 204)], "cluster list"),
    (["task", "list"], [], "task show operator-flags-update"),
    (["task", "show", FLAGS], [], "manifest create --task operator-flags-update --cluster CLUSTER --watch"),
    (["actuator", "list"], [("GET /admin/actuators", {"value": [actuator()]})], "health"),
    (["actuator", "list"], [("GET /admin/actuators", {"value": [actuator(mode="drained")]})], "resume 0"),
]


def next_of(done):
    """The command that the last line of standard error names, without `mimoctl`."""
    found = re.search(r"mimoctl: next(?:, [^:]+)?: mimoctl (.*)\n\Z", done.stderr)
    return found and found[1]


@pytest.mark.parametrize("command, answers, expected", NEXT, ids=[" ".join(one[0][:2]) for one in NEXT])
def test_commands_for_people_end_with_the_next_one(mimoctl, api, command, answers, expected):
    for request, answer, *status in answers:
        api.answer(request, answer, status=status[0] if status else 200)
    assert next_of(mimoctl(*command)) == expected
    for form in ("json", "id"):
        assert "next" not in mimoctl(*command, "-o", form).stderr


def test_a_dead_actuator_is_looked_at_on_its_machine(mimoctl, api):
    api.answer("GET /admin/actuators", {"value": [actuator(), actuator(hostname="vm1", alive=False)]})
    assert mimoctl("actuator", "list").stderr == "mimoctl: next, on vm1: systemctl status mimod\n"


@pytest.mark.parametrize("answer, expected", [
    (actuator_answer(workers=[WORKER, {**WORKER, "manifestID": ID2, "runMilliseconds": 90000}]), "manifest watch 2b65ffff"),
    (actuator_answer(mode="paused"), "resume 0"),
    (actuator_answer(), "queue"),
], ids=["works", "paused", "idle"])
def test_ps_ends_with_the_next_command(mimoctl, actuators, answer, expected):
    run = actuators(answer)
    assert next_of(mimoctl("ps", "--runtime-directory", run)) == expected
    assert "next" not in mimoctl("ps", "--runtime-directory", run, "-o", "json").stderr


@pytest.mark.parametrize("command, mode, expected", [
    ("pause", "paused", "resume 0"), ("drain", "draining", "drain --wait 0"), ("resume", "working", "queue")])
def test_holding_ends_with_the_way_back(mimoctl, actuators, command, mode, expected):
    assert next_of(mimoctl(command, "--runtime-directory", actuators(actuator_answer(mode=mode)))) == expected


def test_health_ends_with_the_advice_of_its_worst_check(mimoctl, api):
    api.answer("GET /admin/actuators", {"value": []})
    api.answer(f"GET {MANIFESTS}/summary", {"byState": {}})
    assert next_of(mimoctl("health", status=2)) == "actuator list"
    api.answer("GET /admin/actuators", {"value": [actuator()]})
    assert next_of(mimoctl("health")) == "queue"


# Red when the answer that cannot be had is looked at for its reason: mimoctl then crashed.
def test_cancelling_goes_on_when_its_cluster_cannot_be_asked(mimoctl, api):
    api.answer(SHOW, manifest("InProgress"))
    api.answer(f"POST {ONE}/cancel", manifest("Cancelled", startedAt=int(time.time()) - 60))
    api.answer(f"GET /admin{R1}", error("ServiceUnavailable", "the store does not answer"), status=503)
    assert next_of(mimoctl("manifest", "cancel", "--force", ID)) == "manifest show 2b65ac7b"


def runs_on(**members):
    until = int(time.time()) + 3000
    return manifest("Cancelled", statusText="cancelled by an operator", startedAt=int(time.time()) - 60,
                    attempts=[{"number": 1, "startedAt": int(time.time()) - 60, "actuator": ID, "outcome": "cancelled"}],
                    running={"until": until, "actuator": ID, "hostname": "vm0", "stopping": False, "message": "m", **members})


# Red when the member `running` is not looked at: a worker that changes a cluster is then not shown at all.
@pytest.mark.parametrize("command", ["show", "explain", "logs"])
@pytest.mark.parametrize("name", [ID, ID[:8]], ids=["whole ID", "its beginning"])
def test_a_worker_that_runs_on_is_shown_and_can_be_stopped(mimoctl, api, command, name):
    api.answer(f"GET {MANIFESTS}", {"value": [manifest("Cancelled")]})
    for path in (f"GET {MANIFESTS}/{ID}", f"GET {ONE}"):
        api.answer(path, runs_on())
    done = mimoctl("manifest", command, name)
    assert re.search(r"orker:? +still runs on vm0, until its lease ends in (50|49)m at the latest", done.stdout + done.stderr)
    assert next_of(done) == "manifest stop 2b65ac7b"
    for path in (f"GET {MANIFESTS}/{ID}", f"GET {ONE}"):
        api.answer(path, runs_on(stopping=True))
    done = mimoctl("manifest", command, name)
    assert "still runs on vm0; it was asked to end and is killed after 10 s" in done.stdout + done.stderr
    assert next_of(done) == "manifest wait 2b65ac7b --for Cancelled"


def test_what_keeps_a_cluster_busy_can_be_stopped_when_its_manifest_has_ended(mimoctl, api, actuators):
    api.answer(f"GET {MANIFESTS}/{ID}", runs_on())
    api.answer(f"GET {MANIFESTS}/{ID2}", manifest(identifier=ID2, blockers=[
        {"kind": "clusterBusy", "manifest": ID, "until": int(time.time()) + 3000, "message": "m"}]))
    api.answer(f"GET {MANIFESTS}", {"value": [manifest("Cancelled", cluster=R2)]})
    assert next_of(mimoctl("manifest", "explain", ID2)) == "manifest stop 2b65ac7b"
    assert next_of(mimoctl("ps", "--runtime-directory", actuators(actuator_answer(workers=[WORKER])))) == "manifest stop 2b65ac7b"
    done = mimoctl("cluster", "show", "two")
    assert "2b65ac7b is Cancelled, and its worker still runs on vm0" in done.stdout
    assert re.search(r"^2b65ac7b +Cancelled", done.stdout, re.MULTILINE)
    assert next_of(done) == "manifest stop 2b65ac7b"
    api.answer(f"GET {MANIFESTS}/{ID}", progress(1, "look"))
    assert next_of(mimoctl("manifest", "explain", ID2)) == "manifest watch 2b65ac7b"


@pytest.mark.parametrize("command, status", [(("watch", ID), 4), (("wait", ID, "--for", "Cancelled", "--timeout", "200ms"), 5)],
                         ids=["watch", "wait"])
def test_following_ends_with_the_stop_of_a_worker_that_runs_on(mimoctl, api, command, status):
    for path in (f"GET {MANIFESTS}/{ID}", f"GET {ONE}"):
        api.answer(path, runs_on())
    api.answer(f"GET /admin{R1}", {"id": R1, "name": "One", "leaseOwner": ID2, "leaseManifest": ID,
                                   "leaseExpiry": int(time.time()) + 3000})
    assert next_of(mimoctl("manifest", *command, status=status)) == "manifest stop 2b65ac7b"
