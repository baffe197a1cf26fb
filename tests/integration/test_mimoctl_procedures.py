# SPDX-License-Identifier: Apache-2.0
"""mimoctl does what the operators' guide describes: its procedures and recoveries, its thresholds, and the audit trail."""

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
    api.answer(SHOW, manifest())
    api.answer(SHOW_OF_CLUSTER, blocked(
        {"kind": "backoff", "until": seconds_ago(-130), "message": "the next attempt is due then"},
        {"kind": "clusterBusy", "manifest": ID2, "message": f"manifest {ID2} runs on its cluster"}))
    table = rows(mimoctl("manifest", "explain", ID).stdout)
    assert table[0] == ["CAUSE", "UNTIL", "MANIFEST", "MESSAGE"]
    assert table[1] == ["backoff", "in 2m", "-", "the next attempt is due then"]
    assert table[2] == ["clusterBusy", "-", ID2[:8], f"manifest {ID2} runs on its cluster"]
    assert mimoctl("manifest", "explain", ID).stderr == (
        f"mimoctl: next: mimoctl manifest watch {ID2[:8]}, which keeps the cluster busy\n")
    wide = rows(mimoctl("manifest", "explain", ID, "-o", "wide").stdout)
    assert re.fullmatch(r"\d{4}-\S+Z", wide[1][1]) and wide[2][2] == ID2
    said = json.loads(mimoctl("manifest", "explain", ID, "-o", "json").stdout)
    assert (said["id"], said["state"], [one["kind"] for one in said["blockers"]]) == (
        ID, "Pending", ["backoff", "clusterBusy"])
    assert mimoctl("manifest", "explain", ID, "-o", "id").stdout == f"{ID}\n"


@pytest.mark.parametrize("view, message, command", [
    (blocked(), "nothing blocks it: it starts at the next look of its actuator", "watch 2b65ac7b"),
    ({**progress(2, "act", statusText="half way"), "blockers": []}, "it has been in progress for 0s: [2/3] act: half way",
     "watch 2b65ac7b"),
    (manifest("Failed", statusText="TerminalError: 404"), "it has ended as Failed: TerminalError: 404",
     "recreate 2b65ac7b --watch, once the cause is mended"),
])
def test_explain_of_what_nothing_blocks_tells_how_it_is(mimoctl, api, view, message, command):
    api.answer(SHOW, view)
    api.answer(SHOW_OF_CLUSTER, view)
    done = mimoctl("manifest", "explain", ID)
    assert (done.stdout, re.sub(r"for (\d+m)?\d+s", "for 0s", done.stderr)) == (
        "", f"mimoctl: {message}\nmimoctl: next: mimoctl manifest {command}\n")
    assert json.loads(mimoctl("manifest", "explain", ID, "-o", "json").stdout)["blockers"] == []


def test_explain_of_an_admin_api_that_does_not_tell_is_1(mimoctl, api):
    api.answer(SHOW, manifest())
    api.answer(SHOW_OF_CLUSTER, manifest())
    assert "cannot say what blocks a manifest: it is older" in mimoctl("manifest", "explain", ID, status=1).stderr
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
    assert said == f"mimoctl: manifest {ID}: role MIMO.Operator is missing; asked with the token of MIMO_TOKEN\n"


CLUSTER = f"GET /admin{R1}"


def leased(until=-3000):
    return {"id": R1, "name": "One", "leaseOwner": ID2, "leaseManifest": ID, "leaseExpiry": seconds_ago(until)}


