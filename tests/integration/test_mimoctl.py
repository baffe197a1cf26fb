# SPDX-License-Identifier: Apache-2.0
"""mimoctl and manifests, as a whole program against a server that answers as each test says."""

import json
import re
import signal
import subprocess
import threading
import time

import pytest

from fake_admin_api import Answer, Drop, error
from mimolocal.slowness import in_time
from mimoctl_fixtures import (CLUSTERS, DEADLINE, FLAGS, ID, ID2, MANIFESTS, R, R1, R2, TASKS, TLS, TOP, api,  # noqa: F401
                              certificates, environment, home, manifest, mimoctl, progress, rows, run_on_terminal)

# ---- manifest list ----

def test_list_is_a_table_of_short_ids_names_and_relative_times(mimoctl, api):
    api.answer(f"GET {MANIFESTS}", {"value": [
        manifest("Completed", ago=7300, finishedAt=int(time.time()) - 7200, dequeues=1),
        manifest("Pending", ID2, R2, TLS, nextAttempt=int(time.time()) + 610, dequeues=3,
                 statusText="TransientError: 503 Service Unavailable"),
        {**progress(2, "drain the gateway", statusText="12 connections left"), "startedAt": int(time.time()) - 125},
    ]})
    assert rows(mimoctl("manifest", "list").stdout) == [
        ["ID", "STATE", "TASK", "CLUSTER", "ATTEMPTS", "WHEN", "STATUS"],
        ["2b65ac7b", "Completed", "operator-flags-update", "one", "1/5", "2h ago", "-"],
        ["2b65ffff", "Pending", "tls-cert-rotation", "two", "3/5", "in 10m", "TransientError: 503 Service Unavailable"],
        ["2b65ac7b", "InProgress", "operator-flags-update", "one", "1/5", "for 2m",
         "[2/3] drain the gateway: 12 connections left"],
    ]


def test_list_wide_has_full_ids_and_absolute_times(mimoctl, api):
    api.answer(f"GET {MANIFESTS}", {"value": [
        {**manifest("InProgress"), "runAfter": 1795417680, "leaseOwner": ID2, "leaseOwnerName": "vm0"}]})
    heading, row = rows(mimoctl("manifest", "list", "-o", "wide").stdout)
    cells = dict(zip(heading, row))
    assert cells["ID"] == ID
    assert cells["CLUSTER"] == R1
    assert cells["RUN AFTER"] == "2026-11-23T07:08:00Z"
    assert cells["LEASE OF"] == "vm0"


def test_list_as_json_joins_pages_and_as_id_is_for_scripts(mimoctl, api):
    def pages(request):
        if "$skipToken" not in request.query:
            link = f"https://elsewhere.example.com{MANIFESTS}?api-version=admin&limit=200&$skipToken=abc"
            return Answer({"value": [manifest()], "nextLink": link})
        assert request.query == {"api-version": "admin", "limit": "200", "$skipToken": "abc"}
        return Answer({"value": [manifest("Failed", ID2)]})

    api.answer(f"GET {MANIFESTS}", pages)
    listed = json.loads(mimoctl("manifest", "list", "-o", "json").stdout)
    assert list(listed) == ["value"]
    assert [one["id"] for one in listed["value"]] == [ID, ID2]
    assert mimoctl("manifest", "list", "--output=id").stdout == f"{ID}\n{ID2}\n"


def test_filters_go_into_the_query(mimoctl, api):
    mimoctl("manifest", "list", "--state", "failed,inprogress", "-t", "tls-cert-rotation", "-c", "ONE", "--limit", "5")
    query = api.requests_of(f"GET {MANIFESTS}")[0].query
    assert query == {"api-version": "admin", "state": "InProgress,Failed", "maintenanceTaskID": "tls-cert-rotation",
                     "clusterResourceID": R1, "limit": "5"}


def test_limit_ends_the_list_and_says_that_there_is_more(mimoctl, api):
    def page(request):
        start = int(request.query.get("$skipToken", 0))
        return Answer({"value": [manifest(identifier=f"{start + i:08x}{ID[8:]}") for i in range(200)],
                       "nextLink": f"{MANIFESTS}?api-version=admin&limit=200&$skipToken={start + 200}"})

    api.answer(f"GET {MANIFESTS}", page)
    done = mimoctl("manifest", "list", "-o", "id", "--limit", "450")
    assert len(done.stdout.splitlines()) == 450
    assert len(set(done.stdout.splitlines())) == 450
    assert "the oldest 450, there are more" in done.stderr


