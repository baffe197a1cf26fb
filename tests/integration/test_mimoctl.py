# SPDX-License-Identifier: Apache-2.0
"""mimoctl as a whole program against a server that answers as each test says."""

import json
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from fake_admin_api import Answer, Drop, error
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
    assert (done.stdout, done.stderr) == ("", "mimoctl: no manifests\n")
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
    assert "nothing more was created" in done.stderr
    api.answer(CREATE, error("IdempotencyKeyReused", "this key was used for another request", "Idempotency-Key"), status=422)
    assert "this key was used" in mimoctl(*arguments, status=1).stderr


def test_refusal_of_the_server_is_1_and_names_the_member(mimoctl, api):
    api.answer(CREATE, error("InvalidParameter", 'no task "x" is registered; tasks are ...', "maintenanceTaskID"),
               status=400)
    done = mimoctl("manifest", "create", "-t", "x", "-c", R1, status=1)
    assert done.stderr == 'mimoctl: maintenanceTaskID: no task "x" is registered; tasks are ...\n'


@pytest.mark.parametrize("arguments, message", [
    (["-t", FLAGS], "give --task and --cluster"),
    (["-c", R1], "give --task and --cluster"),
    (["-t", FLAGS, "-c", R1, "--run-after", "tomorrow"], "--run-after: \"tomorrow\" is no time"),
    (["-t", FLAGS, "-c", R1, "--idempotency-key", "two words"], "--idempotency-key: \"two words\" is no key"),
    (["-t", FLAGS, "-c", R1, "--idempotency-key", ""], "--idempotency-key: 1 to 128 characters"),
    (["-t", FLAGS, "-c", R1, "--priority", "-1"], "--priority: \"-1\" is not a whole number"),
    (["-t", FLAGS, "-c", R1, "--parameters", "[]"], "--parameters is no JSON object"),
    (["-t", FLAGS, "-c", R1, "--parameters", "@/no/such/file"], "/no/such/file"),
    (["-t", FLAGS, "-c", R1, "--if-open", "maybe"], "neither skip nor fail"),
    (["-t", FLAGS, "-c", R1, "--icm", "1 2"], "--icm"),
    (["-t", FLAGS, "-c", "/subscriptions/x"], "/subscriptions/x"),
    (["-t", FLAGS, "-c", "a/b"], "neither a cluster's name nor a resource ID"),
    (["-t", b"\xff", "-c", R1], "cannot send maintenanceTaskID: is it valid UTF-8?"),
    (["-t", FLAGS, "-c", R1, "extra"], '"extra" is too much for mimoctl manifest create'),
    (["-t", FLAGS, "-c", R1, "--kubeconfig", "x"], '--kubeconfig does not belong to "mimoctl manifest create"'),
    (["-t", FLAGS, "-c", R1, "-o", "yaml"], '"yaml" is none of table, wide, json, id'),
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
    assert done.stderr == ""


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
    assert 0.3 <= time.monotonic() - start < DEADLINE / 2
    assert f"manifest {ID} is Pending, not Completed, after 300ms" in done.stderr
    mimoctl("manifest", "wait", ID, "--timeout", "0", status=5)


def test_wait_checks_its_options_first(mimoctl, api):
    assert "no state" in mimoctl("manifest", "wait", ID, "--for", "done", status=2).stderr
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
        assert "the change may have been made all the same" in process.stderr.read()
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
                           "mimoctl: it has ended, so there is nothing left to cancel\n")


def test_delete_says_what_is_gone(mimoctl, api):
    api.answer(SHOW, manifest("Completed"))
    api.answer(f"DELETE /admin{R1}/maintenanceManifests/{ID}", None, status=204)
    done = mimoctl("manifest", "delete", ID)
    assert (done.stdout, done.stderr) == ("", f"mimoctl: deleted {ID}\n")
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


# ---- clusters, tasks, actuators ----

def test_cluster_list_and_its_forms(mimoctl):
    table = rows(mimoctl("cluster", "list").stdout)
    assert table[0] == ["NAME", "STATE", "BUCKET", "LEASE OF", "API SERVER"]
    assert table[1] == ["One", "Succeeded", "7", "-", "https://api.one:6443"]
    assert table[2][:3] == ["two", "AdminUpdating", "200"]
    assert re.match(r"manifest 2b65ac7b, ends in \d+d", table[2][3])
    assert f"{R}/One" in mimoctl("cluster", "list", "-o", "wide").stdout
    assert mimoctl("cluster", "list", "-o", "id").stdout == f"{R}/One\n{R}/two\n"
    assert json.loads(mimoctl("cluster", "list", "-o", "json").stdout) == CLUSTERS


def kubeconfig_of(names, **user):
    """A kubeconfig with these contexts, each with a cluster and a user of that name."""
    return {"apiVersion": "v1", "kind": "Config", "current-context": names[0],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in names],
            "clusters": [{"name": name, "cluster": {"server": f"https://{name}.test"}} for name in names],
            "users": [{"name": name, "user": user or {"token": f"of-{name}"}} for name in names]}


