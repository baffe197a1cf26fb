# SPDX-License-Identifier: Apache-2.0
"""Certificates on their way from their source into a cluster, through the whole system."""

import base64
import os
import re
import subprocess

import pytest
from cryptography import x509

from mimolocal.certificates import Issuer

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
        ["kubectl", "--kubeconfig", running.directory / "practice" / "cluster-0.kubeconfig", "get", "secret",
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