def test_forced_cancel_says_what_still_runs(mimoctl, api):
    api.answer(SHOW, manifest("InProgress", startedAt=seconds_ago(600), leaseExpiry=seconds_ago(-3000)))
    api.answer(CANCEL, manifest("Cancelled"))
    api.answer(CLUSTER, leased())
    said = mimoctl("manifest", "cancel", "--force", ID).stderr
    assert said == ("mimoctl: its worker still runs on cluster One, which stays in maintenance until it ends, at the latest "
                    "in 50m; next: mimoctl manifest stop 2b65ac7b\n")
    for cluster in (leased(until=10), {**leased(), "leaseManifest": ID2}, {"id": R1, "name": "One"}):
        api.answer(CLUSTER, cluster)
        assert mimoctl("manifest", "cancel", "--force", ID).stderr == ""


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
    assert f"manifest {ID}: its worker is asked to end, and killed after 10 s; next: mimoctl manifest wait 2b65ac7b " \
           "--for Cancelled" in done.stderr
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
        assert "it is older than this mimoctl" in said and "update mimo-api there" in said


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
        "mimoctl: deleted 4 manifests: 2 Completed, 1 TimedOut, 1 Cancelled\n"
    assert {request.headers.get("x-mimo-icm") for request in api.requests if request.method == "DELETE"} == {"9"}
    assert mimoctl("manifest", "cleanup", "--yes", "-o", "id").stdout.split() == [identifier(n) for n in (1, 2, 4, 7)]
    deleted = json.loads(mimoctl("manifest", "cleanup", "--yes", "-o", "json").stdout)["value"]
    assert [one["state"] for one in deleted] == ["TimedOut", "Cancelled", "Completed", "Completed"]
    assert json.loads(mimoctl("manifest", "cleanup", "-y", "--older-than", "99d", "-o", "json").stdout) == {"value": []}
    table = rows(mimoctl("manifest", "cleanup", "--dry-run").stdout)
    assert [row[0] for row in table] == ["ID", "00000001", "00000002", "00000004", "00000007"]


def test_cleanup_without_a_terminal_asks_nobody_and_deletes_nothing(mimoctl, api, ended):
    assert "give --yes to delete, or --dry-run" in mimoctl("manifest", "cleanup", status=2).stderr
    assert "--older-than" in mimoctl("manifest", "cleanup", "--yes", "--older-than", "old", status=2).stderr
    assert api.requests == []


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
                           f"mimoctl: created {ID2} in its place, with the same parameters\n")
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
    ("Completed", "there is nothing to make good"), ("Sleeping", "there is nothing to make good")])
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


# ---- Procedure 1: queue ----

SUMMARY = f"GET {MANIFESTS}/summary"


def fleet(api, queue, **ended):
    """A fleet with this queue, and counts of what has ended."""
    states = {"Pending": 1, "InProgress": 1, **ended} # the queue itself is counted from its list
    api.answer(SUMMARY, {"byState": states})
    api.answer(f"GET {MANIFESTS}", {"value": queue})


def test_queue_is_steps_1_to_4_of_procedure_1(mimoctl, api):
    queue = [manifest(identifier=identifier(n), ago=60, dequeues=n % 3) for n in range(12)]
    queue += [manifest("InProgress", identifier(20), R2, TLS, ago=9000, startedAt=seconds_ago(30), dequeues=1),
              manifest("Pending", identifier(21), R2, ago=7300, statusText="cluster busy"),
              {**manifest("Pending", identifier(22), R2), "runAfter": seconds_ago(-3600)}]
    fleet(api, queue, Completed=80, Failed=3, RetriesExceeded=2, TimedOut=1, Cancelled=4)
    text = mimoctl("queue").stdout
    for line in ("Queue: +15", r"Pending: +14 \(13 due\)", "InProgress: +1", "Completed: +80", "Failed: +3",
                 "RetriesExceeded: +2", "TimedOut: +1", "Cancelled: +4", "Total: +105",
                 "Attempts so far: +6 with 0, 5 with 1, 4 with 2"):
        assert re.search(f"^{line}$", text, re.MULTILINE), f"{line} not in\n{text}"
    clusters = text.split("Clusters with the most in the queue:\n\n")[1].split("\n\n")[0]
    assert rows(clusters) == [["MANIFESTS", "CLUSTER"], ["12", "one"], ["3", "two"]]
    old = rows(text.split("More than 2 hours after runAfter (2):\n\n")[1])
    assert [row[0] for row in old] == ["ID", "00000014", "00000015"]
    assert old[2][-1] == "cluster busy"
    assert R2 in mimoctl("queue", "-o", "wide").stdout
    assert api.requests_of(f"GET {MANIFESTS}")[0].query["state"] == "Pending,InProgress"