def test_cluster_register_sends_kubeconfig_and_properties(mimoctl, api, directory):
    (directory / "kubeconfig").write_text(json.dumps(kubeconfig_of(["one"])))
    (directory / "properties.json").write_text('{"provisioningState": "Succeeded"}')
    register = f"PUT /admin{R1}"
    api.answer(register, CLUSTERS["value"][0], status=201)
    done = mimoctl("cluster", "register", f"{R}/One", "--kubeconfig", directory / "kubeconfig",
                   "--properties", f"@{directory}/properties.json", "--operator-flags", '{"a.enabled": "true"}')
    request = api.requests_of(register)[0]
    assert request.path == f"/admin{R}/One" # as it was written
    assert request.body["properties"] == {"provisioningState": "Succeeded", "operatorFlags": {"a.enabled": "true"}}
    assert json.loads(request.body["kubeconfig"]) == kubeconfig_of(["one"])
    assert "cluster One is registered" in done.stderr
    assert rows(done.stdout)[1][0] == "One"


def test_kubeconfig_alone_leaves_the_properties(mimoctl, api, directory):
    (directory / "kubeconfig").write_text(json.dumps(kubeconfig_of(["one"])))
    api.answer(f"PUT /admin{R1}", CLUSTERS["value"][0])
    done = mimoctl("cluster", "register", R1, "--kubeconfig", directory / "kubeconfig", "-o", "json")
    assert list(api.requests[-1].body) == ["kubeconfig"]
    assert "cluster One is changed" in done.stderr
    assert json.loads(done.stdout)["name"] == "One"


def test_of_a_kubeconfig_one_context_is_sent_with_its_files_inside(mimoctl, api, directory):
    (directory / "token").write_text("of-the-file\n")
    (directory / "kubeconfig").write_text(json.dumps(kubeconfig_of(["one", "two"], tokenFile="token")))
    api.answer(f"PUT /admin{R1}", CLUSTERS["value"][0])
    for arguments, name in (([], "one"), (["--context", "two"], "two")):
        done = mimoctl("cluster", "register", R1, "--kubeconfig", directory / "kubeconfig", *arguments)
        assert json.loads(api.requests[-1].body["kubeconfig"]) == kubeconfig_of([name], token="of-the-file")
        assert "of-the-file" not in done.stdout + done.stderr


@pytest.mark.parametrize("user, arguments, message", [
    ({"tokenFile": "nowhere"}, [], 'user "one": tokenFile: cannot open '),
    ({"exec": {"command": "kubelogin"}}, [], 'user "one" has exec, which cannot be used: a worker runs no programs'),
    ({"token": "t"}, ["--context", "three"], 'there is no context "three"'),
])
def test_a_kubeconfig_that_no_worker_could_use_is_not_sent(mimoctl, api, directory, user, arguments, message):
    (directory / "kubeconfig").write_text(json.dumps(kubeconfig_of(["one"], **user)))
    done = mimoctl("cluster", "register", R1, "--kubeconfig", directory / "kubeconfig", *arguments, status=2)
    assert f"--kubeconfig {directory}/kubeconfig: " in done.stderr and message in done.stderr
    assert api.requests == []


