# SPDX-License-Identifier: Apache-2.0
"""A manifest's way through the whole family: Admin API, store, supervisor, launcher, worker, cluster, and back."""

import collections
import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import time

import pytest

from conftest import skip_with_sanitizers
from mimolocal import listing

PRACTICE = "00000000-0000-4000-8000-000000000001"
TERMINAL = ("Completed", "Failed", "RetriesExceeded", "TimedOut", "Cancelled")
STARTED = re.compile(r"manifest (\S+): attempt (\d+) of .* on (/\S+) runs as worker (\d+)")
ENDED = re.compile(r"manifest (\S+): attempt (\d+) (\S+) after \d+ ms: now (\w+)")


def fleet(path, clusters, manifests, provisioning_state="Succeeded"):
    """Write a dump of a fleet without credentials: enough for tasks that need no cluster."""
    with open(path, "w", encoding="utf-8") as file:
        for number in range(clusters):
            file.write(json.dumps({"container": "OpenShiftClusters", "document": {
                "id": f"00000000-0000-4000-9000-{number:012d}", "key": resource_id(number),
                "openShiftCluster": {"id": resource_id(number), "properties": {"provisioningState": provisioning_state}},
            }}) + "\n")
        for number in range(manifests):
            file.write(json.dumps({"container": "MaintenanceManifests", "document": {
                "id": f"00000000-0000-4000-a000-{number:012d}", "clusterResourceID": resource_id(number % clusters),
                "createdAt": 1700000000, "dequeues": 0, "maintenanceManifest": {
                    "state": "Pending", "maintenanceTaskID": PRACTICE, "priority": 0,
                    "runAfter": 1700000000, "runBefore": 4000000000},
            }}) + "\n")
    return path


def resource_id(number):
    return ("/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/fleet/providers/"
            f"microsoft.redhatopenshift/openshiftclusters/fleet-{number}")


def practice(*steps):
    return {"parameters": {"steps": list(steps)}}


def queue_is_empty(running):
    return not any(True for state in ("Pending", "InProgress") for _ in running.api.manifests(state=state, limit=1))


def assert_attempts_never_overlap(log):
    """Within one actuator's log: no cluster has two workers at once, no attempt starts twice."""
    running, seen = {}, set()
    cluster_of = {}
    for line in log.splitlines():
        if started := STARTED.search(line):
            manifest, attempt, cluster, pid = started.groups()
            assert (manifest, attempt) not in seen, f"started twice: {line}"
            assert cluster not in running, f"{cluster} has {running[cluster]} and now {manifest}"
            seen.add((manifest, attempt))
            running[cluster] = manifest
            cluster_of[manifest] = cluster
        elif (ended := ENDED.search(line)) and ended.group(1) in cluster_of:
            running.pop(cluster_of[ended.group(1)], None)
    return seen


def member(running, program, index=0):
    """The pid of a member of an actuator's family, or None while there is none."""
    for process in listing.descendants(running.pid(f"actuator-{index}")):
        if os.path.basename(process.title.split()[0]).rstrip(":") == program:
            return process.pid
    return None


def test_operator_flags_reach_the_cluster_over_tls(system):
    running = system(clusters=1)
    before = running.practice.operator_flags("cluster-0")
    wanted = running.api("GET", f"/admin{running.cluster(0)}").expect(200)["properties"]["operatorFlags"]
    assert before != wanted

    created = running.create("operator-flags-update")
    done = running.wait_for_state(created, *TERMINAL)

    assert done["state"] == "Completed", done
    assert done["dequeues"] == 1 and len(done["attempts"]) == 1
    assert done["attempts"][0]["outcome"] == "succeeded"
    assert not done.keys() & {"leaseOwner", "leaseExpiry", "progress", "nextAttempt"}
    assert running.practice.operator_flags("cluster-0") == wanted
    writes = [entry for entry in running.practice.requests("cluster-0") if entry["write"]]
    assert len(writes) == 1 and writes[0]["user"] == "mimo"
    cluster = running.api("GET", f"/admin{running.cluster(0)}").expect(200)
    assert cluster["properties"]["provisioningState"] == "Succeeded"
    assert cluster["hasKubeconfig"] is True
    assert not cluster.keys() & {"kubeconfig", "sealedKubeconfig"}

    again = running.wait_for_state(running.create("operator-flags-update"), *TERMINAL)
    assert again["state"] == "Completed"
    assert len([entry for entry in running.practice.requests("cluster-0") if entry["write"]]) == 1


