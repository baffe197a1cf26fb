# SPDX-License-Identifier: Apache-2.0
"""mimoctl registers what kubectl takes. Each case is a kubeconfig made from that of a practice cluster; kubectl says
whether it works, and what mimoctl sends to the Admin API must work with kubectl as well.

What kubectl takes and mimoctl refuses on purpose (proxies, plug-ins, passwords) is not here."""

import base64
import os
import re
import shutil
import subprocess

import pytest

from mimoctl_fixtures import CLUSTERS, R, R1
from mimoctl_fixtures import api, certificates, environment, home, mimoctl # noqa: F401 (fixtures)
from practice_fixtures import practice # noqa: F401 (fixture)

KUBECTL = os.environ.get("KUBECTL") or shutil.which("kubectl")
needs_kubectl = pytest.mark.skipif(not KUBECTL, reason="kubectl is not installed")
DEADLINE = 60


def put_after(pattern, line):
    """Adds a line, indented like the one that matches."""
    return lambda text: re.sub(rf"^( *)({pattern}.*)$", rf"\1\2\n\1{line}", text, count=1, flags=re.M)


def put_before(pattern, lines):
    return lambda text: re.sub(rf"^({pattern})", rf"{lines}\n\1", text, count=1, flags=re.M)


def change(pattern, replacement):
    return lambda text: re.sub(pattern, replacement, text, count=1, flags=re.M)


def binary(member):
    """The value of a member as !!binary: base64 of the text that it is."""
    return lambda text: re.sub(rf"({member}: )(\S+)", lambda found: found[1] + "!!binary " +
                               base64.b64encode(found[2].encode()).decode(), text, count=1)


def both(*changes):
    def apply(text):
        for one in changes:
            text = one(text)
        return text
    return apply


OTHER_CLUSTER = "- name: other\n  cluster:\n    server: https://192.0.2.1:6443\n"
CASES = {
    "as it is": lambda text: text,
    "alias of a scalar": both(change(r"certificate-authority-data: (\S+)", r"certificate-authority-data: &ca \1"),
                              put_before("users:", OTHER_CLUSTER + "    certificate-authority-data: *ca")),
    "merge key": both(change(r"^  cluster:$", "  cluster: &base"),
                      put_before("users:", "- name: other\n  cluster:\n    <<: *base\n    server: https://192.0.2.1:6443")),
    "merge key of what is used": both(
        change(r"^clusters:\n", "preferences: &flags {insecure-skip-tls-verify: false}\nclusters:\n"),
        put_after("server:", "<<: *flags")),
    "merge of a list": put_before("users:", "- name: other\n  cluster:\n    <<: [{server: a}, {server: b}]"),
    "three dashes at the end": lambda text: text + "---\n",
    "three dashes at the start": lambda text: "---\n" + text,
    "dots at the end": lambda text: text + "...\n",
    "binary CA": binary("certificate-authority-data"),
    **{f"insecure {word}": change(r"certificate-authority-data: .*", f"insecure-skip-tls-verify: {word}")
       for word in ("true", "True", "yes", "on")},
    **{f"secure {word}": put_after("server:", f"insecure-skip-tls-verify: {word}")
       for word in ("false", "No", "off", "null")},
    **{f"empty {member}": put_after("client-key-data:", f"{member}: {value}")
       for member, value in (("username", '""'), ("password", '""'), ("token", '""'), ("as", '""'), ("as-groups", "[]"),
                             ("as-user-extra", "{}"), ("tokenFile", '""'), ("client-certificate", '""'), ("exec", "null"),
                             ("as-groups", "null"))},
    "empty proxy-url": put_after("server:", 'proxy-url: ""'),
    "empty certificate-authority": put_after("server:", 'certificate-authority: ""'),
    "empty tls-server-name": put_after("server:", 'tls-server-name: ""'),
    "null in clusters": put_before("users:", "- null"),
    "null in users": change(r"^users:\n", "users:\n- null\n"),
    "another cluster with a proxy": put_before("users:", OTHER_CLUSTER + "    proxy-url: http://192.0.2.2:3128"),
    "another cluster with a file": put_before("users:", OTHER_CLUSTER + "    certificate-authority: /no/such/file"),
    "another cluster with a key twice": put_before("users:", OTHER_CLUSTER + "    server: https://192.0.2.2:6443"),
    "another cluster that is empty": put_before("users:", "- name: other\n  cluster: null"),
    "unknown members": put_before("users:", "future: {a: [1, 2.5, true]}"),
    "byte order mark": lambda text: "\ufeff" + text,
    "CRLF": lambda text: text.replace("\n", "\r\n"),
}


