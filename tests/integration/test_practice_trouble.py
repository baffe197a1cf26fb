# SPDX-License-Identifier: Apache-2.0
"""The practice cluster fails when and how it is told to, and only then."""

import base64
import http.client
import json
import os
import socket
import ssl
import subprocess
import time

import pytest

from mimolocal.slowness import in_time
from conftest import SLOWNESS
from practice import FOLDER
from practice_fixtures import (ARO_CLUSTER, KUBE_APISERVER, MERGE, OPERATORS, SECRETS, is_status, version)
from practice_fixtures import admin, created, practice # noqa: F401 (fixtures)


def test_a_rule_strikes_as_often_as_told_and_counts(admin):
    admin.trouble({"method": "get", "path": "clusteroperators", "after": 1, "times": 2, "status": 503,
                   "headers": {"Retry-After": "7"}})
    answers = [admin.get(KUBE_APISERVER) for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 503, 503, 200]
    assert is_status(answers[1], 503, "ServiceUnavailable") and answers[1].headers["Retry-After"] == "7"
    assert admin.get("/readyz").status == 200
    rule = admin.get("/practice/trouble").json[0]
    assert (rule["matched"], rule["applied"]) == (4, 2)
    assert [record["trouble"] is not None for record in admin.log()][:4] == [False, True, True, False]


def test_reason_and_message_can_be_chosen(admin):
    admin.trouble({"status": 409, "reason": "Conflict", "message": "as you like it"})
    is_status(admin.get(KUBE_APISERVER), 409, "Conflict", "as you like it")


def test_a_refused_write_did_not_happen_unless_it_was_to_be_carried_out(admin, created):
    path, obj = created
    admin.trouble({"method": "PUT", "status": 500, "times": 1}, {"method": "PUT", "status": 500, "carryOut": True})
    assert admin.request("PUT", path, dict(obj, data={"x": "1"})).status == 500
    assert admin.get(path).json == obj
    assert admin.request("PUT", path, dict(obj, data={"x": "2"})).status == 500
    assert admin.get(path).json["data"] == {"x": "2"}
    assert [record["changed"] for record in admin.log() if record["method"] == "PUT"] == [False, True]


def test_rules_can_look_at_the_body(admin, created):
    path, obj = created
    admin.trouble({"body": "operatorflags", "status": 503})
    assert admin.request("PUT", path, obj).status == 200
    assert admin.request("PATCH", ARO_CLUSTER, {"spec": {"operatorflags": {"x": "y"}}}, MERGE).status == 503


@pytest.mark.parametrize("rule, error", [({"drop": True}, http.client.RemoteDisconnected),
                                         ({"half": True}, http.client.IncompleteRead),
                                         ({"noHttp": True}, http.client.BadStatusLine)])
def test_trouble_on_the_wire(admin, rule, error):
    admin.trouble(dict(rule, times=1))
    with pytest.raises(error):
        admin.get(KUBE_APISERVER)
    assert admin.get(KUBE_APISERVER).status == 200
    assert [bool(record["trouble"]) for record in admin.log()] == [True, False]


@pytest.mark.parametrize("rule, is_reset", [({"drop": True}, False), ({"reset": True}, True)])
def test_a_connection_is_dropped_or_reset(admin, rule, is_reset):
    """Seen below TLS: the TLS client reports both as the same end of file."""
    admin.trouble(rule)
    connection = admin.connect()
    connection.request("GET", "/readyz")
    with socket.socket(fileno=os.dup(connection.sock.fileno())) as below:
        below.settimeout(10 * SLOWNESS)
        try:
            while below.recv(65536):
                pass
            ended_by_reset = False
        except ConnectionResetError:
            ended_by_reset = True
    connection.close()
    assert ended_by_reset == is_reset


def test_a_dropped_write_can_have_happened(admin, created):
    path, obj = created
    admin.trouble({"method": "PUT", "drop": True, "carryOut": True})
    with pytest.raises(http.client.RemoteDisconnected):
        admin.request("PUT", path, dict(obj, data={"lost": "answer"}))
    assert admin.get(path).json["data"] == {"lost": "answer"}
    record = next(record for record in admin.log() if record["method"] == "PUT")
    assert (record["status"], record["changed"]) == (0, True)


def test_delay(admin):
    admin.trouble({"path": "readyz", "delayMs": 300})
    before = time.monotonic()
    assert admin.get("/readyz").status == 200
    assert time.monotonic() - before >= 0.3


def test_who_does_not_wait_leaves_no_write_behind(admin, created):
    path, obj = created
    admin.trouble({"method": "PUT", "delayMs": 60000})
    connection = admin.connect()
    connection.request("PUT", path, json.dumps(dict(obj, data={"late": "1"})), admin._headers)
    began = time.monotonic()
    while admin.get("/practice/trouble").json[0]["applied"] == 0:
        assert in_time(time.monotonic() - began, 10)
    connection.sock.shutdown(socket.SHUT_RDWR)
    connection.close()
    while not any(record["error"] for record in admin.log()):
        assert in_time(time.monotonic() - began, 10)
    assert admin.get(path).json == obj


def test_slow_bytes(admin):
    admin.trouble({"path": "readyz", "slowBytesMs": 2})
    before = time.monotonic()
    assert admin.get("/readyz").body == b"ok"
    assert time.monotonic() - before >= 0.15


