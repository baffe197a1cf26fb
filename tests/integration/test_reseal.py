# SPDX-License-Identifier: Apache-2.0
"""The pair that seals cluster credentials is exchanged while manifests run, and none of them notices."""

import contextlib
import json
import os
import signal
import threading

import pytest

TERMINAL = ("Completed", "Failed", "RetriesExceeded", "TimedOut", "Cancelled")


class Pair:
    """Certificate and key of a system's configuration, as an administrator exchanges them."""

    def __init__(self, running):
        self.running = running
        self.certificate = running.directory / "seal" / "seal.crt"
        self.key = running.directory / "seal" / "seal.key"
        self.new_certificate = self.certificate.with_name("new.crt")
        self.new_key = self.key.with_name("new.key")

    def make_new(self):
        self.running.mimo_store("--set", f"clusters.seal_certificate={self.new_certificate}", "--set",
                                f"clusters.seal_key={self.new_key}", "init")

    def put_keys(self, *texts):
        """Replaces the key file, with owner and mode of before."""
        before = self.key.stat()
        fresh = self.key.with_name("fresh")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb") as file:
            file.write(b"".join(texts))
        os.chown(fresh, before.st_uid, before.st_gid)
        fresh.rename(self.key)

    def change_sides_often(self, clusters):
        """Under both keys: actuators take and give back leases in the documents that are written here."""
        for certificate in [self.new_certificate, self.certificate] * 8:
            said = self.running.mimo_store("reseal", "--new-certificate", certificate).stdout
            assert said == f"{clusters} clusters resealed, 0 already sealed under the new certificate, 0 have no kubeconfig, 0 failed\n"

    def restart_actuator(self):
        """As a service manager does: drain, end, start."""
        before = self.running.pid("actuator-0")
        self.running.kill("actuator-0", signal.SIGTERM)

        def is_back():
            with contextlib.suppress(OSError, KeyError, ValueError):
                return self.running.pid("actuator-0") != before and self.running.control()["actuator"]["ready"]
        self.running.wait_for(is_back, what="the actuator to be back")


def sealed(running):
    """{cluster: sealed text} of the store."""
    documents = [json.loads(line) for line in running.mimo_store("dump").stdout.splitlines()]
    return {entry["document"]["key"]: entry["document"].get("sealedKubeconfig") for entry in documents
            if entry["container"] == "OpenShiftClusters"}


@contextlib.contextmanager
def stream_of_manifests(running, clusters):
    """Creates one manifest after the other for each cluster; yields the list of all of them."""
    created, over, problems = [], threading.Event(), []

    def run(number):
        try:
            while not over.is_set():
                manifest = running.create("operator-flags-update", cluster=number)
                created.append(manifest)
                running.wait_for_state(manifest, *TERMINAL)
        except Exception as problem: # told in the main thread
            problems.append(problem)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(clusters)]
    for thread in threads:
        thread.start()
    try:
        yield created
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not problems, problems


def test_the_pair_is_exchanged_while_manifests_run_and_none_fails(system):
    clusters = 4
    running = system(clusters=clusters, restart=True, set={"actuator.retry_backoff": "0", "actuator.drain_timeout": "20s"})
    pair = Pair(running)
    before = sealed(running)
    old = pair.key.read_bytes()
    with stream_of_manifests(running, clusters) as created:
        pair.make_new()
        new = pair.new_key.read_bytes()
        pair.put_keys(new, old)
        pair.restart_actuator()
        pair.change_sides_often(clusters)
        pair.new_certificate.rename(pair.certificate)
        said = running.mimo_store("reseal").stdout
        assert said == f"{clusters} clusters resealed, 0 already sealed under the new certificate, 0 have no kubeconfig, 0 failed\n"
        assert running.mimo_store("reseal").stdout.startswith(f"0 clusters resealed, {clusters} already sealed under the new certificate")
        pair.put_keys(new)
        pair.restart_actuator()
        count = len(created)
        running.wait_for(lambda: len(created) >= count + clusters, what="manifests under the new key alone")
    after = sealed(running)
    assert before.keys() == after.keys() and not set(before.values()) & set(after.values())
    for manifest in created:
        now = running.manifest(manifest)
        assert now["state"] == "Completed", now
        assert {attempt["outcome"] for attempt in now["attempts"]} <= {"succeeded", "drained"}, now


@pytest.fixture
def pair(system):
    return Pair(system(clusters=2))


def test_what_no_key_opens_is_named_and_left_alone(pair):
    running = pair.running
    documents = [json.loads(line) for line in running.mimo_store("dump").stdout.splitlines()]
    victim = next(entry for entry in documents if entry["container"] == "OpenShiftClusters")
    key = victim["document"]["key"]
    victim["document"]["sealedKubeconfig"] = "AAAA"
    running.mimo_store("--replace", "--force", "load", input=json.dumps(victim) + "\n", stdin=None)
    pair.make_new()
    done = running.mimo_store("reseal", "--new-certificate", pair.new_certificate, "--new-key", pair.new_key, check=False)
    assert done.returncode == 1
    assert done.stdout == "1 clusters resealed, 0 already sealed under the new certificate, 0 have no kubeconfig, 1 failed\n"
    assert f"cluster {key} is not changed" in done.stderr
    assert sealed(running)[key] == "AAAA"
    again = running.mimo_store("reseal", "--new-certificate", pair.new_certificate, "--new-key", pair.new_key, check=False)
    assert again.returncode == 1 and again.stdout.startswith("0 clusters resealed, 1 already sealed under the new certificate")


def test_nothing_is_sealed_for_a_key_that_nobody_has(pair):
    before = sealed(pair.running)
    pair.make_new()
    done = pair.running.mimo_store("reseal", "--new-certificate", pair.new_certificate, check=False)
    assert done.returncode == 1
    assert "cannot open the new sealed texts for verification (--new-key)" in done.stderr
    assert sealed(pair.running) == before


def test_options_of_reseal_are_refused_elsewhere(pair):
    done = pair.running.mimo_store("check", "--old-key", "x", check=False)
    assert done.returncode == 2 and "--old-key is for reseal only" in done.stderr
