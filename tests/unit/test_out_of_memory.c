/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_out_of_memory.c - whichever allocation fails, the caller is told, and what it had is as it
 * was.
 *
 * json-c is linked statically, so that its allocations fail as well.
 */
#include <errno.h>

#include "expect.h"
#include "mimo/cleanup.h"
#include "mimo/cluster.h"
#include "mimo/config.h"
#include "mimo/document.h"
#include "mimo/io.h"
#include "mimo/job.h"
#include "mimo/manifest.h"
#include "mimo/report.h"
#include "out_of_memory.h"

#define CLUSTER                                                                                    \
    "/subscriptions/60bf318d-6914-4105-a3b5-d0d2c10388c8/resourcegroups/rg/providers/"             \
    "microsoft.redhatopenshift/openshiftclusters/c"
#define TASK     "b41749fc-af26-4ab7-b5a1-e03f3ee4cba6"
#define OWNER    "11111111-1111-4111-8111-111111111111"
#define MANIFEST "33333333-3333-4333-8333-333333333333"

enum { NOW = 1795417680 };

/* Scenarios. What they need beforehand is made with all memory. */

static struct json_object *parameters;

static char *text_before;

static void remember(struct json_object *value)
{
    long saved = remaining;

    remaining = -1;
    free(text_before);
    text_before = document_format(value);
    remaining = saved;
}

/* With what memory there is again: nothing of it has changed. */
static void expect_unchanged(struct json_object *value)
{
    long saved = remaining;

    remaining = -1;
    char *text = document_format(value);
    assert_string_equal(text, text_before);
    free(text);
    remaining = saved;
}

static int parse_document(void)
{
    static const char text[] = "{\"a\":{\"b\":[1,2,3],\"c\":\"x\"},\"d\":true}";
    struct error error;
    struct json_object *parsed = document_parse(text, strlen(text), &error);

    json_object_put(parsed);
    return parsed ? 0 : -1;
}

static int set_members(void)
{
    struct json_object *value = json_object_new_object();
    int result = -1;

    if (value && document_set(value, "a.b.c", json_object_new_int64(1)) == 0 &&
        document_set_string(value, "d", "x") == 0 && document_set_time(value, "e", 7) == 0)
        result = 0;
    json_object_put(value);
    return result;
}

static int create_manifest(void)
{
    struct manifest_request request = {.cluster = CLUSTER, .task = TASK, .parameters = parameters};
    struct manifest manifest;
    struct error error;

    if (manifest_create(&manifest, &request, NOW, &error) < 0) {
        assert_non_null(strstr(error.message, "Cannot allocate memory"));
        return -1;
    }
    manifest_free(&manifest);
    return 0;
}

/* A Pending manifest, made with all memory. */
static struct manifest make_manifest(void)
{
    struct manifest_request request = {.cluster = CLUSTER, .task = TASK, .parameters = parameters};
    struct manifest manifest;
    struct error error;
    long saved = remaining;

    remaining = -1;
    expect_success(manifest_create(&manifest, &request, NOW, &error), &error);
    remaining = saved;
    return manifest;
}

static int claim_manifest(void)
{
    struct manifest manifest = make_manifest();
    struct error error;
    int result = manifest_claim(&manifest, OWNER, NOW, 3600, &error);

    if (result < 0) {
        assert_int_equal(manifest.state, MANIFEST_PENDING);
        assert_int_equal(manifest.attempt, 0);
        assert_int_equal(manifest.dequeues, 0);
        assert_string_equal(manifest.lease_owner, "");
    }
    manifest_free(&manifest);
    return result;
}

static struct manifest make_claimed_manifest(void)
{
    struct manifest manifest = make_manifest();
    struct error error;
    long saved = remaining;

    remaining = -1;
    expect_success(manifest_claim(&manifest, OWNER, NOW, 3600, &error), &error);
    remaining = saved;
    return manifest;
}

