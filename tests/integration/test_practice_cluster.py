# SPDX-License-Identifier: Apache-2.0
"""The practice cluster behaves like a Kubernetes API server."""

import base64
import http.client
import json
import signal
import socket
import ssl
import stat
import subprocess
import threading
import time

import pytest
from conftest import SLOWNESS
import yaml

from mimolocal.slowness import in_time
from practice import FOLDER, Client, PracticeClusters
from practice_fixtures import (API_SERVER, ARO_CLUSTER, CONFIG_MAPS, INGRESS, KUBE_APISERVER, MERGE, OPERATORS,
                               SECRETS, config_map, is_status, unique, version)
from practice_fixtures import admin, created, practice # noqa: F401 (fixtures)

STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


# ---- files and start ----

def test_files_are_written_and_private(practice):
    names = {path.name for path in practice.directory.iterdir()}
    assert names >= {"ca.crt", "clusters.json", "requests.jsonl", "ready", "alpha.kubeconfig", "alpha-token.kubeconfig",
                     "alpha-files.kubeconfig", "alpha-viewer.kubeconfig", "beta.kubeconfig"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in practice.directory.iterdir()} == {0o600}
    assert (practice.directory / "ready").read_text() == f"{practice.pid}\n"


def test_clusters_json_says_where_everything_is(practice):
    alpha, beta = practice.entries["alpha"], practice.entries["beta"]
    assert alpha["port"] != beta["port"]
    assert alpha["server"] == f"https://127.0.0.1:{alpha['port']}"
    assert alpha["resourceID"].endswith("/providers/microsoft.redhatopenshift/openshiftclusters/alpha")
    for key in ("kubeconfig", "tokenKubeconfig", "filesKubeconfig", "viewerKubeconfig"):
        config = yaml.safe_load(open(alpha[key], encoding="utf-8"))
        assert config["clusters"][0]["cluster"]["server"] == alpha["server"]
        assert config["current-context"] == "alpha"


def test_embedded_client_certificate_is_the_one_in_the_files(practice):
    config = yaml.safe_load(open(practice.entries["alpha"]["kubeconfig"], encoding="utf-8"))
    data = config["users"][0]["user"]["client-certificate-data"]
    assert base64.b64decode(data) == (practice.directory / "alpha-client.crt").read_bytes()


@pytest.mark.parametrize("arguments, said", [
    (["--clusters", "0"], "--clusters"), (["--name", "No Name"], "--name"), (["--name", "a", "--name", "a"], "--name"),
    (["--name", "a", "--name", "a-token"], "--name"), (["--listen", "nowhere"], "--listen"),
    (["--port", "x"], "--port"),
    (["--port", "65535", "--clusters", "2"], "--port"), (["--server-certificate", "odd"], "--server-certificate"),
    (["--unknown"], "--unknown")])
