/* SPDX-License-Identifier: Apache-2.0 */
/* test_manifest.c - manifests are made, read strictly, ordered and shown. */
#include "json_text.h"

#include "manifest_fixture.h"
#include "mimo/document.h"

/* Sets a member, or removes it. */
/* Creating */

static void a_new_manifest_is_pending_with_the_defaults(void **state)
{
    struct manifest manifest = make();
    cleanup_json struct json_object *expected = NULL;

    (void)state;
    assert_true(uuid_is_valid(manifest.id));
    assert_int_equal(manifest.state, MANIFEST_PENDING);
    assert_int_equal(manifest.attempt, 0);
    expected =
        document_pack("{s:s, s:s, s:i, s:i, s:i, s:{s:s, s:s, s:i, s:i, s:i}}", "id", manifest.id,
                      "clusterResourceID", CLUSTER, "bucket", bucket_of(CLUSTER), "dequeues", 0,
                      "createdAt", NOW, "maintenanceManifest", "maintenanceTaskID", TASK, "state",
                      "Pending", "priority", 0, "runAfter", NOW, "runBefore", NOW + WEEK);
    assert_non_null(expected);
    assert_true(document_equal(manifest_document(&manifest), expected));
    manifest_free(&manifest);
    assert_null(manifest.document);
    manifest_free(&manifest);
}

static void what_was_asked_for_is_in_the_manifest(void **state)
{
    cleanup_json struct json_object *parameters = document_pack("{s:[i]}", "nodes", 3);
    struct manifest_request request = {
        .cluster = CLUSTER,
        .task = TASK,
        .priority = 7,
        .run_after = NOW + 10,
        .run_before = NOW + 10,
        .created_by_schedule = SCHEDULE,
        .parameters = parameters,
    };
    struct manifest manifest;
    struct error error;

    (void)state;
    expect_success(manifest_create(&manifest, &request, NOW, &error), &error);
    store_and_read(&manifest);
    assert_int_equal(manifest.priority, 7);
    assert_int_equal(manifest.run_after, NOW + 10);
    assert_int_equal(manifest.run_before, NOW + 10);
    assert_string_equal(manifest.created_by_schedule, SCHEDULE);
    assert_true(document_equal(document_get(manifest.document, "maintenanceManifest.parameters"),
                               parameters));
    assert_ptr_not_equal(document_get(manifest.document, "maintenanceManifest.parameters"),
                         parameters);
    manifest_free(&manifest);
}

static void a_wrong_request_names_its_member(void **state)
{
    const struct {
        struct manifest_request request;
        const char *part;
    } cases[] = {
        {{.cluster = "x", .task = TASK}, "member \"clusterResourceID\": \"x\" is not"},
        {{.cluster = CLUSTER, .task = "x"}, "member \"maintenanceTaskID\" must be a UUID"},
        {{.cluster = CLUSTER, .task = TASK, .created_by_schedule = "x"},
         "member \"createdBySchedule\" must be a UUID"},
        {{.cluster = CLUSTER, .task = TASK, .priority = -1},
         "member \"priority\" must be from 0 to 1000000"},
        {{.cluster = CLUSTER, .task = TASK, .priority = 1000001},
         "member \"priority\" must be from 0 to 1000000"},
        {{.cluster = CLUSTER, .task = TASK, .run_after = -1},
         "member \"runAfter\" must be a time from 1970"},
        {{.cluster = CLUSTER, .task = TASK, .run_after = CLOCK_MAXIMUM + 1},
         "member \"runAfter\" must be a time"},
        {{.cluster = CLUSTER, .task = TASK, .run_before = -1},
         "member \"runBefore\" must be a time"},
        {{.cluster = CLUSTER, .task = TASK, .run_before = CLOCK_MAXIMUM + 1},
         "member \"runBefore\" must be a time"},
        {{.cluster = CLUSTER, .task = TASK, .run_after = NOW + 2, .run_before = NOW + 1},
         "member \"runBefore\" must not be before runAfter"},
        {{.cluster = CLUSTER, .task = TASK, .run_after = NOW + WEEK + 1},
         "its default is 7 days from now, give it too"},
    };
    struct manifest manifest;
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_failure(manifest_create(&manifest, &cases[i].request, NOW, &error), &error,
                       ERROR_INVALID, cases[i].part);
}

