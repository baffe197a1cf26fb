/* SPDX-License-Identifier: Apache-2.0 */
/* test_patch.c - merge patches do what RFC 7396 says, and reach what a task declared alone. */
#include "expect.h"
#include "json_text.h"
#include "mimo/cleanup.h"
#include "mimo/cluster.h"
#include "mimo/patch.h"

#define RESOURCE                                                                                   \
    "/subscriptions/60bf318d-6914-4105-a3b5-d0d2c10388c8/resourceGroups/rg/providers/"             \
    "Microsoft.RedHatOpenShift/openShiftClusters/c"

static const char *const flags_only[] = {"properties.operatorFlags", NULL};

static void a_patch_is_applied_as_the_rfc_says(void **state)
{
    /* RFC 7396, appendix A, where both are objects */
    static const struct {
        const char *target, *patch, *result;
    } cases[] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
        {"{\"a\":7}", "{\"a\":{\"b\":{\"c\":1}}}", "{\"a\":{\"b\":{\"c\":1}}}"},
        {"{\"a\":null}", "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}"},
        {"{}", "{\"a\":{\"b\":{\"c\":[null]}}}", "{\"a\":{\"b\":{\"c\":[null]}}}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup_json struct json_object *target = json_of_text(cases[i].target);
        cleanup_json struct json_object *patch = json_of_text(cases[i].patch);
        struct error error;

        expect_success(patch_apply(target, patch, &error), &error);
        cleanup_free char *text = document_format(target);
        assert_string_equal(text, cases[i].result);
    }
}

static void a_patch_reaches_what_is_declared_alone(void **state)
{
    static const struct {
        const char *patch;
        const char *part; /* of the refusal; NULL: taken */
    } cases[] = {
        {"{}", NULL},
        {"{\"properties\":{}}", NULL},
        {"{\"properties\":{\"operatorFlags\":{\"a.b\":\"true\",\"c\":null}}}", NULL},
        {"{\"properties\":{\"operatorFlags\":null}}", NULL},
        {"{\"properties\":{\"operatorFlags\":[1]}}", NULL},
        {"{\"properties\":{\"apiserverProfile\":{\"url\":{}}}}",
         "member \"properties.apiserverProfile\" is not declared"},
        {"{\"properties\":{\"apiserverProfile\":{}}}", "is not declared"},
        {"{\"properties\":{\"operatorFlags\":{},\"x\":1}}", "\"properties.x\" is not declared"},
        {"{\"properties.operatorFlags\":{}}", "\"properties.operatorFlags\" is not declared"},
        {"{\"properties\":{\"operatorFlags.a\":{}}}", "is not declared"},
        {"{\"id\":{}}", "member \"id\" is not declared"},
        {"{\"id\":null}", "member \"id\" is not declared"},
        {"{\"\":{}}", "is not declared"},
        {"{\"properties\":null}", "\"properties\" is declared by the task in parts only"},
        {"{\"properties\":[]}", "\"properties\" is declared by the task in parts only"},
        {"{\"properties\":\"operatorFlags\"}", "in parts only"},
        {"{\"operatorFlags\":{}}", "is not declared"},
        {"{\"property\":{}}", "is not declared"},
        {"{\"propertiesX\":{}}", "is not declared"},
    };
    cleanup_json struct json_object *target = json_of_text("{\"id\":\"x\",\"properties\":{}}");

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup_json struct json_object *patch = json_of_text(cases[i].patch);
        struct error error = {0};
        int result = patch_check(patch, target, flags_only, &error);

        if (cases[i].part)
            expect_failure(result, &error, ERROR_INVALID, cases[i].part);
        else
            expect_success(result, &error);
        assert_int_equal(patch_check(patch, NULL, flags_only, NULL), result);
    }
}