def test_bad_arguments_give_one_clear_line(tmp_path, arguments, said):
    done = subprocess.run([FOLDER / "practice-cluster", "--directory", tmp_path / "d", *arguments], timeout=20,
                          capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1 and said in done.stderr, done.stderr


def test_a_port_in_use_and_a_directory_in_use_are_refused(practice, tmp_path):
    port = str(practice.entries["alpha"]["port"])
    for arguments, said in ((["--directory", tmp_path, "--port", port], "cannot listen"),
                            (["--directory", practice.directory], "another practice-cluster")):
        done = subprocess.run([FOLDER / "practice-cluster", *arguments], capture_output=True, text=True, timeout=20,
                              check=False)
        assert done.returncode != 0 and said in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
    assert (practice.directory / "ready").exists()


def test_certificates_tokens_and_ports_survive_a_restart_but_objects_do_not(tmp_path):
    kept = ("ca.crt", "cluster-0-client.crt", "cluster-0-client.key", "cluster-0-admin.token", "cluster-0.kubeconfig")
    with PracticeClusters(tmp_path) as first:
        before = {name: (tmp_path / name).read_bytes() for name in kept}
        assert first.admin("cluster-0").request("POST", CONFIG_MAPS, config_map("gone")).status == 201
        assert first.stop(signal.SIGTERM) == 0
        assert not (tmp_path / "ready").exists()
    with PracticeClusters(tmp_path) as second:
        assert {name: (tmp_path / name).read_bytes() for name in kept} == before
        assert second.admin("cluster-0").get(f"{CONFIG_MAPS}/gone").status == 404
        assert second.stop(signal.SIGINT) == 0


@pytest.mark.parametrize("fault, words", [("expired", "expired"), ("wrong-name", "mismatch"),
                                          ("other-ca", "unable to get local issuer")])
def test_a_wrong_server_certificate_is_wrong_in_the_chosen_way_only(tmp_path, fault, words):
    with PracticeClusters(tmp_path, "--server-certificate", fault) as clusters:
        with pytest.raises(ssl.SSLCertVerificationError, match=words):
            clusters.admin("cluster-0").get("/readyz")
        assert clusters.admin("cluster-0", verify=False).get("/readyz").status == 200


def test_the_server_certificate_has_the_name_of_its_cluster(practice):
    context = ssl.create_default_context(cafile=practice.directory / "ca.crt")
    with socket.create_connection(("127.0.0.1", practice.entries["beta"]["port"]), timeout=10 * SLOWNESS) as plain:
        with context.wrap_socket(plain, server_hostname="api.beta.practice.test") as connection:
            names = {value for _, value in connection.getpeercert()["subjectAltName"]}
    assert names >= {"127.0.0.1", "localhost", "api.beta.practice.test"}


# ---- who may do what ----

def test_without_credentials_only_health_and_version_answer(practice, admin):
    anonymous = practice.anonymous("alpha")
    assert anonymous.get("/readyz").body == b"ok"
    assert anonymous.get("/version").json["gitVersion"].startswith("v1.")
    for path in (KUBE_APISERVER, "/apis", "/practice/trouble", "/practice/requests"):
        is_status(anonymous.get(path), 401, "Unauthorized", "Unauthorized")


def test_an_unknown_token_is_refused_everywhere(practice):
    stranger = Client(practice.entries["alpha"], token="unknown")
    for path in ("/version", KUBE_APISERVER, "/practice/trouble"):
        is_status(stranger.get(path), 401, "Unauthorized")


def test_credentials_of_one_cluster_do_not_open_another(practice):
    assert practice.with_certificate("alpha").get(KUBE_APISERVER).status == 200
    is_status(practice.with_certificate("beta", owner="alpha").get(KUBE_APISERVER), 401, "Unauthorized")
    is_status(Client(practice.entries["beta"], token=practice.token("alpha")).get(KUBE_APISERVER), 401, "Unauthorized")


def test_a_client_certificate_of_another_authority_ends_the_connection(practice, admin, tmp_path):
    with PracticeClusters(tmp_path, "--name", "alpha"):
        pair = (tmp_path / "alpha-client.crt", tmp_path / "alpha-client.key")
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
            Client(practice.entries["alpha"], certificate=pair).get(KUBE_APISERVER)
    assert "TLS handshake" in admin.log()[-1]["error"]


@pytest.mark.parametrize("method, verb", [("PUT", "update"), ("PATCH", "patch"), ("DELETE", "delete")])
def test_a_viewer_reads_but_does_not_write(practice, admin, method, verb):
    viewer = practice.viewer("alpha")
    assert viewer.get(f"{SECRETS}/cluster").status == 200
    status = is_status(viewer.request(method, f"{SECRETS}/cluster", {}, MERGE), 403, "Forbidden")
    assert status["message"] == (f'secrets "cluster" is forbidden: User "viewer" cannot {verb} resource "secrets" in '
                                 'API group "" in the namespace "openshift-azure-operator"')
    assert status["details"] == {"name": "cluster", "kind": "secrets"}
    is_status(viewer.request(method, ARO_CLUSTER, {}, MERGE), 403, "Forbidden", "at the cluster scope")
    assert admin.get(f"{SECRETS}/cluster").status == 200


def test_the_control_path_needs_the_admin(practice):
    is_status(practice.viewer("alpha").get("/practice/trouble"), 403, "Forbidden")
    is_status(practice.viewer("alpha").request("PUT", "/practice/trouble", []), 403, "Forbidden")


# ---- resources ----

def test_a_fresh_cluster_has_what_maintenance_needs(admin):
    conditions = {entry["type"]: entry["status"] for entry in admin.get(KUBE_APISERVER).json["status"]["conditions"]}
    assert conditions["Available"] == "True" and conditions["Degraded"] == conditions["Progressing"] == "False"
    assert {"gcscert.pem", "gcskey.pem"} < set(admin.get(f"{SECRETS}/cluster").json["data"])
    assert admin.get(ARO_CLUSTER).json["spec"]["operatorflags"]["aro.dnsmasq.enabled"] == "true"
    assert admin.get(API_SERVER).status == admin.get(INGRESS).status == 200


def test_what_is_missing_is_404_with_details(admin):
    status = is_status(admin.get(f"{SECRETS}/nothing"), 404, "NotFound", 'secrets "nothing" not found')
    assert status["details"] == {"name": "nothing", "kind": "secrets"}
    status = is_status(admin.get(f"{OPERATORS}/nothing"), 404, "NotFound",
                       'clusteroperators.config.openshift.io "nothing" not found')
    assert status["details"] == {"name": "nothing", "group": "config.openshift.io", "kind": "clusteroperators"}
    is_status(admin.get("/apis/config.openshift.io/v1/nothings/x"), 404, "NotFound", "could not find the requested")
    is_status(admin.request("POST", "/api/v1/namespaces/nowhere/configmaps", config_map("x")), 404, "NotFound",
              'namespaces "nowhere" not found')


def test_create_sets_metadata_and_refuses_a_second_time(admin, created):
    path, obj = created
    assert obj["metadata"]["namespace"] == "openshift-config"
    assert obj["metadata"]["uid"] and obj["metadata"]["creationTimestamp"].endswith("Z") and int(version(obj)) > 0
    assert admin.get(path).json == obj
    name = obj["metadata"]["name"]
    is_status(admin.request("POST", CONFIG_MAPS, config_map(name)), 409, "AlreadyExists",
              f'configmaps "{name}" already exists')


def test_put_with_a_stale_version_conflicts_and_changes_nothing(admin, created):
    path, obj = created
    newer = admin.request("PUT", path, dict(obj, data={"a": "2"})).json
    assert int(version(newer)) > int(version(obj)) and newer["metadata"]["uid"] == obj["metadata"]["uid"]
    status = is_status(admin.request("PUT", path, dict(obj, data={"a": "3"})), 409, "Conflict")
    name = obj["metadata"]["name"]
    assert status["message"] == (f'Operation cannot be fulfilled on configmaps "{name}": the object has been modified; '
                                 "please apply your changes to the latest version and try again")
    assert admin.get(path).json == newer


def test_put_without_a_version_works_for_core_kinds_only(admin, created):
    path, obj = created
    del obj["metadata"]["resourceVersion"]
    assert admin.request("PUT", path, dict(obj, data={"b": "2"})).json["data"] == {"b": "2"}
    custom = admin.get(ARO_CLUSTER).json
    del custom["metadata"]["resourceVersion"]
    is_status(admin.request("PUT", ARO_CLUSTER, custom), 422, "Invalid", "must be specified for an update")


def test_a_write_that_changes_nothing_keeps_the_version(admin, created):
    path, obj = created
    assert version(admin.request("PUT", path, obj).json) == version(obj)
    assert version(admin.request("PATCH", path, {"data": {"a": "1"}}, MERGE).json) == version(obj)
    assert [record["changed"] for record in admin.log() if record["method"] in ("PUT", "PATCH")] == [False, False]


def test_of_many_writers_with_one_version_exactly_one_wins(admin, created):
    path, obj = created
    results = []

    def write(number):
        results.append(admin.request("PUT", path, dict(obj, data={"winner": str(number)})).status)
    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(results) == [200] + [409] * 7


def test_generation_counts_changes_of_the_spec_and_status_has_its_own_path(admin):
    path = f"{OPERATORS}/storage"
    old = admin.get(path).json
    ignored = admin.request("PATCH", path, {"status": {"versions": []}}, MERGE).json
    assert ignored == old
    new = admin.request("PATCH", f"{path}/status", {"status": {"versions": []}, "spec": {"x": "y"}}, MERGE).json
    assert new["status"]["versions"] == [] and new["spec"] == old["spec"]
    assert new["metadata"]["generation"] == old["metadata"]["generation"]
    changed = admin.request("PATCH", path, {"spec": {"x": "y"}}, MERGE).json
    assert changed["metadata"]["generation"] == old["metadata"]["generation"] + 1


def test_patch_types(admin, created):
    path, obj = created
    assert admin.request("PATCH", path, {"data": {"a": None, "b": "2"}}, MERGE).json["data"] == {"b": "2"}
    assert admin.request("PATCH", path, {"data": {"c": "3"}}, STRATEGIC).json["data"] == {"b": "2", "c": "3"}
    replaced = {"data": {"$patch": "replace", "d": "4"}}
    assert admin.request("PATCH", path, replaced, STRATEGIC).json["data"] == {"d": "4"}
    operations = [{"op": "test", "path": "/data/d", "value": "4"}, {"op": "move", "from": "/data/d", "path": "/data/e"},
                  {"op": "add", "path": "/data/f", "value": "6"}, {"op": "copy", "from": "/data/f", "path": "/data/g"},
                  {"op": "replace", "path": "/data/g", "value": "7"}, {"op": "remove", "path": "/data/f"}]
    assert admin.request("PATCH", path, operations, JSON_PATCH).json["data"] == {"e": "4", "g": "7"}
    failing = [{"op": "test", "path": "/data/e", "value": "no"}]
    is_status(admin.request("PATCH", path, failing, JSON_PATCH), 422, "Invalid", "rejected our request")
    is_status(admin.request("PATCH", path, [{"op": "remove", "path": "/data/x"}], JSON_PATCH), 422, "Invalid")
    is_status(admin.request("PATCH", path, {"metadata": {"resourceVersion": "1"}}, MERGE), 409, "Conflict")
    is_status(admin.request("PATCH", path, {}, "application/json"), 415, "UnsupportedMediaType")
    is_status(admin.request("PATCH", ARO_CLUSTER, {}, STRATEGIC), 415, "UnsupportedMediaType")


def test_server_side_apply_creates_owns_and_conflicts(admin):
    path = f"{CONFIG_MAPS}/{next(unique)}"

    def apply(data, manager, query=""):
        body = yaml.dump({"apiVersion": "v1", "kind": "ConfigMap", "data": data}).encode()
        return admin.request("PATCH", f"{path}?fieldManager={manager}{query}", body, APPLY)
    assert apply({"a": "1", "b": "2"}, "one").status == 201
    assert apply({"c": "3"}, "two").json["data"] == {"a": "1", "b": "2", "c": "3"}
    is_status(apply({"a": "9"}, "two"), 409, "Conflict", 'conflict with "one": .data.a')
    assert apply({"a": "9", "c": "3"}, "two", "&force=true").json["data"] == {"a": "9", "b": "2", "c": "3"}
    assert apply({"a": "9"}, "one").json["data"] == {"a": "9", "c": "3"}
    is_status(admin.request("PATCH", path, b"{}", APPLY), 422, "Invalid", "fieldManager")


def test_dry_run_changes_nothing(admin, created):
    path, obj = created
    assert admin.request("PUT", f"{path}?dryRun=All", dict(obj, data={"x": "y"})).json["data"] == {"x": "y"}
    assert admin.request("DELETE", f"{path}?dryRun=All").status == 200
    assert admin.get(path).json == obj


@pytest.mark.parametrize("change, code, text", [
    ({"data": {"k": "not base64!"}}, 400, "illegal base64"),
    ({"data": {"k": 7}}, 400, "cannot unmarshal integer into field data.k of type string"),
    ({"type": "kubernetes.io/tls", "data": {"tls.crt": "YQ=="}}, 422, "data[tls.key]: Required value"),
    ({"metadata": {"name": "Wrong_Name"}}, 422, "RFC 1123"),
    ({"metadata": {"name": "x", "namespace": "default"}}, 400, "does not match the namespace sent on the request"),
    ({"kind": "ConfigMap"}, 400, "does not match the expected kind (Secret)")])
def test_invalid_secrets_are_refused(admin, change, code, text):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "wrong"}, **change}
    answer = admin.request("POST", SECRETS, secret)
    assert answer.status == code and text in answer.json["message"]
    assert admin.get(f"{SECRETS}/wrong").status == 404


