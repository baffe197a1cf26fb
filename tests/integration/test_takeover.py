# SPDX-License-Identifier: Apache-2.0
"""Actuators that die, hang, are restarted or lose their store: others take over, nothing runs twice, nothing is lost."""

import contextlib
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from conftest import SLOWNESS, STRETCH
from mimolocal import listing
from mimolocal.slowness import in_time

from test_end_to_end import TERMINAL, fleet, practice, resource_id

SHORT = {"actuator.membership_interval": "200ms", "actuator.membership_ttl": "2s", "actuator.retry_backoff": "0",
         "actuator.poll_interval": "100ms"}
# Attempts that must still run when the test has seen them and does the next thing; a busy machine gets longer ones.
SHORT_LEASE = {**SHORT, "actuator.lease_ttl": f"{round(5000 * STRETCH)}ms", "actuator.task_timeout": f"{round(2000 * STRETCH)}ms"}
A_WHILE = round(1500 * STRETCH) # milliseconds
TTL = 2.0
OUTAGE = "running attempts continue, nothing is claimed until the store answers"
RECOVERY = "the store answers again"
RESULT = re.compile(r"manifest (\S+): attempt (\d+) (\S+) after")


def members_of(running, index):
    """{program: pid} of an actuator's family."""
    return {os.path.basename(process.title.split()[0]).rstrip(":"): process.pid
            for process in listing.descendants(running.pid(f"actuator-{index}"))}


def owner_of(running, cluster, actuators):
    """Which actuator's buckets a cluster is in, once they are divided among that many."""
    bucket = running.api("GET", f"/admin{cluster}").expect(200)["bucket"]

    def divided():
        ranges = [running.control(index=index)["actuator"]["buckets"] for index in range(actuators)]
        ordered = sorted(ranges)
        if ordered[0][0] == 0 and ordered[-1][1] == 255 and all(a[1] + 1 == b[0] for a, b in zip(ordered, ordered[1:])):
            return ranges
        return None

    ranges = running.wait_for(divided, what="divided buckets")
    return next(index for index, (first, last) in enumerate(ranges) if first <= bucket <= last)


def seconds_until_states(running, created, state, timeout):
    """Seconds until all of these are in this state."""
    began = time.monotonic()
    for manifest in created:
        running.wait_for_state(manifest, state, timeout=timeout)
    return time.monotonic() - began


def manifests_by_id(running):
    return {manifest["id"]: manifest for manifest in running.api.manifests(limit=500)}


def assert_each_ran_once(running):
    for manifest in manifests_by_id(running).values():
        assert manifest["state"] == "Completed", manifest
        assert [attempt["outcome"] for attempt in manifest["attempts"]] == ["succeeded"], manifest
        assert manifest["dequeues"] == 1


# ---- take-over ----

@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_the_buckets_of_a_dead_actuator_are_served_by_the_others(system, number):
    """Within 3 x membership_ttl; the rest of the bound is for a machine that is busy with other tests."""
    running = system(clusters=6, instances=3, set=SHORT)
    victim = owner_of(running, running.cluster(0), 3)
    running.kill(f"actuator-{victim}", number)
    try:
        created = [running.create("practice", cluster) for cluster in range(6)]
        took = seconds_until_states(running, created, "Completed", 60)
        print(f"all buckets served {took:.1f} s after {number.name}")
        assert in_time(took, 3 * TTL)
        actuators = {manifest["attempts"][0]["actuator"] for manifest in manifests_by_id(running).values()}
        assert len(actuators) == 2
    finally:
        if number == signal.SIGSTOP:
            os.kill(running.pid(f"actuator-{victim}"), signal.SIGCONT)
    if number == signal.SIGSTOP: # back among the living, it gets its share again
        running.wait_for(lambda: running.control(index=victim)["actuator"]["liveActuators"] == 3, what="three again")


def test_what_a_stopped_actuator_ran_goes_to_others_when_its_lease_is_over_and_its_late_result_is_dropped(system):
    running = system(clusters=3, instances=3, set=SHORT_LEASE)
    victim = owner_of(running, running.cluster(0), 3)
    created = running.create("practice", **practice({"name": "long", "sleepMs": A_WHILE}))
    running.wait_for_state(created, "InProgress")
    running.stop_outside_transaction(f"actuator-{victim}")
    try:
        done = running.wait_for_state(created, *TERMINAL, timeout=60)
        assert [attempt["outcome"] for attempt in done["attempts"]] == ["leaseExpired", "succeeded"]
    finally:
        os.kill(running.pid(f"actuator-{victim}"), signal.SIGCONT)
    running.wait_for(lambda: "dropped: manifest" in running.log(f"actuator-{victim}"), what="the late result")
    assert running.manifest(created) == done
    cluster = running.api("GET", f"/admin{running.cluster(0)}").expect(200)
    assert cluster["properties"]["provisioningState"] == "Succeeded" and "leaseOwner" not in cluster


