# SPDX-License-Identifier: Apache-2.0
"""mimoctl: clusters, tasks and actuators."""

import json
import re
import time

import pytest

from fake_admin_api import Answer, Drop, error
from mimoctl_fixtures import (CLUSTERS, DEADLINE, FLAGS, ID, ID2, MANIFESTS, R, R1, R2, TASKS, TLS, TOP, api,  # noqa: F401
                              certificates, environment, home, manifest, mimoctl, progress, rows, run_on_terminal)

# ---- clusters, tasks, actuators ----

def test_cluster_list_and_its_forms(mimoctl):
    table = rows(mimoctl("cluster", "list").stdout)
    assert table[0] == ["NAME", "STATE", "BUCKET", "LEASE OF", "API SERVER"]
    assert table[1] == ["One", "Succeeded", "7", "-", "https://api.one:6443"]
    assert table[2][:3] == ["two", "AdminUpdating", "200"]
    assert re.match(r"manifest 2b65ac7b, ends in \d+d", table[2][3])
    assert f"{R}/One" in mimoctl("cluster", "list", "-o", "wide").stdout
    assert mimoctl("cluster", "list", "-o", "id").stdout == f"{R}/One\n{R}/two\n"
    assert json.loads(mimoctl("cluster", "list", "-o", "json").stdout) == CLUSTERS


def kubeconfig_of(names, **user):
    """A kubeconfig with these contexts, each with a cluster and a user of that name."""
    return {"apiVersion": "v1", "kind": "Config", "current-context": names[0],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in names],
            "clusters": [{"name": name, "cluster": {"server": f"https://{name}.test"}} for name in names],
            "users": [{"name": name, "user": user or {"token": f"of-{name}"}} for name in names]}


def test_cluster_register_sends_kubeconfig_and_properties(mimoctl, api, directory):
    (directory / "kubeconfig").write_text(json.dumps(kubeconfig_of(["one"])))
    (directory / "properties.json").write_text('{"provisioningState": "Succeeded"}')
    register = f"PUT /admin{R1}"
    api.answer(register, CLUSTERS["value"][0], status=201)
    done = mimoctl("cluster", "register", f"{R}/One", "--kubeconfig", directory / "kubeconfig",
                   "--properties", f"@{directory}/properties.json", "--operator-flags", '{"a.enabled": "true"}')
    request = api.requests_of(register)[0]
    assert request.path == f"/admin{R}/One" # as it was written
    assert request.body["properties"] == {"provisioningState": "Succeeded", "operatorFlags": {"a.enabled": "true"}}
    assert json.loads(request.body["kubeconfig"]) == kubeconfig_of(["one"])
    assert "cluster One is registered" in done.stderr
    assert rows(done.stdout)[1][0] == "One"


def test_kubeconfig_alone_leaves_the_properties(mimoctl, api, directory):
    (directory / "kubeconfig").write_text(json.dumps(kubeconfig_of(["one"])))
    api.answer(f"PUT /admin{R1}", CLUSTERS["value"][0])
    done = mimoctl("cluster", "register", R1, "--kubeconfig", directory / "kubeconfig", "-o", "json")
    assert list(api.requests[-1].body) == ["kubeconfig"]
    assert "cluster One is changed" in done.stderr
    assert json.loads(done.stdout)["name"] == "One"


def test_of_a_kubeconfig_one_context_is_sent_with_its_files_inside(mimoctl, api, directory):
    (directory / "token").write_text("of-the-file\n")
    (directory / "kubeconfig").write_text(json.dumps(kubeconfig_of(["one", "two"], tokenFile="token")))
    api.answer(f"PUT /admin{R1}", CLUSTERS["value"][0])
    for arguments, name in (([], "one"), (["--context", "two"], "two")):
        done = mimoctl("cluster", "register", R1, "--kubeconfig", directory / "kubeconfig", *arguments)
        assert json.loads(api.requests[-1].body["kubeconfig"]) == kubeconfig_of([name], token="of-the-file")
        assert "of-the-file" not in done.stdout + done.stderr


