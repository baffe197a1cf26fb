# SPDX-License-Identifier: Apache-2.0
"""mimoctl does what the operators' guide describes: its procedures and recoveries, and the audit trail."""

import json
import re
import time

import pytest

from fake_admin_api import Answer, Drop, error
from mimoctl_fixtures import (FLAGS, ID, ID2, MANIFESTS, R, R1, R2, Terminal, TLS, api, certificates,  # noqa: F401
                              environment, home, manifest, mimoctl, progress, rows, TASKS, TOP)

SHOW = f"GET {MANIFESTS}/{ID}"
SHOW_OF_CLUSTER = f"GET /admin{R1}/maintenanceManifests/{ID}"
CREATE = f"PUT /admin{R1}/maintenanceManifests"
DELETE = f"DELETE /admin{R1}/maintenanceManifests"
DAY = 86400
NO_ENDPOINT = error("NotFound", "there is no such endpoint", "endpoint")


def seconds_ago(seconds):
    return int(time.time()) - seconds


def identifier(number):
    return f"{number:08x}{ID[8:]}"


# ---- explain ----

def blocked(*blockers, **members):
    return {**manifest(**members), "blockers": list(blockers)}


def test_explain_lists_what_blocks_a_manifest(mimoctl, api):
    api.answer(SHOW, blocked(
        {"kind": "backoff", "until": seconds_ago(-130), "message": "the next attempt is due then"},
        {"kind": "clusterBusy", "manifest": ID2, "message": f"manifest {ID2} runs on its cluster"}))
    table = rows(mimoctl("manifest", "explain", ID).stdout)
    assert table[0] == ["CAUSE", "UNTIL", "MANIFEST", "MESSAGE"]
    assert table[1] == ["backoff", "in 2m", "-", "the next attempt is due then"]
    assert table[2] == ["clusterBusy", "-", ID2[:8], f"manifest {ID2} runs on its cluster"]
    assert mimoctl("manifest", "explain", ID).stderr == (
        f"mimoctl: next, for the one that keeps the cluster busy: mimoctl manifest watch {ID2[:8]}\n")
    wide = rows(mimoctl("manifest", "explain", ID, "-o", "wide").stdout)
    assert re.fullmatch(r"\d{4}-\S+Z", wide[1][1]) and wide[2][2] == ID2
    said = json.loads(mimoctl("manifest", "explain", ID, "-o", "json").stdout)
    assert (said["id"], said["state"], [one["kind"] for one in said["blockers"]]) == (
        ID, "Pending", ["backoff", "clusterBusy"])
    assert mimoctl("manifest", "explain", ID, "-o", "id").stdout == f"{ID}\n"


@pytest.mark.parametrize("view, message, command", [
    (blocked(), "nothing blocks it; it starts at the actuator's next poll", ": mimoctl manifest watch 2b65ac7b"),
    ({**progress(2, "act", statusText="half way"), "blockers": []}, "it has been in progress for 0s: [2/3] act: half way",
     ": mimoctl manifest watch 2b65ac7b"),
    (manifest("Failed", statusText="TerminalError: 404"), "it has ended as Failed: TerminalError: 404",
     ", once the cause is fixed: mimoctl manifest recreate 2b65ac7b --watch"),
])
def test_explain_of_what_nothing_blocks_tells_how_it_is(mimoctl, api, view, message, command):
    api.answer(SHOW, view)
    api.answer(SHOW_OF_CLUSTER, view)
    done = mimoctl("manifest", "explain", ID)
    assert (done.stdout, re.sub(r"for (\d+m)?\d+s", "for 0s", done.stderr)) == (
        "", f"mimoctl: {message}\nmimoctl: next{command}\n")
    assert json.loads(mimoctl("manifest", "explain", ID, "-o", "json").stdout)["blockers"] == []


def test_explain_of_an_admin_api_that_does_not_tell_is_1(mimoctl, api):
    api.answer(SHOW, manifest())
    api.answer(SHOW_OF_CLUSTER, manifest())
    assert "does not report what blocks a manifest: its mimo-api is older" in mimoctl("manifest", "explain", ID, status=1).stderr
    api.answer(SHOW, error("NotFound", "manifest not found: x"), status=404)
    assert "manifest not found: x" in mimoctl("manifest", "explain", ID, status=1).stderr