def test_a_forbidden_cluster_fails_at_once_and_says_so(system):
    running = system(clusters=1)
    running.practice.set_trouble("cluster-0", {"method": "PUT", "status": 403, "reason": "Forbidden"})
    done = running.wait_for_state(running.create("operator-flags-update"), *TERMINAL)
    assert done["state"] == "Failed"
    assert done["statusText"].startswith("TerminalError: forbidden")
    assert done["dequeues"] == 1


def test_a_transient_error_is_tried_again_until_it_succeeds(system):
    running = system(clusters=1, set={"actuator.retry_backoff": "0"})
    running.practice.set_trouble("cluster-0", {"status": 503, "times": 2})
    done = running.wait_for_state(running.create("operator-flags-update"), *TERMINAL)
    assert done["state"] == "Completed"
    assert [attempt["outcome"] for attempt in done["attempts"]] == ["transient", "transient", "succeeded"]
    assert done["attempts"][0]["message"].startswith("TransientError: 503")


def test_a_cluster_that_drops_its_connections_costs_all_attempts(system):
    running = system(clusters=1, set={"actuator.retry_backoff": "0"})
    running.practice.set_trouble("cluster-0", {"drop": True})
    done = running.wait_for_state(running.create("operator-flags-update"), *TERMINAL)
    assert done["state"] == "RetriesExceeded"
    assert done["statusText"].startswith("did not succeed after 5 attempts: TransientError: ")
    assert done["dequeues"] == 5


@pytest.mark.parametrize("then, outcome, text", [
    ("ok", "succeeded", ""),
    ("terminal", "terminal", "TerminalError: "),
    ("transient", "transient", "TransientError: "),
    ("crash", "crashed", "killed by signal 11 (SIGSEGV)"),
    ("exit", "noResult", "worker ended without a result (exit 3)"),
    ("garbage", "noResult", "worker ended without a result"),
    ("flood", "noResult", "worker ended without a result"),
    ("forbidden", "crashed", "(SIGSYS)"),
    ("open", "crashed", "(SIGSYS)"),
    ("connect", "terminal", "TerminalError: "),
    ("hang", "timeout", "TransientError: timeout: task exceeded "),
])
def test_every_way_a_worker_can_end(system, then, outcome, text):
    running = system(clusters=1, set={"actuator.retry_backoff": "1h", "actuator.task_timeout": "2s"})
    created = running.create("practice", **practice({"name": "the step", "then": then, "message": "as told"}))
    done = running.wait_for(lambda: (now := running.manifest(created)).get("attempts") and
                            now["attempts"][0].get("outcome") and now)
    assert done["attempts"][0]["outcome"] == outcome, done
    assert text in done.get("statusText", "")
    assert done["dequeues"] == 1
    cluster = running.api("GET", f"/admin{running.cluster(0)}").expect(200)
    assert cluster["properties"]["provisioningState"] == "Succeeded"
    neighbour = running.create("practice", **practice({"name": "still works"}))
    assert running.wait_for_state(neighbour, *TERMINAL)["state"] == "Completed"


def test_memory_of_a_worker_is_bounded(system, build_dir):
    skip_with_sanitizers(build_dir, "need address space without a bound")
    running = system(clusters=1, set={"actuator.retry_backoff": "1h", "sandbox.memory": "64M"})
    created = running.create("practice", **practice({"name": "greedy", "then": "oom"}))
    done = running.wait_for(lambda: (now := running.manifest(created)).get("attempts") and
                            now["attempts"][0].get("outcome") and now)
    assert done["attempts"][0]["outcome"] in ("crashed", "noResult", "transient", "terminal"), done
    assert done["attempts"][0]["maxRssKiB"] < 80 * 1024


def test_progress_is_shown_while_an_attempt_runs(system):
    running = system(clusters=1)
    created = running.create("practice", **practice(
        {"name": "first", "sleepMs": 100}, {"name": "second", "sleepMs": 60000, "status": "half way there"}))
    shown = running.wait_for(lambda: (now := running.manifest(created)).get("progress", {}).get("step") == 2 and now)
    assert shown["progress"] == {"step": 2, "steps": 2, "name": "second"}
    assert shown["state"] == "InProgress" and shown["leaseOwner"]
    running.wait_for(lambda: running.manifest(created)["statusText"] == "half way there")
    (worker,) = running.workers()
    assert (worker["manifestID"], worker["step"], worker["attempt"]) == (created["id"], 2, 1)
    assert worker["rssKiB"] > 0
    title = listing.all_processes()[worker["pid"]].title
    assert title.startswith("mimo-worker: Practice cluster-0"), title


