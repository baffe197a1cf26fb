# SPDX-License-Identifier: Apache-2.0
"""mimo-store, as an administrator uses it: a store in a directory of its own, and nothing else running."""

import json
import os
import signal
import sqlite3
import stat
import subprocess
import threading

import pytest
from conftest import SLOWNESS, is_sanitized

PREFIX = "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/tests/providers/" \
         "microsoft.redhatopenshift/openshiftclusters/"
TASK = "00000000-0000-4000-8000-000000000001"
OWNER = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
SCHEDULE = "33333333-3333-4333-8333-333333333333"
FUTURE = 4000000000
BUCKET = 108 # of cluster(1): printf %s "$ID" | sha256sum | cut -c63-64
PATIENCE = 60 * SLOWNESS


class Tool:
    def __init__(self, build, directory):
        self.build, self.directory = build, directory
        self.database = directory / "mimo.db"
        self.uri = f"sqlite:{self.database}"
        self.certificate, self.key = directory / "seal.crt", directory / "seal.key"
        self.configuration = directory / "mimo.conf"
        self.configuration.write_text(f"[store]\nuri = {self.uri}\n[clusters]\nseal_certificate = {self.certificate}\n"
                                      f"seal_key = {self.key}\n[actuator]\nlauncher_user = {os.getuid()}:{os.getgid()}\n")

    def command(self, *arguments):
        return [self.build / "mimo-store", "--config", self.configuration, *arguments]

    def run(self, *arguments, status=0, **options):
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=PATIENCE, **options)
        assert done.returncode == status, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert all(line.startswith("mimo-store: ") for line in done.stderr.splitlines()), done.stderr
        return done

    def load(self, *lines, status=0, options=()):
        text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
        return self.run(*options, "load", input=text, status=status)

    def dump(self, *options):
        return [json.loads(line) for line in self.run(*options, "dump").stdout.splitlines()]

    def sql(self, *statements):
        """Changes the file itself, as no program of the product does."""
        with sqlite3.connect(self.database) as database:
            for statement in statements:
                database.execute(*statement) if isinstance(statement, tuple) else database.execute(statement)
        database.close()


@pytest.fixture
def tool(build_dir, directory):
    return Tool(build_dir, directory)


@pytest.fixture
def store(tool):
    tool.run("init")
    return tool


def uuid(number):
    return f"00000000-0000-4000-a000-{number:012d}"


def cluster(number, **members):
    document = {"id": uuid(number), "key": PREFIX + str(number), "openShiftCluster": {
        "id": PREFIX + str(number), "properties": {"provisioningState": members.pop("provisioningState", "Succeeded")}}}
    return {"container": "OpenShiftClusters", "document": {**document, **members}}


def manifest(number, of=1, state="Pending", **members):
    document = {"id": uuid(number), "clusterResourceID": PREFIX + str(of), "dequeues": 0, "createdAt": 1700000000,
                "maintenanceManifest": {"state": state, "maintenanceTaskID": TASK, "priority": 0,
                                        "runAfter": 1700000000, "runBefore": FUTURE}}
    return {"container": "MaintenanceManifests", "document": {**document, **members}}


def attempt(number, outcome=None):
    entry = {"number": number, "startedAt": 1700000000 + number, "actuator": OWNER}
    return {**entry, "finishedAt": 1700000100 + number, "outcome": outcome} if outcome else entry


def in_progress(number, of=1, **members):
    return manifest(number, of, "InProgress", **{"leaseOwner": OWNER, "leaseExpires": FUTURE, "dequeues": 1,
                                                 "startedAt": 1700000001, "attempts": [attempt(1)], **members})


def leased_cluster(number, manifest_number, **members):
    return cluster(number, **{"provisioningState": "AdminUpdating", "leaseOwner": OWNER, "leaseExpires": FUTURE,
                              "leaseManifest": uuid(manifest_number), **members})


def other_documents():
    return [{"container": "MaintenanceSchedules", "document": {"id": SCHEDULE, "maintenanceSchedule": {"state": "Enabled"}}},
            {"container": "PoolWorkers", "document": {"id": OWNER, "hostname": "vm0", "index": 0}},
            {"container": "Subscriptions", "document": {"id": SCHEDULE, "subscription": {"state": "Registered"}}},
            {"container": "Audit", "document": {"id": uuid(1), "actor": "a\u00e9\u20ac", "time": 1}}]