# ---- logs ----

def test_logs_are_a_paragraph_an_attempt_in_full(mimoctl, api):
    begin = 1795417680
    api.answer(SHOW, {**progress(2, "act", statusText="half way"), "attempts": [
        {"number": 1, "startedAt": begin, "finishedAt": begin + 67, "outcome": "transient", "actuator": ID2,
         "message": "TransientError: 503" + " x" * 100, "maxRssKiB": 20480, "cpuMs": 150},
        {"number": 2, "startedAt": begin + 200, "actuator": ID2}]})
    first, second = mimoctl("manifest", "logs", ID).stdout.split("\n\n")
    for line in ("Attempt: +1", r"Started: +2026-11-23T07:08:00Z \(.*\)",
                 r"Finished: +2026-11-23T07:09:07Z \(after 1m07s\)", "Outcome: +transient",
                 "Message: +TransientError: 503( x){100}", f"Actuator: +{ID2}", "Memory: +20.0 MiB at most",
                 "CPU: +150 ms"):
        assert re.search(f"^{line}$", first, re.MULTILINE), line
    assert re.search(r"^Outcome: +in progress$", second, re.MULTILINE)
    assert re.search(r"^Message: +\[2/3\] act: half way$", second, re.MULTILINE)
    assert "Finished" not in second and "CPU" not in second
    logs = json.loads(mimoctl("manifest", "logs", ID, "-o", "json").stdout)["value"]
    assert [one["number"] for one in logs] == [1, 2]
    assert mimoctl("manifest", "logs", ID, "-o", "id").stdout == f"{ID}\n"


def test_logs_of_one_that_was_never_tried_say_so(mimoctl, api):
    api.answer(SHOW, manifest())
    done = mimoctl("manifest", "logs", ID)
    assert done.stdout == "" and done.stderr == (
        "mimoctl: it has not been tried yet\nmimoctl: next: mimoctl manifest explain 2b65ac7b\n")
    assert json.loads(mimoctl("manifest", "logs", ID, "-o", "json").stdout) == {"value": []}
    api.answer(SHOW, manifest(attempts=[{"number": n, "startedAt": 1, "finishedAt": 2, "outcome": "drained"}
                                        for n in range(5, 25)]))
    assert "the latest 20 attempts" in mimoctl("manifest", "logs", ID).stderr


# ---- Recovery 1: cancel, and stop ----

CANCEL = f"POST /admin{R1}/maintenanceManifests/{ID}/cancel"
STOP = f"POST /admin{R1}/maintenanceManifests/{ID}/stop"


def refused(state):
    return error("PropertyChangeNotAllowed", f"cannot cancel task in state {state}")


def test_refused_cancel_explains_what_can_be_done(mimoctl, api):
    api.answer(SHOW, manifest("InProgress", startedAt=seconds_ago(600), leaseExpiry=seconds_ago(-3000)))
    api.answer(CANCEL, refused("InProgress"), status=406)
    said = mimoctl("manifest", "cancel", ID, status=1).stderr
    assert re.search(r"it has been in progress for 10m0\ds and counts as stuck after 60 minutes; its lease ends in 50m", said)
    for command in ("watch 2b65ac7b", "stop 2b65ac7b", "cancel --force 2b65ac7b"):
        assert f"mimoctl manifest {command}" in said
    api.answer(SHOW, manifest("TimedOut"))
    api.answer(CANCEL, refused("TimedOut"), status=406)
    assert "mimoctl manifest recreate 2b65ac7b runs it again" in mimoctl("manifest", "cancel", ID, status=1).stderr


def test_cancel_that_is_not_allowed_to_this_token_is_not_explained_as_a_state(mimoctl, api):
    api.answer(SHOW, manifest("InProgress", startedAt=seconds_ago(600)))
    api.answer(CANCEL, error("Forbidden", "role MIMO.Operator is missing"), status=403)
    said = mimoctl("manifest", "cancel", ID, status=1).stderr
    assert said == f"mimoctl: manifest {ID}: role MIMO.Operator is missing; logged in with the token of MIMO_TOKEN\n"


CLUSTER = f"GET /admin{R1}"


def leased(until=-3000):
    return {"id": R1, "name": "One", "leaseOwner": ID2, "leaseManifest": ID, "leaseExpiry": seconds_ago(until)}