def test_what_is_planned_for_later_waits_and_can_be_cancelled(system):
    running = system(clusters=1)
    later = running.create("practice", runAfter="2090-01-01T00:00:00Z", runBefore="2090-01-02T00:00:00Z")
    now = running.create("practice")
    running.wait_for_state(now, "Completed")
    assert running.manifest(later)["state"] == "Pending"
    path = f"/admin{running.cluster(0)}/maintenanceManifests/{later['id']}/cancel"
    assert running.api("POST", path).expect(200)["state"] == "Cancelled"
    assert running.api("POST", path).status == 406


def test_what_becomes_due_starts_without_being_asked_for(system):
    running = system(clusters=1, set={"actuator.poll_interval": "10m"})
    created = running.create("practice", runAfter=int(time.time()) + 2)
    assert running.manifest(created)["state"] == "Pending"
    running.wait_for_state(created, "Completed", timeout=15)


def test_a_manifest_of_a_busy_cluster_waits_until_its_deadline(system, directory):
    running = system(clusters=0, load=fleet(directory / "fleet.jsonl", 1, 0, provisioning_state="Updating"))
    now = int(time.time())
    created = running.create("practice", resource_id(0), runAfter=now, runBefore=now + 1)
    running.wait_for(lambda: "Updating" in running.manifest(created).get("statusText", ""), what="the reason")
    done = running.wait_for_state(created, *TERMINAL)
    assert done["state"] == "TimedOut"
    assert done["statusText"].startswith("timed out: not started before 20")
    assert done["dequeues"] == 0


def test_a_thousand_manifests_run_once_each_and_never_two_on_a_cluster(system, directory):
    running = system(clusters=0, load=fleet(directory / "fleet.jsonl", 100, 1000))
    running.wait_for(lambda: queue_is_empty(running), timeout=120)
    manifests = list(running.api.manifests(limit=500))
    assert len(manifests) == 1000
    assert collections.Counter(manifest["state"] for manifest in manifests) == {"Completed": 1000}
    assert all(manifest["dequeues"] == 1 and len(manifest["attempts"]) == 1 for manifest in manifests)
    log = running.log("actuator-0")
    assert len(assert_attempts_never_overlap(log)) == 1000
    pids = [match.group(4) for match in STARTED.finditer(log)]
    assert len(set(pids)) == 1000, "every attempt has a process of its own"