def works_with_kubectl(path, home):
    command = [KUBECTL, "--kubeconfig", path, "--cache-dir", home / "cache", "get", "clusteroperators", "--no-headers"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False,
                          env={**os.environ, "HOME": str(home)})
    return done.returncode == 0 and "kube-apiserver" in done.stdout


@needs_kubectl
@pytest.mark.parametrize("name", CASES)
def test_what_kubectl_takes_is_registered_and_works(mimoctl, api, practice, tmp_path, name):
    with open(practice.entries["alpha"]["kubeconfig"], encoding="utf-8") as file:
        original = file.read()
    text = CASES[name](original)
    assert name == "as it is" or text != original, "the case changes nothing"
    path = tmp_path / "kubeconfig"
    path.write_text(text, encoding="utf-8", newline="")
    assert works_with_kubectl(path, tmp_path), "kubectl does not take the case"
    register = f"PUT /admin{R1}"
    api.answer(register, CLUSTERS["value"][0], status=201)
    mimoctl("cluster", "register", f"{R}/One", "--kubeconfig", path)
    sent = tmp_path / "sent"
    sent.write_text(api.requests_of(register)[-1].body["kubeconfig"], encoding="utf-8")
    assert works_with_kubectl(sent, tmp_path)


def test_credentials_that_have_expired_are_refused_unless_forced(mimoctl, api, practice, tmp_path):
    payload = base64.urlsafe_b64encode(b'{"exp": 1600000000}').decode().rstrip("=")
    with open(practice.entries["alpha"]["kubeconfig"], encoding="utf-8") as file:
        text = re.sub(r"client-key-data: .*", "", re.sub(r"client-certificate-data: .*", f"token: e30.{payload}.c2ln",
                                                         file.read()))
    path = tmp_path / "kubeconfig"
    path.write_text(text, encoding="utf-8")
    api.answer(f"PUT /admin{R1}", CLUSTERS["value"][0], status=201)
    done = mimoctl("cluster", "register", f"{R}/One", "--kubeconfig", path, status=2)
    assert "the token expired at 2020-09-13" in done.stderr and "--force" in done.stderr
    assert api.requests == []
    mimoctl("cluster", "register", f"{R}/One", "--kubeconfig", path, "--force")
    assert len(api.requests) == 1


def expired_certificate(directory):
    """A certificate and its key in base64 of PEM, good for the year 2020 alone."""
    (directory / "index").touch()
    (directory / "serial").write_text("01\n")
    (directory / "config").write_text("[ca]\ndefault_ca = d\n[d]\ndatabase = index\nserial = serial\nnew_certs_dir = .\n"
                                      "default_md = sha256\npolicy = p\n[p]\ncommonName = supplied\n")
    for command in ("openssl req -newkey rsa:2048 -nodes -keyout key -subj /CN=old -out request",
                    "openssl ca -batch -config config -in request -out certificate -selfsign -keyfile key -notext"
                    " -startdate 20200101000000Z -enddate 20210101000000Z"):
        subprocess.run(command.split(), cwd=directory, check=True, capture_output=True)
    return [base64.b64encode((directory / name).read_bytes()).decode() for name in ("certificate", "key")]


@pytest.mark.parametrize("member", ["client-certificate-data", "certificate-authority-data"])
def test_certificates_that_have_expired_are_refused_unless_forced(mimoctl, api, practice, tmp_path, member):
    certificate, key = expired_certificate(tmp_path)
    with open(practice.entries["alpha"]["kubeconfig"], encoding="utf-8") as file:
        text = re.sub(rf"{member}: .*", f"{member}: {certificate}", file.read())
    if member.startswith("client"):
        text = re.sub(r"client-key-data: .*", f"client-key-data: {key}", text)
    path = tmp_path / "kubeconfig"
    path.write_text(text, encoding="utf-8")
    api.answer(f"PUT /admin{R1}", CLUSTERS["value"][0], status=201)
    done = mimoctl("cluster", "register", f"{R}/One", "--kubeconfig", path, status=2)
    assert f"the certificate in {member} expired at 2021-01-01" in done.stderr and "--force" in done.stderr
    assert api.requests == []
    mimoctl("cluster", "register", f"{R}/One", "--kubeconfig", path, "--force")
    assert len(api.requests) == 1