def test_forced_cancel_says_what_still_runs(mimoctl, api):
    api.answer(SHOW, manifest("InProgress", startedAt=seconds_ago(600), leaseExpiry=seconds_ago(-3000)))
    api.answer(CANCEL, manifest("Cancelled", startedAt=seconds_ago(600)))
    api.answer(CLUSTER, leased())
    said = mimoctl("manifest", "cancel", "--force", ID).stderr
    assert said == ("mimoctl: its worker still runs on cluster one, which stays in maintenance until it ends, at the latest "
                    "in 50m\nmimoctl: next: mimoctl manifest stop 2b65ac7b\n")
    for cluster in (leased(until=10), {**leased(), "leaseManifest": ID2}, {"id": R1, "name": "One"}):
        api.answer(CLUSTER, cluster)
        assert mimoctl("manifest", "cancel", "--force", ID).stderr == "mimoctl: next: mimoctl manifest show 2b65ac7b\n"


def test_wait_for_cancelled_waits_for_the_end_of_the_worker(mimoctl, api):
    api.answer(SHOW, manifest("Cancelled"))
    api.answer(SHOW_OF_CLUSTER, manifest("Cancelled"))
    api.answer(CLUSTER, leased(), leased(), {"id": R1, "name": "One"})
    mimoctl("manifest", "wait", ID, "--for", "Cancelled")
    assert len(api.requests_of(CLUSTER)) == 3
    api.answer(CLUSTER, leased())
    said = mimoctl("manifest", "wait", ID, "--for", "Cancelled", "--timeout", "300ms", status=5).stderr
    assert f"manifest {ID} is Cancelled and its worker still runs, after 300ms" in said
    api.answer(CLUSTER, error("NotFound", "cluster not found: x"), status=404)
    mimoctl("manifest", "wait", ID, "--for", "Cancelled")


def test_stop_says_what_happens_now(mimoctl, api):
    api.answer(SHOW, progress(1, "look"))
    api.answer(STOP, progress(1, "look", statusText="being stopped"), status=202)
    done = mimoctl("manifest", "stop", ID, "--icm", "7")
    assert done.stderr == (f"mimoctl: manifest {ID}: its worker gets SIGTERM now and SIGKILL after 10 s\n"
                           "mimoctl: next: mimoctl manifest wait 2b65ac7b --for Cancelled\n")
    assert "being stopped" in done.stdout
    assert api.requests_of(STOP)[0].headers["x-mimo-icm"] == "7"
    api.answer(STOP, b"", status=202) # an answer without a body is one, too
    assert mimoctl("manifest", "stop", ID, "-o", "id").stdout == f"{ID}\n"
    assert json.loads(mimoctl("manifest", "stop", ID, "-o", "json").stdout)["value"][0]["id"] == ID


def test_stop_that_is_refused_or_not_known_is_1(mimoctl, api):
    api.answer(SHOW, manifest())
    api.answer(STOP, error("PropertyChangeNotAllowed", "cannot stop task in state Pending"), status=406)
    assert f"manifest {ID}: cannot stop task in state Pending" in mimoctl("manifest", "stop", ID, status=1).stderr
    for status, body in ((404, NO_ENDPOINT), (405, error("MethodNotAllowed", "POST is not allowed here"))):
        api.answer(STOP, body, status=status)
        said = mimoctl("manifest", "stop", ID, status=1).stderr
        assert "mimo-api is older than this mimoctl" in said and "update mimo-api there" in said


# ---- Recovery 2: cleanup ----

ENDED = [
    manifest("TimedOut", identifier(1), finishedAt=seconds_ago(10)),
    manifest("Cancelled", identifier(2), R2, finishedAt=seconds_ago(10)),
    manifest("Completed", identifier(3), finishedAt=seconds_ago(6 * DAY)),
    manifest("Completed", identifier(4), finishedAt=seconds_ago(8 * DAY)),
    manifest("Failed", identifier(5), finishedAt=seconds_ago(40 * DAY), statusText="TerminalError"),
    manifest("RetriesExceeded", identifier(6), finishedAt=seconds_ago(20 * DAY)),
    manifest("Completed", identifier(7), ago=9 * DAY), # of another producer: without finishedAt
]