def test_list_without_manifests_says_so_apart_from_the_data(mimoctl):
    done = mimoctl("manifest", "list")
    assert (done.stdout, done.stderr) == ("", "mimoctl: no manifests\nmimoctl: next: mimoctl queue\n")
    assert json.loads(mimoctl("manifest", "list", "-o", "json").stdout) == {"value": []}


def test_misspelt_cluster_is_not_taken_for_one_without_manifests(mimoctl):
    done = mimoctl("manifest", "list", "-c", f"{R}/unknown", status=1)
    assert "nothing at GET" in done.stderr
    done = mimoctl("manifest", "list", "-c", "unknown", status=1)
    assert 'there is no cluster named "unknown"' in done.stderr


def test_texts_of_workers_cannot_steer_the_terminal(mimoctl, api):
    api.answer(f"GET {MANIFESTS}", {"value": [manifest(statusText="\x1b[2Jgone\nID  \x9b31m")]})
    done = mimoctl("manifest", "list")
    assert "?[2Jgone?ID  ?" in done.stdout
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.stdout)


# ---- manifest show, and naming manifests ----

def test_show_tells_everything_about_one(mimoctl, api):
    now = int(time.time())
    api.answer(f"GET {MANIFESTS}/{ID}", manifest(
        "Failed", statusText="TerminalError: 404 not found", dequeues=2, finishedAt=now - 60, parameters={"a": 1},
        attempts=[{"number": 1, "startedAt": now - 300, "finishedAt": now - 293, "outcome": "transient",
                   "actuator": ID2, "message": "TransientError: 503", "maxRssKiB": 20480, "cpuMs": 150},
                  {"number": 2, "startedAt": now - 62, "finishedAt": now - 60, "outcome": "terminal"}]))
    text = mimoctl("manifest", "show", ID).stdout
    for line in (f"ID: +{ID}", "State: +Failed", "Status: +TerminalError: 404 not found",
                 f"Task: +operator-flags-update \\({FLAGS}\\)", f"Cluster: +{R1}", "Attempts: +2 of 5",
                 r"Finished: +\S+Z \(1m ago\)", r'Parameters: +{"a":1}',
                 "1 +5m ago +7s +transient +2b65ffff +20.0M +150ms +TransientError: 503",
                 "2 +1m ago +2s +terminal +- +- +- +-"):
        assert re.search(f"^{line}$", text, re.MULTILINE), f"{line} not in\n{text}"
    shown = json.loads(mimoctl("manifest", "show", ID, "-o", "json").stdout)
    assert shown["id"] == ID and len(shown["attempts"]) == 2
    assert mimoctl("manifest", "show", ID, "-o", "id").stdout == f"{ID}\n"


def test_beginning_of_an_id_is_enough_when_it_is_unique(mimoctl, api):
    api.answer(f"GET {MANIFESTS}", {"value": [manifest(), manifest(identifier=ID2)]})
    api.answer(f"GET /admin{R1}/maintenanceManifests/{ID}", manifest())
    assert mimoctl("manifest", "show", "2b65a", "-o", "id").stdout == f"{ID}\n"
    assert api.requests_of(f"GET {MANIFESTS}")[-1].query["idPrefix"] == "2b65a" # the server looks
    done = mimoctl("manifest", "show", "2b65", status=1)
    assert ID in done.stderr and ID2 in done.stderr and "give more of the ID" in done.stderr
    assert "begins with" in mimoctl("manifest", "show", "ffff", status=1).stderr
    assert "at least 4 characters" in mimoctl("manifest", "show", "2b6", status=2).stderr
    assert "neither the ID of a manifest" in mimoctl("manifest", "show", "one", status=2).stderr


def test_unknown_manifest_is_1_with_the_servers_words(mimoctl, api):
    api.answer(f"GET {MANIFESTS}/{ID}", error("NotFound", f"manifest not found: {ID}"), status=404)
    assert mimoctl("manifest", "show", ID, status=1).stderr == f"mimoctl: manifest not found: {ID}\n"