static void parameters_have_their_bounds(void **state)
{
    struct manifest_request request = {.cluster = CLUSTER, .task = TASK};
    static char text[MANIFEST_PARAMETERS_SIZE_MAXIMUM];
    size_t frame = strlen("{\"a\":\"\"}");
    struct manifest manifest;
    struct error error;

    (void)state;
    for (size_t more = 0; more < 2; more++) {
        size_t length = MANIFEST_PARAMETERS_SIZE_MAXIMUM - frame + more;

        memset(text, 'x', length);
        text[length] = '\0';
        cleanup_json struct json_object *parameters = document_pack("{s:s}", "a", text);
        request.parameters = parameters;
        int result = manifest_create(&manifest, &request, NOW, &error);
        if (more == 0) {
            expect_success(result, &error);
            manifest_free(&manifest);
        } else {
            expect_failure(result, &error, ERROR_INVALID,
                           "member \"parameters\" must not be larger than 16384 bytes");
        }
    }
    cleanup_json struct json_object *nested = json_object_new_object();
    for (int depth = 2; depth <= MANIFEST_PARAMETERS_DEPTH_MAXIMUM; depth++)
        nested = document_pack("{s:o}", "a", nested);
    request.parameters = nested;
    expect_success(manifest_create(&manifest, &request, NOW, &error), &error);
    manifest_free(&manifest);
    nested = document_pack("{s:o}", "a", nested);
    request.parameters = nested;
    expect_failure(manifest_create(&manifest, &request, NOW, &error), &error, ERROR_INVALID,
                   "member \"parameters\" must not be nested deeper than 16 levels");
    cleanup_json struct json_object *list = json_object_new_array();
    request.parameters = list;
    expect_failure(manifest_create(&manifest, &request, NOW, &error), &error, ERROR_INVALID,
                   "member \"parameters\" must be an object");
}

/* Reading */

static const struct {
    const char *path;
    const char *json; /* NULL: removed */
    const char *part; /* NULL: good */
} wrong_members[] = {
    {"id", NULL, "member \"id\" is missing"},
    {"id", "\"x\"", "member \"id\" must be a UUID"},
    {"clusterResourceID", NULL, "member \"clusterResourceID\": \"\" is not the resource ID"},
    {"clusterResourceID", "1", "member \"clusterResourceID\" must be a string"},
    {"maintenanceManifest", "[]", "member \"maintenanceManifest\" must be an object"},
    {"maintenanceManifest", NULL, "member \"maintenanceManifest.maintenanceTaskID\" is missing"},
    {"maintenanceManifest.maintenanceTaskID", "\"\"", "maintenanceTaskID\" is missing"},
    {"maintenanceManifest.state", "\"Running\"",
     "member \"maintenanceManifest.state\" must be the name of a state"},
    {"maintenanceManifest.state", NULL,
     "member \"maintenanceManifest.state\" must be the name of a state"},
    {"maintenanceManifest.state", "7", "member \"maintenanceManifest.state\" must be a string"},
    {"maintenanceManifest.priority", "-1", "priority\" must be from 0 to 1000000"},
    {"maintenanceManifest.priority", "1000001", "priority\" must be from 0 to 1000000"},
    {"maintenanceManifest.priority", "\"1\"", "priority\" must be an integer"},
    {"maintenanceManifest.priority", NULL, NULL},
    {"maintenanceManifest.runAfter", "-1", "runAfter\" must be from 0 to 253402300799"},
    {"maintenanceManifest.runBefore", "253402300800", "runBefore\" must be from 0 to 253402300799"},
    {"maintenanceManifest.runBefore", "1.5", "runBefore\" must be an integer"},
    {"maintenanceManifest.statusText", "{}", "statusText\" must be a string"},
    {"maintenanceManifest.parameters", "[]", "parameters\" must be an object"},
    {"maintenanceManifest.createdBySchedule", "\"x\"", "createdBySchedule\" must be a UUID"},
    {"bucket", "256", "member \"bucket\" must be from 0 to 255"},
    {"bucket", "-1", "member \"bucket\" must be from 0 to 255"},
    {"dequeues", "-1", "member \"dequeues\" must be from 0 to 1000"},
    {"leaseOwner", "\"actuator-vm-2\"", "member \"leaseOwner\" must be a UUID"},
    {"leaseOwner", "null", NULL},
    {"leaseExpires", "\"soon\"", "member \"leaseExpires\" must be an integer"},
    {"progress", "[]", "member \"progress\" must be an object"},
    {"attempts", "{}", "member \"attempts\" must be an array"},
    {"attempts", "[7]", "member \"attempts\" must hold objects with a \"number\" from 1"},
    {"attempts", "[{\"number\":0}]", "member \"attempts\" must hold objects"},
    {"attempts", "[{\"number\":2147483647}]", "member \"attempts\" must hold objects"},
    {"attempts", "[]", NULL},
};

