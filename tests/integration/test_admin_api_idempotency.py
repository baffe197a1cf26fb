# SPDX-License-Identifier: Apache-2.0
"""Idempotency-Key: who did not get an answer asks again, and one manifest is created."""

import json
import sqlite3
import uuid

import pytest
from admin_api_data import at_once, manifests_path, refused
from api_server import FLAGS, PRACTICE, ApiServer, cluster_id
from conftest import SLOWNESS

DAY = 24 * 3600


@pytest.fixture(scope="module")
def server(build_dir):
    with ApiServer(build_dir) as running:
        yield running


@pytest.fixture
def own_server(build_dir):
    """One that a test may stop and spoil."""
    with ApiServer(build_dir) as running:
        yield running


@pytest.fixture
def api(server):
    return server.api("operator")


@pytest.fixture
def cluster(server):
    return server.register()


def with_key(key):
    return {"headers": {"Idempotency-Key": key}}


def put(api, cluster, key, body=None, query=None):
    return api("PUT", manifests_path(cluster), body or {"maintenanceTaskID": FLAGS}, query, **with_key(key))


def manifests(api, cluster):
    return api("GET", manifests_path(cluster)).expect(200)["value"]


def test_a_repeated_request_is_answered_as_the_first_and_creates_nothing(server, api, cluster):
    key = str(uuid.uuid4())
    first = put(api, cluster, key)
    first.expect(201)
    assert "Idempotent-Replayed" not in first.headers
    for _ in range(3):
        again = put(api, cluster, key)
        assert (again.status, again.text) == (201, first.text)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.headers["x-ms-request-id"] != first.headers["x-ms-request-id"]
        assert server.audit(again.headers["x-ms-request-id"]) is None # nothing was changed
    assert [manifest["id"] for manifest in manifests(api, cluster)] == [first.document["id"]]


def test_it_is_answered_so_whatever_became_of_the_manifest(server, api, cluster):
    key = str(uuid.uuid4())
    first = put(api, cluster, key)
    path = manifests_path(cluster, first.expect(201)["id"])
    api("POST", f"{path}/cancel").expect(200)
    assert put(api, cluster, key).text == first.text
    api("DELETE", path).expect(204)
    assert put(api, cluster, key).text == first.text
    server.api()("DELETE", f"/admin{cluster}").expect(204) # the cluster is looked at before anything else
    refused(put(api, cluster, key), 404, "NotFound", None, "cluster not found: ")


def test_how_the_same_is_spelt_makes_no_difference(api, cluster):
    key = str(uuid.uuid4())
    first = put(api, cluster, key, b'{"maintenanceTaskID": "practice", "priority": 3}')
    again = put(api, cluster.upper(), key, b'{ "priority":3,"maintenanceTaskID":"practice" }')
    assert again.text == first.text and first.status == 201


@pytest.mark.parametrize("change", ["body", "cluster", "parameter"])
def test_the_same_key_for_another_request_is_422(server, api, cluster, change):
    key = str(uuid.uuid4())
    put(api, cluster, key).expect(201)
    other = {
        "body": lambda: put(api, cluster, key, {"maintenanceTaskID": PRACTICE}),
        "cluster": lambda: put(api, server.register(), key),
        "parameter": lambda: put(api, cluster, key, query={"ifOpen": "fail"}),
    }[change]()
    refused(other, 422, "IdempotencyKeyReused", "Idempotency-Key", "a new request needs a new key")
    assert len(manifests(api, cluster)) == 1


def test_nobody_meets_the_keys_of_others(server, cluster):
    key = str(uuid.uuid4())
    first = put(server.api("operator"), cluster, key).expect(201)
    second = put(server.api("admin"), cluster, key).expect(201)
    assert first["id"] != second["id"]
    kept = [document for document in server.dump("Answers") if document.get("answer", {}).get("id") in (first["id"], second["id"])]
    assert sorted(document["actor"] for document in kept) == ["admin", "operator"]
    assert key not in json.dumps(kept) # keys are kept as hashes


def test_what_was_refused_is_not_kept(server, api):
    missing, key = cluster_id(), str(uuid.uuid4())
    refused(put(api, missing, key), 404, "NotFound")
    server.api()("PUT", f"/admin{missing}", {}).expect(201)
    put(api, missing, key).expect(201)


def test_the_manifest_that_was_open_is_the_answer_again(api, cluster):
    key, other = str(uuid.uuid4()), str(uuid.uuid4())
    first = put(api, cluster, key, query={"ifOpen": "skip"}).expect(201)
    skipped = put(api, cluster, other, query={"ifOpen": "skip"})
    assert (skipped.status, skipped.document) == (200, first)
    api("POST", manifests_path(cluster, first["id"], "cancel")).expect(200)
    again = put(api, cluster, other, query={"ifOpen": "skip"})
    assert (again.status, again.text) == (200, skipped.text)
    assert len(manifests(api, cluster)) == 1


