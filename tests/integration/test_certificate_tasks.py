# SPDX-License-Identifier: Apache-2.0
"""The tasks that write to a cluster, through the whole system: certificates on their way from their source, and every
trouble at every request. tests/unit/test_task_troubles.c has more troubles, at the level of a worker."""

import base64
import os
import re
import subprocess
from datetime import timedelta

import pytest
from cryptography import x509

from conftest import skip_with_sanitizers
from mimolocal.certificates import VALID, Issuer

TERMINAL = ("Completed", "Failed", "RetriesExceeded", "TimedOut", "Cancelled")
MDSD_SECRET = "/api/v1/namespaces/openshift-azure-operator/secrets/cluster"


def run(running, task, cluster=0):
    """The manifest in the end."""
    return running.wait_for_state(running.create(task, cluster=cluster), *TERMINAL)


def data_of(running, path, name="cluster-0"):
    """Decoded entries of a Secret."""
    status, secret = running.practice.request(name, "GET", path)
    assert status == 200
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def split(bundle):
    """(key, chain) of a bundle."""
    blocks = re.findall(r"-----BEGIN [^-]+-----.*?-----END [^-]+-----\n", bundle, re.DOTALL)
    return "".join(block for block in blocks if "KEY" in block), "".join(block for block in blocks if "KEY" not in block)


def description(bundle):
    """What messages are to say of a bundle."""
    leaf = x509.load_pem_x509_certificate(split(bundle)[1].encode())
    serial = f"{leaf.serial_number:X}"
    return f"{leaf.subject.rfc4514_string()}, serial {serial.zfill(len(serial) + len(serial) % 2)}, expires " \
           f"{leaf.not_valid_after:%Y-%m-%dT%H:%M:%SZ}"


def writes(running, name="cluster-0"):
    """[(method, path)] of all requests that could have changed something, in their order."""
    return [(entry["method"], entry["path"]) for entry in running.practice.requests(name) if entry["write"]]


def test_logging_certificate_reaches_the_cluster_with_one_write_and_not_twice(system):
    running = system(clusters=1)
    before = data_of(running, MDSD_SECRET)
    bundle = running.certificates.text("mdsd")
    key, chain = split(bundle)

    done = run(running, "mdsd-cert-rotation")

    assert done["state"] == "Completed", done
    assert done["statusText"] == f"set the logging certificate: {description(bundle)}"
    assert data_of(running, MDSD_SECRET) == {**before, "gcscert.pem": chain, "gcskey.pem": key}
    assert writes(running) == [("PUT", MDSD_SECRET)]

    again = run(running, "mdsd-cert-rotation")
    assert again["statusText"] == f"no change: the logging certificate is {description(bundle)}"
    assert len(writes(running)) == 1

    # A new certificate in the directory is taken at the next attempt, without a restart.
    running.certificates.put("mdsd", Issuer().bundle("new.practice.test"))
    assert run(running, "mdsd-cert-rotation")["statusText"].startswith("set the logging certificate: CN=new.practice.test")
    assert len(writes(running)) == 2


def test_kubectl_shows_the_new_logging_certificate(system):
    running = system(clusters=1)
    run(running, "mdsd-cert-rotation")
    shown = subprocess.run(
        [os.environ.get("KUBECTL") or "kubectl", "--kubeconfig", running.directory / "practice" / "cluster-0.kubeconfig", "get", "secret",
         "-n", "openshift-azure-operator", "cluster", "-o", "yaml"], capture_output=True, text=True, check=True).stdout
    key, chain = split(running.certificates.text("mdsd"))
    assert f"gcscert.pem: {base64.b64encode(chain.encode()).decode()}" in shown
    assert f"gcskey.pem: {base64.b64encode(key.encode()).decode()}" in shown


def link_elsewhere(running):
    path = running.certificates.path
    os.rename(path / "mdsd.pem", path / "real.pem")
    os.symlink("real.pem", path / "mdsd.pem")


def close_to_the_launcher(running):
    os.chmod(running.certificates.path / "mdsd.pem", 0)