# ---- manifest create ----

CREATE = f"PUT /admin{R1}/maintenanceManifests"


def test_create_sends_all_that_was_asked_for(mimoctl, api, directory):
    (directory / "parameters.json").write_text('{"steps": []}')
    api.answer(CREATE, manifest(), status=201)
    done = mimoctl("manifest", "create", "-t", "tls-cert-rotation", "-c", "one", "--run-after", "2026-12-01 02:00",
                   "--run-before", "2026-12-02T00:00:00Z", "--priority", "3", "--icm", "691536013",
                   "--parameters", f"@{directory}/parameters.json", "--if-open", "fail")
    request = api.requests_of(CREATE)[0]
    assert request.body == {"maintenanceTaskID": "tls-cert-rotation", "runAfter": 1796086800, "runBefore": 1796169600,
                            "priority": 3, "parameters": {"steps": []}}
    assert request.query == {"api-version": "admin", "ifOpen": "fail"}
    assert request.headers["x-mimo-icm"] == "691536013"
    assert request.headers["authorization"] == "Bearer t0ken"
    assert request.headers["content-type"] == "application/json"
    assert "runAfter is 2026-12-01 02:00:00 CET (+0100), 2026-12-01T01:00:00Z" in done.stderr
    assert rows(done.stdout)[1][:4] == ["2b65ac7b", "Pending", "operator-flags-update", "one"]


def test_create_takes_a_full_resource_id_without_asking_for_clusters(mimoctl, api):
    api.answer(CREATE, manifest(), status=201)
    done = mimoctl("manifest", "create", "--task", FLAGS, "--cluster", f"{R}/ONE", "-o", "id")
    assert done.stdout == f"{ID}\n"
    assert done.stderr == ""
    assert [str(request) for request in api.requests] == [CREATE]
    assert api.requests[0].body == {"maintenanceTaskID": FLAGS}


def test_create_with_relative_time_says_nothing_about_zones(mimoctl, api):
    api.answer(CREATE, manifest(), status=201)
    before = int(time.time())
    done = mimoctl("manifest", "create", "-t", FLAGS, "-c", R1, "--run-after", "+2h", "-o", "json")
    assert before + 7200 <= api.requests[0].body["runAfter"] <= time.time() + 7200
    assert json.loads(done.stdout)["id"] == ID
    assert done.stderr == ""


def test_open_manifest_is_shown_in_place_of_a_new_one(mimoctl, api):
    api.answer(CREATE, manifest("InProgress"), status=200)
    done = mimoctl("manifest", "create", "-t", FLAGS, "-c", R1, "--if-open", "skip", "-o", "id")
    assert done.stdout == f"{ID}\n"
    assert "none was created" in done.stderr
    api.answer(CREATE, error("Conflict", f"manifest {ID} for this cluster and task is Pending"), status=409)
    assert ID in mimoctl("manifest", "create", "-t", FLAGS, "-c", R1, "--if-open", "fail", status=1).stderr


def test_a_key_is_sent_and_a_repetition_said(mimoctl, api):
    api.answer(CREATE, manifest(), status=201)
    arguments = ("manifest", "create", "-t", FLAGS, "-c", R1, "--idempotency-key", "night-7", "-o", "id")
    done = mimoctl(*arguments)
    assert api.requests_of(CREATE)[0].headers["idempotency-key"] == "night-7"
    assert (done.stdout, done.stderr) == (f"{ID}\n", "")
    api.answer(CREATE, manifest(), status=201, headers={"Idempotent-Replayed": "true"})
    done = mimoctl(*arguments)
    assert done.stdout == f"{ID}\n"
    assert "nothing was created" in done.stderr
    api.answer(CREATE, error("IdempotencyKeyReused", "this key was used for another request", "Idempotency-Key"), status=422)
    assert "this key was used" in mimoctl(*arguments, status=1).stderr