@pytest.fixture
def ended(api):
    """A fleet where much has ended; returns the numbers of what was deleted."""
    def answer(request):
        states = request.query["state"].split(",")
        return Answer({"value": [one for one in ENDED if one["state"] in states
                                 and request.query.get("clusterResourceID") in (None, one["clusterResourceID"])]})

    api.answer(f"GET {MANIFESTS}", answer)
    for one in ENDED:
        api.answer(f"DELETE /admin{one['clusterResourceID']}/maintenanceManifests/{one['id']}", None, status=204)
    return lambda: [int(request.path.rsplit("/", 1)[1][:8], 16) for request in api.requests if request.method == "DELETE"]


@pytest.mark.parametrize("arguments, numbers", [
    ([], [1, 2, 4, 7]),
    (["--failed"], [1, 2, 4, 5, 6, 7]),
    (["--older-than", "30d"], []),
    (["--failed", "--older-than", "30d"], [5]),
    (["--older-than", "0s"], [1, 2, 3, 4, 7]),
    (["-c", "two"], [2]),
])
def test_cleanup_takes_what_the_guide_says(mimoctl, ended, arguments, numbers):
    listed = mimoctl("manifest", "cleanup", "--dry-run", "-o", "id", *arguments).stdout.split()
    assert [int(one[:8], 16) for one in listed] == numbers
    assert ended() == []
    done = mimoctl("manifest", "cleanup", "--yes", *arguments)
    assert ended() == numbers
    assert done.stdout == ""
    assert (f"deleted {len(numbers)} manifest" if numbers else "nothing to clean up") in done.stderr


def test_cleanup_says_what_it_deleted_in_each_form(mimoctl, api, ended):
    assert mimoctl("manifest", "cleanup", "--yes", "--icm", "9").stderr == \
        "mimoctl: deleted 4 manifests: 2 Completed, 1 TimedOut, 1 Cancelled\nmimoctl: next: mimoctl queue\n"
    assert {request.headers.get("x-mimo-icm") for request in api.requests if request.method == "DELETE"} == {"9"}
    assert mimoctl("manifest", "cleanup", "--yes", "-o", "id").stdout.split() == [identifier(n) for n in (1, 2, 4, 7)]
    deleted = json.loads(mimoctl("manifest", "cleanup", "--yes", "-o", "json").stdout)["value"]
    assert [one["state"] for one in deleted] == ["TimedOut", "Cancelled", "Completed", "Completed"]
    assert json.loads(mimoctl("manifest", "cleanup", "-y", "--older-than", "99d", "-o", "json").stdout) == {"value": []}
    table = rows(mimoctl("manifest", "cleanup", "--dry-run").stdout)
    assert [row[0] for row in table] == ["ID", "00000001", "00000002", "00000004", "00000007"]


def test_cleanup_without_a_terminal_asks_nobody_and_deletes_nothing(mimoctl, api, ended):
    assert "give --yes to delete, or --dry-run" in mimoctl("manifest", "cleanup", status=2).stderr
    assert "--older-than: " in mimoctl("manifest", "cleanup", "--older-than", "1x", status=2).stderr # before the terminal
    assert "--older-than" in mimoctl("manifest", "cleanup", "--yes", "--older-than", "old", status=2).stderr
    assert api.requests == []


def test_a_dry_run_ends_with_the_command_that_deletes(mimoctl, api):
    api.answer(f"GET {MANIFESTS}", {"value": [manifest("Cancelled", finishedAt=seconds_ago(3600))]})
    done = mimoctl("manifest", "cleanup", "--dry-run", "--failed", "--older-than", "5m", "--icm", "7")
    assert done.stderr == ("mimoctl: nothing was deleted\n"
                           "mimoctl: next: mimoctl manifest cleanup --failed --older-than 5m --icm 7\n")


def test_a_wait_without_a_unit_is_told_with_one(mimoctl, api):
    api.answer(SHOW, manifest())
    api.answer(SHOW_OF_CLUSTER, manifest())
    assert "not Completed, after 1s\n" in mimoctl("manifest", "wait", ID, "--timeout", "1", status=5).stderr


@pytest.mark.parametrize("answer, status, deleted", [
    ("y\r", 0, [1, 2, 4, 7]), ("YES\r", 0, [1, 2, 4, 7]), ("\r", 1, []), ("no\r", 1, []), ("\x04", 1, []), ("\x03", 130, [])])