# init

def test_init_makes_what_is_missing_and_says_so(tool):
    said = tool.run("init").stdout
    assert said == (f"created store {tool.uri}\ncreated seal certificate {tool.certificate} and key {tool.key}\n")
    assert stat.S_IMODE(tool.database.stat().st_mode) == 0o660
    assert stat.S_IMODE(tool.key.stat().st_mode) == 0o400
    assert stat.S_IMODE(tool.certificate.stat().st_mode) == 0o644
    assert tool.run("check").stdout == "0 documents checked, 0 problems\n"


def test_init_again_keeps_everything(store):
    store.load(cluster(1))
    key = store.key.read_bytes()
    assert store.run("init").stdout.count("already") == 2
    assert store.key.read_bytes() == key
    assert len(store.dump()) == 1


def test_init_takes_another_store_by_option(store, directory):
    other = f"sqlite:{directory}/other.db"
    assert f"created store {other}" in store.run("--store", other, "init").stdout
    store.load(cluster(1))
    assert store.dump("--store", other) == []


def test_init_that_cannot_make_the_store_makes_the_pair_and_fails(tool, directory):
    done = tool.run("--store", f"sqlite:{directory}/none/mimo.db", "init", status=1)
    assert "its directory does not exist" in done.stderr
    assert "created seal certificate" in done.stdout and tool.key.exists()


def test_half_a_pair_is_not_completed(store):
    store.certificate.unlink()
    assert f"{store.certificate} is missing" in store.run("init", status=1).stderr
    assert not store.certificate.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_init_by_root_gives_files_to_those_who_need_them(tool, directory):
    database = directory / "store" / "mimo.db"
    database.parent.mkdir()
    os.chown(database.parent, 61184, 61185)
    tool.run("--store", f"sqlite:{database}", "--set", "actuator.launcher_user=61190", "init")
    owner = database.stat()
    assert (owner.st_uid, owner.st_gid) == (61184, 61185)
    assert tool.key.stat().st_uid == 61190
    assert tool.certificate.stat().st_uid == 0


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_init_for_an_unknown_user_leaves_the_key_to_root_and_says_so(tool):
    done = tool.run("--set", "actuator.launcher_user=nobody-of-this-name", "init")
    assert "nobody-of-this-name" in done.stderr and "still belongs to root" in done.stderr
    assert tool.key.stat().st_uid == 0


# dump and load

def test_a_dump_loads_into_another_store_unchanged(store, directory):
    lines = [cluster(1), leased_cluster(2, 9), manifest(1), manifest(2, of=2, unknown={"kept": [1, None, "x"]}),
             in_progress(9, of=2), *other_documents()]
    assert store.load(*lines).stdout == f"{len(lines)} documents loaded, 0 lines refused\n"
    dump = store.run("dump").stdout
    assert len(dump.splitlines()) == len(lines)
    other = ("--store", f"sqlite:{directory}/other.db")
    store.run(*other, "init")
    store.run(*other, "load", input=dump)
    assert store.run(*other, "dump").stdout == dump
    assert store.run(*other, "check").stdout == f"{len(lines)} documents checked, 0 problems\n"
    documents = [line["document"] for line in store.dump() if line["container"] == "MaintenanceManifests"]
    assert {"kept": [1, None, "x"]} in [document.get("unknown") for document in documents]


def test_load_reads_a_file(store, directory):
    file = directory / "dump.jsonl"
    file.write_text(json.dumps(cluster(1)) + "\n" + json.dumps(manifest(1))) # without an end of line
    assert store.run("load", file).stdout == "2 documents loaded, 0 lines refused\n"
    assert "cannot read" in store.run("load", directory / "none", status=1).stderr
    assert "cannot read" in store.run("load", directory, status=1).stderr


