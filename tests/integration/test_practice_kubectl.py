# SPDX-License-Identifier: Apache-2.0
"""kubectl gets along with the practice cluster, and so does who follows its README. KUBECTL names another program than
the one in PATH: Debian's kubernetes-client (1.20) does as well as newer ones."""

import base64
import json
import os
import re
import shutil
import subprocess

import pytest
import yaml

from practice import FOLDER
from practice_fixtures import API_SERVER, ARO_CLUSTER, CONFIG_MAPS, INGRESS, OPERATORS, SECRETS, config_map, unique, version
from practice_fixtures import admin, practice # noqa: F401 (fixtures)

KUBECTL = os.environ.get("KUBECTL") or shutil.which("kubectl")
needs_kubectl = pytest.mark.skipif(not KUBECTL, reason="kubectl is not installed")


@pytest.fixture
def kubectl(practice, admin, tmp_path_factory):
    cache = tmp_path_factory.getbasetemp() / "kubectl-cache"

    def run(*arguments, variant="kubeconfig", stdin=None, fails=False):
        command = [KUBECTL, "--kubeconfig", practice.entries["alpha"][variant], "--cache-dir", cache, *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=20, check=False,
                              env={**os.environ, "HOME": str(cache)})
        assert (done.returncode != 0) == fails, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stderr if fails else done.stdout
    return run


@needs_kubectl
@pytest.mark.parametrize("variant", ["kubeconfig", "tokenKubeconfig", "filesKubeconfig", "viewerKubeconfig"])
def test_kubectl_get_with_every_kubeconfig(kubectl, variant):
    line = kubectl("get", "co", "kube-apiserver", "--no-headers", variant=variant).split()
    assert line[0] == "kube-apiserver" and line[2:5] == ["True", "False", "False"]


@needs_kubectl
def test_kubectl_version_and_api_resources(kubectl):
    assert json.loads(kubectl("version", "-o", "json"))["serverVersion"]["major"] == "1"
    listed = kubectl("api-resources")
    assert all(name in listed for name in ("secrets", "clusteroperators", "ingresscontrollers", "aro.openshift.io"))


@needs_kubectl
def test_kubectl_yaml_and_describe(kubectl):
    obj = yaml.safe_load(kubectl("get", "clusters.aro.openshift.io", "cluster", "-o", "yaml"))
    assert obj["kind"] == "Cluster" and obj["spec"]["operatorflags"]
    described = kubectl("describe", "secret", "cluster", "-n", "openshift-azure-operator")
    assert "gcskey.pem:" in described and "PRIVATE KEY" not in described
    assert "Last Transition Time" in kubectl("describe", "co", "etcd")


@needs_kubectl
def test_kubectl_patch(kubectl, admin):
    patch = '{"spec":{"operatorflags":{"patched":"yes"}}}'
    assert "patched" in kubectl("patch", "clusters.aro.openshift.io", "cluster", "--type", "merge", "-p", patch)
    assert admin.get(ARO_CLUSTER).json["spec"]["operatorflags"]["patched"] == "yes"


@needs_kubectl
@pytest.mark.parametrize("how", [[], ["--server-side"]])
def test_kubectl_apply(kubectl, admin, how):
    name = next(unique)
    wanted = config_map(name, {"a": "1", "b": "2"}, namespace="openshift-config")
    kubectl("apply", *how, "-f", "-", stdin=yaml.dump(wanted))
    wanted["data"] = {"a": "1", "c": "3"}
    kubectl("apply", *how, "--dry-run=server", "-f", "-", stdin=yaml.dump(wanted))
    assert admin.get(f"{CONFIG_MAPS}/{name}").json["data"] == {"a": "1", "b": "2"}
    kubectl("apply", *how, "-f", "-", stdin=yaml.dump(wanted))
    obj = admin.get(f"{CONFIG_MAPS}/{name}").json
    assert obj["data"] == {"a": "1", "c": "3"}
    kubectl("apply", *how, "-f", "-", stdin=yaml.dump(wanted))
    assert version(admin.get(f"{CONFIG_MAPS}/{name}").json) == version(obj)


@needs_kubectl
def test_kubectl_shows_managed_fields_only_when_asked(kubectl):
    name = next(unique)
    kubectl("apply", "--server-side", "-f", "-", stdin=yaml.dump(config_map(name, {"a": "1"}, namespace="openshift-config")))
    wanted = ["get", "configmap", name, "-n", "openshift-config", "-o", "json"]
    if "show-managed-fields" in kubectl("get", "--help"): # since 1.21
        assert "managedFields" not in json.loads(kubectl(*wanted))["metadata"]
        wanted.append("--show-managed-fields")
    entry, = json.loads(kubectl(*wanted))["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"], entry["apiVersion"]) == ("kubectl", "Apply", "v1")


RESOURCES = [("clusteroperator", "", "kube-apiserver", OPERATORS), ("secret", "openshift-azure-operator", "cluster", SECRETS),
             ("clusters.aro.openshift.io", "", "cluster", ARO_CLUSTER.rsplit("/", 1)[0]),
             ("apiservers.config.openshift.io", "", "cluster", API_SERVER.rsplit("/", 1)[0]),
             ("ingresscontroller", "openshift-ingress-operator", "default", INGRESS.rsplit("/", 1)[0])]