@pytest.mark.parametrize("victim", ["worker", "mimo-launcher", "mimo-metrics", "supervisor"])
def test_killing_any_process_loses_no_manifest(system, directory, victim):
    seed = int(os.environ.get("MIMO_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"seed {seed} (MIMO_SEED)")
    chance = random.Random(seed)
    running = system(clusters=0, restart=True, load=fleet(directory / "fleet.jsonl", 20, 200),
                     set={"actuator.retry_backoff": "0"})
    for _ in range(4):
        running.wait_for(lambda: member_or_worker(running, victim) or queue_is_empty(running), what=f"a {victim}")
        pid = member_or_worker(running, victim)
        if pid:
            if victim not in ("worker", "mimo-metrics"):
                running.expect_ending("actuator-0")
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            if victim != "worker":
                old = pid
                running.wait_for(lambda: (fresh := member_or_worker(running, victim)) and fresh != old,
                                 what=f"a fresh {victim}")
        jump = chance.random() * 0.05
        running.wait_for(elapsed(jump), what="a moment")
    running.wait_for(lambda: queue_is_empty(running), timeout=90, what="the queue to drain")
    manifests = list(running.api.manifests(limit=500))
    assert len(manifests) == 200
    assert {manifest["state"] for manifest in manifests} <= {"Completed", "RetriesExceeded"}
    for manifest in manifests:
        assert manifest["dequeues"] == len(manifest["attempts"]) <= 5
        assert all(attempt.get("outcome") for attempt in manifest["attempts"])


def elapsed(seconds):
    """A condition that holds after a random moment: it moves the kill to another place in the run."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def member_or_worker(running, victim):
    try:
        if victim == "supervisor":
            return running.pid("actuator-0") if running.control()["actuator"]["ready"] else None
        if victim == "worker":
            workers = [worker["pid"] for worker in running.workers() if worker["pid"]]
            return workers[0] if workers else None
        return member(running, victim)
    except (OSError, KeyError, ValueError):
        return None


def test_after_a_crash_the_next_start_takes_everything_back_at_once(system):
    running = system(clusters=1, restart=True, set={"actuator.retry_backoff": "1h"})
    created = running.create("practice", **practice({"name": "long", "sleepMs": 600000}))
    running.wait_for_state(created, "InProgress")
    (worker,) = running.wait_for(lambda: [w for w in running.workers() if w["pid"]])
    running.kill("actuator-0")
    running.wait_for(lambda: worker["pid"] not in listing.all_processes(), timeout=5, what="the worker's end")
    back = running.wait_for(lambda: len((now := running.manifest(created))["attempts"]) == 2 and now, timeout=10)
    assert back["attempts"][0]["outcome"] == "ownerGone"
    assert back["dequeues"] == 2
    path = f"/admin{running.cluster(0)}/maintenanceManifests/{created['id']}/cancel"
    assert running.api("POST", path).status == 406
    assert running.api("POST", path, query={"force": "true"}).expect(200)["state"] == "Cancelled"


def test_stopping_an_attempt_ends_its_worker_and_frees_the_cluster(system):
    running = system(clusters=1)
    created = running.create("practice", **practice({"name": "long", "sleepMs": 600000}))
    running.wait_for_state(created, "InProgress")
    (worker,) = running.wait_for(lambda: [w for w in running.workers() if w["pid"]])
    path = f"/admin{running.cluster(0)}/maintenanceManifests/{created['id']}/stop"
    assert running.api("POST", path).expect(202)["state"] == "Cancelled"
    running.wait_for(lambda: worker["pid"] not in listing.all_processes(), timeout=9, what="the worker's end by SIGTERM")
    assert running.wait_for_state(running.create("practice"), *TERMINAL)["state"] == "Completed"
    assert running.manifest(created)["state"] == "Cancelled"
    assert running.api("POST", path).status == 406


def test_stopping_drains_and_returns_what_was_cut_short(system):
    running = system(clusters=1, set={"actuator.drain_timeout": "1s"})
    created = running.create("practice", **practice({"name": "long", "sleepMs": 600000}))
    running.wait_for_state(created, "InProgress")
    running.wait_for(lambda: [w for w in running.workers() if w["pid"]])
    running.expect_ending("actuator-0")
    running.kill("actuator-0", signal.SIGTERM)
    back = running.wait_for_state(created, "Pending")
    assert back["dequeues"] == 0
    assert back["attempts"][0]["outcome"] == "drained"


def test_the_three_metrics_of_the_guide_are_sent(system):
    running = system(clusters=1, set={"metrics.interval": "200ms", "metrics.statsd_format": "plain", "metrics.prefix": ""})
    running.wait_for_state(running.create("practice"), "Completed")
    for line in ("actuator.heartbeat:1|c", "database.maintenancemanifests.queue.length:0|g",
                 "mimo.actuator.workers.active.count:1|g", "mimo.actuator.workers.active.count:0|g"):
        running.wait_for(lambda line=line: line in running.statsd_lines(), what=line)


def test_metrics_in_the_form_of_mdm(system):
    running = system(clusters=1, set={"metrics.interval": "200ms", "metrics.statsd_format": "mdm",
                                      "metrics.location": "eastus"})
    line = running.wait_for(lambda: next((l for l in running.statsd_lines() if "actuator.heartbeat" in l), None))
    name, _, rest = line.rpartition(":")
    assert rest == "1|c"
    metric = json.loads(name)
    assert metric["Metric"] == "actuator.heartbeat"
    assert metric["Dims"]["location"] == "eastus" and metric["Dims"]["service"] == "mimo"


def test_no_heartbeat_before_the_actuator_is_ready(system):
    running = system(clusters=1, set={"metrics.interval": "100ms", "actuator.readiness_delay": "1h",
                                      "metrics.statsd_format": "plain", "metrics.prefix": ""})
    running.wait_for(lambda: running.statsd_lines().count("database.maintenancemanifests.queue.length:0|g") >= 5)
    assert not [line for line in running.statsd_lines() if "heartbeat" in line]
    status = running.control()["actuator"]
    assert not status["ready"] and "readiness_delay" in status["notReady"][0]


def test_the_control_socket_refuses_what_it_does_not_know(system):
    running = system(clusters=0)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(running.directory / "run" / "actuator-0.control"))
        lines = connection.makefile("rwb")
        for request, complaint in (
                (b'{"command":"dance"}', "known: status, ps, security, pause, drain, resume"),
                (json.dumps({"command": "x" + 60 * "ü"}, ensure_ascii=False).encode(), "unknown command"), # cut within one
                (b"[1]", ""), (b"{", "")):
            lines.write(request + b"\n")
            lines.flush()
            answer = json.loads(lines.readline())
            assert answer["ok"] is False and complaint in answer["error"]
        lines.write(b"x" * 10000)
        lines.flush()
        with contextlib.suppress(ConnectionResetError):
            assert lines.read() == b"", "a request without end closes the connection"
    assert running.control()["ok"]


def test_a_paused_actuator_claims_nothing_until_it_resumes(system):
    running = system(clusters=1)
    assert running.control("pause")["actuator"]["mode"] == "paused"
    created = running.create("practice")
    running.wait_for(lambda: not running.control()["actuator"]["ready"])
    running.wait_for(lambda: running.control()["actuator"]["buckets"] == [0, 255])
    assert running.manifest(created)["state"] == "Pending"
    assert running.control("resume")["actuator"]["mode"] == "working"
    running.wait_for_state(created, "Completed")


def announced(running, index):
    """Mode and buckets of a live actuator, as the Admin API shows them; None while it is not on record."""
    members = running.api("GET", "/admin/actuators").expect(200)["value"]
    return next(((one["mode"], one["buckets"]) for one in members if one["index"] == index and one["alive"]), None)


def test_a_drained_actuator_gives_its_buckets_away_and_takes_them_back(system):
    running = system(clusters=1, instances=2, set={"actuator.membership_interval": "200ms",
                                                   "actuator.membership_ttl": "2s"})
    created = running.create("practice", **practice({"name": "long", "sleepMs": 600000}))
    running.wait_for_state(created, "InProgress")
    busy = 0 if running.workers(0) else 1
    other = 1 - busy
    assert running.control("drain", index=busy)["actuator"]["mode"] == "draining"
    running.wait_for(lambda: running.control(index=other)["actuator"]["buckets"] == [0, 255])
    running.wait_for(lambda: announced(running, busy) == ("draining", [0, -1]), what="the draining actuator to stay on record")
    path = f"/admin{running.cluster(0)}/maintenanceManifests/{created['id']}/stop"
    running.api("POST", path).expect(202)
    running.wait_for(lambda: running.control(index=busy)["actuator"]["mode"] == "drained", what="what runs to be stopped as asked")
    running.wait_for(lambda: announced(running, busy) == ("drained", [0, -1]), what="the drained actuator to stay on record")
    second = running.create("practice")
    running.wait_for_state(second, "Completed")
    assert running.control(index=other)["actuator"]["id"] == running.manifest(second)["attempts"][0]["actuator"]
    running.control("resume", index=busy)
    running.wait_for(lambda: [running.control(index=i)["actuator"]["buckets"] for i in range(2)]
                     == [[0, 127], [128, 255]], what="the buckets to be divided again")


def test_sighup_takes_over_what_can_change_while_running(system):
    running = system(clusters=0)
    text = running.config.read_text()
    assert "practice_tasks = yes" in text
    running.config.write_text(text.replace("practice_tasks = yes", "practice_tasks = no").replace(
        "[actuator]", "[actuator]\nmax_workers = 77"))
    os.kill(running.pid("actuator-0"), signal.SIGHUP)
    running.wait_for(lambda: "SIGHUP: configuration read" in running.log("actuator-0"))
    log = running.log("actuator-0")
    assert "SIGHUP: actuator.practice_tasks is in force now" in log
    assert "SIGHUP: actuator.max_workers has changed, which needs a restart" in log
    running.config.write_text("[actuator]\nnonsense = 1\n")
    os.kill(running.pid("actuator-0"), signal.SIGHUP)
    running.wait_for(lambda: "the configuration stays as it is" in running.log("actuator-0"))
    assert running.control()["actuator"]["maxWorkers"] == 10
    running.config.write_text(text)


def test_two_actuators_divide_the_buckets(system, directory):
    running = system(clusters=0, instances=2, load=fleet(directory / "fleet.jsonl", 40, 200),
                     set={"actuator.membership_interval": "200ms", "actuator.membership_ttl": "2s"})
    running.wait_for(lambda: queue_is_empty(running), timeout=60)
    running.wait_for(lambda: [running.control(index=i)["actuator"]["buckets"] for i in range(2)]
                     == [[0, 127], [128, 255]], what="the buckets to be divided")
    manifests = list(running.api.manifests(limit=500))
    assert {manifest["state"] for manifest in manifests} == {"Completed"}
    assert {manifest["dequeues"] for manifest in manifests} == {1}


def test_the_state_directory_belongs_to_one_actuator(system, build_dir):
    running = system(clusters=0)
    (identifier,) = list(running.directory.glob("**/actuator.id"))
    state = identifier.parent
    second = subprocess.run([build_dir / "mimod", "--config", running.config, f"--set=actuator.state_directory={state}",
                             "--set=actuator.index=7", "--set=metrics.listen="], capture_output=True, text=True,
                            timeout=30, check=False)
    assert second.returncode == 1
    assert "another actuator uses the state directory" in second.stderr