def test_load_fills_in_what_follows_from_other_members(store):
    upper = cluster(1)
    del upper["document"]["key"]
    upper["document"]["openShiftCluster"]["id"] = PREFIX.replace("resourcegroups", "resourceGroups") + "1"
    wrong = manifest(1, bucket=7)
    wrong["document"]["clusterResourceID"] = wrong["document"]["clusterResourceID"].upper()
    store.load(upper, wrong)
    loaded_manifest, loaded_cluster = (line["document"] for line in store.dump())
    assert loaded_manifest["bucket"] == BUCKET
    assert loaded_manifest["clusterResourceID"] == PREFIX + "1"
    assert loaded_cluster["key"] == PREFIX + "1"
    assert loaded_cluster["partitionKey"] == "00000000-0000-0000-0000-000000000000"
    assert loaded_cluster["bucket"] == BUCKET


def without(line, *members):
    return {**line, "document": {name: value for name, value in line["document"].items() if name not in members}}


BAD_LINES = [
    ("x", "is not a JSON object"),
    ("[]", "is not a JSON object"),
    ('{"container":"Audit"', "is not a JSON object"),
    ('{"container":"Audit","document":{"id":"a","id":"b"}}', "duplicate member"),
    ('{"container":"Audit","document":{"id":"a"}} {}', "is not a JSON object"),
    ('{"container":"Audit","document":{"id":"a\\u0000b"}}', "is not a JSON object"),
    ('{"document":{}}', '"" is not the name of a container'),
    ('{"container":1,"document":{}}', '"container" must be a string'),
    ({"container": "audit", "document": {}}, '"audit" is not the name of a container'),
    ({"container": "Audit"}, '"document" must be an object'),
    ({"container": "Audit", "document": []}, '"document" must be an object'),
    ({"container": "Audit", "document": {}}, '"id" is missing'),
    ({"container": "Audit", "document": {"id": 1}}, '"id" must be a string'),
    ({"container": "Audit", "document": {"id": "x"}, "more": 1}, 'unknown member "more"'),
    ({"container": "Audit", "document": {"id": "x", "text": "y" * 1100000}}, "at most 1048576 are allowed"),
    ('{"container":"Audit","document":{"id":"' + "x" * (5 << 20) + '"}}', "is longer than 4 MiB"),
    (without(manifest(1), "maintenanceManifest"), "maintenanceManifest"),
    (manifest(1, state="Dreaming"), "must be the name of a state"),
    (manifest(1, bucket="one"), '"bucket" must be'),
    (without(manifest(1), "clusterResourceID"), "clusterResourceID"),
    (manifest(1, clusterResourceID="cluster"), "clusterResourceID"),
    (manifest(1, attempts=[{}]), "attempts"),
    (without(cluster(1), "key", "openShiftCluster"), "key"),
    (cluster(1, key=PREFIX + "2"), "name different clusters"),
    (without(cluster(1), "id"), '"id"'),
]


@pytest.mark.parametrize("line, reason", BAD_LINES, ids=range(len(BAD_LINES)))
def test_a_bad_line_is_refused_by_number_and_stops_nobody(store, line, reason):
    done = store.load(cluster(7), "", line, manifest(7, of=7), status=1)
    assert done.stdout == "2 documents loaded, 1 lines refused\n"
    assert done.stderr.startswith("mimo-store: line 3: "), done.stderr
    assert reason in done.stderr and len(done.stderr.splitlines()) == 1
    assert store.run("check").stdout == "2 documents checked, 0 problems\n"


def test_bytes_that_are_no_text_are_refused(store):
    done = subprocess.run(store.command("load"), input=b'\0\n{"a":"\xff"}\n' + json.dumps(cluster(1)).encode(),
                          capture_output=True, timeout=PATIENCE)
    assert done.returncode == 1
    assert done.stdout == b"1 documents loaded, 2 lines refused\n"


def test_existing_documents_are_kept_unless_told(store):
    store.load(cluster(1), manifest(1))
    changed = manifest(1, statusNote="changed")
    done = store.load(cluster(1), changed, manifest(2), status=1)
    assert done.stdout == "1 documents loaded, 2 lines refused\n"
    assert "line 1: OpenShiftClusters " in done.stderr and "--replace overwrites it" in done.stderr
    assert f"line 2: MaintenanceManifests {uuid(1)} exists already" in done.stderr
    assert "statusNote" not in store.run("dump").stdout

    done = store.load(cluster(1), changed, manifest(1, statusNote="twice"), manifest(3), options=["--replace"])
    assert done.stdout == "4 documents loaded, 0 lines refused\n"
    assert '"statusNote":"twice"' in store.run("dump").stdout
    assert store.run("check").stdout == "4 documents checked, 0 problems\n"