def test_a_rolling_restart_under_load_costs_no_attempt_and_doubles_none(system, directory):
    running = system(clusters=0, instances=3, restart=True, set={**SHORT, "actuator.drain_timeout": "30s"},
                     load=fleet(directory / "fleet.jsonl", 30, 0))
    created = []

    def load(count):
        for number in range(count):
            created.append(running.create("practice", resource_id((len(created) + number) % 30),
                                          **practice({"name": "work", "sleepMs": 200})))

    load(30)
    for index in range(3):
        old = running.pid(f"actuator-{index}")
        running.expect_ending(f"actuator-{index}") # status 0, which `up` reports as an ending all the same
        os.kill(old, signal.SIGTERM)
        load(20)
        running.wait_for(lambda: running.pid(f"actuator-{index}") != old, timeout=60, what="the next process")
        running.wait_for(lambda: mode_of(running, index) == "working", timeout=60, what="it to work")
        load(10)
    running.wait_for(lambda: all(manifest["state"] in TERMINAL for manifest in manifests_by_id(running).values()),
                     timeout=120, what="the end of all")
    assert len(manifests_by_id(running)) == len(created) == 120
    assert_each_ran_once(running)


def mode_of(running, index):
    with contextlib.suppress(OSError, ValueError):
        return running.control(index=index)["actuator"]["mode"]
    return None


# ---- restart ----

def test_within_a_second_of_its_start_an_actuator_has_returned_what_it_left_over(system, directory):
    """From the line with which it starts to the line of its recovery, by its own stamps."""
    running = system(clusters=0, restart=True, set={**SHORT, "actuator.retry_backoff": "1h"},
                     load=fleet(directory / "fleet.jsonl", 8, 0))
    created = [running.create("practice", resource_id(number), **practice({"name": "long", "sleepMs": 600000}))
               for number in range(8)]
    for manifest in created:
        running.wait_for_state(manifest, "InProgress")
    running.wait_for(lambda: len([worker for worker in running.workers() if worker["pid"]]) == 8, what="the workers")
    running.kill("actuator-0")
    running.wait_for(lambda: "recovery: 8 manifests" in running.log("actuator-0"), timeout=60, what="the recovery")
    lines = running.log("actuator-0").splitlines()
    recovered = next(number for number, line in enumerate(lines) if "recovery: 8 manifests" in line)
    started = max(number for number, line in enumerate(lines[:recovered]) if re.search(r"mimod\[\d+\] info: actuator \S+ starts", line))
    took = stamp(lines[recovered]) - stamp(lines[started])
    print(f"recovery after {took * 1000:.0f} ms")
    assert in_time(took, 1.0)
    for manifest in created:
        assert running.manifest(manifest)["attempts"][0]["outcome"] == "ownerGone"


def stamp(line):
    """Seconds of the day of a line of a log."""
    hours, minutes, seconds = re.match(r"\S+T(\d+):(\d+):([\d.]+)Z", line).groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def test_no_worker_of_a_launcher_that_hangs_runs_beside_the_next_one(system):
    """The launcher cannot see that its supervisor is gone: the next start must wait for it, and must not recover."""
    running = system(clusters=1, restart=True, set=SHORT)
    created = running.create("practice", **practice({"name": "long", "sleepMs": 600000}))
    running.wait_for_state(created, "InProgress")
    (worker,) = running.wait_for(lambda: [worker for worker in running.workers() if worker["pid"]], what="the worker")
    launcher, old = members_of(running, 0)["mimo-launcher"], running.pid("actuator-0")
    os.kill(launcher, signal.SIGSTOP)
    try:
        running.kill("actuator-0")
        running.wait_for(lambda: running.pid("actuator-0") != old, what="the next process")
        running.wait_for(lambda: "another actuator uses the state directory" in running.log("actuator-0"),
                         what="a start that gives up waiting")
        assert worker["pid"] in listing.all_processes()
        now = running.manifest(created)
        assert (now["state"], now["dequeues"]) == ("InProgress", 1)
    finally:
        os.kill(launcher, signal.SIGCONT)
    again = running.wait_for(lambda: (now := running.manifest(created))["dequeues"] == 2 and now, timeout=60)
    assert again["attempts"][0]["outcome"] == "ownerGone"
    assert worker["pid"] not in listing.all_processes()


# ---- the store is away ----