static void a_stored_manifest_is_read_strictly(void **state)
{
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong_members) / sizeof(wrong_members[0]); i++) {
        struct manifest made = make(), read;

        json_put_path(manifest_document(&made), wrong_members[i].path, wrong_members[i].json);
        struct json_object *document = json_object_get(made.document);
        if (wrong_members[i].part) {
            expect_failure(manifest_read(&read, made.document, &error), &error, ERROR_INVALID,
                           wrong_members[i].part);
        } else {
            expect_success(manifest_read(&read, made.document, &error), &error);
            manifest_free(&read);
        }
        manifest_free(&made);
        assert_int_equal(json_object_put(document), 1); /* this was the last reference */
    }
    cleanup_json struct json_object *list = json_object_new_array();
    struct manifest read;
    expect_failure(manifest_read(&read, list, &error), &error, ERROR_INVALID, "not a JSON object");
}

static void a_manifest_of_another_producer_is_understood(void **state)
{
    static const char text[] =
        "{\"id\":\"9b741734-6505-447f-8510-85eb0ae561a2\",\"_etag\":\"x\",\"clusterResourceID\":"
        "\"/subscriptions/60BF318D-6914-4105-a3b5-d0d2c10388c8/resourceGroups/rg/providers/"
        "Microsoft.RedHatOpenShift/openShiftClusters/"
        "c\",\"maintenanceManifest\":{\"state\":\"Pending\","
        "\"maintenanceTaskID\":\"" TASK "\",\"unknown\":[1]},\"dequeues\":2}";
    struct error error;
    cleanup_json struct json_object *document = document_parse(text, strlen(text), &error);
    struct manifest manifest;

    (void)state;
    expect_success(manifest_read(&manifest, document, &error), &error);
    assert_string_equal(manifest.cluster, CLUSTER);
    assert_int_equal(manifest.bucket, -1);
    assert_int_equal(manifest.attempt, 2);
    assert_true(manifest_is_runnable(&manifest, NOW)); /* no runBefore: no deadline */
    claim(&manifest, NOW);
    assert_int_equal(manifest.attempt, 3);
    manifest_document(&manifest);
    assert_null(document_get(document, "bucket"));
    assert_string_equal(document_string(document, "_etag", ""), "x");
    assert_int_equal(document_length(document_get(document, "maintenanceManifest.unknown")), 1);
    assert_non_null(strstr(document_string(document, "clusterResourceID", ""), "60BF318D"));
    manifest_free(&manifest);
}

static void the_number_of_the_latest_attempt_never_falls(void **state)
{
    static const struct {
        int dequeues;
        const char *attempts;
        int attempt;
    } cases[] = {
        {0, "[]", 0},
        {3, "[]", 3},
        {1, "[{\"number\":4}]", 4},
        {5, "[{\"number\":4}]", 5},
        {0, "[{\"number\":9},{\"number\":2}]", 9},
    };
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct manifest made = make(), read;

        document_set(manifest_document(&made), "attempts", json_of_text(cases[i].attempts));
        document_set(made.document, "dequeues", json_object_new_int64(cases[i].dequeues));
        expect_success(manifest_read(&read, made.document, &error), &error);
        assert_int_equal(read.attempt, cases[i].attempt);
        manifest_free(&read);
        manifest_free(&made);
    }
}

static void a_status_text_too_long_is_cut_when_it_is_read(void **state)
{
    struct manifest made = make(), read;
    static char text[2 * STATUS_TEXT_SIZE];
    struct error error;

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    document_set_string(made.document, "maintenanceManifest.statusText", text);
    expect_success(manifest_read(&read, made.document, &error), &error);
    assert_int_equal(strlen(read.status_text), STATUS_TEXT_SIZE - 1);
    manifest_free(&read);
    manifest_free(&made);
}

