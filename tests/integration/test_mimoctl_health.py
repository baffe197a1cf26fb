# SPDX-License-Identifier: Apache-2.0
"""mimoctl queue and health: Procedure 1 of the operators' guide, and its thresholds."""

import json
import re
import time

import pytest

from fake_admin_api import Answer, Drop, error
from mimoctl_fixtures import (FLAGS, ID, ID2, MANIFESTS, R, R1, R2, Terminal, TLS, api, certificates,  # noqa: F401
                              environment, home, manifest, mimoctl, progress, rows, TASKS, TOP)

DAY = 86400


def seconds_ago(seconds):
    return int(time.time()) - seconds


def identifier(number):
    return f"{number:08x}{ID[8:]}"


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
    assert mimoctl("queue").stderr == "mimoctl: next: mimoctl health\n"
    api.answer(SUMMARY, {"byState": {}, "truncated": True, "notUnderstood": 3})
    said = mimoctl("queue").stderr
    assert "more manifests than the Admin API counts" in said
    assert "3 manifests of the store cannot be read" in said


@pytest.mark.parametrize("answer, status, message", [
    (Answer(error("NotFound", "manifest not found: summary"), 404), 1, "has no summary of manifests: its mimo-api is older"),
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
    ("taking work", 0, lambda: ({"value": actuators(3)["value"] + actuators(90000, mode="paused")["value"]}, []), GOOD), # long gone
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
    cause = "the store does not accept writes: database or disk is full"
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