def test_refusal_of_the_server_is_1_and_names_the_member(mimoctl, api):
    api.answer(CREATE, error("InvalidParameter", 'no task "x" is registered; tasks are ...', "maintenanceTaskID"),
               status=400)
    done = mimoctl("manifest", "create", "-t", "x", "-c", R1, status=1)
    assert done.stderr == 'mimoctl: there is no task with the name or ID "x"; see mimoctl task list\n'
    api.answer(f"GET {MANIFESTS}", error("InvalidParameter", '"x" is neither ...', "maintenanceTaskID"), status=400)
    assert mimoctl("manifest", "list", "-t", "x", status=1).stderr == done.stderr


@pytest.mark.parametrize("target, message, option", [
    ("parameters", 'unknown member "foo"; known are steps', "--parameters"), ("priority", "too large", "--priority"),
    ("Idempotency-Key", "this key was used", "--idempotency-key"), ("x-mimo-icm", "not a word", "--icm"),
    ("nosuch", "what it is", "nosuch"), ("runAfter", "of an option that was not given", "runAfter")])
def test_a_refusal_names_the_option_that_gave_what_is_refused(mimoctl, api, target, message, option):
    api.answer(CREATE, error("InvalidParameter", message, target), status=400)
    done = mimoctl("manifest", "create", "-t", FLAGS, "-c", R1, "--parameters", "{}", "--priority", "3", "--icm", "1",
                   "--idempotency-key", "k", status=1)
    assert done.stderr == f"mimoctl: {option}: {message}\n"


def test_times_that_contradict_each_other_are_refused_by_option(mimoctl, api):
    def create(*times):
        return mimoctl("manifest", "create", "-t", FLAGS, "-c", R1, *times, status=2).stderr

    assert create("--run-before", "2001-01-01T00:00:00Z") == "mimoctl: --run-before is in the past\n"
    assert create("--run-after", "+3h", "--run-before", "+2h") == "mimoctl: --run-before is earlier than --run-after\n"
    assert "--run-after is more than 7 days ahead: give --run-before too" in create("--run-after", "+200h")
    assert api.requests_of(CREATE) == []


def test_an_open_manifest_is_named_with_the_command_that_follows_it(mimoctl, api):
    api.answer(CREATE, error("Conflict", f"manifest {ID2} for this cluster and task is Pending", "ifOpen"), status=409)
    api.answer(f"GET {MANIFESTS}", {"value": [manifest(identifier=ID2)]})
    said = f"manifest {ID2} for this cluster and task is Pending: mimoctl manifest watch 2b65ffff follows it\n"
    assert mimoctl("manifest", "create", "-t", FLAGS, "-c", R1, "--if-open", "fail", status=1).stderr == f"mimoctl: {said}"
    assert api.requests_of(f"GET {MANIFESTS}")[-1].query == {
        "api-version": "admin", "clusterResourceID": R1, "maintenanceTaskID": FLAGS, "state": "Pending,InProgress", "limit": "1"}
    api.answer(f"GET {MANIFESTS}/{ID}", manifest("Failed"))
    assert mimoctl("manifest", "recreate", ID, status=1).stderr == f"mimoctl: manifest {ID}: {said}"


def test_a_manifest_whose_cluster_is_gone_is_found_by_its_id(mimoctl, api):
    gone = error("NotFound", f"cluster not found: {R1}")
    below, by_id = f"/admin{R1}/maintenanceManifests/{ID}", f"{MANIFESTS}/{ID}"
    for what in (f"GET {below}", f"POST {below}/cancel", f"POST {below}/stop", f"DELETE {below}"):
        api.answer(what, gone, status=404)
    api.answer(f"GET {MANIFESTS}", {"value": [manifest()]})
    api.answer(f"GET {by_id}", {**manifest(), "blockers": [{"kind": "clusterMissing", "message": "the cluster is not in the inventory"}]})
    assert "clusterMissing" in mimoctl("manifest", "explain", ID[:8]).stdout
    refusals = {"cancel": (mimoctl("manifest", "cancel", ID[:8], status=1).stderr), "delete": mimoctl("manifest", "delete", ID[:8], status=1).stderr}
    assert all("cluster not found" in said or "nothing at" in said for said in refusals.values()), refusals
    api.answer(f"POST {by_id}/cancel", manifest("Cancelled"))
    assert "Cancelled" in mimoctl("manifest", "cancel", ID[:8], "--icm", "7").stdout
    assert api.requests_of(f"POST {by_id}/cancel")[-1].headers["x-mimo-icm"] == "7"
    api.answer(f"POST {by_id}/stop", manifest("Cancelled"), status=202)
    mimoctl("manifest", "stop", ID[:8])
    api.answer(f"DELETE {by_id}", None, status=204)
    assert ID in mimoctl("manifest", "delete", ID[:8], "-o", "json").stdout
    # An older Admin API does not have these endpoints: what it said first is the reason.
    for status in (404, 405):
        api.answer(f"DELETE {by_id}", error("NotFound" if status == 404 else "MethodNotAllowed", "no endpoint", "endpoint"), status=status)
        assert "cluster not found" in mimoctl("manifest", "delete", ID[:8], status=1).stderr