def test_of_many_with_one_key_at_once_one_creates_and_all_get_its_answer(api, cluster):
    key = str(uuid.uuid4())
    answers = at_once(16, lambda: put(api, cluster, key))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert len(manifests(api, cluster)) == 1


def test_of_two_admin_apis_asked_at_once_one_creates(own_server):
    """The other sends its client away for a moment, or gives the answer that is there by then."""
    cluster = own_server.register()
    first = own_server.process
    apis = [own_server.api("operator")]
    log = own_server.log_path
    own_server.log_path = own_server.directory / "api-2.log"
    try:
        own_server.start()
        apis.append(own_server.api("operator"))
        for _ in range(20):
            key, turn = str(uuid.uuid4()), iter(apis * 4)
            answers = at_once(8, lambda: put(next(turn), cluster, key))
            assert {answer.status for answer in answers} <= {201, 409}
            for answer in answers:
                if answer.status == 409:
                    refused(answer, 409, "Conflict", "Idempotency-Key", "repeat it")
                    assert int(answer.headers["Retry-After"]) > 0
            ids = {answer.document["id"] for answer in answers if answer.status == 201}
            assert len(ids) == 1
            assert put(apis[0], cluster, key).expect(201)["id"] in ids
        assert len(manifests(apis[0], cluster)) == 20
    finally:
        assert own_server.stop() == 0
        own_server.process, own_server.log_path = first, log


@pytest.mark.parametrize("key", ["", "x" * 129, "two words", "caf\u00e9", "tab\tbed"])
def test_a_key_that_is_none_is_refused(api, cluster, key):
    refused(put(api, cluster, key), 400, "InvalidParameter", "Idempotency-Key", "key must")
    assert manifests(api, cluster) == []


def test_the_longest_key_is_taken(api, cluster):
    first = put(api, cluster, "\"" + "k" * 126 + "~").expect(201)
    assert put(api, cluster, "\"" + "k" * 126 + "~").expect(201) == first


def test_other_changes_refuse_a_key_and_looking_ignores_it(server, api, cluster):
    manifest = server.create(cluster)
    path = manifests_path(cluster, manifest["id"])
    admin = server.api()
    for method, where, query in (("POST", f"{path}/cancel", None), ("POST", f"{path}/stop", None), ("DELETE", path, None),
                                 ("DELETE", f"/admin{cluster}", None), ("DELETE", "/admin/maintenanceManifests", {"state": "Failed"}),
                                 ("POST", "/admin/maintenanceManifests/cancel", {"scheduleID": str(uuid.uuid4())})):
        refused(admin(method, where, query=query, **with_key("a")), 400, "InvalidParameter", "Idempotency-Key", "without one")
    refused(admin("PUT", f"/admin{cluster}", {}, **with_key("a")), 400, "InvalidParameter", "Idempotency-Key")
    assert api("GET", path, **with_key("a")).expect(200)["state"] == "Pending"


def test_an_answer_survives_a_crash_together_with_its_manifest(own_server):
    cluster, key = own_server.register(), str(uuid.uuid4())
    first = put(own_server.api("operator"), cluster, key)
    first.expect(201)
    own_server.process.kill()
    own_server.process.wait()
    own_server.start()
    again = put(own_server.api("operator"), cluster, key)
    assert (again.status, again.text) == (201, first.text)
    assert again.headers["Idempotent-Replayed"] == "true"


def test_after_a_day_the_key_is_as_new_and_what_expired_is_removed(own_server):
    cluster, key = own_server.register(), str(uuid.uuid4())
    api = own_server.api("operator")
    first = put(api, cluster, key).expect(201)
    others = [str(uuid.uuid4()) for _ in range(5)]
    for other in others:
        put(api, cluster, other).expect(201)

    def age(seconds):
        """Makes all answers older, in the document and in the column they are found by."""
        with sqlite3.connect(own_server.directory / "mimo.db", timeout=30 * SLOWNESS) as store:
            store.execute("UPDATE answers SET expires_at = expires_at - ?1, document = json_set(document, '$.expiresAt',"
                          " json_extract(document, '$.expiresAt') - ?1)", (seconds,))
        store.close()

    age(DAY - 60)
    assert put(api, cluster, key).expect(201) == first # a minute is left
    age(120)
    second = put(api, cluster, key).expect(201)
    assert second["id"] != first["id"]
    assert put(api, cluster, key).expect(201) == second
    assert [document["answer"]["id"] for document in own_server.dump("Answers")] == [second["id"]]


def test_without_a_store_nothing_is_created_and_the_key_still_counts(own_server):
    cluster, key = own_server.register(), str(uuid.uuid4())
    api = own_server.api("operator")
    database = own_server.directory / "mimo.db"
    database.rename(database.with_suffix(".away"))
    answer = put(api, cluster, key)
    refused(answer, 503, "ServiceUnavailable")
    assert int(answer.headers["Retry-After"]) > 0
    database.with_suffix(".away").rename(database)
    first = put(api, cluster, key).expect(201)
    assert put(api, cluster, key).expect(201) == first
    assert len(manifests(api, cluster)) == 1
