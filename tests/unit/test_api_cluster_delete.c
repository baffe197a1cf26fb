/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_cluster_delete.c - removing a cluster from the inventory, beside manifests that are being
 * created and after a removal that was interrupted. */
#include "store_fixture.h"

#include <string.h>

#include "api/endpoints/handlers.h"
#include "api/endpoints/members.h"
#include "api/http/routes.h"
#include "mimo/document.h"
#include "store_double.h"

#define STATE "openShiftCluster.properties.provisioningState"

static const struct route deleting = {.action = "cluster.delete"};

/* The store of the API can be made to fail; the fixture's own is what it wraps. */
struct scene {
    struct store_fixture *fixture;
    struct store_double store;
    struct config config;
    struct api api;
    struct answer answer;
};

static struct scene begin(struct store_fixture *fixture)
{
    struct scene scene = {.fixture = fixture};
    scene.config = (struct config){.actuator_runtime_directory = fixture->directory};
    scene.api.members = members_new(fixture->store);
    fixture_add_cluster(fixture, 1);
    return scene;
}

static void end(struct scene *scene)
{
    answer_free(&scene->answer);
    members_free(scene->api.members);
}

/* Removes cluster 1; returns the status of the answer. `hook` (or NULL) is the store's. */
static int remove_cluster(struct scene *scene,
                          enum double_fate (*hook)(struct store_double *made,
                                                   struct store_operation *operations,
                                                   size_t count))
{
    struct request request = {.route = &deleting, .actor = {.name = "ann"}};
    fixture_cluster_id(request.cluster, 1);
    store_double_initialize(&scene->store, scene->fixture->store);
    scene->store.hook = hook;
    scene->store.context = scene->fixture;
    scene->api.config = &scene->config;
    scene->api.store = &scene->store.base;
    answer_free(&scene->answer);
    cluster_delete(&scene->api, &request, &scene->answer);
    return scene->answer.status;
}

/* Fails unless the cluster is in this state; NULL: it is gone. */
static void expect_state(const struct scene *scene, const char *state)
{
    struct store_operation all =
        fixture_query(scene->fixture, (struct store_query){.kind = STORE_QUERY_DOCUMENTS,
                                                           .container = STORE_CLUSTERS});
    assert_int_equal(all.result.count, state ? 1 : 0);
    if (state)
        assert_string_equal(document_string(all.result.items[0].document, STATE, ""), state);
    store_release(&all, 1);
}

/* The status of the last entry of the audit trail. */
static int64_t audited_status(const struct scene *scene)
{
    struct store_operation all =
        fixture_query(scene->fixture, (struct store_query){.kind = STORE_QUERY_AUDIT});
    assert_true(all.result.count > 0);
    int64_t status =
        document_integer(all.result.items[all.result.count - 1].document, "status", -1);
    store_release(&all, 1);
    return status;
}

/* A manifest is created after the removal has looked for open ones, and before its first write. */
static enum double_fate create_manifest(struct store_double *made,
                                        struct store_operation *operations, size_t count)
{
    (void)count;
    if (double_is_write(&operations[0]) && made->runs <= 3)
        fixture_add_manifest(made->context, (struct fixture_manifest){.id = 7, .cluster = 1});
    return DOUBLE_PASS;
}

static void a_manifest_that_is_created_meanwhile_keeps_its_cluster(void **state)
{
    static const char *const states[] = {"Succeeded", ""};
    struct scene scene = begin(*state);
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        fixture_set_cluster(scene.fixture, 1, STATE,
                            states[i][0] ? json_object_new_string(states[i]) : NULL);
        assert_int_equal(remove_cluster(&scene, create_manifest), 409);
        expect_state(&scene, states[i]);
        assert_int_equal(audited_status(&scene), 409);
        fixture_sql(scene.fixture, "DELETE FROM manifests");
        fixture_sql(scene.fixture, "DELETE FROM audit");
    }
    assert_int_equal(remove_cluster(&scene, NULL), 204);
    expect_state(&scene, NULL);
    assert_int_equal(audited_status(&scene), 204);
    end(&scene);
}

static enum double_fate fail_deletion(struct store_double *made, struct store_operation *operations,
                                      size_t count)
{
    (void)made, (void)count;
    return operations[0].verb == STORE_DELETE ? DOUBLE_FAIL : DOUBLE_PASS;
}

static void an_interrupted_removal_is_completed_or_taken_back_by_the_next(void **state)
{
    struct scene scene = begin(*state);
    fixture_set_cluster(scene.fixture, 1, STATE, json_object_new_string("Failed"));
    assert_int_equal(remove_cluster(&scene, fail_deletion), 503);
    expect_state(&scene, "Deleting");
    fixture_add_manifest(scene.fixture, (struct fixture_manifest){.id = 7, .cluster = 1});
    assert_int_equal(remove_cluster(&scene, NULL), 409);
    expect_state(&scene, "Failed");
    fixture_sql(scene.fixture, "DELETE FROM manifests");
    assert_int_equal(remove_cluster(&scene, fail_deletion), 503);
    assert_int_equal(remove_cluster(&scene, NULL), 204);
    expect_state(&scene, NULL);
    end(&scene);
}

/* Another program that is deleting the cluster itself. */
static void the_mark_of_others_is_not_taken_back(void **state)
{
    struct scene scene = begin(*state);
    fixture_set_cluster(scene.fixture, 1, STATE, json_object_new_string("deleting"));
    fixture_add_manifest(scene.fixture, (struct fixture_manifest){.id = 7, .cluster = 1});
    assert_int_equal(remove_cluster(&scene, NULL), 409);
    expect_state(&scene, "deleting");
    fixture_sql(scene.fixture, "DELETE FROM manifests");
    assert_int_equal(remove_cluster(&scene, NULL), 204);
    assert_int_equal(remove_cluster(&scene, NULL), 404);
    end(&scene);
}

static enum double_fate change_state(struct store_double *made, struct store_operation *operations,
                                     size_t count)
{
    (void)count;
    if (operations[0].verb == STORE_DELETE)
        fixture_set_cluster(made->context, 1, STATE, json_object_new_string("Succeeded"));
    return DOUBLE_PASS;
}

static void a_cluster_whose_mark_others_take_off_each_time_is_contended(void **state)
{
    struct scene scene = begin(*state);
    assert_int_equal(remove_cluster(&scene, change_state), 409);
    expect_state(&scene, "Deleting");
    end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STORE(a_manifest_that_is_created_meanwhile_keeps_its_cluster),
        ON_STORE(an_interrupted_removal_is_completed_or_taken_back_by_the_next),
        ON_STORE(the_mark_of_others_is_not_taken_back),
        ON_STORE(a_cluster_whose_mark_others_take_off_each_time_is_contended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
