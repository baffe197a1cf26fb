/* SPDX-License-Identifier: Apache-2.0 */
/* test_job.c - a worker learns its one manifest, its one cluster, and takes nothing else for a job.
 */
#include <limits.h>

#include "expect.h"
#include "json_text.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/job.h"

#define MANIFEST "11111111-1111-4111-8111-111111111111"
#define TASK     "b41749fc-af26-4ab7-b5a1-e03f3ee4cba6"
#define ACTUATOR "22222222-2222-4222-8222-222222222222"
#define CLUSTER                                                                                    \
    "/subscriptions/60bf318d-6914-4105-a3b5-d0d2c10388c8/resourcegroups/rg/providers/"             \
    "microsoft.redhatopenshift/openshiftclusters/c"

static struct json_object *build(void)
{
    cleanup_json struct json_object *parameters = document_pack("{s:i}", "depth", 3);
    cleanup_json struct json_object *cluster =
        document_pack("{s:s, s:{}}", "id", CLUSTER, "properties");
    cleanup_json struct json_object *endpoints = document_pack(
        "[{s:s, s:i, s:[s]}]", "host", "api.example.com", "port", 6443, "addresses", "10.0.0.4");
    cleanup_json struct json_object *settings = document_pack("{s:s}", "acrDomain", "x.azurecr.io");

    return job_build(MANIFEST, TASK, CLUSTER, 2, ACTUATOR, parameters, cluster, endpoints,
                     settings);
}

static void a_job_is_written_and_read_back(void **state)
{
    cleanup_json struct json_object *document = build();
    cleanup_free char *text = document_format(document);
    struct error error;
    struct job job;

    (void)state;
    expect_success(job_parse(text, strlen(text), &job, &error), &error);
    assert_string_equal(job.manifest_id, MANIFEST);
    assert_string_equal(job.task_id, TASK);
    assert_string_equal(job.cluster_resource_id, CLUSTER);
    assert_int_equal(job.attempt, 2);
    assert_int_equal(document_integer(job.parameters, "depth", 0), 3);
    assert_string_equal(document_string(job.cluster, "id", ""), CLUSTER);
    assert_string_equal(document_string(document_item(job.endpoints, 0), "host", ""),
                        "api.example.com");
    assert_string_equal(document_string(job.settings, "acrDomain", ""), "x.azurecr.io");
    job_free(&job);
    assert_null(job.document);
    job_free(&job);
}

static void what_a_task_does_not_need_may_be_left_out(void **state)
{
    cleanup_json struct json_object *document =
        job_build(MANIFEST, TASK, CLUSTER, INT_MAX, ACTUATOR, NULL, NULL, NULL, NULL);
    cleanup_free char *text = document_format(document);
    struct error error;
    struct job job;

    (void)state;
    expect_success(job_parse(text, strlen(text), &job, &error), &error);
    assert_int_equal(job.attempt, INT_MAX);
    assert_null(job.parameters);
    assert_null(job.cluster);
    assert_int_equal(document_length(job.endpoints), 0);
    assert_int_equal(document_member_count(job.settings), 0);
    job_free(&job);
}

static void building_borrows_its_parts(void **state)
{
    struct json_object *settings = document_pack("{s:s}", "a", "b");
    struct json_object *document =
        job_build(MANIFEST, TASK, CLUSTER, 1, ACTUATOR, NULL, NULL, NULL, settings);

    (void)state;
    json_object_put(document);
    assert_string_equal(document_string(settings, "a", ""), "b");
    json_object_put(settings);
}

static void what_is_no_job_is_refused_by_name(void **state)
{
    static const struct {
        const char *path;
        const char *json; /* NULL: the member is removed */
        const char *part;
    } cases[] = {
        {"version", "2", "job: member \"version\" must be 1"},
        {"version", NULL, "member \"version\" must be 1"},
        {"version", "\"1\"", "member \"version\" must be an integer"},
        {"attempt", "0", "member \"attempt\" must be at least 1"},
        {"attempt", "2147483648", "member \"attempt\" must be at least 1"},
        {"actuator", "\"x\"", "member \"actuator\" must be a UUID"},
        {"manifest", NULL, "member \"manifest.id\" must be a UUID"},
        {"manifest.id", "1", "member \"manifest.id\" must be a string"},
        {"manifest.maintenanceTaskID", "\"\"",
         "member \"manifest.maintenanceTaskID\" must be a UUID"},
        {"manifest.clusterResourceID", "\"x\"", "\"x\" is not the resource ID of a cluster"},
        {"manifest.clusterResourceID", "[]",
         "member \"manifest.clusterResourceID\" must be a string"},
        {"manifest.parameters", "[]", "member \"manifest.parameters\" must be an object"},
        {"cluster", "\"x\"", "member \"cluster\" must be an object"},
        {"endpoints", NULL, "member \"endpoints\" is missing"},
        {"endpoints", "{}", "member \"endpoints\" must be an array"},
        {"settings", NULL, "member \"settings\" is missing"},
        {"settings", "[]", "member \"settings\" must be an object"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup_json struct json_object *document = build();
        struct error error;
        struct job job;

        json_put_path(document, cases[i].path, cases[i].json);
        cleanup_free char *text = document_format(document);
        expect_failure(job_parse(text, strlen(text), &job, &error), &error, ERROR_INVALID,
                       cases[i].part);
    }
}

static void what_is_no_document_or_too_large_is_no_job(void **state)
{
    cleanup_free char *text = malloc(JOB_SIZE_MAXIMUM + 1);
    struct error error;
    struct job job;

    (void)state;
    expect_failure(job_parse("nonsense", 8, &job, &error), &error, ERROR_INVALID, "job: line 1");
    memset(text, ' ', JOB_SIZE_MAXIMUM + 1);
    expect_failure(job_parse(text, JOB_SIZE_MAXIMUM + 1, &job, &error), &error, ERROR_TOO_LARGE,
                   "job of 1048577 bytes is larger than the 1048576 allowed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_is_written_and_read_back),
        cmocka_unit_test(what_a_task_does_not_need_may_be_left_out),
        cmocka_unit_test(building_borrows_its_parts),
        cmocka_unit_test(what_is_no_job_is_refused_by_name),
        cmocka_unit_test(what_is_no_document_or_too_large_is_no_job),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