def test_deleting_what_runs_names_the_commands_that_end_it(mimoctl, api):
    api.answer(f"GET {MANIFESTS}/{ID}", manifest("Cancelled"))
    api.answer(f"DELETE /admin{R1}/maintenanceManifests/{ID}", error("Conflict", "POST .../stop", "running"), status=409)
    assert mimoctl("manifest", "delete", ID, status=1).stderr == (
        f"mimoctl: manifest {ID}: its worker still runs: mimoctl manifest stop 2b65ac7b, then mimoctl manifest wait 2b65ac7b "
        "--for Cancelled, then delete it\n")


@pytest.mark.parametrize("arguments, message", [
    (["-t", FLAGS], "missing --cluster; see mimoctl cluster list"),
    (["-c", R1], "missing --task; see mimoctl task list"),
    (["-t", FLAGS, "-c", R1, "--run-after", "tomorrow"], "--run-after: \"tomorrow\" is not a time"),
    (["-t", FLAGS, "-c", R1, "--idempotency-key", "two words"], "--idempotency-key: \"two words\" must be printable ASCII without blanks"),
    (["-t", FLAGS, "-c", R1, "--idempotency-key", ""], "--idempotency-key: 1 to 128 characters"),
    (["-t", FLAGS, "-c", R1, "--priority", "-1"], "--priority: \"-1\" is not a whole number"),
    (["-t", FLAGS, "-c", R1, "--parameters", "[]"], "--parameters is not a JSON object"),
    (["-t", FLAGS, "-c", R1, "--parameters", "@/no/such/file"], "/no/such/file"),
    (["-t", FLAGS, "-c", R1, "--if-open", "maybe"], "neither skip nor fail"),
    (["-t", FLAGS, "-c", R1, "--icm", "1 2"], "--icm"),
    (["-t", FLAGS, "-c", "/subscriptions/x"], "/subscriptions/x"),
    (["-t", FLAGS, "-c", "a/b"], "neither a cluster's name nor a resource ID"),
    (["-t", b"\xff", "-c", R1], "cannot send maintenanceTaskID: it must be valid UTF-8"),
    (["-t", FLAGS, "-c", R1, "extra"], 'unexpected operand "extra" of mimoctl manifest create'),
    (["-t", FLAGS, "-c", R1, "--kubeconfig", "x"], '--kubeconfig is not an option of mimoctl manifest create'),
    (["-t", FLAGS, "-c", R1, "-o", "yaml"], '"yaml" is not one of table, wide, json, id'),
])
def test_wrong_usage_is_2_and_asks_the_server_nothing(mimoctl, api, arguments, message):
    done = mimoctl("manifest", "create", *arguments, status=2)
    assert message in done.stderr
    assert api.requests == []


# ---- watch and wait ----

SHOW = f"GET {MANIFESTS}/{ID}"
SHOW_OF_CLUSTER = f"GET /admin{R1}/maintenanceManifests/{ID}"


def test_watch_writes_a_line_a_change_until_it_is_completed(mimoctl, api):
    api.answer(SHOW, manifest())
    api.answer(SHOW_OF_CLUSTER, manifest(), progress(1, "look"), progress(1, "look"), progress(2, "act"),
               progress(2, "act", statusText="half way"), manifest("Completed", dequeues=1))
    done = mimoctl("manifest", "watch", ID)
    lines = [re.sub(r" +", " ", re.sub(r"^\d\d:\d\d:\d\d  \(\d+s\)  ", "", line)).strip()
             for line in done.stdout.splitlines()]
    assert lines == ["Pending", "InProgress attempt 1 [1/3] look", "InProgress attempt 1 [2/3] act",
                     "InProgress attempt 1 [2/3] act: half way", "Completed attempt 1"]
    assert done.stderr == "mimoctl: next: mimoctl cluster show one\n"