def test_queue_for_programs(mimoctl, api):
    fleet(api, [manifest(ago=9000), manifest(identifier=ID2, dequeues=3)], Completed=5)
    figures = json.loads(mimoctl("queue", "-o", "json").stdout)
    assert (figures["total"], figures["queue"]) == (7, 2)
    assert figures["byState"] == {"Pending": 2, "InProgress": 0, "Completed": 5, "Failed": 0, "RetriesExceeded": 0,
                                  "TimedOut": 0, "Cancelled": 0}
    assert figures["byCluster"] == [{"clusterResourceID": R1, "open": 2}]
    assert figures["dequeues"] == [1, 0, 0, 1, 0, 0]
    assert [one["id"] for one in figures["old"]] == [ID]
    assert mimoctl("queue", "-o", "id").stdout == f"{ID}\n"


def test_queue_shows_the_first_of_many_and_says_so(mimoctl, api):
    fleet(api, [manifest(identifier=identifier(n), cluster=f"{R1}-{n:02}", ago=9000) for n in range(30)])
    done = mimoctl("queue")
    assert "and 10 more: mimoctl queue -o id lists all" in done.stderr
    assert "More than 2 hours after runAfter (30):" in done.stdout
    assert len(re.findall(r"^1 +one-\d\d$", done.stdout, re.MULTILINE)) == 10
    assert len(mimoctl("queue", "-o", "id").stdout.split()) == 30


def test_empty_queue_is_short(mimoctl, api):
    fleet(api, [])
    text = mimoctl("queue").stdout
    assert re.search("^Queue: +0$", text, re.MULTILINE)
    assert "Clusters" not in text and "More than" not in text and "Attempts" not in text


def test_figures_that_leave_something_out_say_so(mimoctl, api):
    fleet(api, [])
    assert mimoctl("queue").stderr == ""
    api.answer(SUMMARY, {"byState": {}, "truncated": True, "notUnderstood": 3})
    said = mimoctl("queue").stderr
    assert "more manifests than the Admin API counts" in said
    assert "3 manifests of the store cannot be read" in said


@pytest.mark.parametrize("answer, status, message", [
    (Answer(error("NotFound", "manifest not found: summary"), 404), 1, "has no summary of its manifests: it is older"),
    (Answer({"states": {}}), 3, 'answers without "byState"'),
    (Answer(error("ServiceUnavailable", "the store does not answer"), 503), 3, "the store does not answer"),
])
def test_queue_without_a_summary(mimoctl, api, answer, status, message):
    api.answer(SUMMARY, answer)
    assert message in mimoctl("queue", status=status).stderr


# ---- health ----

def actuators(*silences, **members):
    return {"value": [{"id": identifier(n), "index": n, "hostname": f"vm{n}", "seenAt": seconds_ago(silence),
                       "alive": silence < 60, **members} for n, silence in enumerate(silences)]}


def pending(count, ago=0, **members):
    return [manifest(identifier=identifier(n), ago=ago, **members) for n in range(count)]


def running(count, ago=10):
    return [manifest("InProgress", identifier(n), startedAt=seconds_ago(ago), dequeues=1) for n in range(count)]


