# SPDX-License-Identifier: Apache-2.0
"""One process an actuator: copied state directories, other stores and stores that are put back run nothing twice."""

import json
import shutil
import subprocess

import pytest

from mimolocal.ports import Reservations

from test_end_to_end import TERMINAL
from test_takeover import SHORT

PATIENCE = 120
LONG = {"steps": [{"name": "takes its time", "sleepMs": 8000}]}


class Copies:
    """State directories beside a running system's, and actuators that use them."""

    def __init__(self, running):
        self.running, self.ports = running, Reservations()
        self.state = running.directory / "state"

    def make(self, **changes):
        """A copy of actuator 0's; `changes` go into its actuator.start, None removes a member."""
        copy = self.state / f"copy-{len(list(self.state.iterdir()))}"
        subprocess.run(["cp", "-a", self.state / "0", copy], check=True)
        path = copy / "actuator.start"
        start = {**json.loads(path.read_text()), **changes}
        path.write_text(json.dumps({name: value for name, value in start.items() if value is not None}))
        return copy

    def start(self, state, store=None):
        """Starts an actuator there; it must refuse. Returns what it said."""
        runtime = self.running.directory / f"run-{state.name}"
        runtime.mkdir(mode=0o770, exist_ok=True)
        owner = (self.state / "0").stat()
        shutil.chown(runtime, owner.st_uid, owner.st_gid)
        own = {**SHORT, "actuator.state_directory": state, "actuator.runtime_directory": runtime,
               "metrics.listen": f"127.0.0.1:{self.ports.take()}", **({"store.uri": store} if store else {})}
        done = subprocess.run([self.running.build / "mimod", "--config", self.running.config,
                               *(f"--set={key}={value}" for key, value in own.items())],
                              capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode != 0, done.stderr
        return done.stderr


@pytest.fixture
def running(system):
    return system(clusters=1, set=SHORT)


@pytest.fixture
def copies(running):
    return Copies(running)


def started(running, **members):
    """A manifest whose worker runs."""
    manifest = running.create("practice", parameters=LONG, **members)
    running.wait_for_state(manifest, "InProgress")
    running.wait_for(running.workers, what="a worker")
    return manifest


def assert_ran_once(running, manifest):
    running.wait_for_state(manifest, "Completed")
    now = running.manifest(manifest)
    assert [attempt["outcome"] for attempt in now["attempts"]] == ["succeeded"] and now["dequeues"] == 1, now


def test_a_copied_state_directory_is_refused_and_nothing_runs_twice(running, copies):
    manifest = started(running)
    said = copies.start(copies.make())
    assert "is a copy of the directory in which this actuator ran" in said and "remove actuator.id and actuator.start" in said
    assert_ran_once(running, manifest)


def test_the_copy_of_a_whole_machine_finds_that_its_original_lives(running, copies):
    """Such a copy has the same machine ID and lock file, and was started later."""
    manifest = started(running)
    said = copies.start(copies.make(lock=None, boot="of another start of the machine"))
    assert "waiting for up to 2 s to see whether that still runs" in said
    assert "another mimod runs as actuator" in said and "remove actuator.id and actuator.start" in said
    assert_ran_once(running, manifest)
    assert "another mimod" not in running.log("actuator-0")


def test_a_copied_state_directory_beside_a_copied_store_is_refused_too(running, copies):
    manifest = started(running)
    copy = copies.make()
    database = copy / "copy.db"
    running.mimo_store("backup", database)
    shutil.chown(database, copy.stat().st_uid, copy.stat().st_gid)
    said = copies.start(copy, store=f"sqlite:{database}")
    assert "is a copy of the directory in which this actuator ran" in said and "remove actuator.id and actuator.start" in said
    assert_ran_once(running, manifest)


def test_another_machine_is_refused(running, copies):
    assert "was used by another machine" in copies.start(copies.make(lock=None, machine="0" * 32))


def test_another_store_is_refused(running, copies):
    copy = copies.make(lock=None)
    path = copy / "other.db"
    subprocess.run([running.build / "mimo-store", "--config", running.config, "--store", f"sqlite:{path}", "init"], check=True,
                   stdout=subprocess.DEVNULL)
    for file in copy.glob("other.db*"):
        shutil.chown(file, copy.stat().st_uid, copy.stat().st_gid)
    assert "was used with another store" in copies.start(copy, store=f"sqlite:{path}")


def test_a_store_is_not_loaded_beside_actuators_unless_told(running):
    line = next(line for line in running.mimo_store("dump").stdout.splitlines() if "OpenShiftClusters" in line)
    refused = running.mimo_store("--replace", "load", input=line, stdin=None, check=False)
    assert refused.returncode == 1 and "is running, or stopped less than" in refused.stderr and "--force" in refused.stderr
    assert running.mimo_store("--replace", "--force", "load", input=line, stdin=None).stdout == "1 documents loaded, 0 lines refused\n"


EXPIRING = {**SHORT, "actuator.lease_ttl": "14s", "actuator.task_timeout": "10s"}
ONCE = {"steps": [{"name": "one", "sleepMs": 4000}]}
TWICE = {"steps": [{"name": "first", "sleepMs": 4000, "then": "transient", "untilAttempt": 2}]}
# When the dump was taken, when it is loaded back, and what the attempts end as.
ORDERS = {
    ("while it waits", "when it has ended"): ["succeeded"],
    ("while it runs", "when it has ended"): ["leaseExpired", "succeeded"],
    ("when it has ended", "when it has ended"): ["succeeded"],
    ("while it waits", "in its second attempt"): ["transient", "succeeded"],
    ("while it runs", "in its second attempt"): ["leaseExpired", "succeeded"],
}


def reach(running, manifest, moment):
    """Waits for it. A manifest waits because its actuator is paused."""
    if moment == "while it waits":
        return
    running.control("resume")
    if moment == "when it has ended":
        running.wait_for_state(manifest, *TERMINAL)
    else:
        number = 1 if moment == "while it runs" else 2
        running.wait_for(lambda: len(running.manifest(manifest).get("attempts", [])) == number, what=f"attempt {number}")


@pytest.mark.parametrize("dumped, loaded", ORDERS)
def test_a_dump_that_is_loaded_back_beside_the_actuator_ends_as_if_it_had_run_on_from_there(system, dumped, loaded):
    running = system(clusters=1, set=EXPIRING)
    running.control("pause")
    manifest = running.create("practice", parameters=TWICE if "second" in loaded else ONCE)
    reach(running, manifest, dumped)
    dump = running.mimo_store("dump").stdout
    reach(running, manifest, loaded)
    running.mimo_store("--replace", "--force", "load", input=dump, stdin=None)
    running.wait_for_state(manifest, *TERMINAL, timeout=PATIENCE)
    running.wait_for(lambda: not running.workers(), what="the end of all workers")
    now = running.manifest(manifest)
    assert now["state"] == "Completed" and [entry["outcome"] for entry in now["attempts"]] == ORDERS[dumped, loaded], now
    assert [entry["number"] for entry in now["attempts"]] == list(range(1, len(now["attempts"]) + 1))
    assert not running.api("GET", f"/admin{running.cluster(0)}").expect(200).get("leaseOwner")
    assert "another mimod" not in running.log("actuator-0")


def test_a_backup_that_is_put_back_while_all_is_stopped_goes_on_from_there(running):
    """As mimo-store(8) says; the attempt of the backup is over, because its worker is."""
    manifest = started(running)
    backup = running.directory / "backup.db"
    running.mimo_store("backup", backup)
    running.wait_for_state(manifest, "Completed")
    database = running.directory / "store" / "mimo.db"
    owner = database.stat()
    assert running.stop() == 0
    for file in database.parent.glob("mimo.db*"):
        file.unlink()
    shutil.copy(backup, database)
    shutil.chown(database, owner.st_uid, owner.st_gid)
    database.chmod(0o660)
    again = type(running)(running.build, running.directory, clusters=1, set=SHORT).wait_until_it_answers()
    try:
        done = again.wait_for_state(manifest, *TERMINAL, timeout=PATIENCE)
        assert done["state"] == "Completed" and [entry["number"] for entry in done["attempts"]] == [1, 2], done
    finally:
        assert again.end() == []


@pytest.mark.parametrize("moment", ["before the claim", "while it runs"])
def test_a_manifest_that_is_put_back_is_run_by_one_worker_and_ends(running, moment):
    """The number of its attempt begins again; the token tells the attempts apart."""
    manifest = started(running)
    lines = [json.loads(line) for line in running.mimo_store("dump").stdout.splitlines()]
    mine = [line for line in lines if line["document"]["id"] == manifest["id"] or line["container"] == "OpenShiftClusters"]
    if moment == "before the claim": # as it was in a backup from then
        for line in mine:
            document = line["document"]
            for member in [name for name in document if name.startswith("lease") or name in
                           ("claimToken", "incarnation", "attempts", "startedAt", "progress", "dequeues")]:
                del document[member]
            if line["container"] == "OpenShiftClusters":
                document["openShiftCluster"]["properties"]["provisioningState"] = "Succeeded"
            else:
                document["maintenanceManifest"]["state"] = "Pending"
    running.mimo_store("--replace", "--force", "load", input="\n".join(map(json.dumps, mine)), stdin=None)
    running.wait_for_state(manifest, *TERMINAL)
    now = running.manifest(manifest)
    assert now["state"] == "Completed" and [attempt["number"] for attempt in now["attempts"]] == [1], now
    log = running.log("actuator-0")
    assert log.count("attempt 1 succeeded") == 1
    if moment == "before the claim":
        assert "because its claim is no longer in the store" in log