def test_watch_of_one_that_fails_is_4_and_says_why(mimoctl, api):
    api.answer(SHOW, manifest("Failed", statusText="TerminalError: forbidden", dequeues=1))
    done = mimoctl("manifest", "watch", ID, status=4)
    assert f"manifest {ID} ended as Failed: TerminalError: forbidden" in done.stderr


def test_watch_as_json_is_a_document_a_line_and_as_id_talks_on_standard_error(mimoctl, api):
    api.answer(SHOW, manifest())
    api.answer(SHOW_OF_CLUSTER, manifest("Completed"))
    done = mimoctl("manifest", "watch", ID, "-o", "json")
    assert [json.loads(line)["state"] for line in done.stdout.splitlines()] == ["Pending", "Completed"]
    done = mimoctl("manifest", "watch", ID, "-o", "id")
    assert done.stdout == f"{ID}\n"
    assert "Completed" in done.stderr


def test_create_and_watch_in_one(mimoctl, api):
    api.answer(CREATE, manifest(), status=201)
    api.answer(SHOW_OF_CLUSTER, progress(1, "look"), manifest("RetriesExceeded", dequeues=5, statusText="did not"))
    done = mimoctl("manifest", "create", "-t", FLAGS, "-c", R1, "--watch", status=4)
    assert [word for word in ("Pending", "InProgress", "RetriesExceeded") if word in done.stdout] == [
        "Pending", "InProgress", "RetriesExceeded"]
    assert "ended as RetriesExceeded: did not" in done.stderr


def test_watch_survives_an_admin_api_that_is_restarted(mimoctl, api):
    api.answer(SHOW, manifest())
    api.answer(SHOW_OF_CLUSTER, Answer(error("ServiceUnavailable", "the store does not answer"), 503), Drop(),
               Answer(b"bad gateway", 502, {"Content-Type": "text/html"}), manifest("Completed"))
    done = mimoctl("manifest", "watch", ID)
    assert done.stderr.count("asking again") == 1
    assert "the store does not answer (request f00d-1); asking again for 60 s" in done.stderr
    assert "Completed" in done.stdout


def test_watched_manifest_that_is_deleted_is_1(mimoctl, api):
    api.answer(SHOW, manifest())
    api.answer(SHOW_OF_CLUSTER, error("NotFound", "manifest not found"), status=404)
    assert "manifest not found" in mimoctl("manifest", "watch", ID, status=1).stderr


def test_wait_is_silent_until_the_state_is_there(mimoctl, api):
    api.answer(SHOW, manifest())
    api.answer(SHOW_OF_CLUSTER, manifest(), progress(1, "look"))
    done = mimoctl("manifest", "wait", ID, "--for", "inprogress,completed", "-o", "json")
    assert json.loads(done.stdout)["state"] == "InProgress"
    assert done.stderr == ""


def test_wait_for_what_cannot_come_any_more_is_4(mimoctl, api):
    api.answer(SHOW, manifest("Cancelled"))
    done = mimoctl("manifest", "wait", ID, status=4)
    assert "ended as Cancelled" in done.stderr
    assert rows(done.stdout)[1][1] == "Cancelled"


def test_wait_that_takes_too_long_is_5(mimoctl, api):
    api.answer(SHOW, manifest())
    api.answer(SHOW_OF_CLUSTER, manifest())
    start = time.monotonic()
    done = mimoctl("manifest", "wait", ID, "--timeout", "300ms", status=5)
    took = time.monotonic() - start
    assert took >= 0.3 and in_time(took, 15)
    assert f"manifest {ID} is Pending, not Completed, after 300ms" in done.stderr
    mimoctl("manifest", "wait", ID, "--timeout", "0", status=5)


def test_wait_checks_its_options_first(mimoctl, api):
    assert "not a state" in mimoctl("manifest", "wait", ID, "--for", "done", status=2).stderr
    assert "--timeout" in mimoctl("manifest", "wait", ID, "--timeout", "soon", status=2).stderr
    assert api.requests == []