static void several_declarations_count_together(void **state)
{
    static const char *const declared[] = {"properties.a.b", "properties.a", "properties.c.d",
                                           "tags", NULL};
    cleanup_json struct json_object *good =
        json_of_text("{\"properties\":{\"a\":{\"x\":1},\"c\":{\"d\":{\"e\":1}}},\"tags\":null}");
    cleanup_json struct json_object *bad = json_of_text("{\"properties\":{\"c\":{\"e\":1}}}");
    struct error error;

    (void)state;
    expect_success(patch_check(good, NULL, declared, &error), &error);
    expect_failure(patch_check(bad, NULL, declared, &error), &error, ERROR_INVALID,
                   "\"properties.c.e\" is not declared");
    expect_failure(patch_check(good, NULL, NULL, &error), &error, ERROR_INVALID,
                   "\"properties\" is not declared");
}

static void the_way_to_a_declared_path_is_never_made(void **state)
{
    static const char *const documents[] = {"{}", "{\"properties\":null}", "{\"properties\":[]}",
                                            "{\"properties\":\"x\"}"};
    cleanup_json struct json_object *patch =
        json_of_text("{\"properties\":{\"operatorFlags\":{}}}");
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        cleanup_json struct json_object *target = json_of_text(documents[i]);

        expect_failure(patch_check(patch, target, flags_only, &error), &error, ERROR_INVALID,
                       "member \"properties\" is not an object in the cluster's document");
    }
}

static void a_name_longer_than_a_message_is_refused(void **state)
{
    char name[2000];
    struct error error;

    (void)state;
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    cleanup_json struct json_object *patch = document_pack("{s:{s:i}}", "properties", name, 1);
    assert_int_equal(patch_check(patch, NULL, flags_only, &error), -1);
    assert_int_equal(error.kind, ERROR_INVALID);
}

/* A cluster, patched */

static struct cluster make(void)
{
    cleanup_json struct json_object *properties =
        json_of_text("{\"provisioningState\":\"Succeeded\",\"operatorFlags\":{\"a.b\":\"1\"},"
                     "\"clusterProfile\":{\"domain\":\"d\"}}");
    struct cluster cluster;
    struct error error;

    expect_success(cluster_create(&cluster, RESOURCE, properties, NULL, &error), &error);
    return cluster;
}

static int patch_cluster(struct cluster *cluster, const char *patches, struct error *error)
{
    static const char *const declared[] = {"properties.operatorFlags", "properties.tags.x", "id",
                                           "properties.provisioningState", NULL};
    cleanup_json struct json_object *list = json_of_text(patches);

    return cluster_patch(cluster, list, declared, error);
}

static void patches_of_a_cluster_are_applied_in_their_order(void **state)
{
    struct cluster cluster = make();
    struct error error;

    (void)state;
    expect_success(
        patch_cluster(&cluster,
                      "[{\"properties\":{\"operatorFlags\":{\"a.b\":null,\"c\":\"1\"}}},"
                      "{\"properties\":{\"operatorFlags\":{\"c\":\"2\",\"n\":{\"m\":{}}}}}]",
                      &error),
        &error);
    cleanup_free char *flags = document_format(
        document_get(cluster_document(&cluster), "openShiftCluster.properties.operatorFlags"));
    assert_string_equal(flags, "{\"c\":\"2\",\"n\":{\"m\":{}}}");
    assert_string_equal(
        document_string(cluster.document, "openShiftCluster.properties.clusterProfile.domain", ""),
        "d");
    cluster_free(&cluster);
}