@pytest.mark.parametrize("spoil, text", [
    (lambda running: running.certificates.remove("mdsd"), "404 certificate mdsd not found: put mdsd.pem"),
    (link_elsewhere, "certificate mdsd in .*: mdsd.pem is a symbolic link"),
    (close_to_the_launcher, "forbidden: certificate mdsd in .*: Permission denied: make it readable"),
    (lambda running: running.certificates.put("mdsd", "garbage"), "certificate mdsd cannot be used: it holds no private"),
    (lambda running: running.certificates.put("mdsd", "x" * (256 * 1024 + 1)), "certificate mdsd in .*: mdsd.pem is larger"),
    (lambda running: running.certificates.put("mdsd", split(Issuer().bundle("a"))[0] + split(Issuer().bundle("b"))[1]),
     "certificate mdsd cannot be used: its private key belongs to none of its certificates"),
])
def test_a_certificate_that_cannot_be_used_fails_the_manifest_and_changes_nothing(system, spoil, text):
    running = system(clusters=1)
    spoil(running)
    done = run(running, "mdsd-cert-rotation")
    assert done["state"] == "Failed", done
    assert re.match(f"TerminalError: {text}", done["statusText"]), done
    assert done["dequeues"] == 1
    assert writes(running) == []


# ---- TLS ----

API_SERVER = "/apis/config.openshift.io/v1/apiservers/cluster"
INGRESS = "/apis/operator.openshift.io/v1/namespaces/openshift-ingress-operator/ingresscontrollers/default"
OPERATOR = "/apis/config.openshift.io/v1/clusteroperators/kube-apiserver"
FLAGS = "/apis/aro.openshift.io/v1alpha1/clusters/cluster"


def uuid_of(running, cluster=0):
    return running.api("GET", f"/admin{running.cluster(cluster)}").expect(200)["uuid"]


def secrets_of(uuid):
    """{path of the list: name} of all Secrets that the rotation makes, in its order."""
    return [(f"/api/v1/namespaces/{namespace}/secrets", f"{uuid}-{kind}")
            for kind, own in (("apiserver", "openshift-config"), ("ingress", "openshift-ingress"))
            for namespace in (own, "openshift-azure-operator")]


def expect_rotated(running, uuid):
    """Everything on the cluster is as the rotation is to leave it."""
    for collection, name in secrets_of(uuid):
        status, secret = running.practice.request("cluster-0", "GET", f"{collection}/{name}")
        assert (status, secret.get("type")) == (200, "kubernetes.io/tls"), (collection, name)
        key, chain = split(running.certificates.text(name))
        assert data_of(running, f"{collection}/{name}") == {"tls.crt": chain, "tls.key": key}
    spec = running.practice.request("cluster-0", "GET", API_SERVER)[1]["spec"]
    assert spec["servingCerts"]["namedCertificates"] == [
        {"names": ["api.cluster-0.practice.test"], "servingCertificate": {"name": f"{uuid}-apiserver"}}]
    assert spec["audit"] == {"profile": "Default"}
    spec = running.practice.request("cluster-0", "GET", INGRESS)[1]["spec"]
    assert spec["defaultCertificate"] == {"name": f"{uuid}-ingress"}


def test_tls_certificates_reach_the_cluster_with_six_writes_and_not_twice(system):
    running = system(clusters=1)
    uuid = uuid_of(running)

    done = run(running, "tls-cert-rotation")

    assert done["state"] == "Completed", done
    api_server = description(running.certificates.text(f"{uuid}-apiserver"))
    ingress = description(running.certificates.text(f"{uuid}-ingress"))
    assert done["statusText"] == (
        "set: secrets (4 of 4 written), API server updated, ingress controller updated; "
        f"API server certificate: {api_server}; ingress certificate: {ingress}")
    expect_rotated(running, uuid)
    assert writes(running) == [*(("POST", collection) for collection, _ in secrets_of(uuid)),
                               ("PUT", API_SERVER), ("PUT", INGRESS)]

    again = run(running, "tls-cert-rotation")
    assert again["statusText"].startswith("no change: secrets (0 of 4 written), API server unchanged")
    assert len(writes(running)) == 6

    # A renewed certificate goes into its two Secrets; what refers to them stays as it is.
    running.certificates.put(f"{uuid}-ingress", Issuer().bundle("*.apps.renewed", ["*.apps.cluster-0.practice.test"]))
    assert run(running, "tls-cert-rotation")["statusText"].startswith("set: secrets (2 of 4 written), API server unchanged")
    assert writes(running)[6:] == [("PUT", f"{collection}/{name}") for collection, name in secrets_of(uuid)[2:]]
    expect_rotated(running, uuid)