static int end_attempt(void)
{
    const struct backoff backoff = {.first = 0, .maximum = 0};
    const struct attempt_usage usage = {.max_rss_kib = 1, .cpu_ms = 1};
    const struct outcome outcome = {.kind = OUTCOME_TRANSIENT, .status_text = "x"};
    struct manifest manifest = make_claimed_manifest();
    struct error error;
    int result = manifest_end_attempt(&manifest, &outcome, &usage, &backoff, NOW, 0, &error);

    if (result < 0) {
        assert_int_equal(manifest.state, MANIFEST_IN_PROGRESS);
        assert_string_equal(manifest.lease_owner, OWNER);
        assert_true(manifest_is_owned(&manifest, OWNER, 1));
    } else {
        const struct json_object *entry =
            document_item(document_get(manifest.document, "attempts"), 0);
        assert_int_equal(document_integer(entry, "maxRssKiB", 0), 1);
        assert_int_equal(document_integer(entry, "cpuMs", 0), 1);
        assert_string_equal(document_string(entry, "message", ""), "x");
    }
    manifest_free(&manifest);
    return result;
}

static int cancel_manifest(void)
{
    struct manifest manifest = make_claimed_manifest();
    struct error error;
    int result = manifest_cancel(&manifest, NOW, true, &error);

    assert_int_equal(manifest.state, result < 0 ? MANIFEST_IN_PROGRESS : MANIFEST_CANCELLED);
    manifest_free(&manifest);
    return result;
}

static int write_manifest(void)
{
    struct manifest manifest = make_claimed_manifest();
    int result = manifest_document(&manifest) ? 0 : -1;

    manifest_free(&manifest);
    return result;
}

/* A view is whole or not there. */
static int check_view(struct json_object *view, size_t members)
{
    if (view)
        assert_int_equal(document_member_count(view), members);
    json_object_put(view);
    return view ? 0 : -1;
}

static int show_manifest(void)
{
    struct manifest manifest = make_claimed_manifest();
    int result = check_view(manifest_view(&manifest), 15);

    manifest_free(&manifest);
    return result;
}

/* Progress is shown or not; nothing else depends on it. */
static int show_progress(void)
{
    struct manifest manifest = make_claimed_manifest();

    manifest_set_progress(&manifest, 1, 2, "x", "running");
    bool shown = document_integer(manifest.document, "progress.step", 0) == 1;
    assert_string_equal(manifest.status_text, "running");
    manifest_free(&manifest);
    return shown ? 0 : -1;
}

static int create_cluster(void)
{
    struct cluster cluster;
    struct error error;

    if (cluster_create(&cluster, CLUSTER, parameters, "c2VhbGVk", &error) < 0) {
        assert_int_equal(error.kind, ERROR_MEMORY);
        return -1;
    }
    cluster_free(&cluster);
    return 0;
}

static struct cluster make_cluster(void)
{
    struct cluster cluster;
    struct error error;
    long saved = remaining;

    remaining = -1;
    expect_success(cluster_create(&cluster, CLUSTER, parameters, NULL, &error), &error);
    strcpy(cluster.last_provisioning_state, "Updating");
    assert_non_null(cluster_document(&cluster));
    remaining = saved;
    return cluster;
}

static int patch_cluster(void)
{
    static const char *const declared[] = {"properties.a", NULL};
    struct cluster cluster = make_cluster();
    struct error error;
    long saved = remaining;

    remaining = -1;
    cleanup_json struct json_object *patches =
        document_pack("[{s:{s:{s:s, s:n}}}]", "properties", "a", "b", "x", "c");
    cleanup_json struct json_object *before = document_copy(cluster_document(&cluster));
    remaining = saved;
    int result = cluster_patch(&cluster, patches, declared, &error);
    if (result < 0) {
        assert_int_equal(error.kind, ERROR_MEMORY);
        assert_true(document_equal(cluster.document, before));
    }
    cluster_free(&cluster);
    return result;
}