def test_flags_alone_never_replace_the_properties_of_a_cluster(mimoctl, api):
    done = mimoctl("cluster", "register", R1, "--operator-flags", "{}", status=1)
    assert "give all of them with --properties" in done.stderr
    assert api.requests_of(f"PUT /admin{R1}") == []
    new = f"{R}/new"
    api.answer(f"PUT /admin{new}", {"id": new, "name": "new"}, status=201)
    mimoctl("cluster", "register", new, "--operator-flags", '{"a": "b"}')
    assert api.requests[-1].body == {"properties": {"operatorFlags": {"a": "b"}}}


@pytest.mark.parametrize("arguments, message", [
    (["one", "--operator-flags", "{}"], "registered by its full resource ID"),
    ([R1], "nothing to register"),
    ([R1, "--operator-flags", "x"], "--operator-flags is no JSON object"),
    ([R1, "--kubeconfig", "/no/such/file"], "--kubeconfig: cannot open /no/such/file"),
    ([R1, "--context", "x"], "--context names one in a kubeconfig: give --kubeconfig FILE, too"),
    (["/subscriptions/1"], "/subscriptions/1"),
])
def test_wrong_registration_is_2(mimoctl, api, arguments, message):
    assert message in mimoctl("cluster", "register", *arguments, status=2).stderr
    assert api.requests == []


def test_cluster_show_is_the_investigation_of_one(mimoctl, api):
    api.answer(f"GET {MANIFESTS}", {"value": [
        manifest("Completed", task=FLAGS),
        manifest("Failed", ID2, task=FLAGS, statusText="TerminalError: forbidden"),
        manifest("RetriesExceeded", task=TLS, dequeues=5, statusText="did not succeed after 5 attempts"),
        manifest("Pending", dequeues=1),
        manifest("InProgress", startedAt=int(time.time()) - 4000, dequeues=1),
    ]})
    text = mimoctl("cluster", "show", "one").stdout
    assert re.search("^Cluster: +One$", text, re.MULTILINE)
    assert re.search("^State: +Succeeded$", text, re.MULTILINE)
    assert re.search("^Manifests: +5: 1 Pending, 1 InProgress, 1 Completed, 1 Failed, 1 RetriesExceeded$", text,
                     re.MULTILINE)
    assert "TerminalError: forbidden" in text and "did not succeed after 5 attempts" in text
    assert "All its tasks fail: look at the cluster's connectivity" in text
    assert "2b65ac7b is InProgress for more than an hour: mimoctl manifest cancel 2b65ac7b" in text


def test_cluster_show_tells_a_failing_task_from_a_failing_cluster(mimoctl, api):
    api.answer(f"GET {MANIFESTS}", {"value": [
        manifest("Completed", task=FLAGS), manifest("Failed", ID2, task=TLS, statusText="certificate")]})
    assert "Only tls-cert-rotation fails here" in mimoctl("cluster", "show", "one").stdout
    api.answer(f"GET {MANIFESTS}", {"value": [manifest("Completed")]})
    text = mimoctl("cluster", "show", "one").stdout
    assert "fail" not in text
    assert json.loads(mimoctl("cluster", "show", "two", "-o", "json").stdout) == CLUSTERS["value"][1]
    assert mimoctl("cluster", "show", "two", "-o", "id").stdout == f"{R}/two\n"


def test_cluster_remove_and_a_cluster_that_is_busy(mimoctl, api):
    api.answer(f"DELETE /admin{R1}", None, status=204)
    api.answer(f"DELETE /admin{R2}", error("Conflict", "manifest x is running on the cluster"), status=409)
    done = mimoctl("cluster", "remove", "one", "two", status=1)
    assert f"deleted {R1}" in done.stderr
    assert "cluster two: manifest x is running on the cluster" in done.stderr


def test_name_of_two_clusters_is_refused_with_their_ids(mimoctl, api):
    other = R.replace("resourceGroups/rg", "resourceGroups/rg2")
    api.answer("GET /admin/clusters", {"value": [{"id": f"{R}/one", "name": "one"},
                                                 {"id": f"{other}/one", "name": "one"}]})
    done = mimoctl("cluster", "show", "one", status=1)
    assert f"{R}/one, {other}/one; give the full resource ID" in done.stderr


