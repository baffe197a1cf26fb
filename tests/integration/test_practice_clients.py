# SPDX-License-Identifier: Apache-2.0
"""Lists and watches of the practice cluster as client libraries use them: in pieces, with bookmarks; and with two official
client libraries: that for Python (Debian's python3-kubernetes), which writes booleans as Python does, and that for Node.js,
which `./bootstrap check` installs into build/clients with `npm ci`, by tests/clients/package-lock.json."""

import json
import os
import subprocess
import sys

import pytest

from conftest import TOP
from practice_fixtures import CONFIG_MAPS, KUBE_APISERVER, OPERATORS, admin, config_map, practice, unique, version # noqa: F401

sys.path.insert(0, str(TOP / "contrib" / "practice-cluster"))
from practicecluster import kinds, paging, status, store # noqa: E402

MERGE = "application/merge-patch+json"


@pytest.mark.parametrize("word, is_watch", [("true", True), ("True", True), ("1", True), ("t", True), ("", True),
                                            ("false", False), ("False", False), ("0", False)])
def test_watch_takes_every_word_for_true(admin, word, is_watch): # noqa: F811
    body = admin.get(f"/api/v1/namespaces?watch={word}&timeoutSeconds=0.1").body
    assert ("NamespaceList" not in body.decode()) == is_watch


def names(document):
    return [item["metadata"]["name"] for item in document["items"]]


def test_a_list_in_pieces_shows_the_collection_as_it_was_at_the_first(admin): # noqa: F811
    whole = admin.get(OPERATORS).json
    first = admin.get(f"{OPERATORS}?limit=2").json
    assert first["metadata"]["remainingItemCount"] == len(whole["items"]) - 2
    admin.request("PATCH", KUBE_APISERVER, {"metadata": {"labels": {"changed": "meanwhile"}}}, MERGE)
    found, piece = [*first["items"]], first
    while "continue" in piece["metadata"]:
        piece = admin.get(f"{OPERATORS}?limit=2&continue={piece['metadata']['continue']}").json
        assert version(piece) == version(first)
        found += piece["items"]
    assert found == whole["items"]


def test_a_token_that_is_too_old_is_410_and_one_that_was_made_up_400(admin): # noqa: F811
    objects = store.Store()
    for number in range(2):
        objects.put(kinds.CONFIG_MAP, config_map(f"map-{number}", namespace="default"))
    request = type("Request", (), {"option": lambda self, name: self.options.get(name, "")})()
    request.options = {"limit": "1"}
    target = type("Target", (), {"kind": kinds.CONFIG_MAP, "namespace": "default"})
    token = paging.page(objects, request, target, lambda obj: True).metadata["continue"]
    for _ in range(store.HISTORY_LENGTH + 1):
        objects.put(kinds.CONFIG_MAP, config_map("map-0", namespace="default"))
    request.options["continue"] = token
    with pytest.raises(status.ApiError) as caught:
        paging.page(objects, request, target, lambda obj: True)
    assert caught.value.code == 410 and caught.value.reason == "Expired"
    assert admin.get(f"{OPERATORS}?limit=1&continue=bm9uc2Vuc2U=").status == 400


def events(answer):
    return [json.loads(line) for line in answer.body.splitlines()]


def test_initial_events_end_with_a_bookmark(admin): # noqa: F811
    query = "watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=0.1"
    told = events(admin.get(f"{OPERATORS}?{query}"))
    count = len(admin.get(OPERATORS).json["items"])
    assert [event["type"] for event in told] == ["ADDED"] * count + ["BOOKMARK"] * 2 # the last one ends the watch
    assert told[count]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert told[count]["object"]["kind"] == "ClusterOperator"
    assert admin.get(f"{OPERATORS}?watch=1&sendInitialEvents=true").status == 422


def managers(obj):
    return {entry["manager"]: (entry["operation"], entry["fieldsV1"]) for entry in obj["metadata"]["managedFields"]}


def test_managed_fields_tell_which_client_set_what(admin): # noqa: F811
    path = f"{CONFIG_MAPS}/{(name := next(unique))}"
    made = admin.request("POST", CONFIG_MAPS, config_map(name, {"a": "1", "b": "1"}), headers={"User-Agent": "maker/1.0 (x)"}).json
    assert managers(made) == {"maker": ("Update", {"f:data": {"f:a": {}, "f:b": {}}})}
    entry, = made["metadata"]["managedFields"]
    assert (entry["apiVersion"], entry["fieldsType"], entry["time"]) == ("v1", "FieldsV1", made["metadata"]["creationTimestamp"])
    patch = {"data": {"b": "2"}, "metadata": {"managedFields": []}} # as on a real server a client's own list is not stored
    changed = admin.request("PATCH", f"{path}?fieldManager=changer", patch, MERGE).json
    assert managers(changed) == {"maker": ("Update", {"f:data": {"f:a": {}}}), "changer": ("Update", {"f:data": {"f:b": {}}})}
    assert admin.request("PUT", path, changed).json == changed # a write that changes nothing
    applied = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"c": "3"}}
    taken = admin.request("PATCH", f"{path}?fieldManager=applier", applied, "application/apply-patch+yaml").json
    assert managers(taken) == {**managers(changed), "applier": ("Apply", {"f:data": {"f:c": {}}})}


def test_the_client_library_for_python_lists_in_pieces_and_watches(practice, admin): # noqa: F811
    client = pytest.importorskip("kubernetes.client", reason="apt-get install python3-kubernetes")
    from kubernetes import config, watch # pylint: disable=import-outside-toplevel
    config.load_kube_config(str(practice.directory / "alpha.kubeconfig"))
    api = client.CoreV1Api()
    name = next(unique)
    start = api.list_namespaced_config_map("openshift-config", limit=1)
    while start.metadata._continue:
        start = api.list_namespaced_config_map("openshift-config", limit=1, _continue=start.metadata._continue)
    admin.request("POST", CONFIG_MAPS, config_map(name))
    watching = watch.Watch()
    for event in watching.stream(api.list_namespaced_config_map, "openshift-config", timeout_seconds=60,
                                 resource_version=start.metadata.resource_version):
        if event["object"].metadata.name == name:
            assert event["type"] == "ADDED"
            watching.stop()
            break
    else:
        pytest.fail("the watch ended without telling of the new object")


def test_the_client_library_for_node_lists_in_pieces_and_watches(practice, admin): # noqa: F811
    installed = TOP / "build" / "clients"
    if not (installed / "node_modules" / "@kubernetes").exists():
        pytest.skip("npm or its registry was not there when ./bootstrap check began")
    name = next(unique)
    environment = {**os.environ, "KUBECONFIG": str(practice.directory / "alpha.kubeconfig"), "NAME": name}
    with open(TOP / "tests" / "clients" / "node.mjs", encoding="utf-8") as script: # by stdin: packages are looked up in cwd
        done = subprocess.run(["node", "--input-type=module", "-"], stdin=script, cwd=installed, env=environment, text=True,
                              capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    namespaces = names(admin.get("/api/v1/namespaces").json)
    assert said["found"] == namespaces and said["pieces"] == (len(namespaces) + 1) // 2
    assert said["seen"]["type"] == "ADDED" and said["seen"]["object"]["data"] == {"made": "between"}
    assert [entry["operation"] for entry in said["managed"]] == ["Update"]
    assert said["managed"][0]["fieldsV1"] == {"f:data": {"f:made": {}}}