def test_the_type_of_a_secret_cannot_change_and_plain_data_is_encoded(admin):
    name = next(unique)
    secret = {"metadata": {"name": name}, "stringData": {"k": "plain"}}
    assert admin.request("POST", SECRETS, secret).json["data"] == {"k": base64.b64encode(b"plain").decode()}
    patch = {"type": "practice/other"}
    is_status(admin.request("PATCH", f"{SECRETS}/{name}", patch, MERGE), 422, "Invalid", "field is immutable")


def test_operator_flags_are_texts(admin):
    patch = {"spec": {"operatorflags": {"aro.dnsmasq.enabled": False}}}
    is_status(admin.request("PATCH", ARO_CLUSTER, patch, MERGE), 422, "Invalid", "must be of type string")


def test_selectors(admin):
    label = next(unique)
    for value in ("x", "y"):
        admin.request("POST", CONFIG_MAPS, config_map(f"{label}-{value}", labels={label: value}))

    def names(query):
        return [obj["metadata"]["name"][-1] for obj in admin.get(f"/api/v1/configmaps?{query}").json["items"]]
    assert names(f"labelSelector={label}") == ["x", "y"]
    assert names(f"labelSelector={label}=x") == names(f"labelSelector={label},{label}!=y") == ["x"]
    assert names(f"labelSelector={label}%20in%20(y,z)") == ["y"]
    assert names(f"fieldSelector=metadata.name={label}-y") == ["y"]
    is_status(admin.get("/api/v1/configmaps?fieldSelector=data.x=y"), 400, "BadRequest", "not a known field selector")