def test_task_list(mimoctl):
    table = rows(mimoctl("task", "list").stdout)
    assert table == [["NAME", "ID", "SUMMARY"], ["operator-flags-update", FLAGS, "sets flags"],
                     ["tls-cert-rotation", TLS, "rotates"]]
    assert "PARAMETERS" in mimoctl("task", "list", "-o", "wide").stdout
    assert mimoctl("task", "list", "-o", "id").stdout == f"{FLAGS}\n{TLS}\n"
    assert json.loads(mimoctl("task", "list", "-o", "json").stdout) == TASKS


def test_actuator_list(mimoctl, api):
    now = int(time.time())
    actuators = {"value": [
        {"id": ID, "index": 0, "hostname": "vm0", "version": "0.1.0", "startedAt": now - 7300, "seenAt": now - 3,
         "workers": 2, "buckets": [0, 127], "alive": True},
        {"id": ID2, "index": 1, "hostname": "vm1", "version": "0.1.0", "startedAt": now - 7300, "seenAt": now - 400,
         "workers": 0, "buckets": [0, -1], "alive": False}]}
    api.answer("GET /admin/actuators", actuators)
    table = rows(mimoctl("actuator", "list").stdout)
    assert table[0] == ["INDEX", "HOST", "STATE", "BUCKETS", "WORKERS", "SEEN", "STARTED", "VERSION"]
    assert table[1][:5] == ["0", "vm0", "alive", "0-127", "2"]
    assert table[2] == ["1", "vm1", "dead", "none", "0", "6m ago", "2h ago", "0.1.0"]
    assert ID2 in mimoctl("actuator", "list", "-o", "wide").stdout
    assert mimoctl("actuator", "list", "-o", "id").stdout == f"{ID}\n{ID2}\n"
    assert json.loads(mimoctl("actuator", "list", "-o", "json").stdout) == actuators
    api.answer("GET /admin/actuators", {"value": []})
    assert "is mimod running" in mimoctl("actuator", "list").stderr


# ---- reaching the Admin API, and logging in ----

def test_certificate_of_an_unknown_ca_is_never_trusted(mimoctl, api, certificates):
    done = mimoctl("task", "list", MIMO_CACERT=None, status=3)
    assert "name the file of its CA with --cacert or MIMO_CACERT" in done.stderr
    done = mimoctl("task", "list", "--cacert", certificates / "other.crt", status=3)
    assert f"with the CA of {certificates}/other.crt (--cacert)" in done.stderr
    assert api.requests == []


def test_certificate_of_another_host_is_never_trusted(mimoctl, api):
    done = mimoctl("task", "list", "--url", api.url.replace("127.0.0.1", "127.0.0.2"), status=3)
    assert "cannot talk to https://127.0.0.2" in done.stderr
    assert api.requests == []


def test_nobody_at_the_address_is_3_and_says_where_it_came_from(mimoctl):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{closed.getsockname()[1]}"
        done = mimoctl("task", "list", MIMO_URL=url, status=3)
    assert f"cannot talk to {url} (MIMO_URL)" in done.stderr
    assert "is mimo-api running there" in done.stderr


def test_proxy_of_the_environment_is_not_used_for_loopback_and_is_named_elsewhere(mimoctl, api):
    proxy = {"https_proxy": "http://user:secret@127.0.0.1:1", "no_proxy": None, "NO_PROXY": None}
    api.answer("GET /admin/tasks", {"value": []})
    mimoctl("task", "list", **proxy)
    done = mimoctl("task", "list", MIMO_URL="https://mimo.example.test", status=3, **proxy)
    assert "the environment sets the proxy 127.0.0.1:1 (https_proxy)" in done.stderr
    assert "no_proxy" in done.stderr and "secret" not in done.stderr