@pytest.mark.parametrize("user, arguments, message", [
    ({"tokenFile": "nowhere"}, [], 'user "one": tokenFile: cannot open '),
    ({"exec": {"command": "kubelogin"}}, [], 'user "one" has exec, which cannot be used: a worker runs no programs'),
    ({"token": "t"}, ["--context", "three"], 'there is no context "three"'),
])
def test_a_kubeconfig_that_no_worker_could_use_is_not_sent(mimoctl, api, directory, user, arguments, message):
    (directory / "kubeconfig").write_text(json.dumps(kubeconfig_of(["one"], **user)))
    done = mimoctl("cluster", "register", R1, "--kubeconfig", directory / "kubeconfig", *arguments, status=2)
    assert f"--kubeconfig {directory}/kubeconfig: " in done.stderr and message in done.stderr
    assert api.requests == []


@pytest.mark.parametrize("flags, message", [
    ({"aro.dnsmasq.enabled": True}, '"aro.dnsmasq.enabled" must be a string: write "true" or "60" in quotation marks'),
    ({"a": "x", "aro.checker.interval": 60}, '"aro.checker.interval" must be a string'),
    ({"aro.rbac.enabled": None}, '"aro.rbac.enabled" must be a string'),
    ({"": "x"}, "a flag has an empty name"),
])
def test_flags_of_another_type_are_refused_at_once(mimoctl, api, flags, message):
    done = mimoctl("cluster", "register", R1, "--operator-flags", json.dumps(flags), status=2)
    assert f"--operator-flags: {message}" in done.stderr
    assert api.requests == []


def test_flags_alone_never_replace_the_properties_of_a_cluster(mimoctl, api):
    done = mimoctl("cluster", "register", R1, "--operator-flags", "{}", status=1)
    assert "give all of them with --properties" in done.stderr
    assert api.requests_of(f"PUT /admin{R1}") == []
    new = f"{R}/new"
    api.answer(f"PUT /admin{new}", {"id": new, "name": "new"}, status=201)
    mimoctl("cluster", "register", new, "--operator-flags", '{"a": "b"}')
    assert api.requests[-1].body == {"properties": {"operatorFlags": {"a": "b"}}}


@pytest.mark.parametrize("arguments, message", [
    (["one", "--operator-flags", "{}"], "registered by its full resource ID"),
    ([R1], "nothing to register"),
    ([R1, "--operator-flags", "x"], "--operator-flags is not a JSON object"),
    ([R1, "--kubeconfig", "/no/such/file"], "--kubeconfig: cannot open /no/such/file"),
    ([R1, "--context", "x"], "--context needs --kubeconfig FILE"),
    (["/subscriptions/1"], "/subscriptions/1"),
])
def test_wrong_registration_is_2(mimoctl, api, arguments, message):
    assert message in mimoctl("cluster", "register", *arguments, status=2).stderr
    assert api.requests == []


def test_cluster_show_is_the_investigation_of_one(mimoctl, api):
    api.answer(f"GET {MANIFESTS}", {"value": [
        manifest("Completed", task=FLAGS),
        manifest("Failed", ID2, task=FLAGS, statusText="TerminalError: forbidden"),
        manifest("RetriesExceeded", task=TLS, dequeues=5, statusText="did not succeed after 5 attempts"),
        manifest("Pending", dequeues=1),
        manifest("InProgress", startedAt=int(time.time()) - 4000, dequeues=1),
    ]})
    text = mimoctl("cluster", "show", "one").stdout
    assert re.search("^Cluster: +One$", text, re.MULTILINE)
    assert re.search("^State: +Succeeded$", text, re.MULTILINE)
    assert re.search("^Manifests: +5: 1 Pending, 1 InProgress, 1 Completed, 1 Failed, 1 RetriesExceeded$", text,
                     re.MULTILINE)
    assert "TerminalError: forbidden" in text and "did not succeed after 5 attempts" in text
    assert "All its tasks fail: check the connectivity" in text
    assert "2b65ac7b has been InProgress for more than an hour." in text