@needs_kubectl
@pytest.mark.parametrize("kind, namespace, name, collection", RESOURCES)
def test_kubectl_can_do_everything_with_each_resource_of_the_tasks(kubectl, admin, kind, namespace, name, collection):
    path = f"{collection}/{name}"
    where = [*(["-n", namespace] if namespace else []), kind, name]

    def labels():
        return admin.get(path).json["metadata"].get("labels", {})
    original = admin.get(path).json
    assert name in kubectl("get", *where)
    assert name in kubectl("get", *where[:-1])
    assert f"name: {name}" in kubectl("get", *where, "-o", "yaml")
    assert yaml.safe_load(kubectl("get", *where, "-o", "json"))["metadata"]["uid"] == original["metadata"]["uid"]
    described = kubectl("describe", *where)
    assert name in described and (not namespace or namespace in described)

    kubectl("patch", *where, "--type", "merge", "-p", '{"metadata": {"labels": {"by": "merge"}}}')
    assert labels() == {**original["metadata"].get("labels", {}), "by": "merge"}
    kubectl("patch", *where, "--type", "json", "-p", '[{"op": "replace", "path": "/metadata/labels/by", "value": "json"}]')
    assert labels()["by"] == "json"
    if kind == "secret":
        kubectl("patch", *where, "-p", '{"metadata": {"labels": {"by": "strategic"}}, "data": {"new": "bmV3"}}')
        assert labels()["by"] == "strategic"
        assert admin.get(path).json["data"] == {**original["data"], "new": "bmV3"}
    kubectl("label", *where, "by=label", "--overwrite")
    kubectl("annotate", *where, "by=annotate")
    assert labels()["by"] == "label" and admin.get(path).json["metadata"]["annotations"]["by"] == "annotate"

    manifest = yaml.safe_load(kubectl("get", *where, "-o", "yaml"))
    for member in ("resourceVersion", "uid", "creationTimestamp", "generation", "managedFields"):
        manifest["metadata"].pop(member, None)
    manifest["metadata"]["labels"] = {"by": "apply"}
    assert "configured" in kubectl("apply", "-f", "-", stdin=yaml.safe_dump(manifest))
    assert labels()["by"] == "apply"
    assert "unchanged" in kubectl("apply", "-f", "-", stdin=yaml.safe_dump(manifest))
    manifest["metadata"]["labels"] = {}
    kubectl("apply", "-f", "-", stdin=yaml.safe_dump(manifest))
    assert "by" not in labels()

    manifest["metadata"].update(name=next(unique), annotations={})
    assert "created" in kubectl("apply", "-f", "-", stdin=yaml.safe_dump(manifest))
    assert admin.get(f"{collection}/{manifest['metadata']['name']}").status == 200
    assert "deleted" in kubectl("delete", *where[:-1], manifest["metadata"]["name"])
    assert admin.request("PUT", path, {**original, "metadata": {**original["metadata"],
                         "resourceVersion": version(admin.get(path).json)}}).status == 200


@needs_kubectl
def test_kubectl_create_wait_and_delete(kubectl, admin):
    name = next(unique)
    kubectl("create", "secret", "generic", name, "-n", "openshift-config", "--from-literal", "k=v")
    path = f"/api/v1/namespaces/openshift-config/secrets/{name}"
    assert admin.get(path).json["data"] == {"k": base64.b64encode(b"v").decode()}
    assert "condition met" in kubectl("wait", "co/etcd", "--for=condition=Available", "--timeout=5s")
    kubectl("delete", "secret", name, "-n", "openshift-config")
    assert admin.get(path).status == 404


@needs_kubectl
def test_kubectl_reports_the_servers_errors(kubectl):
    assert 'configmaps "nothing" not found' in kubectl("get", "cm", "nothing", fails=True)
    said = kubectl("create", "configmap", "x", variant="viewerKubeconfig", fails=True)
    assert 'User "viewer" cannot create resource "configmaps"' in said


# ---- the README ----

@needs_kubectl
def test_the_examples_of_the_readme_run_as_they_stand(tmp_path):
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```", readme, re.DOTALL | re.MULTILINE))
    environment = {**os.environ, "TMPDIR": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(["bash", "-u"], input=script, capture_output=True, text=True, timeout=60, check=False,
                          cwd=FOLDER.parents[1], env=environment)
    shown, errors = done.stdout, done.stderr.splitlines()
    for expected in ("kube-apiserver", "gcskey.pem:", "cluster.aro.openshift.io/cluster patched", "applied 1", "hej",
                     "etcd is slow", '"delayMs": 100'):
        assert expected in shown, f"{expected!r} is not in {shown}{done.stderr}"
    # Exactly the four commands fail that are there to show a failure.
    assert len(errors) == 4, errors
    for expected, line in zip(("Forbidden", "Conflict", "ServiceUnavailable", "EOF"), errors):
        assert expected in line, errors
    assert not list(tmp_path.glob("*/ready"))