def test_refused_token_is_3_and_says_which(mimoctl, api, directory):
    api.answer("GET /admin/tasks", error("InvalidAuthenticationToken", "no"), status=401, headers={
        "WWW-Authenticate": 'Bearer error="invalid_token", error_description="the token is not known"'})
    done = mimoctl("task", "list", status=3)
    assert "does not accept the token of MIMO_TOKEN (the token is not known)" in done.stderr
    (directory / "token").write_text("other\n")
    (directory / "token").chmod(0o644)
    done = mimoctl("task", "list", "--token-file", directory / "token", status=3)
    assert f"the token of --token-file {directory}/token" in done.stderr
    assert "can be read by others; chmod 600" in done.stderr
    assert api.requests[-1].headers["authorization"] == "Bearer other"
    assert "t0ken" not in done.stderr and "other\n" not in done.stderr


def test_missing_token_is_3_and_missing_address_is_2(mimoctl):
    assert "MIMO_TOKEN_FILE" in mimoctl("task", "list", MIMO_TOKEN=None, status=3).stderr
    assert "set MIMO_URL" in mimoctl("task", "list", MIMO_URL=None, status=2).stderr


def test_missing_role_is_1_and_names_the_token(mimoctl, api):
    api.answer("GET /admin/tasks", error("Forbidden", "role MIMO.Admin is missing"), status=403)
    done = mimoctl("task", "list", status=1)
    assert done.stderr == "mimoctl: role MIMO.Admin is missing; asked with the token of MIMO_TOKEN\n"


@pytest.mark.parametrize("answer, message", [
    (Answer(b"<html>", 200, {"Content-Type": "text/html"}), "200 without the JSON of an Admin API (text/html)"),
    (Answer(b"[]", 404), "404 without the JSON of an Admin API"),
    (Answer({"a": 1}, 400), "400 without the JSON of an Admin API"),
    (Answer(b'{"value": [], "value": []}', 200), "without the JSON of an Admin API"),
    (Answer({}, 200), 'answers without "value"'),
    (Answer({"value": [], "nextLink": "/admin/tasks?api-version=admin&limit=200"}, 200), "nextLink that leads nowhere"),
    (Answer({"value": [], "nextLink": "https://elsewhere"}, 200), "a nextLink that leads nowhere"),
    (Answer(b"", 302, {"Location": "https://evil.example.com/"}), "redirect to https://evil.example.com/, which"),
    (Answer(error("InternalServerError", "oops"), 500), "answer now: 500 InternalServerError: oops (request f00d-1)"),
    (Answer(error("TooManyRequests", "slower"), 429), "429 TooManyRequests: slower"),
    (Answer(b'{"value":["' + b"x" * (9 << 20) + b'"]}', 200), "larger than an Admin API's"),
    (Drop(), "the connection broke"),
])
def test_what_is_no_good_answer_is_3(mimoctl, api, answer, message):
    api.answer("GET /admin/tasks", answer)
    done = mimoctl("task", "list", status=3)
    assert message in done.stderr
    assert len(api.requests_of("GET /admin/tasks")) == 1 or isinstance(answer, Drop)


def test_region_of_the_configuration_is_used(mimoctl, api, home, certificates):
    config = home / ".config" / "mimo" / "config"
    config.parent.mkdir(parents=True)
    config.write_text(f"[region west]\nurl = {api.url}\ntoken_command = echo from-command\n"
                      f"cacert = {certificates}/ca.crt\n")
    mimoctl("task", "list", "--location", "west", MIMO_URL=None, MIMO_TOKEN=None, MIMO_CACERT=None)
    assert api.requests[-1].headers["authorization"] == "Bearer from-command"
    config.write_text("[region west]\nuri = x\n")
    assert f"{config}:2: " in mimoctl("task", "list", MIMO_URL=None, status=2).stderr


def test_verbose_says_each_request_and_never_the_token(mimoctl, api):
    done = mimoctl("task", "list", "-v")
    assert re.fullmatch(rf"mimoctl: GET {api.url}/admin/tasks\?\S+: 200 in \d+ ms, request f00d-1\n", done.stderr)


# ---- terminals ----