def test_a_manifest_does_not_move_to_another_cluster(store):
    store.load(cluster(1), manifest(1))
    done = store.load(manifest(1, of=2), status=1, options=["--replace"])
    assert "another partition key" in done.stderr


def test_many_documents_pass_in_bounded_memory(store):
    count, text = 3000, "x" * 20000
    lines = [{"container": "Audit", "document": {"id": uuid(number), "text": text}} for number in range(count)]
    bound = ["bash", "-c", 'ulimit -v 150000; exec "$0" "$@"'] if not is_sanitized(store.build) else [] # their shadow memory needs more
    done = subprocess.run([*bound, *map(str, store.command("load"))], input="\n".join(map(json.dumps, lines)), text=True,
                          capture_output=True, timeout=PATIENCE)
    assert done.stdout == f"{count} documents loaded, 0 lines refused\n", done.stderr
    done = subprocess.run([*bound, *map(str, store.command("dump"))], text=True, capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == count
    assert store.run("check").stdout == f"{count} documents checked, 0 problems\n"


def test_output_that_cannot_be_written_is_a_failure(store):
    store.load(*(manifest(number) for number in range(1000)))
    with open("/dev/full", "wb") as full:
        for verb in ("dump", "check"):
            done = subprocess.run(store.command(verb), stdout=full, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
            assert done.returncode == 1
            assert "cannot write to standard output: No space left on device" in done.stderr
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(store.command("dump"), stdout=writing, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
    os.close(writing)
    assert done.returncode == 1 and "Broken pipe" in done.stderr


def test_a_killed_load_leaves_a_sound_store(store):
    lines = "".join(json.dumps(manifest(number)) + "\n" for number in range(5000))
    process = subprocess.Popen(store.command("load"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    feeder = threading.Thread(target=feed, args=(process.stdin, lines))
    feeder.start()
    with sqlite3.connect(store.database) as database:
        while database.execute("SELECT count(*) FROM manifests").fetchone()[0] < 500:
            assert process.poll() is None
    database.close()
    process.send_signal(signal.SIGKILL)
    process.wait()
    feeder.join()
    count = len(store.dump())
    assert count >= 500 and count % 500 == 0
    assert store.run("check").stdout == f"{count} documents checked, 0 problems\n"


def feed(stream, text):
    try:
        stream.write(text)
        stream.close()
    except BrokenPipeError:
        pass # killed, as the test wants it


# backup

def test_a_backup_is_a_store_that_works(store, directory):
    store.load(cluster(1), manifest(1))
    copy = directory / "copy.db"
    assert str(copy) in store.run("backup", copy).stdout
    store.load(manifest(2))
    of_copy = ("--store", f"sqlite:{copy}")
    assert store.run(*of_copy, "check").stdout == "2 documents checked, 0 problems\n"
    store.run(*of_copy, "load", input=json.dumps(manifest(3)))
    assert len(store.dump(*of_copy)) == 3 and len(store.dump()) == 3
    assert stat.S_IMODE(copy.stat().st_mode) == 0o660


def test_a_backup_overwrites_nothing(store, directory):
    copy = directory / "copy.db"
    copy.write_text("mine")
    assert "File exists" in store.run("backup", copy, status=1).stderr
    assert copy.read_text() == "mine"


# check

def test_a_store_with_work_in_progress_is_sound(store):
    store.load(cluster(1), leased_cluster(2, 9), manifest(1, dequeues=2, attempts=[attempt(1, "transient"), attempt(2, "timeout")]),
               in_progress(9, of=2, dequeues=1, attempts=[attempt(1, "drained"), attempt(2)]),
               manifest(3, state="RetriesExceeded", dequeues=5), # of a producer that keeps no history
               manifest(4, state="Completed", dequeues=1, attempts=[attempt(1, "succeeded")]),
               manifest(5, dequeues=3, attempts=[attempt(number, "drained") for number in range(30, 50)]))
    assert store.run("check").stdout == "7 documents checked, 0 problems\n"


BROKEN = {
    "in progress without an owner": (
        [leased_cluster(1, 1), without(in_progress(1), "leaseOwner")], uuid(1), "is InProgress without a leaseOwner"),
    "in progress without an end": (
        [leased_cluster(1, 1), without(in_progress(1), "leaseExpires")], uuid(1), "is InProgress without leaseExpires"),
    "in progress without an attempt": (
        [leased_cluster(1, 1), in_progress(1, attempts=[attempt(1, "crashed")])], uuid(1), "attempts have no open entry"),
    "in progress without a history": (
        [leased_cluster(1, 1), without(in_progress(1), "attempts")], uuid(1), "attempts have no open entry"),
    "pending with a lease": (
        [cluster(1), manifest(1, leaseOwner=OWNER, leaseExpires=FUTURE)], uuid(1), "is Pending but has a lease"),
    "ended with an open attempt": (
        [cluster(1), manifest(1, state="Failed", dequeues=1, attempts=[attempt(1)])], uuid(1), "attempt is still open"),
    "too few dequeues": (
        [cluster(1), manifest(1, dequeues=1, attempts=[attempt(1, "crashed"), attempt(2, "timeout")])], uuid(1),
        "has 1 dequeues, but 2 attempts that count"),
    "a drained attempt counted": (
        [cluster(1), manifest(1, dequeues=1, attempts=[attempt(1, "drained")])], uuid(1), "has 1 dequeues, but 0 attempts"),
    "too many dequeues": ([cluster(1), manifest(1, dequeues=6)], uuid(1), "has 6 dequeues, at most 5"),
    "two attempts on a cluster": (
        [leased_cluster(1, 1), in_progress(1), in_progress(2)], uuid(2), "and so is another manifest of its cluster"),
    "a lease held for another": (
        [leased_cluster(1, 2), in_progress(1)], uuid(1), f"lease of its cluster is held for manifest {uuid(2)}"),
    "a lease held by another": (
        [leased_cluster(1, 1, leaseOwner=OTHER), in_progress(1)], uuid(1), "lease of its cluster is held for"),
    "an attempt without the cluster's lease": ([cluster(1), in_progress(1)], uuid(1), "is held for nobody"),
    "an attempt without a cluster": ([in_progress(1)], uuid(1), "its cluster is not in the store"),
    "a lease without an attempt": (
        [leased_cluster(1, 1), manifest(1, state="Completed")], PREFIX + "1", "which is Completed"),
    "a mark without a lease": (
        [cluster(1, provisioningState="AdminUpdating")], PREFIX + "1", "is AdminUpdating, but no attempt holds its lease"),
}


@pytest.mark.parametrize("lines, name, problem", BROKEN.values(), ids=BROKEN)
def test_check_names_each_broken_rule(store, lines, name, problem):
    store.load(*lines)
    said = store.run("check", status=1).stdout.splitlines()
    assert any(name in line and problem in line and "; " in line for line in said[:-1]), said
    assert said[-1] == f"{len(lines)} documents checked, {len(said) - 1} problems"


def test_the_mark_that_is_looked_for_is_the_configured_one(store):
    store.load(cluster(1, provisioningState="AdminUpdating"), cluster(2, provisioningState="Mending"))
    said = store.run("--set", "clusters.mark_state=Mending", "check", status=1).stdout
    assert "is Mending" in said and "AdminUpdating" not in said
    assert store.run("--set", "clusters.mark_state=", "check").stdout == "2 documents checked, 0 problems\n"


def change_document(store, table, number, **members):
    """Changes a document behind the back of the store; the columns made of it stay."""
    with sqlite3.connect(store.database) as database:
        row, text = database.execute(f"SELECT sequence, document FROM {table}").fetchall()[number]
        document = json.dumps({**json.loads(text), **members}, separators=(",", ":"))
        database.execute(f"UPDATE {table} SET document = ? WHERE sequence = ?", (document, row))
    database.close()


def test_a_wrong_bucket_is_found_and_loading_again_puts_it_right(store):
    store.load(cluster(1), manifest(1))
    store.sql("UPDATE manifests SET bucket = 3", "UPDATE clusters SET bucket = 4")
    change_document(store, "manifests", 0, bucket=3)
    change_document(store, "clusters", 0, bucket=4)
    said = store.run("check", status=1).stdout
    assert f"MaintenanceManifests {uuid(1)}: has bucket 3, its cluster is in {BUCKET}" in said
    assert f"OpenShiftClusters {PREFIX}1: has bucket 4, its cluster is in {BUCKET}" in said
    store.run("--replace", "load", input=store.run("dump").stdout)
    assert store.run("check").stdout == "2 documents checked, 0 problems\n"


def test_documents_that_cannot_be_understood_are_found(store):
    store.load(cluster(1), manifest(1))
    change_document(store, "manifests", 0, dequeues="many")
    change_document(store, "clusters", 0, leaseExpires="soon")
    said = store.run("check", status=1).stdout
    assert f"MaintenanceManifests {uuid(1)}: is damaged" in said
    assert f"OpenShiftClusters {PREFIX}1: is damaged" in said


def test_text_that_is_no_json_is_found_and_the_dump_goes_on(store):
    store.load(cluster(1), cluster(2), *other_documents())
    store.sql(("UPDATE clusters SET document = ? WHERE id = ?", ('{"id":', PREFIX + "1")))
    said = store.run("check", status=1).stdout
    assert f"OpenShiftClusters {PREFIX}1 is damaged" in said
    done = store.run("dump", status=1)
    assert len(done.stdout.splitlines()) == 5 and f"{PREFIX}1 is damaged" in done.stderr


def test_a_wrong_counter_is_found(store):
    store.load(manifest(1))
    store.sql("UPDATE meta SET open_manifests = 5")
    assert "counter of open manifests is wrong" in store.run("check", status=1).stdout


def test_damage_in_the_file_is_found(store):
    store.load(*(manifest(number) for number in range(500)))
    size = store.database.stat().st_size
    with open(store.database, "r+b") as file:
        file.seek(size // 2 // 4096 * 4096)
        file.write(b"\xa5" * 4096)
    done = subprocess.run(store.command("check"), capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 1 and "damaged" in done.stdout + done.stderr


# what keeps it from working

@pytest.mark.parametrize("arguments, reason", [
    ([], "missing command"), (["fly"], 'unknown command "fly"'), (["dump", "x"], 'unexpected operand "x"'),
    (["load", "a", "b"], 'unexpected operand "b"'), (["backup"], "backup needs a FILE"),
    (["check", "--replace"], "--replace is for load only"), (["--nonsense", "dump"], "--nonsense"),
    (["--set", "store.nonsense=1", "dump"], "nonsense")])
def test_wrong_usage_ends_with_status_2_and_one_line(store, arguments, reason):
    done = store.run(*arguments, status=2)
    assert reason in done.stderr and len(done.stderr.splitlines()) == 1 and done.stdout == ""


@pytest.mark.parametrize("verb", [["check"], ["dump"], ["load"], ["backup", "copy.db"]])
def test_a_store_that_is_not_there_says_how_to_make_it(tool, verb, directory):
    done = tool.run(*verb, status=1, input="", cwd=directory)
    assert f"mimo-store --store {tool.uri} init" in done.stderr
    assert not (directory / "copy.db").exists()


def test_a_uri_of_no_known_kind_is_refused(tool):
    assert "write sqlite:PATH" in tool.run("--store", "postgres:x", "dump", status=1).stderr


def test_a_store_locked_by_another_process_is_reported(store):
    database = sqlite3.connect(store.database, isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    done = store.load(cluster(1), status=1)
    database.close()
    assert "locked by another process" in done.stderr and "--replace" in done.stderr
    assert done.stdout == "0 documents loaded, 0 lines refused\n"


def test_the_help_names_every_verb(tool):
    text = tool.run("--help").stdout
    assert all(f"\n  {verb}" in text for verb in ("init", "check", "dump", "load", "backup"))