def test_cluster_show_tells_a_failing_task_from_a_failing_cluster(mimoctl, api):
    api.answer(f"GET {MANIFESTS}", {"value": [
        manifest("Completed", task=FLAGS), manifest("Failed", ID2, task=TLS, statusText="certificate")]})
    assert "Only tls-cert-rotation fails here" in mimoctl("cluster", "show", "one").stdout
    api.answer(f"GET {MANIFESTS}", {"value": [manifest("Completed")]})
    text = mimoctl("cluster", "show", "one").stdout
    assert "fail" not in text
    assert json.loads(mimoctl("cluster", "show", "two", "-o", "json").stdout) == CLUSTERS["value"][1]
    assert mimoctl("cluster", "show", "two", "-o", "id").stdout == f"{R}/two\n"


def test_cluster_remove_and_a_cluster_that_is_busy(mimoctl, api):
    api.answer(f"DELETE /admin{R1}", None, status=204)
    api.answer(f"DELETE /admin{R2}", error("Conflict", "manifest x is running on the cluster", "running"), status=409)
    done = mimoctl("cluster", "remove", "one", "two", status=1)
    assert f"deleted {R1}" in done.stderr
    assert (f"cluster two: the worker of manifest {ID} runs on it: wait for its end with mimoctl cluster show two, or end it with "
            "mimoctl manifest stop 2b65ac7b, then remove the cluster") in done.stderr


def test_name_of_two_clusters_is_refused_with_their_ids(mimoctl, api):
    other = R.replace("resourceGroups/rg", "resourceGroups/rg2")
    api.answer("GET /admin/clusters", {"value": [{"id": f"{R}/one", "name": "one"},
                                                 {"id": f"{other}/one", "name": "one"}]})
    done = mimoctl("cluster", "show", "one", status=1)
    assert f"{R}/one, {other}/one; give the full resource ID" in done.stderr
    assert api.requests_of("GET /admin/clusters")[-1].query["name"] == "one" # the server looks


def test_task_list(mimoctl):
    table = rows(mimoctl("task", "list").stdout)
    assert table == [["NAME", "ID", "SUMMARY"], ["operator-flags-update", FLAGS, "sets flags"],
                     ["tls-cert-rotation", TLS, "rotates"]]
    assert "PARAMETERS" in mimoctl("task", "list", "-o", "wide").stdout
    assert mimoctl("task", "list", "-o", "id").stdout == f"{FLAGS}\n{TLS}\n"
    assert json.loads(mimoctl("task", "list", "-o", "json").stdout) == TASKS


def test_actuator_list(mimoctl, api):
    now = int(time.time())
    actuators = {"value": [
        {"id": ID, "index": 0, "hostname": "vm0", "version": "0.1.0", "startedAt": now - 7300, "seenAt": now - 3,
         "workers": 2, "buckets": [0, 127], "alive": True},
        {"id": ID2, "index": 1, "hostname": "vm1", "version": "0.1.0", "startedAt": now - 7300, "seenAt": now - 400,
         "workers": 0, "buckets": [0, -1], "alive": False}]}
    api.answer("GET /admin/actuators", actuators)
    table = rows(mimoctl("actuator", "list").stdout)
    assert table[0] == ["INDEX", "HOST", "STATE", "BUCKETS", "WORKERS", "SEEN", "STARTED", "VERSION"]
    assert table[1][:5] == ["0", "vm0", "alive", "0-127", "2"]
    assert table[2] == ["1", "vm1", "dead", "none", "0", "6m ago", "2h ago", "0.1.0"]
    assert ID2 in mimoctl("actuator", "list", "-o", "wide").stdout
    assert mimoctl("actuator", "list", "-o", "id").stdout == f"{ID}\n{ID2}\n"
    assert json.loads(mimoctl("actuator", "list", "-o", "json").stdout) == actuators
    api.answer("GET /admin/actuators", {"value": []})
    assert "check that mimod runs" in mimoctl("actuator", "list").stderr
