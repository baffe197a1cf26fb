# SPDX-License-Identifier: Apache-2.0
"""The inventory of clusters through the Admin API."""

import re

import pytest
from admin_api_data import OWNER, at_once, load_running, manifests_path, refused
from api_server import PRACTICE, ApiServer, cluster_id

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://api.one.example.com:6443"}}]
users: [{name: u, user: {token: secret-of-the-cluster}}]
"""


@pytest.fixture(scope="module")
def server(build_dir):
    with ApiServer(build_dir) as running:
        yield running


@pytest.fixture
def api(server):
    return server.api()


@pytest.fixture
def cluster(server):
    return server.register()


def test_a_cluster_is_registered_changed_shown_and_removed(server, api):
    cluster = cluster_id("One")
    made = api("PUT", f"/admin{cluster}", {"properties": {"provisioningState": "Succeeded", "a": {"b": 1}}}).expect(201)
    assert (made["id"], made["name"], made["hasKubeconfig"]) == (cluster, "One", False)
    assert 0 <= made["bucket"] <= 255
    assert api("GET", f"/admin{cluster.upper()}").expect(200) == made
    changed = api("PUT", f"/admin{cluster.lower()}", {"properties": {"a": 2}}).expect(200)
    assert (changed["id"], changed["properties"]) == (cluster, {"a": 2})
    assert api("PUT", f"/admin{cluster}", made).expect(200)["properties"] == made["properties"]
    assert made in api("GET", "/admin/clusters", query={"limit": 1000}).expect(200)["value"]
    assert api("DELETE", f"/admin{cluster}").expect(204) is None
    for method, body in (("GET", None), ("DELETE", None)):
        refused(api(method, f"/admin{cluster}", body), 404, "NotFound", None, f"cluster not found: {cluster.lower()}")


def test_clusters_come_in_pages(server, api):
    wanted = {server.register() for _ in range(3)}
    seen, token = [], None
    while True:
        page = api("GET", "/admin/clusters", query={"limit": 2, "$skipToken": token}).expect(200)
        seen += [item["id"] for item in page["value"]]
        if "nextLink" not in page:
            break
        token = re.search(r"skipToken=([^&]+)", page["nextLink"]).group(1)
    assert wanted <= set(seen) and len(seen) == len(set(seen))


def test_a_kubeconfig_is_sealed_on_arrival_and_never_shown(server, api):
    cluster = cluster_id()
    answer = api("PUT", f"/admin{cluster}", {"kubeconfig": KUBECONFIG})
    view = answer.expect(201)
    assert view["hasKubeconfig"] is True
    assert view["properties"]["apiserverProfile"]["url"].rstrip("/") == "https://api.one.example.com:6443"
    for text in (answer.text, api("GET", f"/admin{cluster}").text, server.log):
        assert "secret-of-the-cluster" not in text and "sealedKubeconfig" not in text
    [stored] = [document for document in server.dump("OpenShiftClusters") if document["key"] == cluster.lower()]
    assert "secret-of-the-cluster" in server.unseal(stored["sealedKubeconfig"])
    # its URL stays with the kubeconfig whatever is said about the properties
    changed = api("PUT", f"/admin{cluster}", {"properties": {"apiserverProfile": {"url": "https://evil:1", "v": 1}}}).expect(200)
    assert changed["hasKubeconfig"] is True
    assert changed["properties"]["apiserverProfile"] == {**view["properties"]["apiserverProfile"], "v": 1}
    renewed = api("PUT", f"/admin{cluster}", {"kubeconfig": KUBECONFIG.replace("api.one", "api.two")}).expect(200)
    assert "api.two" in renewed["properties"]["apiserverProfile"]["url"]
    assert renewed["properties"]["apiserverProfile"]["v"] == 1


@pytest.mark.parametrize("body, target", [
    ({"properties": []}, "properties"), ({"properties": {"provisioningState": 5}}, "properties"),
    ({"properties": {"apiserverProfile": 5}}, "properties.apiserverProfile"),
    ({"properties": {"operatorFlags": ["a"]}}, "properties.operatorFlags"),
    ({"properties": {"operatorFlags": {"a": True}}}, "properties.operatorFlags"),
    ({"properties": {"operatorFlags": {"a": None}}}, "properties.operatorFlags"),
    ({"properties": {"operatorFlags": {"": "a"}}}, "properties.operatorFlags"),
    ({"kubeconfig": {}}, "kubeconfig"), ({"kubeconfig": ""}, "kubeconfig"), ({"kubeconfig": "nonsense"}, "kubeconfig"),
    ({"kubeconfig": KUBECONFIG.replace("https:", "http:")}, "kubeconfig"),
    ({"kubeconfig": KUBECONFIG + "#" * 300000}, "kubeconfig"), ({"kubeConfig": ""}, "kubeConfig"),
], ids=lambda value: str(value)[:40])
def test_a_cluster_with_a_wrong_member_is_refused(api, body, target):
    cluster = cluster_id()
    refused(api("PUT", f"/admin{cluster}", body), 400, "InvalidParameter", target)
    api("GET", f"/admin{cluster}").expect(404)


def test_a_cluster_under_maintenance_is_left_alone(server, api):
    cluster, manifest = load_running(server, 5)
    assert api("GET", f"/admin{cluster}").expect(200)["leaseOwner"] == OWNER
    for method, body in (("PUT", {"properties": {}}), ("DELETE", None)):
        refused(api(method, f"/admin{cluster}", body), 409, "Conflict", "running", manifest["id"])


def test_a_cluster_with_open_manifests_is_not_removed(server, api, cluster):
    manifests = [server.create(cluster) for _ in range(7)]
    message = refused(api("DELETE", f"/admin{cluster}"), 409, "Conflict", None, "...")
    assert sum(manifest["id"] in message for manifest in manifests) == 5
    for manifest in manifests:
        api("POST", manifests_path(cluster, manifest["id"], "cancel")).expect(200)
    api("DELETE", f"/admin{cluster}").expect(204)


def test_a_cluster_is_removed_or_gets_a_manifest_never_both(server, api):
    body = {"maintenanceTaskID": PRACTICE, "runAfter": "2099-01-01T00:00:00Z", "runBefore": "2099-01-02T00:00:00Z"}
    for _ in range(30):
        cluster = server.register()
        requests = [("DELETE", f"/admin{cluster}", None), ("PUT", f"/admin{cluster}/maintenanceManifests", body)]
        answers = dict(at_once(2, lambda: (lambda request: (request[0], server.api()(*request)))(requests.pop())))
        created, removed = answers["PUT"], answers["DELETE"]
        assert (created.status, removed.status) in ((201, 409), (404, 204), (404, 409)), f"{created.text} {removed.text}"
        assert len(api("GET", "/admin/maintenanceManifests", query={"clusterResourceID": cluster}).expect(200)["value"]) == (created.status == 201)
        assert api("GET", f"/admin{cluster}").status == (404 if removed.status == 204 else 200)


@pytest.mark.parametrize("path", [
    "/subscriptions/nobody/resourceGroups/rg/providers/Microsoft.RedHatOpenShift/openShiftClusters/one",
    "/subscriptions/60bf318d-6914-4105-a3b5-d0d2c10388c8/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/one",
    "/subscriptions/60bf318d-6914-4105-a3b5-d0d2c10388c8/resourceGroups/rg./providers/Microsoft.RedHatOpenShift/openShiftClusters/one",
])
def test_a_resource_id_that_is_none_is_named(api, path):
    refused(api("GET", f"/admin{path}"), 400, "InvalidResourceID")
    refused(api("PUT", f"/admin{path}/maintenanceManifests", {}), 400, "InvalidResourceID")


def test_a_cluster_too_large_for_the_store_is_413(api):
    cluster = cluster_id()
    refused(api("PUT", f"/admin{cluster}", {"properties": {"a": "x" * (1024 * 1024 - 100)}}), 413, "RequestEntityTooLarge", "properties")
    api("GET", f"/admin{cluster}").expect(404)


def test_of_many_who_register_a_cluster_at_once_one_makes_it(server, api):
    cluster = cluster_id()
    answers = at_once(16, lambda: api("PUT", f"/admin{cluster}", {"properties": {"a": 1}}))
    statuses = sorted(answer.status for answer in answers)
    # who lost every race says so, and left no trace of success
    assert statuses.count(201) == 1 and set(statuses) <= {200, 201, 409}
    for answer in answers:
        entry = server.audit(answer.headers["x-ms-request-id"])
        assert entry is None or entry["status"] == answer.status


def test_without_a_certificate_to_seal_under_a_kubeconfig_is_not_taken(server, api):
    certificate, cluster = server.directory / "seal.crt", cluster_id()
    kept = certificate.rename(server.directory / "kept.crt")
    try:
        refused(api("PUT", f"/admin{cluster}", {"kubeconfig": KUBECONFIG}), 500, "InternalServerError", None,
                "clusters.seal_certificate")
        api("GET", f"/admin{cluster}").expect(404)
    finally:
        kept.rename(certificate)
    api("PUT", f"/admin{cluster}", {"kubeconfig": KUBECONFIG}).expect(201)