/* Asking */

static void a_manifest_runs_when_it_is_due_and_not_overdue(void **state)
{
    struct manifest manifest = make();

    (void)state;
    manifest.run_after = 100;
    manifest.run_before = 200;
    assert_int_equal(manifest_due_at(&manifest), 100);
    assert_false(manifest_is_runnable(&manifest, 99));
    assert_true(manifest_is_runnable(&manifest, 100));
    assert_true(manifest_is_runnable(&manifest, 200));
    assert_false(manifest_is_runnable(&manifest, 201));
    manifest.next_attempt = 150;
    assert_int_equal(manifest_due_at(&manifest), 150);
    assert_false(manifest_is_runnable(&manifest, 149));
    assert_true(manifest_is_runnable(&manifest, 150));
    claim(&manifest, 150);
    assert_false(manifest_is_runnable(&manifest, 150));
    manifest_free(&manifest);
}

/* Showing */

static void a_view_is_flat_and_leaves_out_what_is_absent(void **state)
{
    struct manifest manifest = make();
    cleanup_json struct json_object *pending = manifest_view(&manifest);
    cleanup_json struct json_object *expected =
        document_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i}", "id", manifest.id,
                      "clusterResourceID", CLUSTER, "state", "Pending", "maintenanceTaskID", TASK,
                      "priority", 0, "runAfter", NOW, "runBefore", NOW + WEEK, "bucket",
                      bucket_of(CLUSTER), "dequeues", 0, "createdAt", NOW);

    (void)state;
    assert_true(document_equal(pending, expected));
    manifest_free(&manifest);
}

static void a_view_shows_all_there_is_and_shares_nothing(void **state)
{
    cleanup_json struct json_object *parameters = document_pack("{s:i}", "a", 1);
    struct manifest_request request = {.cluster = CLUSTER,
                                       .task = TASK,
                                       .created_by_schedule = SCHEDULE,
                                       .parameters = parameters};
    struct manifest manifest;
    struct error error;

    (void)state;
    expect_success(manifest_create(&manifest, &request, NOW, &error), &error);
    claim(&manifest, NOW);
    manifest_set_progress(&manifest, 1, 2, "x", "running");
    cleanup_json struct json_object *view = manifest_view(&manifest);
    assert_string_equal(document_string(view, "statusText", ""), "running");
    assert_string_equal(document_string(view, "createdBySchedule", ""), SCHEDULE);
    assert_string_equal(document_string(view, "leaseOwner", ""), OWNER);
    assert_int_equal(document_integer(view, "leaseExpiry", 0), NOW + LEASE);
    assert_int_equal(document_integer(view, "startedAt", 0), NOW);
    assert_int_equal(document_integer(view, "progress.steps", 0), 2);
    assert_int_equal(document_integer(view, "parameters.a", 0), 1);
    assert_int_equal(
        document_integer(document_item(document_get(view, "attempts"), 0), "number", 0), 1);
    assert_null(document_get(view, "leaseExpires"));
    assert_null(document_get(view, "maintenanceManifest"));
    document_set(document_get(view, "progress"), "steps", json_object_new_int64(9));
    assert_int_equal(document_integer(manifest.document, "progress.steps", 0), 2);
    manifest_free(&manifest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_manifest_is_pending_with_the_defaults),
        cmocka_unit_test(what_was_asked_for_is_in_the_manifest),
        cmocka_unit_test(a_wrong_request_names_its_member),
        cmocka_unit_test(parameters_have_their_bounds),
        cmocka_unit_test(a_stored_manifest_is_read_strictly),
        cmocka_unit_test(a_manifest_of_another_producer_is_understood),
        cmocka_unit_test(the_number_of_the_latest_attempt_never_falls),
        cmocka_unit_test(a_status_text_too_long_is_cut_when_it_is_read),
        cmocka_unit_test(a_manifest_runs_when_it_is_due_and_not_overdue),
        cmocka_unit_test(a_view_is_flat_and_leaves_out_what_is_absent),
        cmocka_unit_test(a_view_shows_all_there_is_and_shares_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
