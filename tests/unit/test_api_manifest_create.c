/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_manifest_create.c - a new manifest from the request to the store: what is written, ifOpen,
 * Idempotency-Key, and what a store that fails leads to. */
#include "store_fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/endpoints/handlers.h"
#include "api/endpoints/members.h"
#include "api/http/routes.h"
#include "mimo/document.h"
#include "mimo/io.h"
#include "store_double.h"

#define TASK     "{\"maintenanceTaskID\":\"operator-flags-update\"}"
#define BACKWARD "{\"maintenanceTaskID\":\"operator-flags-update\",\"runAfter\":9,\"runBefore\":8}"

static const struct route creating = {.action = "manifest.create"};

/* The store of the API can be made to fail; the fixture's own is what it wraps. */
struct scene {
    struct store_fixture *fixture;
    struct store_double store;
    struct config config;
    struct task_list *tasks;
    struct api api;
    char cluster[RESOURCE_ID_SIZE];
    struct answer answer;
};

static char no_directory[] = "";

static struct scene begin(struct store_fixture *fixture)
{
    struct scene scene = {.fixture = fixture};
    struct error error;
    scene.config = (struct config){.tasks_directory = no_directory,
                                   .actuator_runtime_directory = fixture->directory};
    assert_int_equal(task_list_load(&scene.config, &scene.tasks, &error), 0);
    fixture_cluster_id(scene.cluster, 1);
    fixture_add_cluster(fixture, 1);
    scene.api.members = members_new(fixture->store);
    return scene;
}

static void end(struct scene *scene)
{
    answer_free(&scene->answer);
    members_free(scene->api.members);
    task_list_free(scene->tasks);
}

/* Asks for a manifest of cluster 1; returns the status of the answer, which stays in the scene.
 * `hook` (or NULL) is the store's. */
static int put(struct scene *scene, const char *text, const char *if_open, const char *key,
               enum double_fate (*hook)(struct store_double *made,
                                        struct store_operation *operations, size_t count))
{
    struct error error;
    struct request request = {.route = &creating,
                              .actor = {.name = "ann"},
                              .body = document_parse(text, strlen(text), &error)};
    assert_non_null(request.body);
    request.query[QUERY_IF_OPEN] = if_open;
    strcpy(request.cluster, scene->cluster);
    strcpy(request.idempotency_key, key);
    store_double_initialize(&scene->store, scene->fixture->store);
    scene->store.hook = hook;
    scene->store.context = scene->fixture;
    scene->api.config = &scene->config;
    scene->api.tasks = scene->tasks;
    scene->api.store = &scene->store.base;
    answer_free(&scene->answer);
    manifest_put(&scene->api, &request, &scene->answer);
    json_object_put(request.body);
    return scene->answer.status;
}

static size_t count_documents(const struct scene *scene, enum store_container container)
{
    struct store_operation all =
        fixture_query(scene->fixture,
                      (struct store_query){.kind = STORE_QUERY_DOCUMENTS, .container = container});
    size_t count = all.result.count;
    store_release(&all, 1);
    return count;
}

/* The status that the last entry of the audit trail tells. */
static int64_t audited_status(const struct scene *scene)
{
    struct store_operation all =
        fixture_query(scene->fixture, (struct store_query){.kind = STORE_QUERY_DOCUMENTS,
                                                           .container = STORE_AUDIT});
    assert_int_equal(all.result.count, 1);
    int64_t status = document_integer(all.result.items[0].document, "status", -1);
    store_release(&all, 1);
    return status;
}

static void a_new_manifest_is_stored_audited_and_told_to_the_actuators(void **state)
{
    struct scene scene = begin(*state);
    struct error error;
    char path[128], byte;
    snprintf(path, sizeof(path), "%s/actuator-0.wake", scene.fixture->directory);
    int wake = io_listen_unix(path, SOCK_DGRAM, 0660, &error);
    assert_true(wake >= 0);

    assert_int_equal(put(&scene, TASK, NULL, "", NULL), 201);
    assert_int_equal(scene.store.runs, 2); /* written, and its cluster looked for */
    struct store_operation stored =
        store_get(STORE_MANIFESTS, scene.cluster, document_string(scene.answer.body, "id", ""));
    fixture_run(scene.fixture, &stored);
    assert_int_equal(stored.result.status, STORE_DONE);
    store_release(&stored, 1);
    assert_int_equal(audited_status(&scene), 201);
    assert_true(recv(wake, &byte, 1, MSG_DONTWAIT) >= 0);

    close(wake);
    end(&scene);
}