static int take_lease(void)
{
    struct cluster cluster = make_cluster();
    struct error error;
    int result = cluster_take_lease(&cluster, OWNER, MANIFEST, NOW, 3600, "AdminUpdating", &error);

    if (result < 0) {
        assert_string_equal(cluster.lease_owner, "");
        assert_string_equal(cluster.last_provisioning_state, "Updating");
    }
    cluster_free(&cluster);
    return result;
}

static int write_cluster(void)
{
    struct cluster cluster = make_cluster();
    int result = cluster_document(&cluster) ? 0 : -1;

    cluster_free(&cluster);
    return result;
}

static int show_cluster(void)
{
    struct cluster cluster = make_cluster();
    int result = check_view(cluster_view(&cluster), 5);

    cluster_free(&cluster);
    return result;
}

static int build_job(void)
{
    struct json_object *job =
        job_build(MANIFEST, TASK, CLUSTER, 1, OWNER, parameters, parameters, NULL, NULL);

    json_object_put(job);
    expect_unchanged(parameters);
    return job ? 0 : -1;
}

static int format_report(void)
{
    const struct report reports[] = {
        {.type = REPORT_STEP, .step = 1, .steps = 1, .text = "x"},
        {.type = REPORT_RESULT, .outcome = OUTCOME_SUCCEEDED, .text = "x"},
        {.type = REPORT_PATCH_CLUSTER, .patch = parameters},
    };
    int result = 0;

    for (size_t i = 0; i < 3 && result == 0; i++) {
        char *line = report_format(&reports[i]);

        result = line ? 0 : -1;
        free(line);
    }
    expect_unchanged(parameters);
    return result;
}

static void ignore(const struct report *report, void *context)
{
    (void)report;
    (void)context;
}

static int feed_reader(void)
{
    static const char line[] = "{\"type\":\"status\",\"text\":\"x\"}\n";
    struct report_reader reader;

    report_reader_initialize(&reader);
    bool sound = report_reader_feed(&reader, line, strlen(line), ignore, NULL);
    assert_int_equal(sound, reader.problem.kind == ERROR_NONE);
    report_reader_free(&reader);
    return sound ? 0 : -1;
}

static char folder[PRIVATE_PATH_SIZE];
static char path[PRIVATE_PATH_SIZE + 16];

static int read_file(void)
{
    char *data = NULL;
    struct error error;

    if (io_read_file(path, 1000, &data, NULL, &error) < 0)
        return -1;
    free(data);
    return 0;
}

static int replace_file(void)
{
    struct error error;

    return io_replace_file(path, "[log]\n", 6, 0600, &error);
}

static int load_config(void)
{
    struct config config;
    struct error error;

    if (config_load(&config, path, NULL, &error) < 0) {
        assert_null(config.store_uri);
        return -1;
    }
    config_free(&config);
    return 0;
}

static const struct {
    int (*act)(void);
    int least;
} scenarios[] = {
    {parse_document, 5}, {set_members, 5},     {create_manifest, 10}, {claim_manifest, 5},
    {end_attempt, 5},    {cancel_manifest, 3}, {write_manifest, 5},   {show_manifest, 10},
    {show_progress, 3},  {create_cluster, 10}, {patch_cluster, 10},   {take_lease, 2},
    {write_cluster, 3},  {show_cluster, 5},    {build_job, 10},       {format_report, 10},
    {feed_reader, 3},    {read_file, 1},       {replace_file, 1},     {load_config, 10},
};

static void wherever_memory_runs_out_the_caller_is_told(void **state)
{
    (void)state;
    make_private_folder(folder);
    snprintf(path, sizeof(path), "%s/file", folder);
    write_file(path, "[log]\nlevel = debug\n");
    parameters = document_pack("{s:{s:i}, s:s}", "a", "b", 1, "provisioningState", "Succeeded");
    remember(parameters);
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        exhaust(scenarios[i].act, scenarios[i].least);
        fail_each(scenarios[i].act, 1);
    }
    json_object_put(parameters);
    free(text_before);
    remove_private_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wherever_memory_runs_out_the_caller_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