def test_cleanup_on_a_terminal_shows_and_asks(build_dir, environment, api, ended, answer, status, deleted):
    with Terminal([build_dir / "mimoctl", "manifest", "cleanup"],
                  {**environment, "MIMO_URL": api.url, "TERM": "xterm", "NO_COLOR": "1"}) as terminal:
        terminal.wait_for("delete 4 manifests: 2 Completed, 1 TimedOut, 1 Cancelled? This cannot be undone. [y/N] ")
        assert ended() == [] and "00000007" in terminal.text
        terminal.type(answer)
        assert terminal.end() == status
    assert ended() == deleted
    assert ("nothing was deleted" in terminal.text) == (status == 1)


def test_cleanup_asks_about_many_by_their_number(build_dir, environment, api):
    many = [manifest("Cancelled", identifier(n), finishedAt=1) for n in range(25)]
    api.answer(f"GET {MANIFESTS}", {"value": many})
    with Terminal([build_dir / "mimoctl", "manifest", "cleanup"],
                  {**environment, "MIMO_URL": api.url, "TERM": "dumb"}) as terminal:
        terminal.wait_for("[y/N]")
        terminal.type("n\r")
        assert terminal.end() == 1
    assert "00000013" in terminal.text and "00000014" not in terminal.text
    assert "and 5 more; --dry-run shows all" in terminal.text


def test_cleanup_goes_on_after_a_refusal_and_ends_when_the_server_is_gone(mimoctl, api, ended):
    api.answer(f"{DELETE}/{identifier(1)}", error("Forbidden", "not yours"), status=403)
    api.answer(f"{DELETE}/{identifier(4)}", error("NotFound", "manifest not found"), status=404) # gone is gone
    done = mimoctl("manifest", "cleanup", "--yes", "-o", "id", status=1)
    assert done.stdout.split() == [identifier(n) for n in (2, 4, 7)]
    assert f"manifest {identifier(1)}: not yours" in done.stderr
    api.answer(f"{DELETE}/{identifier(1)}", Drop())
    done = mimoctl("manifest", "cleanup", "--yes", "-o", "id", status=3)
    assert done.stdout == ""


# ---- Recovery 3: recreate ----

FAILED = manifest("RetriesExceeded", ago=9000, priority=4, parameters={"steps": [1]}, dequeues=5,
                  statusText="did not succeed after 5 attempts: TransientError: 503")


@pytest.mark.parametrize("state", ["Failed", "RetriesExceeded", "TimedOut", "Cancelled"])
def test_recreate_asks_for_the_same_again(mimoctl, api, state):
    api.answer(SHOW, {**FAILED, "state": state})
    api.answer(CREATE, manifest(identifier=ID2, parameters={"steps": [1]}), status=201)
    done = mimoctl("manifest", "recreate", ID, "--icm", "8")
    request = api.requests_of(CREATE)[0]
    assert request.body == {"maintenanceTaskID": FLAGS, "priority": 4, "parameters": {"steps": [1]}}
    assert request.query == {"api-version": "admin", "ifOpen": "fail"}
    assert request.headers["x-mimo-icm"] == "8"
    assert done.stderr == (f"mimoctl: manifest {ID} was {state}: did not succeed after 5 attempts: TransientError: 503\n"
                           f"mimoctl: created {ID2} in its place, with the same parameters\n"
                           "mimoctl: next: mimoctl manifest watch 2b65ffff\n")
    assert rows(done.stdout)[1][:2] == ["2b65ffff", "Pending"]
    assert not [one for one in api.requests if one.method == "DELETE"]


def test_recreate_has_its_own_times_and_forms(mimoctl, api):
    api.answer(SHOW, manifest("Failed"))
    api.answer(CREATE, manifest(identifier=ID2), status=201)
    assert mimoctl("manifest", "recreate", ID, "--run-after", "1796090400", "--run-before", "1796090500", "-o",
                   "id").stdout == f"{ID2}\n"
    assert api.requests_of(CREATE)[0].body == {"maintenanceTaskID": FLAGS, "priority": 0, "runAfter": 1796090400,
                                               "runBefore": 1796090500}
    assert json.loads(mimoctl("manifest", "recreate", ID, "-o", "json").stdout)["value"][0]["id"] == ID2