def test_colours_are_for_terminals_that_want_them(build_dir, environment, api, mimoctl):
    api.answer(f"GET {MANIFESTS}", {"value": [manifest("Failed", statusText="x" * 200)]})
    variables = {**environment, "MIMO_URL": api.url, "TERM": "xterm"}
    status, text = run_on_terminal(build_dir, ["manifest", "list"], variables)
    assert status == 0
    assert "\x1b[31mFailed\x1b[0m" in text
    assert max(len(re.sub(r"\x1b\[\d+m", "", line)) for line in text.splitlines()) == 80
    for without in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b[" not in run_on_terminal(build_dir, ["manifest", "list"], {**variables, **without})[1]
    assert "\x1b[" not in mimoctl("manifest", "list").stdout


def test_watch_on_a_terminal_writes_over_its_line(build_dir, environment, api):
    api.answer(SHOW, manifest())
    api.answer(SHOW_OF_CLUSTER, progress(1, "look"), progress(2, "act"), manifest("Completed", dequeues=1))
    status, text = run_on_terminal(build_dir, ["manifest", "watch", ID],
                                   {**environment, "MIMO_URL": api.url, "TERM": "xterm", "NO_COLOR": "1"})
    assert status == 0
    lines = text.split("\r\n")
    assert lines[-1] == ""
    shown = [line.split("\r\x1b[K")[1:] for line in lines[:-1]]
    assert [len(line) >= 1 for line in shown] == [True] * 3 # Pending, InProgress, Completed
    assert "[1/3] look" in shown[1][0] and "[2/3] act" in shown[1][-1]
    assert "Completed" in shown[2][-1]


# ---- help ----

def commands_of(text):
    section = text.split("Commands:\n")[1].split("\n\n")[0]
    return [match[1].strip() for match in re.finditer(r"^  (\S[\S ]*?)  ", section + "\n", re.MULTILINE)]


def test_help_is_there_at_every_level(mimoctl):
    top = mimoctl("--help").stdout
    commands = commands_of(top)
    assert "manifest create" in commands and "ps" in commands
    for command in commands:
        text = mimoctl(*command.split(), "--help").stdout
        assert text.startswith(f"usage: mimoctl {command}")
        assert mimoctl("help", *command.split()).stdout == text
        assert max(len(line) for line in text.splitlines() if not line.startswith("    mimoctl")) <= 100
    assert commands_of(mimoctl("manifest", "-h").stdout) == [one for one in commands if one.startswith("manifest ")]
    assert re.fullmatch(r"mimoctl \d+\.\d+\.\d+\n", mimoctl("--version").stdout)


def test_manual_page_tells_of_every_command_and_option(mimoctl):
    page = (TOP / "docs" / "mimoctl.1").read_text()
    for command in commands_of(mimoctl("--help").stdout):
        assert f".It Cm {command}" in page
        for option in re.findall(r"--([a-z-]+)", mimoctl(*command.split(), "--help").stdout):
            assert f"Fl Fl {option}" in page, f"--{option} of {command}"


@pytest.mark.parametrize("arguments, message", [
    ([], "what is to be done?"),
    (["manifest"], "manifest what?"),
    (["manifets", "list"], 'did you mean "manifest"?'),
    (["manifest", "lst"], 'did you mean "manifest list"?'),
    (["manifest", "list", "--sate", "Failed"], "did you mean --state?"),
    (["manifest", "show"], "manifest show needs ID"),
    (["manifest", "show", ID, ID], "is too much"),
    (["ps", "--url", "https://x"], '--url does not belong to "mimoctl ps"'),
    (["help", "manifest", "lst"], 'did you mean "manifest list"?'),
])
def test_wrong_command_is_2_with_a_suggestion(mimoctl, arguments, message):
    assert message in mimoctl(*arguments, status=2).stderr


def test_full_disk_is_no_success(build_dir, environment, api):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([build_dir / "mimoctl", "task", "list"], stdout=full, stderr=subprocess.PIPE, text=True,
                              env={**environment, "MIMO_URL": api.url}, timeout=DEADLINE, check=False)
    assert done.returncode == 1
    assert "cannot write to standard output: No space left on device" in done.stderr