def test_delete_honours_preconditions_and_finalizers(admin, created):
    path, obj = created
    stale = {"preconditions": {"resourceVersion": "1"}}
    is_status(admin.request("DELETE", path, stale), 409, "Conflict", "Precondition failed")
    admin.request("PATCH", path, {"metadata": {"finalizers": ["practice.test/hold"]}}, MERGE)
    assert admin.request("DELETE", path).json["metadata"]["deletionTimestamp"]
    assert admin.get(path).status == 200
    admin.request("PATCH", path, {"metadata": {"finalizers": None}}, MERGE)
    assert admin.get(path).status == 404


def test_deleting_a_namespace_takes_its_objects_along(admin):
    name = next(unique)
    admin.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    admin.request("POST", f"/api/v1/namespaces/{name}/configmaps", config_map("inside"))
    answer = admin.request("DELETE", f"/api/v1/namespaces/{name}").json
    assert (answer["status"], answer["details"]["name"]) == ("Success", name)
    assert admin.get(f"/api/v1/namespaces/{name}/configmaps/inside").status == 404


def test_discovery_names_every_kind(admin):
    groups = {group["name"] for group in admin.get("/apis").json["groups"]}
    assert groups == {"aro.openshift.io", "config.openshift.io", "operator.openshift.io"}
    names = {entry["name"] for entry in admin.get("/api/v1").json["resources"]}
    assert names >= {"namespaces", "secrets", "configmaps"}
    names = {entry["name"] for entry in admin.get("/apis/config.openshift.io/v1").json["resources"]}
    assert names >= {"clusteroperators", "clusteroperators/status", "apiservers", "clusterversions"}
    assert "api/v1" in admin.get("/openapi/v3").json["paths"]