static void a_request_that_is_refused_writes_nothing(void **state)
{
    struct scene scene = begin(*state);
    static const struct {
        const char *body, *if_open, *target;
    } cases[] = {
        {BACKWARD, NULL, "runBefore"},
        {"{}", NULL, "maintenanceTaskID"},
        {TASK, "never", "ifOpen"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(put(&scene, cases[i].body, cases[i].if_open, "k", NULL), 400);
        assert_string_equal(document_string(scene.answer.body, "error.target", ""),
                            cases[i].target);
    }
    assert_int_equal(count_documents(&scene, STORE_MANIFESTS), 0);
    assert_int_equal(count_documents(&scene, STORE_AUDIT), 0);
    assert_int_equal(count_documents(&scene, STORE_ANSWERS), 0);
    end(&scene);
}

static void if_open_asks_whether_the_task_has_an_open_manifest_on_the_cluster(void **state)
{
    struct scene scene = begin(*state);
    char first[UUID_SIZE];
    assert_int_equal(put(&scene, TASK, "FAIL", "", NULL), 201);
    strcpy(first, document_string(scene.answer.body, "id", ""));
    assert_int_equal(put(&scene, TASK, "fail", "", NULL), 409);
    assert_int_equal(put(&scene, TASK, "Skip", "", NULL), 200);
    assert_string_equal(document_string(scene.answer.body, "id", ""), first);
    assert_int_equal(count_documents(&scene, STORE_MANIFESTS), 1);
    fixture_cluster_id(scene.cluster, 2);
    fixture_add_cluster(*state, 2);
    assert_int_equal(put(&scene, TASK, "skip", "", NULL), 201);
    assert_int_equal(put(&scene, TASK, NULL, "", NULL), 201);
    assert_int_equal(count_documents(&scene, STORE_MANIFESTS), 3);
    end(&scene);
}

static void a_repeated_request_gets_its_first_answer(void **state)
{
    struct scene scene = begin(*state);
    char first[UUID_SIZE];
    assert_int_equal(put(&scene, TASK, NULL, "created", NULL), 201);
    strcpy(first, document_string(scene.answer.body, "id", ""));
    assert_int_equal(put(&scene, TASK, "skip", "skipped", NULL), 200);
    assert_int_equal(put(&scene, TASK, "fail", "refused", NULL), 409);
    fixture_sql(scene.fixture, "DELETE FROM manifests");

    assert_int_equal(put(&scene, TASK, NULL, "created", NULL), 201);
    assert_string_equal(document_string(scene.answer.body, "id", ""), first);
    assert_true(scene.answer.replayed);
    assert_int_equal(put(&scene, TASK, "skip", "skipped", NULL), 200);
    assert_int_equal(count_documents(&scene, STORE_MANIFESTS), 0);
    assert_int_equal(put(&scene, TASK, "fail", "refused", NULL), 201); /* a refusal is not kept */
    end(&scene);
}

static enum double_fate fail_writes(struct store_double *made, struct store_operation *operations,
                                    size_t count)
{
    (void)made, (void)count;
    return double_is_write(&operations[0]) ? DOUBLE_FAIL : DOUBLE_PASS;
}

static enum double_fate fail_queries(struct store_double *made, struct store_operation *operations,
                                     size_t count)
{
    (void)made, (void)count;
    return operations[0].verb == STORE_QUERY ? DOUBLE_FAIL : DOUBLE_PASS;
}

/* The manifest is written together with its audit entry, which is corrected alone. */
static enum double_fate refuse_manifest(struct store_double *made,
                                        struct store_operation *operations, size_t count)
{
    (void)made;
    if (count == 2)
        double_refuse(&operations[0], "too large");
    return DOUBLE_PASS;
}

static enum double_fate lose_race(struct store_double *made, struct store_operation *operations,
                                  size_t count)
{
    (void)made;
    if (count == 2)
        operations[0].result.status = STORE_CONFLICT;
    return DOUBLE_PASS;
}

static void a_store_that_does_not_answer_is_unavailable(void **state)
{
    struct scene scene = begin(*state);
    assert_int_equal(put(&scene, TASK, NULL, "", fail_writes), 503);
    assert_int_equal(put(&scene, TASK, "skip", "", fail_queries), 503);
    assert_int_equal(count_documents(&scene, STORE_MANIFESTS), 0);
    end(&scene);
}

static void the_audit_trail_tells_a_manifest_that_was_not_written(void **state)
{
    struct scene scene = begin(*state);
    assert_int_equal(put(&scene, TASK, NULL, "", refuse_manifest), 500);
    assert_int_equal(audited_status(&scene), 500);
    end(&scene);
}

static void whoever_loses_the_race_for_a_key_asks_again(void **state)
{
    struct scene scene = begin(*state);
    assert_int_equal(put(&scene, TASK, NULL, "k", lose_race), 409);
    assert_true(scene.answer.retry_later);
    assert_int_equal(put(&scene, TASK, NULL, "k", refuse_manifest), 500);
    assert_int_equal(put(&scene, TASK, NULL, "", lose_race),
                     500); /* an id of its own cannot collide */
    end(&scene);
}

/* A store that does not look at what it returns. */
static enum double_fate return_damaged(struct store_double *made,
                                       struct store_operation *operations, size_t count)
{
    (void)made, (void)count;
    struct store_item item = {.document = document_pack("{s:s}", "id", "7"), .etag = strdup("1")};
    struct error error;
    if (operations[0].verb != STORE_QUERY)
        return DOUBLE_PASS;
    operations[0].result.status = STORE_DONE;
    assert_int_equal(store_result_add(&operations[0].result, item, &error), 0);
    return DOUBLE_PASS;
}

static void a_damaged_open_manifest_is_no_answer(void **state)
{
    struct scene scene = begin(*state);
    assert_int_equal(put(&scene, TASK, NULL, "", NULL), 201);
    fixture_sql(scene.fixture,
                "UPDATE manifests SET document = json_set(document, '$.dequeues', 'x')");
    assert_int_equal(put(&scene, TASK, "skip", "", NULL), 201);
    assert_int_equal(put(&scene, TASK, "skip", "", return_damaged), 500);
    assert_int_equal(put(&scene, TASK, "fail", "", return_damaged), 500);
    end(&scene);
}

static bool writes_manifest(const struct store_operation *operations, size_t count)
{
    return count == 2 && double_is_write(&operations[0]) && operations[0].verb != STORE_DELETE;
}

/* A removal of the cluster that has ended when the manifest is written, */
static enum double_fate remove_cluster(struct store_double *made,
                                       struct store_operation *operations, size_t count)
{
    if (writes_manifest(operations, count))
        fixture_sql(made->context, "DELETE FROM clusters");
    return DOUBLE_PASS;
}

/* one that goes on, */
static enum double_fate mark_cluster(struct store_double *made, struct store_operation *operations,
                                     size_t count)
{
    if (writes_manifest(operations, count))
        fixture_set_cluster(made->context, 1, "openShiftCluster.properties.provisioningState",
                            json_object_new_string("Deleting"));
    return DOUBLE_PASS;
}

/* one that is taken back, after which an actuator takes the manifest, */
static enum double_fate claim_manifest(struct store_double *made,
                                       struct store_operation *operations, size_t count)
{
    mark_cluster(made, operations, count);
    if (operations[0].verb == STORE_DELETE)
        fixture_sql(made->context, "UPDATE manifests SET etag = etag + 1");
    return DOUBLE_PASS;
}

/* and one beside a store that fails before the manifest can be withdrawn. */
static enum double_fate fail_deletions(struct store_double *made,
                                       struct store_operation *operations, size_t count)
{
    mark_cluster(made, operations, count);
    return operations[0].verb == STORE_DELETE ? DOUBLE_FAIL : DOUBLE_PASS;
}

static void a_manifest_whose_cluster_is_removed_meanwhile_is_withdrawn(void **state)
{
    struct scene scene = begin(*state);
    assert_int_equal(put(&scene, TASK, NULL, "k", mark_cluster), 404);
    assert_string_equal(document_string(scene.answer.body, "error.message", ""),
                        "cluster being deleted");
    assert_int_equal(count_documents(&scene, STORE_MANIFESTS), 0);
    assert_int_equal(count_documents(&scene, STORE_ANSWERS), 0);
    assert_int_equal(audited_status(&scene), 404);
    assert_int_equal(put(&scene, TASK, NULL, "", remove_cluster), 404);
    assert_int_equal(count_documents(&scene, STORE_MANIFESTS), 0);
    end(&scene);
}

static void a_manifest_that_an_actuator_has_taken_is_not_withdrawn(void **state)
{
    struct scene scene = begin(*state);
    assert_int_equal(put(&scene, TASK, NULL, "", claim_manifest), 201);
    assert_int_equal(count_documents(&scene, STORE_MANIFESTS), 1);
    assert_int_equal(put(&scene, TASK, NULL, "", fail_deletions), 503);
    end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STORE(a_new_manifest_is_stored_audited_and_told_to_the_actuators),
        ON_STORE(a_request_that_is_refused_writes_nothing),
        ON_STORE(if_open_asks_whether_the_task_has_an_open_manifest_on_the_cluster),
        ON_STORE(a_repeated_request_gets_its_first_answer),
        ON_STORE(a_store_that_does_not_answer_is_unavailable),
        ON_STORE(the_audit_trail_tells_a_manifest_that_was_not_written),
        ON_STORE(whoever_loses_the_race_for_a_key_asks_again),
        ON_STORE(a_manifest_whose_cluster_is_removed_meanwhile_is_withdrawn),
        ON_STORE(a_manifest_that_an_actuator_has_taken_is_not_withdrawn),
        ON_STORE(a_damaged_open_manifest_is_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