@pytest.mark.parametrize("settings, text", [
    ({"tasks.managed_domain": "other.test"}, 'not managed: the cluster\'s domain "cluster-0.practice.test" is not under'),
    ({"tasks.managed_domain": ""}, "not managed: the cluster's domain"),
    ({"tasks.signed_certificates": "no"}, "not managed: signed certificates are disabled"),
])
def test_a_cluster_that_is_not_managed_completes_untouched(system, settings, text):
    running = system(clusters=1, set=settings)
    done = run(running, "tls-cert-rotation")
    assert done["state"] == "Completed" and done["statusText"].startswith(text), done
    assert not [entry for entry in running.practice.requests("cluster-0") if (entry["userAgent"] or "").startswith("mimo/")]


def test_one_missing_certificate_does_not_stop_the_other_and_is_tried_again(system):
    running = system(clusters=1, set={"actuator.retry_backoff": "1h"})
    uuid = uuid_of(running)
    good = running.certificates.text(f"{uuid}-apiserver")
    running.certificates.remove(f"{uuid}-apiserver")
    created = running.create("tls-cert-rotation")
    waiting = running.wait_for(lambda: (now := running.manifest(created))["state"] == "Pending" and now.get("attempts") and now)
    assert waiting["attempts"][0]["outcome"] == "transient"
    assert f"TransientError: 404 certificate {uuid}-apiserver not found" in waiting["statusText"]
    assert writes(running) == [("POST", collection) for collection, _ in secrets_of(uuid)[2:]]
    running.certificates.put(f"{uuid}-apiserver", good)
    running.api("POST", f"/admin{running.cluster(0)}/maintenanceManifests/{created['id']}/cancel").expect(200)
    assert run(running, "tls-cert-rotation")["state"] == "Completed"
    expect_rotated(running, uuid)


API_HOST = "api.cluster-0.practice.test"


@pytest.mark.parametrize("make, text", [
    (lambda: Issuer().bundle("old", [API_HOST], -VALID), "it expired at"),
    (lambda: Issuer().bundle("soon", [API_HOST], timedelta(days=3)), "it expires at .*: renew it first"),
    (lambda: Issuer().bundle("other", ["api.cluster-1.practice.test"]),
     f"it is for api.cluster-1.practice.test, not for {API_HOST}: have it issued for that name"),
    (lambda: Issuer().bundle(API_HOST), "it names no host"),
    (lambda: "".join(re.split("(?=-----BEGIN)", Issuer().bundle("leaf", [API_HOST]))[1:3]),
     "the certificate of its issuer /CN=Practice intermediate is missing"),
])
def test_an_unfit_certificate_fails_the_manifest_before_anything_is_written(system, make, text):
    running = system(clusters=1)
    uuid = uuid_of(running)
    running.certificates.put(f"{uuid}-apiserver", make())
    done = run(running, "tls-cert-rotation")
    assert done["state"] == "Failed", done
    assert re.match(f"TerminalError: certificate {uuid}-apiserver cannot be used: {text}", done["statusText"]), done
    assert writes(running) == []


def test_named_certificates_of_others_stay(system):
    running = system(clusters=1)
    theirs = {"names": ["api.customer.example"], "servingCertificate": {"name": "customer"}}
    now = running.practice.request("cluster-0", "GET", API_SERVER)[1]
    now["spec"]["servingCerts"] = {"namedCertificates": [theirs]}
    assert running.practice.request("cluster-0", "PUT", API_SERVER, now)[0] == 200
    done = run(running, "tls-cert-rotation")
    assert "API server updated (1 other named certificate kept: api.customer.example)" in done["statusText"], done
    named = running.practice.request("cluster-0", "GET", API_SERVER)[1]["spec"]["servingCerts"]["namedCertificates"]
    assert theirs in named and [API_HOST] in [entry["names"] for entry in named] and len(named) == 2


# ---- every trouble at every request ----

TRANSIENT_STATUSES = (401, 409, 429, 500, 503)
TERMINAL_STATUSES = (403, 404)
WORDS = {401: "401 unauthorized", 403: "forbidden", 404: "404 "}