def test_garbage(admin):
    admin.trouble({"garbage": True})
    answer = admin.get(KUBE_APISERVER)
    assert answer.status == 200
    with pytest.raises(ValueError):
        answer.json


@pytest.mark.parametrize("body", [b"", b'{"kind": "Pod"}', b"\xff\xfe", b"[" * 100])
def test_any_bytes_can_be_an_answer(admin, body):
    admin.trouble({"answerBase64": base64.b64encode(body).decode(), "times": 2}, {"status": 503})
    assert (admin.get("/version").status, admin.get("/version").body) == (200, body)
    assert admin.get("/version").status == 503
    admin.trouble({"answerBase64": base64.b64encode(body).decode(), "status": 201})
    assert (admin.get("/version").status, admin.get("/version").body) == (201, body)


@pytest.mark.parametrize("fault, words", [("expired", "expired"), ("wrong-name", "mismatch"),
                                          ("other-ca", "unable to get local issuer")])
def test_a_wrong_certificate_is_shown_to_the_next_connection_alone(admin, fault, words):
    admin.trouble({"certificate": fault, "times": 1})
    with pytest.raises(http.client.RemoteDisconnected):
        admin.get("/version")
    with pytest.raises(ssl.SSLCertVerificationError, match=words):
        admin.get("/version")
    assert admin.get("/version").status == 200


@pytest.mark.parametrize("chunked", [False, True])
def test_huge_answers_are_still_right(admin, chunked):
    size = 9 * 1024 * 1024
    admin.trouble({"hugeBytes": size, "chunked": chunked})
    answer = admin.get(KUBE_APISERVER)
    assert len(answer.body) == size and answer.json["metadata"]["name"] == "kube-apiserver"
    assert ("Content-Length" in answer.headers) != chunked


def test_redirect(admin):
    admin.trouble({"redirect": "https://elsewhere.test/"})
    answer = admin.get(KUBE_APISERVER)
    assert (answer.status, answer.headers["Location"]) == (307, "https://elsewhere.test/")


def test_interference_makes_an_honest_conflict(admin, created):
    path, obj = created
    admin.trouble({"method": "PUT", "interfere": True, "times": 1})
    is_status(admin.request("PUT", path, dict(obj, data={"x": "1"})), 409, "Conflict", "object has been modified")
    fresh = admin.get(path).json
    assert version(fresh) != version(obj)
    assert admin.request("PUT", path, dict(fresh, data={"x": "1"})).status == 200


@pytest.mark.parametrize("rules, said", [
    ([{"status": 503, "wrong": 1}], "wrong"), ([{"path": "(", "drop": True}], "regular expression"),
    ([{"status": "503"}], "status"), ([{"status": 5000}], "status"), ([{"path": "x"}], "does nothing"),
    ([{"delayMs": -1}], "delayMs"), ([{"certificate": "valid"}], "certificate"), ([{"answerBase64": "*"}], "answerBase64"), ("x", "list"), ([1], "rule 1")])
def test_rules_that_make_no_sense_are_refused_and_the_old_ones_stay(admin, rules, said):
    admin.trouble({"path": "never", "status": 500})
    is_status(admin.request("PUT", "/practice/trouble", rules), 400, "BadRequest", said)
    assert [rule["path"] for rule in admin.get("/practice/trouble").json] == ["never"]


def test_cluster_operators_can_be_made_ill(admin):
    ill = [{"type": "Available", "status": "False", "reason": "Broken", "message": "etcd is down"}]
    assert admin.request("PUT", "/practice/clusteroperator/dns", ill).status == 200
    conditions = {entry["type"]: entry for entry in admin.get(f"{OPERATORS}/dns").json["status"]["conditions"]}
    assert conditions["Available"]["status"] == "False" and conditions["Available"]["message"] == "etcd is down"
    assert conditions["Degraded"]["status"] == "False"
    is_status(admin.request("PUT", "/practice/clusteroperator/dns", [{"type": "X", "status": "no"}]), 400, "BadRequest")
    assert admin.request("PUT", "/practice/clusteroperator/fresh", ill).status == 200
    assert admin.get(f"{OPERATORS}/fresh").status == 200


def test_the_command_practice_trouble(practice, admin):
    def run(*arguments, fails=False):
        done = subprocess.run([FOLDER / "practice-trouble", practice.directory, *arguments], capture_output=True,
                              text=True, timeout=20, check=False)
        assert (done.returncode != 0) == fails, done.stderr
        return done.stderr if fails else done.stdout
    assert "503" in run("alpha", "set", "--path", "/secrets/", "--status", "503", "--times", "1",
                        "--header", "Retry-After: 3")
    answer = admin.get(f"{SECRETS}/cluster")
    assert answer.status == 503 and answer.headers["Retry-After"] == "3"
    assert "applied 1" in run("alpha", "list")
    assert "delayMs" in run("alpha", "add", "--delay-ms", "1")
    assert "no rules" in run("alpha", "clear")
    assert f"503 {SECRETS}/cluster" in run("alpha", "requests")
    run("alpha", "operator", "console", "Degraded=True", "--message", "ill")
    assert '"ill"' in admin.get(f"{OPERATORS}/console").body.decode()
    assert len(run("alpha", "set", "--path", "(", "--drop", fails=True).splitlines()) == 1
    assert "nowhere" in run("nowhere", "list", fails=True)