static void a_cluster_that_could_not_be_read_again_is_not_made(void **state)
{
    static const struct {
        const char *patches;
        const char *part;
    } cases[] = {
        {"[{\"id\":{}}]", "openShiftCluster.id"},
        {"[{\"id\":\"/x\"}]", "not the resource ID"},
        {"[{\"properties\":{\"provisioningState\":7}}]", "provisioningState"},
        {"[{\"properties\":{\"tags\":{\"x\":1}}}]", "\"properties.tags\" is not an object"},
        {"[{\"properties\":{\"operatorFlags\":{\"a\":1}}},{\"properties\":{\"other\":1}}]",
         "\"properties.other\" is not declared"},
        {"[7]", "object"},
    };
    struct cluster cluster = make();
    cleanup_free char *before = document_format(cluster_document(&cluster));
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect_failure(patch_cluster(&cluster, cases[i].patches, &error), &error, ERROR_INVALID,
                       cases[i].part);
        cleanup_free char *after = document_format(cluster_document(&cluster));
        assert_string_equal(after, before);
    }
    cluster_free(&cluster);
}

static void a_cluster_without_the_patched_object_is_refused(void **state)
{
    struct cluster cluster = make();
    struct error error;

    (void)state;
    document_remove(cluster.document, "openShiftCluster");
    cluster.provisioning_state[0] = '\0';
    expect_failure(patch_cluster(&cluster, "[]", &error), &error, ERROR_INVALID,
                   "openShiftCluster");
    cluster_free(&cluster);
}

/* A patch that sets the flag "a" to a text of `length` bytes. */
static int set_flag_of(struct cluster *cluster, size_t length, struct error *error)
{
    cleanup_free char *text = malloc(length + 1);

    assert_non_null(text);
    memset(text, 'x', length);
    text[length] = '\0';
    cleanup_json struct json_object *list =
        document_pack("[{s:{s:{s:s}}}]", "properties", "operatorFlags", "a", text);
    return cluster_patch(cluster, list, flags_only, error);
}

static void a_patched_cluster_leaves_room_for_a_lease(void **state)
{
    struct cluster cluster = make();
    struct error error;

    (void)state;
    expect_success(set_flag_of(&cluster, 0, &error), &error);
    cleanup_free char *text = document_format(cluster_document(&cluster));
    size_t room = CLUSTER_SIZE_MAXIMUM - strlen(text);
    expect_failure(set_flag_of(&cluster, room + 1, &error), &error, ERROR_TOO_LARGE,
                   "1040385 bytes");
    expect_success(set_flag_of(&cluster, room, &error), &error);
    cluster_free(&cluster);
}

static void a_patched_cluster_is_not_nested_too_deeply(void **state)
{
    struct cluster cluster = make();
    struct error error;

    (void)state;
    expect_success(patch_cluster(&cluster, "[{\"properties\":{\"operatorFlags\":[[]]}}]", &error),
                   &error);
    cleanup_json struct json_object *list = json_of_text("[{}]");
    cleanup_json struct json_object *inner = json_object_new_array();
    for (int i = 0; i < DOCUMENT_DEPTH_MAXIMUM; i++) {
        struct json_object *outer = json_object_new_array();
        assert_int_equal(document_append(outer, inner), 0);
        inner = outer;
    }
    assert_int_equal(
        document_set(document_item(list, 0), "properties.operatorFlags", json_object_get(inner)),
        0);
    expect_failure(cluster_patch(&cluster, list, flags_only, &error), &error, ERROR_TOO_LARGE,
                   "nested deeper");
    cluster_free(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_patch_is_applied_as_the_rfc_says),
        cmocka_unit_test(a_patch_reaches_what_is_declared_alone),
        cmocka_unit_test(several_declarations_count_together),
        cmocka_unit_test(the_way_to_a_declared_path_is_never_made),
        cmocka_unit_test(a_name_longer_than_a_message_is_refused),
        cmocka_unit_test(patches_of_a_cluster_are_applied_in_their_order),
        cmocka_unit_test(a_cluster_that_could_not_be_read_again_is_not_made),
        cmocka_unit_test(a_cluster_without_the_patched_object_is_refused),
        cmocka_unit_test(a_patched_cluster_leaves_room_for_a_lease),
        cmocka_unit_test(a_patched_cluster_is_not_nested_too_deeply),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