def troubles():
    """(name, rule, is it transient, how the text begins)"""
    for status in (*TRANSIENT_STATUSES, *TERMINAL_STATUSES):
        yield str(status), {"status": status}, status in TRANSIENT_STATUSES, WORDS.get(status, f"{status} ")
    yield "drop", {"drop": True}, True, ""
    yield "half", {"half": True}, True, ""
    yield "garbage", {"garbage": True}, True, ""


def repetitions(name, method):
    """How often a trouble must strike to be one: conflicts of writes are settled within an attempt, and so is a kept
    connection that the server closed; a refusal is asked for again."""
    if name == "409" and method != "GET":
        return 6
    return 2 if name in ("drop", "403", "404") else 1


def requests_of(task, uuid):
    """[(method, path)] of all requests of a task's first run."""
    yield "GET", OPERATOR
    if task != "tls-cert-rotation":
        path = MDSD_SECRET if task == "mdsd-cert-rotation" else FLAGS
        yield from (("GET", path), ("PUT", path))
        return
    for collection, name in secrets_of(uuid):
        yield from (("GET", f"{collection}/{name}"), ("POST", collection))
    for path in (API_SERVER, INGRESS):
        yield from (("GET", path), ("PUT", path))


def reset(running, uuid):
    """The cluster as it was before any rotation."""
    for collection, name in secrets_of(uuid):
        running.practice.request("cluster-0", "DELETE", f"{collection}/{name}")
    for path, member in ((API_SERVER, "servingCerts"), (INGRESS, "defaultCertificate")):
        now = running.practice.request("cluster-0", "GET", path)[1]
        now["spec"].pop(member, None)
        assert running.practice.request("cluster-0", "PUT", path, now)[0] == 200
    now = running.practice.request("cluster-0", "GET", FLAGS)[1]
    now["spec"]["operatorflags"] = {}
    assert running.practice.request("cluster-0", "PUT", FLAGS, now)[0] == 200
    running.certificates.put("mdsd", Issuer().bundle("logs.practice.test"))


def expect_done(running, task, uuid):
    """The cluster is as the task is to leave it."""
    if task == "tls-cert-rotation":
        expect_rotated(running, uuid)
    elif task == "mdsd-cert-rotation":
        key, chain = split(running.certificates.text("mdsd"))
        data = data_of(running, MDSD_SECRET)
        assert (data["gcscert.pem"], data["gcskey.pem"]) == (chain, key)
    else:
        wanted = running.api("GET", f"/admin{running.cluster(0)}").expect(200)["properties"]["operatorFlags"]
        assert wanted and running.practice.request("cluster-0", "GET", FLAGS)[1]["spec"]["operatorflags"] == wanted


@pytest.mark.parametrize("task", ["operator-flags-update", "mdsd-cert-rotation", "tls-cert-rotation"])
def test_every_trouble_at_every_request_has_its_outcome_and_the_next_run_mends_it(system, build_dir, task):
    skip_with_sanitizers(build_dir, "see the same troubles in tests/unit/test_task_troubles.c")
    running = system(clusters=1, set={"actuator.retry_backoff": "0"})
    uuid = uuid_of(running)
    for method, path in requests_of(task, uuid):
        for name, rule, is_transient, words in troubles():
            if method == "GET" and "/secrets/" in path and task == "tls-cert-rotation" and name == "404":
                continue # means: make it
            where = f"{task}: {name} at {method} {path}"
            reset(running, uuid)
            running.practice.set_trouble("cluster-0", {**rule, "method": method, "path": f"^{re.escape(path)}$",
                                                       "times": repetitions(name, method)})
            done = run(running, task)
            first = done["attempts"][0]
            retried = is_transient or task == "tls-cert-rotation" and "/secrets" in path
            assert first["outcome"] == ("transient" if retried else "terminal"), (where, done)
            prefix = "TransientError: " if retried else "TerminalError: "
            assert first.get("message", done["statusText"]).startswith(prefix + words), (where, done)
            assert done["state"] == ("Completed" if retried else "Failed"), (where, done)
            running.practice.set_trouble("cluster-0")
            mended = run(running, task)
            assert mended["state"] == "Completed", (where, mended)
            expect_done(running, task, uuid)