GOOD = {"Completed": 1000}
WARNING, CRITICAL = 1, 2
HEALTH = [ # check, its status, actuators and queue, what has ended
    ("heartbeat", 0, lambda: (actuators(3, 100), []), GOOD),
    ("heartbeat", 0, lambda: (actuators(3, 2 * DAY), []), GOOD), # was taken away
    ("heartbeat", WARNING, lambda: (actuators(3, 150), []), GOOD),
    ("heartbeat", WARNING, lambda: (actuators(150, 600), []), GOOD),
    ("heartbeat", CRITICAL, lambda: (actuators(310, 400), []), GOOD),
    ("heartbeat", CRITICAL, lambda: (actuators(), []), GOOD),
    ("queue", 0, lambda: (actuators(3), pending(499, dequeues=1)), GOOD),
    ("queue", WARNING, lambda: (actuators(3), pending(500, dequeues=1)), GOOD),
    ("queue", WARNING, lambda: (actuators(3), pending(1000, dequeues=1)), GOOD),
    ("queue", CRITICAL, lambda: (actuators(3), pending(1001, dequeues=1)), GOOD),
    ("never tried", 0, lambda: (actuators(3), pending(9)), GOOD),
    ("never tried", 0, lambda: (actuators(3), pending(60, nextAttempt=seconds_ago(-600))), GOOD), # not due
    ("never tried", WARNING, lambda: (actuators(3), pending(10)), GOOD),
    ("never tried", CRITICAL, lambda: (actuators(3), pending(51)), GOOD),
    ("in progress", 0, lambda: (actuators(3), running(9)), GOOD),
    ("in progress", WARNING, lambda: (actuators(3), running(10)), GOOD),
    ("in progress", WARNING, lambda: (actuators(3), running(20)), GOOD),
    ("in progress", CRITICAL, lambda: (actuators(3), running(21)), GOOD),
    ("workers", 0, lambda: (actuators(3), pending(60, ago=500, dequeues=1)), GOOD),
    ("workers", 0, lambda: (actuators(3), pending(60, ago=700, dequeues=1) + running(1)), GOOD),
    ("workers", 0, lambda: (actuators(3), pending(50, ago=700, dequeues=1)), GOOD),
    ("workers", WARNING, lambda: (actuators(3), pending(60, ago=700, dequeues=1)), GOOD),
    ("workers", WARNING, lambda: (actuators(3), pending(101, ago=1700, dequeues=1)), GOOD),
    ("longest wait", 0, lambda: (actuators(3), pending(1, ago=1790)), GOOD),
    ("longest wait", WARNING, lambda: (actuators(3), pending(1, ago=1810)), GOOD),
    ("longest run", 0, lambda: (actuators(3), running(1, ago=3590)), GOOD),
    ("longest run", WARNING, lambda: (actuators(3), running(1, ago=3610)), GOOD),
    ("failed", 0, lambda: (actuators(3), []), {"Completed": 951, "Failed": 20, "RetriesExceeded": 29}),
    ("failed", WARNING, lambda: (actuators(3), []), {"Completed": 950, "Failed": 20, "RetriesExceeded": 30}),
    ("failed", 0, lambda: (actuators(3), []), {}),
    ("completed", 0, lambda: (actuators(3), []), {"Completed": 900, "TimedOut": 100}),
    ("completed", 0, lambda: (actuators(3), []), {"Completed": 900, "Cancelled": 200}), # operators did that
    ("completed", WARNING, lambda: (actuators(3), []), {"Completed": 899, "TimedOut": 101}),
    ("completed", 0, lambda: (actuators(3), []), {"Completed": 1, "TimedOut": 1}), # too few to say
    ("taking work", 0, lambda: (actuators(3, 90000, mode="paused"), []), GOOD), # long gone
    ("taking work", CRITICAL, lambda: (actuators(3, mode="paused"), []), GOOD),
]


@pytest.mark.parametrize("check, status, figures, ended", HEALTH)
def test_each_threshold_of_the_guide(mimoctl, api, check, status, figures, ended):
    members, queue = figures()
    api.answer("GET /admin/actuators", members)
    fleet(api, queue, **ended)
    said = json.loads(mimoctl("health", "-o", "json", status=status).stdout)
    names = ["ok", "warning", "critical"]
    assert {one["id"]: one["status"] for one in said["checks"] if one["status"] != "ok"} == (
        {check: names[status]} if status else {})
    assert said["status"] == ["healthy", "warning", "critical"][status]


