# SPDX-License-Identifier: Apache-2.0
"""No secret leaves its place: known ones are planted, everything that others can see is searched for them.

Planted: a cluster's token and client key, a token of the Admin API, the key of a task's certificate, the seal key, the
secret of an Azure application. Searched: logs, metrics, the store's bytes and its dump, answers of the Admin API, the
audit trail, environment, arguments and names of all processes while they work.
"""

import base64
import json
import os
import re
from pathlib import Path

import pytest

from azure_double import SECRET, AzureDouble, as_pem
from mimolocal import listing
from mimolocal.certificates import Issuer

TERMINAL = ("Completed", "Failed", "RetriesExceeded", "TimedOut", "Cancelled")
PIECE = 40 # characters of a long secret that are enough to know it by
ONLY_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root sees the environment of all processes")


def forms(secret):
    """A secret as it is, and within base64, at each of its three alignments."""
    yield secret
    for shift in range(3):
        inside = base64.b64encode(b"\0" * shift + secret + b"\0" * 3)[4:-8]
        if len(inside) >= 16:
            yield inside


def piece_of_pem(text):
    """A piece of the secret part of a private key in PEM form: its second line is never the same in two keys."""
    body = re.search(r"-----BEGIN (?:EC )?PRIVATE KEY-----\n(.+?)-----END", text, re.DOTALL)[1].split()
    return body[1][:PIECE].encode()


class Secrets:
    """What must not be found, by name."""

    def __init__(self, **planted):
        self.needles = {name: set(forms(value if isinstance(value, bytes) else value.encode()))
                        for name, value in planted.items()}

    def expect_none_in(self, place, data):
        data = data if isinstance(data, bytes) else data.encode()
        for name, needles in self.needles.items():
            for needle in needles:
                assert needle not in data, f"{name} stands in {place}"


def family(running):
    """The pids of all programs of the product that run, workers included."""
    roots = [running.pid("api"), running.pid("actuator-0")]
    return roots + [process.pid for root in roots for process in listing.descendants(root)]


def search_processes(running, secrets):
    """Whoever ends meanwhile has nothing to show. Returns how many were seen whole."""
    seen = 0
    for pid in family(running):
        try:
            for file in ("environ", "cmdline", "comm", "limits"):
                data = Path(f"/proc/{pid}/{file}").read_bytes()
                secrets.expect_none_in(f"/proc/{pid}/{file}", data)
            assert re.search(rb"^Max core file size +0 +0 ", data, re.MULTILINE), data
            seen += 1
        except (FileNotFoundError, ProcessLookupError):
            continue
    return seen


def search_files(running, secrets):
    for path in [*(running.directory / "log").glob("*.log"), *(running.directory / "store").iterdir(), running.directory / "statsd.log"]:
        if path.name not in ("practice.log", "statsd.log.lock") and path.is_file():
            secrets.expect_none_in(path, path.read_bytes())
    secrets.expect_none_in("the dump", running.mimo_store("dump").stdout)
    assert (running.directory / "store" / "mimo.db").stat().st_size > 0


def search_answers(running, secrets, manifests):
    paths = ["/admin/clusters", "/admin/actuators", "/admin/tasks", "/admin/audit", "/admin/maintenanceManifests/summary", f"/admin{running.cluster(0)}",
             *(f"/admin/maintenanceManifests/{manifest['id']}" for manifest in manifests)]
    for path in paths:
        answer = running.api("GET", path)
        assert answer.status == 200, (path, answer.text)
        secrets.expect_none_in(path, answer.text + json.dumps(dict(answer.headers)))
    for command in (("cluster", "show", "cluster-0"), ("audit",), ("cluster", "list", "-v"), ("ps", "-o", "json")):
        done = running.mimoctl(*command)
        secrets.expect_none_in(f"mimoctl {command}", done.stdout + done.stderr)