@pytest.mark.parametrize("state, message", [
    ("Pending", "it has not ended yet; mimoctl manifest explain"), ("InProgress", "it has not ended yet"),
    ("Completed", "it did not fail"), ("Sleeping", "it did not fail")])
def test_recreate_of_what_did_not_fail_is_1(mimoctl, api, state, message):
    api.answer(SHOW, manifest(state))
    assert message in mimoctl("manifest", "recreate", ID, status=1).stderr
    assert api.requests_of(CREATE) == []


def test_recreate_twice_is_refused_and_keeps_the_old_one(mimoctl, api):
    api.answer(SHOW, FAILED)
    api.answer(CREATE, error("Conflict", f"manifest {ID2} for this cluster and task is Pending"), status=409)
    done = mimoctl("manifest", "recreate", ID, "--delete-old", status=1)
    assert done.stderr == f"mimoctl: manifest {ID}: manifest {ID2} for this cluster and task is Pending\n"
    assert not [one for one in api.requests if one.method == "DELETE"]


def test_recreate_deletes_the_old_one_when_told_to(mimoctl, api):
    api.answer(SHOW, FAILED)
    api.answer(CREATE, manifest(identifier=ID2), status=201)
    api.answer(f"{DELETE}/{ID}", None, status=204)
    assert f"deleted {ID}\n" in mimoctl("manifest", "recreate", ID, "--delete-old").stderr
    assert [one.method for one in api.requests if one.method != "GET"] == ["PUT", "DELETE"]
    api.answer(f"{DELETE}/{ID}", error("Forbidden", "no"), status=403)
    done = mimoctl("manifest", "recreate", ID, "--delete-old", status=1)
    assert f"manifest {ID}: no" in done.stderr and rows(done.stdout)[1][0] == "2b65ffff"


@pytest.mark.parametrize("state, status", [("Completed", 0), ("Failed", 4)])
def test_recreate_with_watch_deletes_the_old_one_only_after_success(mimoctl, api, state, status):
    api.answer(SHOW, FAILED)
    api.answer(CREATE, manifest(identifier=ID2), status=201)
    api.answer(f"GET /admin{R1}/maintenanceManifests/{ID2}", manifest(state, ID2))
    api.answer(f"{DELETE}/{ID}", None, status=204)
    done = mimoctl("manifest", "recreate", ID, "--watch", "--delete-old", status=status)
    assert state in done.stdout.splitlines()[-1]
    assert (f"deleted {ID}" in done.stderr) == (status == 0)
    assert (f"the old one, {ID}, was kept" in done.stderr) == (status == 4)


def test_recreate_of_several_goes_on_and_watches_only_one(mimoctl, api):
    assert "--watch follows one" in mimoctl("manifest", "recreate", ID, ID2, "--watch", status=2).stderr
    api.answer(SHOW, manifest("Completed"))
    api.answer(f"GET {MANIFESTS}/{ID2}", manifest("Failed", ID2))
    api.answer(CREATE, manifest(identifier=identifier(1)), status=201)
    assert mimoctl("manifest", "recreate", ID, ID2, "-o", "id", status=1).stdout == f"{identifier(1)}\n"


# ---- audit ----

ENTRIES = {"value": [
    {"id": ID, "time": 1795417680, "actor": "ci", "action": "manifest.create", "icm": "691536013", "status": 201,
     "resource": f"{R1}/maintenanceManifests/{ID2}", "requestId": "f00d"},
    {"id": ID2, "time": 1795417681, "actor": "admin", "action": "cluster.put", "status": 200, "resource": R1,
     "requestId": "f00e"}]}


def test_audit_is_who_did_what_when_and_why(mimoctl, api):
    api.answer("GET /admin/audit", ENTRIES)
    assert rows(mimoctl("audit").stdout) == [
        ["TIME", "ACTOR", "ACTION", "TICKET", "STATUS", "RESOURCE"],
        ["2026-11-23T07:08:00Z", "ci", "manifest.create", "691536013", "201", ID2],
        ["2026-11-23T07:08:01Z", "admin", "cluster.put", "-", "200", "one"]]
    assert time.time() - 5 < int(api.requests[-1].query["since"]) + DAY <= time.time()
    wide = rows(mimoctl("audit", "-o", "wide").stdout)
    assert wide[1][-2:] == ["f00d", f"{R1}/maintenanceManifests/{ID2}"]
    assert json.loads(mimoctl("audit", "-o", "json").stdout) == ENTRIES
    assert mimoctl("audit", "-o", "id").stdout == f"{ID}\n{ID2}\n"