@contextlib.contextmanager
def locked(running):
    connection = sqlite3.connect(running.directory / "store" / "mimo.db", timeout=30 * SLOWNESS, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


@contextlib.contextmanager
def moved_away(running):
    store, away = running.directory / "store", running.directory / "store-away"
    os.rename(store, away)
    try:
        yield
    finally:
        os.rename(away, store)


@contextlib.contextmanager
def full(running):
    ballast = running.directory / "store" / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while file.write(b"\0" * size):
                    pass
    try:
        yield
    finally:
        ballast.unlink()


@pytest.fixture
def small_disk(directory):
    """A tmpfs where the first system of a test will have its store. Stands before `system`: it goes after it."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root can mount a small tmpfs")
    store = directory / "system-0" / "store"
    store.mkdir(mode=0o755, parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m,mode=0770", "mimo-test", store], check=True)
    yield store
    subprocess.run(["umount", "-l", store], check=True)


def assert_cause_is_told(running):
    """On the control socket, and by the page that load balancers and people look at."""
    actuator = running.control()["actuator"]
    assert actuator["storeTrouble"]
    assert any(reason.startswith("the store does not work: ") for reason in actuator["notReady"]), actuator

    def page():
        try:
            with urllib.request.urlopen(running.env["MIMO_METRICS_URL"] + "/healthz", timeout=10 * SLOWNESS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    running.wait_for(lambda: page()[0] == 503 and page()[1].startswith("not ready: the store does not work: "),
                     what="the page to say so")


def assert_results_outlast(running, outage):
    """A manifest that ends while the store is away is written when it is back; one that waits is claimed then."""
    created = running.create("practice", **practice({"name": "through the outage", "sleepMs": A_WHILE}))
    waiting = running.create("practice", 0)
    running.wait_for(lambda: [worker for worker in running.workers() if worker["pid"]], what="the worker")
    (worker,) = running.workers()
    with outage(running):
        running.wait_for(lambda: worker["pid"] not in listing.all_processes(), what="the end of the attempt")
        running.wait_for(lambda: OUTAGE in running.log("actuator-0"), what="the outage to be noticed")
        running.wait_for(lambda: not running.control()["actuator"]["ready"], what="it not to be ready any more")
        assert not running.control()["actuator"]["storeReachable"]
        assert_cause_is_told(running)
        beats = heartbeats(running)
        sent = len(running.statsd_lines())
        running.wait_for(lambda: len(running.statsd_lines()) >= sent + 5, what="more metrics")
        assert heartbeats(running) <= beats + 1 # one that was under way
    done = running.wait_for_state(created, "Completed", timeout=60)
    assert [attempt["outcome"] for attempt in done["attempts"]] == ["succeeded"]
    running.wait_for_state(waiting, "Completed", timeout=60)
    running.wait_for(lambda: RECOVERY in running.log("actuator-0"), what="the recovery to be said")
    running.wait_for(lambda: running.control()["actuator"]["ready"], what="it to be ready again")
    assert_one_line_each(running)


def heartbeats(running):
    return sum("actuator.heartbeat" in line for line in running.statsd_lines())


def assert_one_line_each(running):
    log = running.log("actuator-0")
    assert (log.count(OUTAGE), log.count(RECOVERY)) == (1, 1), log


OUTAGE_SETTINGS = {**SHORT, "metrics.interval": "100ms", "metrics.statsd_format": "plain", "metrics.prefix": ""}


def test_results_outlast_a_locked_database(system):
    assert_results_outlast(system(clusters=1, set=OUTAGE_SETTINGS), locked)


def test_results_outlast_a_store_that_is_moved_away(system):
    assert_results_outlast(system(clusters=1, set=OUTAGE_SETTINGS), moved_away)


def test_results_outlast_a_full_disk(small_disk, system):
    assert small_disk.is_mount()
    assert_results_outlast(system(clusters=1, set=OUTAGE_SETTINGS), full)


def test_a_result_that_the_store_did_not_take_within_the_lease_is_given_up_and_tried_again(system):
    """By then the manifest may be another's: it is the lease that ended, and the next attempt succeeds."""
    running = system(clusters=1, set=SHORT_LEASE)
    created = running.create("practice", **practice({"name": "short", "sleepMs": A_WHILE}))
    running.wait_for(lambda: [worker for worker in running.workers() if worker["pid"]], what="the worker")
    with moved_away(running):
        running.wait_for(lambda: "dropped: " in running.log("actuator-0"), timeout=60, what="the result to be given up")
    done = running.wait_for_state(created, "Completed", timeout=60)
    assert [attempt["outcome"] for attempt in done["attempts"]] == ["leaseExpired", "succeeded"]
    assert RESULT.findall(running.log("actuator-0"))[-1][1:] == ("2", "succeeded")