def test_interrupted_wait_is_130(build_dir, environment, api):
    asked = threading.Event()

    def answer(request):
        asked.set()
        return Answer(manifest())

    api.answer(SHOW, manifest())
    api.answer(SHOW_OF_CLUSTER, answer)
    with subprocess.Popen([build_dir / "mimoctl", "manifest", "wait", ID], env={**environment, "MIMO_URL": api.url},
                          stderr=subprocess.PIPE, text=True) as process:
        assert asked.wait(DEADLINE)
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE) == 130
        assert process.stderr.read() == "mimoctl: interrupted\n"


def test_interrupted_change_says_that_it_may_have_been_made(build_dir, environment, api):
    asked, go_on = threading.Event(), threading.Event()

    def answer(request):
        asked.set()
        go_on.wait(DEADLINE)
        return Answer(manifest(), 201)

    api.answer(CREATE, answer)
    with subprocess.Popen([build_dir / "mimoctl", "manifest", "create", "-t", FLAGS, "-c", R1],
                          env={**environment, "MIMO_URL": api.url}, stderr=subprocess.PIPE, text=True) as process:
        assert asked.wait(DEADLINE)
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE) == 130
        assert "the change may have been made" in process.stderr.read()
    go_on.set()


# ---- cancel and delete ----

def test_cancel_shows_what_was_cancelled_and_force_is_passed_on(mimoctl, api):
    cancel = f"POST /admin{R1}/maintenanceManifests/{ID}/cancel"
    api.answer(SHOW, manifest())
    api.answer(cancel, manifest("Cancelled", statusText="cancelled by an operator"))
    done = mimoctl("manifest", "cancel", ID, "--icm", "5")
    assert rows(done.stdout)[1][1] == "Cancelled"
    assert api.requests_of(cancel)[0].query == {"api-version": "admin"}
    assert api.requests_of(cancel)[0].headers["x-mimo-icm"] == "5"
    assert mimoctl("manifest", "cancel", ID, "--force", "-o", "id").stdout == f"{ID}\n"
    assert api.requests_of(cancel)[1].query == {"api-version": "admin", "force": "true"}


def test_of_several_that_are_cancelled_one_may_be_refused(mimoctl, api):
    api.answer(SHOW, manifest("Completed"))
    api.answer(f"GET {MANIFESTS}/{ID2}", manifest(identifier=ID2))
    api.answer(f"POST /admin{R1}/maintenanceManifests/{ID}/cancel",
               error("PropertyChangeNotAllowed", "cannot cancel task in state Completed"), status=406)
    api.answer(f"POST /admin{R1}/maintenanceManifests/{ID2}/cancel", manifest("Cancelled", ID2))
    done = mimoctl("manifest", "cancel", ID, ID2, "-o", "id", status=1)
    assert done.stdout == f"{ID2}\n"
    assert done.stderr == (f"mimoctl: manifest {ID}: cannot cancel task in state Completed\n"
                           "mimoctl: it has ended, so there is nothing to cancel\n")


def test_delete_says_what_is_gone(mimoctl, api):
    api.answer(SHOW, manifest("Completed"))
    api.answer(f"DELETE /admin{R1}/maintenanceManifests/{ID}", None, status=204)
    done = mimoctl("manifest", "delete", ID)
    assert (done.stdout, done.stderr) == ("", f"mimoctl: deleted {ID}\nmimoctl: next: mimoctl queue\n")
    assert mimoctl("manifest", "delete", ID, "-o", "id").stdout == f"{ID}\n"
    assert json.loads(mimoctl("manifest", "delete", ID, "-o", "json").stdout) == {"value": [{"id": ID}]}


def test_delete_goes_on_after_one_that_is_not_there_and_stops_when_the_server_is_gone(mimoctl, api):
    api.answer(f"GET {MANIFESTS}/{ID2}", manifest("Failed", ID2))
    api.answer(f"DELETE /admin{R1}/maintenanceManifests/{ID2}", None, status=204)
    done = mimoctl("manifest", "delete", ID, ID2, "-o", "id", status=1)
    assert done.stdout == f"{ID2}\n"
    api.answer(SHOW, Drop())
    done = mimoctl("manifest", "delete", ID, ID2, status=3)
    assert "deleted" not in done.stderr