def test_tables_have_the_columns_of_the_kind(admin):
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
    table = admin.get(OPERATORS, headers=accept).json
    assert [column["name"] for column in table["columnDefinitions"]] == [
        "Name", "Version", "Available", "Progressing", "Degraded", "Since", "Message"]
    row = next(row["cells"] for row in table["rows"] if row["cells"][0] == "kube-apiserver")
    assert row[2:5] == ["True", "False", "False"]


def test_a_watch_tells_of_changes_as_they_happen(admin):
    start = version(admin.get(CONFIG_MAPS).json)
    connection = admin.connect()
    connection.request("GET", f"{CONFIG_MAPS}?watch=true&resourceVersion={start}", headers=admin._headers)
    events = connection.getresponse()
    path = f"{CONFIG_MAPS}/{next(unique)}"
    admin.request("POST", CONFIG_MAPS, config_map(path.rsplit("/", 1)[1]))
    admin.request("PATCH", path, {"data": {"x": "y"}}, MERGE)
    admin.request("DELETE", path)
    seen = [json.loads(events.readline()) for _ in range(3)]
    assert [event["type"] for event in seen] == ["ADDED", "MODIFIED", "DELETED"]
    assert {event["object"]["metadata"]["name"] for event in seen} == {path.rsplit("/", 1)[1]}
    connection.close()


def test_a_watch_ends_after_its_time_and_when_it_comes_too_late(admin):
    answer = admin.get("/api/v1/namespaces?watch=1&timeoutSeconds=0.2").body.splitlines()
    assert len(answer) >= 6 and json.loads(answer[0])["type"] == "ADDED"
    event = json.loads(admin.get("/api/v1/namespaces?watch=1&resourceVersion=1").body)
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)