def test_health_is_as_bad_as_its_worst_check(mimoctl, api):
    api.answer("GET /admin/actuators", actuators(3, 400))
    fleet(api, pending(120, ago=2000), Completed=80, Failed=30)
    done = mimoctl("health", status=CRITICAL)
    assert done.stdout.startswith("Health: ") and done.stdout.split()[1] == "critical"
    table = rows(done.stdout.split("\n\n")[1])
    assert table[0] == ["CHECK", "STATUS", "VALUE", "HEALTHY"]
    assert [row[:3] for row in table[1:]] == [
        ["store", "ok", "takes writes"], ["heartbeat", "warning", table[2][2]], ["taking work", "ok", "1 of 1"],
        ["queue", "ok", "120"], ["never tried", "critical", "120"],
        ["in progress", "ok", "0"], ["workers", "critical", "0 for 120 due"], ["longest wait", "warning", table[8][2]],
        ["longest run", "ok", "-"], ["failed", "critical", "13.0% (30 of 230)"],
        ["completed", "warning", "72.7% (80 of 110)"]]
    assert re.fullmatch(r"[34]s ago; 1 silent", table[2][2]) and table[8][2].startswith("33m")
    advice = done.stdout.split("\n\n")[2]
    assert dict(line.split(maxsplit=1) for line in advice.replace("never tried", "never-tried").replace(
        "longest wait", "longest-wait").splitlines()) == {
            "heartbeat": "mimoctl actuator list", "never-tried": f"mimoctl manifest explain {identifier(0)[:8]}",
            "workers": "mimoctl actuator list", "longest-wait": f"mimoctl manifest explain {identifier(0)[:8]}",
            "failed": "mimoctl manifest list --state Failed,RetriesExceeded",
            "completed": "mimoctl manifest list --state Failed,RetriesExceeded,TimedOut"}
    assert mimoctl("health", "-o", "id", status=CRITICAL).stdout.splitlines() == [
        "heartbeat", "never tried", "workers", "longest wait", "failed", "completed"]


def test_health_tells_why_nothing_can_be_written(mimoctl, api):
    api.answer("GET /admin/actuators", actuators(3))
    fleet(api, [], **GOOD)
    cause = "the store does not take writes: database or disk is full"
    api.answer("GET /healthz/ready", error("ServiceUnavailable", cause, "store"), status=503)
    done = mimoctl("health", status=CRITICAL)
    assert f"\n{cause}\n" in done.stdout and "store         mimo-store check\n" in done.stdout
    checks = json.loads(mimoctl("health", "-o", "json", status=CRITICAL).stdout)["checks"]
    assert [(one["id"], one["value"]) for one in checks if one["status"] != "ok"] == [("store", cause)]


def test_paused_actuator_is_seen_in_health_and_list(mimoctl, api):
    members = actuators(3, 4)
    members["value"][0]["mode"] = "drained"
    api.answer("GET /admin/actuators", members)
    fleet(api, [], **GOOD)
    checks = json.loads(mimoctl("health", "-o", "json", status=WARNING).stdout)["checks"]
    assert [(one["id"], one["value"]) for one in checks if one["status"] != "ok"] == [
        ("taking work", "1 of 2, others drained")]
    assert [row[2] for row in rows(mimoctl("actuator", "list").stdout)] == ["STATE", "drained", "alive"]


def test_healthy_fleet_needs_no_advice(mimoctl, api):
    api.answer("GET /admin/actuators", actuators(3))
    fleet(api, pending(2), **GOOD)
    done = mimoctl("health")
    assert done.stdout.split()[1] == "healthy" and "mimoctl" not in done.stdout
    assert mimoctl("health", "-o", "id").stdout == ""


@pytest.mark.parametrize("what, answer", [
    ("GET /admin/actuators", Drop()),
    ("GET /admin/actuators", Answer(error("Forbidden", "role MIMO.Reader is missing"), 403)),
    (SUMMARY, Answer(error("NotFound", "manifest not found: summary"), 404)),
])
def test_no_figures_are_3_and_no_verdict(mimoctl, api, what, answer):
    api.answer("GET /admin/actuators", actuators(3))
    fleet(api, [])
    api.answer(what, answer)
    assert mimoctl("health", status=3).stdout == ""


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
    assert mimoctl("audit", "--since", since).stderr == "mimoctl: nothing was changed in that time\n"
    assert expected(before) <= int(api.requests[-1].query["since"]) <= expected(int(time.time()))


def test_audit_limit_and_mistakes(mimoctl, api):
    api.answer("GET /admin/audit", ENTRIES)
    done = mimoctl("audit", "--limit", "1", "-o", "id")
    assert done.stdout == f"{ID}\n" and "there are more: --limit 0 shows all" in done.stderr
    assert "--since: \"soon\" is no time" in mimoctl("audit", "--since", "soon", status=2).stderr
    assert "--limit" in mimoctl("audit", "--limit", "-1", status=2).stderr
    api.answer("GET /admin/audit", NO_ENDPOINT, status=404)
    assert "it is older than this mimoctl" in mimoctl("audit", status=1).stderr


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