@pytest.mark.parametrize("since, expected", [
    ("2h", lambda now: now - 7200), ("7d", lambda now: now - 7 * DAY), ("1795417680", lambda _: 1795417680),
    ("2026-11-23T07:08:00Z", lambda _: 1795417680), ("2026-11-23 08:08", lambda _: 1795417680)])
def test_audit_since_a_time_or_so_long_ago(mimoctl, api, since, expected):
    api.answer("GET /admin/audit", {"value": []})
    before = int(time.time())
    assert mimoctl("audit", "--since", since).stderr == ("mimoctl: nothing was changed in that time\n"
                                                          "mimoctl: next: mimoctl manifest list\n")
    assert expected(before) <= int(api.requests[-1].query["since"]) <= expected(int(time.time()))


def test_audit_limit_and_mistakes(mimoctl, api):
    api.answer("GET /admin/audit", ENTRIES)
    done = mimoctl("audit", "--limit", "1", "-o", "id")
    assert done.stdout == f"{ID}\n" and "these are the oldest 1, there are more: --since TIME shows later ones alone, --limit 0 all" in done.stderr
    assert mimoctl("audit", "--limit", "1").stderr.endswith("mimoctl: next: mimoctl manifest list\n")
    assert "--since: \"soon\" is not a time in the past: write 2h or 7d (ago)" in mimoctl("audit", "--since", "soon", status=2).stderr
    assert "--limit" in mimoctl("audit", "--limit", "-1", status=2).stderr
    api.answer("GET /admin/audit", NO_ENDPOINT, status=404)
    assert "mimo-api is older than this mimoctl" in mimoctl("audit", status=1).stderr


# ---- task show ----

def test_task_is_shown_by_name_or_id(mimoctl):
    text = mimoctl("task", "show", "tls-cert-rotation").stdout
    for line in ("Name: +tls-cert-rotation", f"ID: +{TLS}", "Title: +TLS Certificate Rotation", "Summary: +rotates",
                 "Parameters: +no"):
        assert re.search(f"^{line}$", text, re.MULTILINE), line
    assert mimoctl("task", "show", TLS.upper()).stdout == text
    assert json.loads(mimoctl("task", "show", TLS, "-o", "json").stdout) == TASKS["value"][1]
    assert mimoctl("task", "show", "TLS-cert-rotation", "-o", "id").stdout == f"{TLS}\n"
    assert 'no task with the name or ID "tls"' in mimoctl("task", "show", "tls", status=1).stderr


# ---- the page for operators ----

def test_every_command_of_the_operators_page_is_one(mimoctl):
    text = (TOP / "docs" / "operating.md").read_text()
    section = mimoctl("--help").stdout.split("Commands:\n")[1].split("\n\n")[0]
    commands = {match[1].strip() for match in re.finditer(r"^  (\S[\S ]*?)  ", section + "\n", re.MULTILINE)}
    used = re.findall(r"mimoctl ([a-z]+)(?: ([a-z]+))?", text)
    assert len(used) > 30
    for group, verb in used:
        assert group in commands or f"{group} {verb}" in commands, f"mimoctl {group} {verb}"


def test_every_option_of_the_operators_page_belongs_to_its_command(mimoctl):
    text = (TOP / "docs" / "operating.md").read_text()
    lines = re.findall(r"mimoctl ([^`#|\n]*)", text)
    checked = 0
    for line in lines:
        words = line.split()
        command = [word for word in words[:2] if re.fullmatch("[a-z]+", word)]
        for option in re.findall(r"--[a-z-]+", line):
            assert option in mimoctl(*command, "--help").stdout, f"{option} in {line}"
            checked += 1
    assert checked >= 10


def test_each_link_within_the_operators_page_leads_somewhere():
    text = (TOP / "docs" / "operating.md").read_text()
    headings = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
                for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
    links = re.findall(r"\]\(#([^)]*)\)", text)
    assert len(links) > 10 and set(links) <= headings