# ---- HTTP ----

def test_one_connection_carries_many_requests(admin):
    connection = admin.connect()
    for _ in range(3):
        assert admin.get("/readyz", connection=connection).status == 200
    connection.close()
    assert len({record["connection"] for record in admin.log()}) == 1 and len(admin.log()) == 3


def test_a_chunked_body_is_understood_and_a_huge_one_refused(admin):
    connection = admin.connect()
    body = json.dumps(config_map(next(unique))).encode()
    connection.request("POST", CONFIG_MAPS, iter([body[:10], body[10:]]), admin._headers, encode_chunked=True)
    assert connection.getresponse().status == 201
    connection.close()
    connection = admin.connect()
    connection.putrequest("POST", CONFIG_MAPS)
    connection.putheader("Content-Length", str(4 * 1024 * 1024))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'"text"', b"\xff\xfe", b"[" * 100000])
def test_bodies_that_are_no_object_are_bad_requests(admin, body):
    is_status(admin.request("POST", CONFIG_MAPS, body), 400, "BadRequest")


def test_a_handshake_that_stalls_keeps_nobody_waiting(practice, admin):
    silent = [socket.create_connection(("127.0.0.1", practice.entries["alpha"]["port"])) for _ in range(5)]
    assert admin.get("/readyz").status == 200
    for connection in silent:
        connection.close()


def test_a_silent_connection_does_not_delay_the_end(tmp_path):
    with PracticeClusters(tmp_path) as clusters:
        admin = clusters.admin("cluster-0")
        watching = admin.connect()
        watching.request("GET", "/api/v1/namespaces?watch=1", headers=admin._headers)
        assert watching.getresponse().status == 200
        before = time.monotonic()
        assert clusters.stop() == 0
        assert in_time(time.monotonic() - before, 5)
        watching.close()


def test_an_idle_server_does_nothing(practice, admin):
    """Nothing wakes its main thread. That nothing happens shows only in time which passes."""
    assert admin.get("/readyz").status == 200

    def switches():
        lines = open(f"/proc/{practice.pid}/status", encoding="utf-8").read().splitlines()
        return [line for line in lines if line.startswith("voluntary_ctxt_switches")]
    began = time.monotonic()
    while True:
        before = switches()
        time.sleep(0.7)
        if switches() == before:
            return
        assert in_time(time.monotonic() - began, 10), "the server wakes up again and again"


def test_clusters_are_separate(practice, admin):
    beta = practice.admin("beta")
    before = version(beta.get(ARO_CLUSTER).json)
    admin.request("PATCH", ARO_CLUSTER, {"spec": {"operatorflags": {"only.alpha": "true"}}}, MERGE)
    assert version(beta.get(ARO_CLUSTER).json) == before
    admin.trouble({"status": 500})
    assert beta.get("/readyz").status == 200 and admin.get("/readyz").status == 500
    assert all(record["cluster"] == "beta" for record in beta.log())


# ---- request log ----

def test_the_log_says_who_did_what(practice, admin, created):
    path, obj = created
    newer = practice.with_certificate("alpha").request("PUT", f"{path}?fieldManager=me", dict(obj, data={"n": "1"}),
                                                       headers={"User-Agent": "mimo/1"}).json
    record = admin.log()[-1]
    expected = {"cluster": "alpha", "method": "PUT", "path": path, "query": {"fieldManager": "me"}, "user": "mimo",
                "userAgent": "mimo/1", "status": 200, "resourceVersionBefore": version(obj), "write": True,
                "resourceVersionAfter": version(newer), "changed": True, "trouble": None, "error": None}
    assert {key: record[key] for key in expected} == expected
    lines = (practice.directory / "requests.jsonl").read_text().splitlines()
    assert json.loads(lines[-1]) == record


def test_the_log_can_be_read_on_and_cleared(practice, admin):
    admin.get("/readyz")
    last = admin.log()[-1]["number"]
    practice.viewer("alpha").get(KUBE_APISERVER)
    records = admin.log(since=last)
    assert [(record["path"], record["user"]) for record in records] == [(KUBE_APISERVER, "viewer")]
    admin.request("DELETE", "/practice/requests")
    assert admin.log() == []