def run_and_search(running, task, secrets):
    """Runs a task to its end, looking at the processes all the while."""
    created = running.create(task)
    running.wait_for(lambda: search_processes(running, secrets) and running.manifest(created)["state"] in TERMINAL)
    return running.manifest(created)


@ONLY_ROOT
def test_secrets_of_clusters_tasks_and_callers_stay_where_they_are(system):
    running = system(clusters=1, set={"actuator.retry_backoff": "0"})
    practice = running.directory / "practice"
    kubeconfig = (practice / "cluster-0-token.kubeconfig").read_text()
    certificate = next(path for path in (running.directory / "certificates").glob("*.pem"))
    secrets = Secrets(token_of_the_cluster=(practice / "cluster-0-admin.token").read_text().strip(),
                      client_key=piece_of_pem((practice / "cluster-0-client.key").read_text()),
                      token_of_the_api=running.env["MIMO_TOKEN"], token_of_a_reader=running.env["MIMO_TOKEN_READER"],
                      certificate_key=piece_of_pem(certificate.read_text()),
                      seal_key=piece_of_pem((running.directory / "seal" / "seal.key").read_text()))
    for path in (practice / "cluster-0.kubeconfig", practice / "cluster-0-token.kubeconfig", certificate):
        with pytest.raises(AssertionError): # it is found where it is
            secrets.expect_none_in(path, path.read_text())

    done = [run_and_search(running, "operator-flags-update", secrets)] # with the client key
    cluster = running.api("GET", f"/admin{running.cluster(0)}").expect(200)
    running.api("PUT", f"/admin{running.cluster(0)}", {"kubeconfig": kubeconfig}).expect(200)
    sleeping = running.create("practice", parameters={"steps": [{"name": "hold", "sleepMs": 60000}]})
    running.wait_for(lambda: [worker for worker in running.workers() if worker["pid"]])
    assert search_processes(running, secrets) == 6 # the Admin API, four of the actuator, a worker
    path = f"/admin{running.cluster(0)}/maintenanceManifests/{sleeping['id']}/stop"
    running.api("POST", path).expect(202)
    for task in ("operator-flags-update", "tls-cert-rotation", "mdsd-cert-rotation"):
        done.append(run_and_search(running, task, secrets))
    assert [manifest["state"] for manifest in done] == ["Completed"] * 4, done

    # Errors quote what they are about; not this.
    for body in ({"kubeconfig": kubeconfig[:-20] + ": ["}, {"kubeconfig": kubeconfig.replace("https://", "gopher://")},
                 {"kubeconfig": kubeconfig, "properties": 7}, b'{"kubeconfig": "' + kubeconfig.encode()):
        answer = running.api("PUT", f"/admin{running.cluster(0)}", body)
        assert answer.status == 400, answer.text
        secrets.expect_none_in("an error", answer.text)
    wrong = running.api.with_token(running.env["MIMO_TOKEN"] + "x")("GET", "/admin/clusters")
    assert wrong.status == 401
    secrets.expect_none_in("a refusal", wrong.text)
    running.practice.set_trouble("cluster-0", {"status": 401, "times": 1})
    run_and_search(running, "operator-flags-update", secrets)

    assert "kubeconfig" not in cluster
    search_answers(running, secrets, done)
    search_files(running, secrets)


@ONLY_ROOT
def test_the_secret_of_an_application_stays_with_the_launcher(system, directory):
    with AzureDouble(directory) as azure:
        bundle = Issuer().bundle("logs.practice.test")
        azure.secrets["mdsd"] = as_pem(bundle)
        running = system(clusters=1, set={**azure.settings_of_application(), "actuator.retry_backoff": "1h", "log.level": "debug"})
        secrets = Secrets(client_secret=SECRET, certificate_key=piece_of_pem(bundle))
        done = run_and_search(running, "mdsd-cert-rotation", secrets)
        assert done["state"] == "Completed", done
        azure.secret_file.write_text("another-secret-that-is-wrong")
        search_answers(running, secrets, [done])
        search_files(running, secrets)
