/* SPDX-License-Identifier: Apache-2.0 */
/* test_manifest.c - a manifest from its creation to its end, in every way that it may go. */
#include "config.h"

#include "expect.h"
#include "mimo/bucket.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/manifest.h"

#define CLUSTER                                                                                    \
    "/subscriptions/60bf318d-6914-4105-a3b5-d0d2c10388c8/resourcegroups/rg/providers/"             \
    "microsoft.redhatopenshift/openshiftclusters/c"
#define TASK     "b41749fc-af26-4ab7-b5a1-e03f3ee4cba6"
#define SCHEDULE "55555555-5555-4555-8555-555555555555"
#define OWNER    "11111111-1111-4111-8111-111111111111"
#define OTHER    "22222222-2222-4222-8222-222222222222"

enum { NOW = 1795417680, WEEK = 7 * 86400, LEASE = 3600 };

static const struct backoff backoff = {.first = 90000, .maximum = 900000};
static const struct backoff no_backoff = {.first = 0, .maximum = 0};

/* Half of the range of jitter: none at all. */
static const uint32_t NO_JITTER = UINT32_MAX / 2 + 1;

static struct manifest make(void)
{
    struct manifest_request request = {.cluster = CLUSTER, .task = TASK};
    struct manifest manifest;
    struct error error;

    expect_success(manifest_create(&manifest, &request, NOW, &error), &error);
    return manifest;
}

static void claim(struct manifest *manifest, int64_t now)
{
    struct error error;

    expect_success(manifest_claim(manifest, OWNER, now, LEASE, &error), &error);
}

static void end_with(struct manifest *manifest, enum outcome_kind kind, const char *text,
                     const struct backoff *pause, int64_t now)
{
    struct outcome outcome = {.kind = kind};
    struct attempt_usage usage = {.max_rss_kib = 5000, .cpu_ms = 250};
    struct error error;

    strcpy(outcome.status_text, text);
    expect_success(manifest_end_attempt(manifest, &outcome, &usage, pause, now, NO_JITTER, &error),
                   &error);
}

static json_t *attempt_at(struct manifest *manifest, size_t index)
{
    return json_array_get(document_get(manifest_document(manifest), "attempts"), index);
}

/* Sets a member, or removes it. */
static void put(json_t *document, const char *path, json_t *value)
{
    if (value)
        assert_int_equal(document_set(document, path, value), 0);
    else
        document_remove(document, path);
}

/* Through the store and back: what is not in the document is lost. */
static void store_and_read(struct manifest *manifest)
{
    cleanup_free char *text = document_format(manifest_document(manifest));
    struct error error;
    cleanup_json json_t *document = document_parse(text, strlen(text), &error);

    manifest_free(manifest);
    expect_success(manifest_read(manifest, document, &error), &error);
}

/* Creating */

static void a_new_manifest_is_pending_with_the_defaults(void **state)
{
    struct manifest manifest = make();
    cleanup_json json_t *expected = NULL;

    (void)state;
    assert_true(uuid_is_valid(manifest.id));
    assert_int_equal(manifest.state, MANIFEST_PENDING);
    assert_int_equal(manifest.attempt, 0);
    expected =
        json_pack("{s:s, s:s, s:i, s:i, s:i, s:{s:s, s:s, s:i, s:i, s:i}}", "id", manifest.id,
                  "clusterResourceID", CLUSTER, "bucket", bucket_of(CLUSTER), "dequeues", 0,
                  "createdAt", NOW, "maintenanceManifest", "maintenanceTaskID", TASK, "state",
                  "Pending", "priority", 0, "runAfter", NOW, "runBefore", NOW + WEEK);
    assert_non_null(expected);
    assert_true(json_equal(manifest_document(&manifest), expected));
    manifest_free(&manifest);
    assert_null(manifest.document);
    manifest_free(&manifest);
}

static void what_was_asked_for_is_in_the_manifest(void **state)
{
    cleanup_json json_t *parameters = json_pack("{s:[i]}", "nodes", 3);
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
    assert_true(
        json_equal(document_get(manifest.document, "maintenanceManifest.parameters"), parameters));
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
        cleanup_json json_t *parameters = json_pack("{s:s}", "a", text);
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
    cleanup_json json_t *nested = json_object();
    for (int depth = 2; depth <= MANIFEST_PARAMETERS_DEPTH_MAXIMUM; depth++)
        nested = json_pack("{s:o}", "a", nested);
    request.parameters = nested;
    expect_success(manifest_create(&manifest, &request, NOW, &error), &error);
    manifest_free(&manifest);
    nested = json_pack("{s:o}", "a", nested);
    request.parameters = nested;
    expect_failure(manifest_create(&manifest, &request, NOW, &error), &error, ERROR_INVALID,
                   "member \"parameters\" must not be nested deeper than 16 levels");
    cleanup_json json_t *list = json_array();
    request.parameters = list;
    expect_failure(manifest_create(&manifest, &request, NOW, &error), &error, ERROR_INVALID,
                   "member \"parameters\" must be an object");
}

/* Reading */

static void a_stored_manifest_is_read_strictly(void **state)
{
    static const struct {
        const char *path;
        const char *json; /* NULL: removed */
        const char *part; /* NULL: good */
    } cases[] = {
        {"id", NULL, "member \"id\" is missing"},
        {"id", "\"x\"", "member \"id\" must be a UUID"},
        {"clusterResourceID", NULL, "member \"clusterResourceID\": \"\" is not the resource ID"},
        {"clusterResourceID", "1", "member \"clusterResourceID\" must be a string"},
        {"maintenanceManifest", "[]", "member \"maintenanceManifest\" must be an object"},
        {"maintenanceManifest", NULL,
         "member \"maintenanceManifest.maintenanceTaskID\" is missing"},
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
        {"maintenanceManifest.runBefore", "253402300800",
         "runBefore\" must be from 0 to 253402300799"},
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
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct manifest made = make(), read;
        json_t *value = cases[i].json ? json_loads(cases[i].json, JSON_DECODE_ANY, NULL) : NULL;
        size_t references;

        put(manifest_document(&made), cases[i].path, value);
        references = made.document->refcount;
        if (cases[i].part) {
            expect_failure(manifest_read(&read, made.document, &error), &error, ERROR_INVALID,
                           cases[i].part);
            assert_int_equal(made.document->refcount, references);
        } else {
            expect_success(manifest_read(&read, made.document, &error), &error);
            manifest_free(&read);
        }
        manifest_free(&made);
    }
    cleanup_json json_t *list = json_array();
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
    cleanup_json json_t *document = document_parse(text, strlen(text), &error);
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
    assert_int_equal(json_array_size(document_get(document, "maintenanceManifest.unknown")), 1);
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

        document_set(manifest_document(&made), "attempts", json_loads(cases[i].attempts, 0, NULL));
        document_set(made.document, "dequeues", json_integer(cases[i].dequeues));
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

static void claiming_goes_by_priority_then_time_then_id(void **state)
{
    struct manifest a = {.id = "a", .priority = 1, .run_after = 5},
                    b = {.id = "b", .priority = 1, .run_after = 5};

    (void)state;
    assert_true(manifest_compare(&a, &b) < 0);
    assert_true(manifest_compare(&b, &a) > 0);
    assert_int_equal(manifest_compare(&a, &a), 0);
    b.run_after = 4;
    assert_true(manifest_compare(&b, &a) < 0);
    a.priority = 0;
    assert_true(manifest_compare(&a, &b) < 0);
}

/* Attempts */

static void a_claim_counts_leases_and_is_remembered(void **state)
{
    struct manifest manifest = make();
    struct error error;

    (void)state;
    manifest.next_attempt = NOW - 1;
    manifest_set_status_text(&manifest, "TransientError: 503");
    claim(&manifest, NOW);
    store_and_read(&manifest);
    assert_int_equal(manifest.state, MANIFEST_IN_PROGRESS);
    assert_int_equal(manifest.attempt, 1);
    assert_int_equal(manifest.dequeues, 1);
    assert_string_equal(manifest.lease_owner, OWNER);
    assert_int_equal(manifest.lease_expires, NOW + LEASE);
    assert_int_equal(manifest.started_at, NOW);
    assert_int_equal(manifest.next_attempt, 0);
    assert_string_equal(manifest.status_text, "");
    cleanup_json json_t *entry =
        json_pack("{s:i, s:i, s:s}", "number", 1, "startedAt", NOW, "actuator", OWNER);
    assert_true(json_equal(attempt_at(&manifest, 0), entry));
    expect_failure(manifest_claim(&manifest, OTHER, NOW, LEASE, &error), &error, ERROR_CONFLICT,
                   "is InProgress: claim is not possible");
    assert_string_equal(manifest.lease_owner, OWNER);
    assert_int_equal(json_array_size(document_get(manifest.document, "attempts")), 1);
    manifest_free(&manifest);
}

static void only_the_attempt_that_runs_owns_the_manifest(void **state)
{
    struct manifest manifest = make();

    (void)state;
    assert_false(manifest_is_owned(&manifest, OWNER, 0));
    claim(&manifest, NOW);
    assert_true(manifest_is_owned(&manifest, OWNER, 1));
    assert_false(manifest_is_owned(&manifest, OTHER, 1));
    assert_false(manifest_is_owned(&manifest, OWNER, 2));
    end_with(&manifest, OUTCOME_DRAINED, "", &backoff, NOW);
    claim(&manifest, NOW);
    assert_int_equal(manifest.dequeues, 1); /* as at first, but the fence has moved */
    assert_false(manifest_is_owned(&manifest, OWNER, 1));
    assert_true(manifest_is_owned(&manifest, OWNER, 2));
    manifest_free(&manifest);
}

static void success_completes(void **state)
{
    struct manifest manifest = make();

    (void)state;
    claim(&manifest, NOW);
    manifest_set_progress(&manifest, 2, 3, "API server is up", "waiting");
    end_with(&manifest, OUTCOME_SUCCEEDED, "valid until 2027", &backoff, NOW + 60);
    store_and_read(&manifest);
    assert_int_equal(manifest.state, MANIFEST_COMPLETED);
    assert_string_equal(manifest.status_text, "valid until 2027");
    assert_int_equal(manifest.finished_at, NOW + 60);
    assert_int_equal(manifest.started_at, NOW);
    assert_string_equal(manifest.lease_owner, "");
    assert_int_equal(manifest.lease_expires, 0);
    assert_null(document_get(manifest.document, "progress"));
    cleanup_json json_t *entry =
        json_pack("{s:i, s:i, s:s, s:i, s:s, s:s, s:i, s:i}", "number", 1, "startedAt", NOW,
                  "actuator", OWNER, "finishedAt", NOW + 60, "outcome", "succeeded", "message",
                  "valid until 2027", "maxRssKiB", 5000, "cpuMs", 250);
    assert_true(json_equal(attempt_at(&manifest, 0), entry));
    manifest_free(&manifest);
}

static void a_terminal_error_fails_at_once(void **state)
{
    struct manifest manifest = make();

    (void)state;
    claim(&manifest, NOW);
    end_with(&manifest, OUTCOME_TERMINAL, "TerminalError: 404", &backoff, NOW + 1);
    assert_int_equal(manifest.state, MANIFEST_FAILED);
    assert_string_equal(manifest.status_text, "TerminalError: 404");
    assert_int_equal(manifest.finished_at, NOW + 1);
    assert_int_equal(manifest.next_attempt, 0);
    manifest_free(&manifest);
}

static void transient_errors_are_retried_four_times_with_growing_pauses(void **state)
{
    static const int64_t pauses[] = {90, 180, 360, 720};
    struct manifest manifest = make();
    int64_t now = NOW;

    (void)state;
    for (int attempt = 1; attempt <= 4; attempt++) {
        claim(&manifest, now);
        end_with(&manifest, OUTCOME_TRANSIENT, "TransientError: 503", &backoff, now);
        store_and_read(&manifest);
        assert_int_equal(manifest.state, MANIFEST_PENDING);
        assert_int_equal(manifest.dequeues, attempt);
        assert_int_equal(manifest.finished_at, 0);
        assert_string_equal(manifest.status_text, "TransientError: 503");
        assert_in_range(manifest.next_attempt, now + pauses[attempt - 1],
                        now + pauses[attempt - 1] + 1);
        now = manifest.next_attempt;
    }
    claim(&manifest, now);
    end_with(&manifest, OUTCOME_TIMEOUT, "TransientError: timeout: task exceeded 60m0s", &backoff,
             now);
    assert_int_equal(manifest.state, MANIFEST_RETRIES_EXCEEDED);
    assert_string_equal(manifest.status_text,
                        "did not succeed after 5 attempts: TransientError: timeout: task "
                        "exceeded 60m0s");
    assert_int_equal(manifest.finished_at, now);
    assert_int_equal(manifest.next_attempt, 0);
    assert_int_equal(json_array_size(document_get(manifest.document, "attempts")), 5);
    assert_string_equal(document_string(attempt_at(&manifest, 4), "outcome", ""), "timeout");
    assert_string_equal(document_string(attempt_at(&manifest, 4), "message", ""),
                        "TransientError: timeout: task exceeded 60m0s");
    manifest_free(&manifest);
}

static void a_fifth_attempt_may_still_succeed(void **state)
{
    struct manifest manifest = make();

    (void)state;
    for (int attempt = 1; attempt <= 4; attempt++) {
        claim(&manifest, NOW);
        end_with(&manifest, OUTCOME_CRASHED, "x", &no_backoff, NOW);
    }
    claim(&manifest, NOW);
    end_with(&manifest, OUTCOME_SUCCEEDED, "", &no_backoff, NOW);
    assert_int_equal(manifest.state, MANIFEST_COMPLETED);
    assert_string_equal(manifest.status_text, "");
    manifest_free(&manifest);
}

static void without_backoff_a_retry_is_due_at_once_and_else_never_early(void **state)
{
    static const struct {
        int64_t first;
        int64_t pause; /* seconds; -1: none is stored */
    } cases[] = {{0, -1}, {1, 1}, {999, 1}, {1000, 1}, {1001, 2}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct backoff pause = {.first = cases[i].first, .maximum = 900000};
        struct manifest manifest = make();

        claim(&manifest, NOW);
        end_with(&manifest, OUTCOME_TRANSIENT, "x", &pause, NOW);
        assert_int_equal(manifest.next_attempt, cases[i].pause < 0 ? 0 : NOW + cases[i].pause);
        assert_int_equal(manifest_is_runnable(&manifest, NOW), cases[i].pause < 0);
        manifest_free(&manifest);
    }
}

static void a_drained_attempt_does_not_count(void **state)
{
    struct manifest manifest = make();

    (void)state;
    for (int round = 1; round <= 10; round++) {
        claim(&manifest, NOW);
        end_with(&manifest, OUTCOME_DRAINED, "returned to the queue", &backoff, NOW);
        store_and_read(&manifest);
        assert_int_equal(manifest.state, MANIFEST_PENDING);
        assert_int_equal(manifest.dequeues, 0);
        assert_int_equal(manifest.attempt, round);
        assert_true(manifest_is_runnable(&manifest, NOW));
        assert_string_equal(manifest.status_text, "returned to the queue");
    }
    manifest_free(&manifest);
}

static void the_history_keeps_the_newest(void **state)
{
    struct manifest manifest = make();

    (void)state;
    for (int round = 1; round <= 30; round++) {
        claim(&manifest, NOW + round);
        end_with(&manifest, OUTCOME_DRAINED, "x", &backoff, NOW);
    }
    assert_int_equal(json_array_size(document_get(manifest.document, "attempts")),
                     MANIFEST_HISTORY_MAXIMUM);
    assert_int_equal(document_integer(attempt_at(&manifest, 0), "number", 0), 11);
    assert_int_equal(document_integer(attempt_at(&manifest, 19), "number", 0), 30);
    manifest_free(&manifest);
}

static void an_attempt_without_history_gets_its_entry_when_it_ends(void **state)
{
    struct manifest manifest = make();
    struct outcome outcome;
    struct error error;

    (void)state;
    claim(&manifest, NOW);
    document_remove(manifest_document(&manifest), "attempts");
    store_and_read(&manifest);
    outcome_of_kind(OUTCOME_OWNER_GONE, NULL, &outcome);
    expect_success(manifest_end_attempt(&manifest, &outcome, NULL, &backoff, NOW + 5, 0, &error),
                   &error);
    cleanup_json json_t *entry =
        json_pack("{s:i, s:i, s:s, s:i, s:s, s:s}", "number", 1, "startedAt", NOW, "actuator",
                  OWNER, "finishedAt", NOW + 5, "outcome", "ownerGone", "message",
                  "TransientError: its actuator stopped during the attempt");
    assert_true(json_equal(attempt_at(&manifest, 0), entry));
    manifest_free(&manifest);
}

static void an_attempt_that_does_not_run_cannot_end(void **state)
{
    struct manifest manifest = make();
    struct outcome outcome = {.kind = OUTCOME_SUCCEEDED};
    struct error error;

    (void)state;
    expect_failure(manifest_end_attempt(&manifest, &outcome, NULL, &backoff, NOW, 0, &error),
                   &error, ERROR_CONFLICT, "is Pending: succeed is not possible");
    claim(&manifest, NOW);
    expect_success(manifest_cancel(&manifest, NOW, true, &error), &error);
    expect_failure(manifest_end_attempt(&manifest, &outcome, NULL, &backoff, NOW, 0, &error),
                   &error, ERROR_CONFLICT, "is Cancelled: succeed is not possible");
    assert_int_equal(manifest.state, MANIFEST_CANCELLED);
    manifest_free(&manifest);
}

static void a_long_last_message_leaves_room_for_what_stands_before_it(void **state)
{
    struct manifest manifest = make();
    static char text[STATUS_TEXT_SIZE];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    for (int attempt = 1; attempt <= 5; attempt++) {
        claim(&manifest, NOW);
        end_with(&manifest, OUTCOME_TRANSIENT, text, &no_backoff, NOW);
    }
    assert_int_equal(strlen(manifest.status_text), STATUS_TEXT_SIZE - 1);
    assert_int_equal(strncmp(manifest.status_text, "did not succeed after 5 attempts: xxx", 37), 0);
    manifest_free(&manifest);
}

static void progress_is_shown_while_an_attempt_runs(void **state)
{
    struct manifest manifest = make();

    (void)state;
    claim(&manifest, NOW);
    manifest_set_progress(&manifest, 2, 3, "API\nserver", "waiting for x");
    store_and_read(&manifest);
    cleanup_json json_t *expected =
        json_pack("{s:i, s:i, s:s}", "step", 2, "steps", 3, "name", "API?server");
    assert_true(json_equal(document_get(manifest.document, "progress"), expected));
    assert_string_equal(manifest.status_text, "waiting for x");
    manifest_set_progress(&manifest, 3, 3, "last", NULL);
    assert_string_equal(manifest.status_text, "waiting for x");
    assert_int_equal(document_integer(manifest.document, "progress.step", 0), 3);
    manifest_free(&manifest);
}

/* Other ends */

static void what_did_not_start_in_time_times_out(void **state)
{
    struct manifest manifest = make();
    struct error error;

    (void)state;
    manifest.run_before = 1795996800;
    expect_failure(manifest_time_out(&manifest, 1795996800, &error), &error, ERROR_CONFLICT,
                   "may still start before 2026-11-30T00:00:00Z");
    expect_success(manifest_time_out(&manifest, 1795996801, &error), &error);
    store_and_read(&manifest);
    assert_int_equal(manifest.state, MANIFEST_TIMED_OUT);
    assert_string_equal(manifest.status_text, "timed out: not started before 2026-11-30T00:00:00Z");
    assert_int_equal(manifest.finished_at, 1795996801);
    expect_failure(manifest_time_out(&manifest, 1795996801, &error), &error, ERROR_CONFLICT,
                   "is TimedOut: expire is not possible");
    manifest_free(&manifest);

    manifest = make();
    manifest.run_before = 0;
    expect_failure(manifest_time_out(&manifest, CLOCK_MAXIMUM, &error), &error, ERROR_CONFLICT,
                   "may still start at any time");
    manifest_free(&manifest);

    manifest = make();
    claim(&manifest, NOW);
    expect_failure(manifest_time_out(&manifest, NOW + WEEK + 1, &error), &error, ERROR_CONFLICT,
                   "is InProgress: expire is not possible");
    manifest_free(&manifest);
}

static void what_is_pending_may_be_cancelled(void **state)
{
    struct manifest manifest = make();
    struct error error;

    (void)state;
    claim(&manifest, NOW);
    end_with(&manifest, OUTCOME_TRANSIENT, "x", &backoff, NOW);
    expect_success(manifest_cancel(&manifest, NOW + 1, false, &error), &error);
    store_and_read(&manifest);
    assert_int_equal(manifest.state, MANIFEST_CANCELLED);
    assert_string_equal(manifest.status_text, "cancelled by an operator");
    assert_int_equal(manifest.finished_at, NOW + 1);
    assert_int_equal(manifest.next_attempt, 0);
    manifest_free(&manifest);
}

static void what_runs_is_cancelled_only_when_stuck_or_forced(void **state)
{
    struct manifest manifest = make();
    struct error error;

    (void)state;
    claim(&manifest, NOW);
    expect_failure(
        manifest_cancel(&manifest, NOW + 3599, false, &error), &error, ERROR_DENIED,
        "cannot cancel task in state InProgress: it runs since 2026-11-23T07:08:00Z; wait for its "
        "end, "
        "stop it, or cancel it with force=true; after 60 minutes it may be cancelled as stuck");
    assert_int_equal(manifest.state, MANIFEST_IN_PROGRESS);
    expect_success(manifest_cancel(&manifest, NOW + 3600, false, &error), &error);
    store_and_read(&manifest);
    assert_int_equal(manifest.state, MANIFEST_CANCELLED);
    assert_string_equal(manifest.lease_owner, "");
    assert_int_equal(manifest.lease_expires, 0);
    assert_string_equal(document_string(attempt_at(&manifest, 0), "outcome", ""), "cancelled");
    assert_int_equal(document_integer(attempt_at(&manifest, 0), "finishedAt", 0), NOW + 3600);
    assert_non_null(strstr(manifest.status_text, "a worker that still runs is not stopped"));
    manifest_free(&manifest);

    manifest = make();
    claim(&manifest, NOW);
    expect_success(manifest_cancel(&manifest, NOW, true, &error), &error);
    assert_int_equal(manifest.state, MANIFEST_CANCELLED);
    manifest_free(&manifest);
}

static void what_has_ended_is_not_cancelled(void **state)
{
    struct manifest manifest = make();
    struct error error;

    (void)state;
    claim(&manifest, NOW);
    end_with(&manifest, OUTCOME_SUCCEEDED, "", &backoff, NOW);
    expect_failure(manifest_cancel(&manifest, NOW, true, &error), &error, ERROR_DENIED,
                   "cannot cancel task in state Completed");
    assert_int_equal(manifest.state, MANIFEST_COMPLETED);
    manifest_free(&manifest);
}

/* Showing */

static void a_view_is_flat_and_leaves_out_what_is_absent(void **state)
{
    struct manifest manifest = make();
    cleanup_json json_t *pending = manifest_view(&manifest);
    cleanup_json json_t *expected =
        json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i}", "id", manifest.id,
                  "clusterResourceID", CLUSTER, "state", "Pending", "maintenanceTaskID", TASK,
                  "priority", 0, "runAfter", NOW, "runBefore", NOW + WEEK, "bucket",
                  bucket_of(CLUSTER), "dequeues", 0, "createdAt", NOW);

    (void)state;
    assert_true(json_equal(pending, expected));
    manifest_free(&manifest);
}

static void a_view_shows_all_there_is_and_shares_nothing(void **state)
{
    cleanup_json json_t *parameters = json_pack("{s:i}", "a", 1);
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
    cleanup_json json_t *view = manifest_view(&manifest);
    assert_string_equal(document_string(view, "statusText", ""), "running");
    assert_string_equal(document_string(view, "createdBySchedule", ""), SCHEDULE);
    assert_string_equal(document_string(view, "leaseOwner", ""), OWNER);
    assert_int_equal(document_integer(view, "leaseExpiry", 0), NOW + LEASE);
    assert_int_equal(document_integer(view, "startedAt", 0), NOW);
    assert_int_equal(document_integer(view, "progress.steps", 0), 2);
    assert_int_equal(document_integer(view, "parameters.a", 0), 1);
    assert_int_equal(
        document_integer(json_array_get(document_get(view, "attempts"), 0), "number", 0), 1);
    assert_null(document_get(view, "leaseExpires"));
    assert_null(document_get(view, "maintenanceManifest"));
    document_set(document_get(view, "progress"), "steps", json_integer(9));
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
        cmocka_unit_test(claiming_goes_by_priority_then_time_then_id),
        cmocka_unit_test(a_claim_counts_leases_and_is_remembered),
        cmocka_unit_test(only_the_attempt_that_runs_owns_the_manifest),
        cmocka_unit_test(success_completes),
        cmocka_unit_test(a_terminal_error_fails_at_once),
        cmocka_unit_test(transient_errors_are_retried_four_times_with_growing_pauses),
        cmocka_unit_test(a_fifth_attempt_may_still_succeed),
        cmocka_unit_test(without_backoff_a_retry_is_due_at_once_and_else_never_early),
        cmocka_unit_test(a_drained_attempt_does_not_count),
        cmocka_unit_test(the_history_keeps_the_newest),
        cmocka_unit_test(an_attempt_without_history_gets_its_entry_when_it_ends),
        cmocka_unit_test(an_attempt_that_does_not_run_cannot_end),
        cmocka_unit_test(a_long_last_message_leaves_room_for_what_stands_before_it),
        cmocka_unit_test(progress_is_shown_while_an_attempt_runs),
        cmocka_unit_test(what_did_not_start_in_time_times_out),
        cmocka_unit_test(what_is_pending_may_be_cancelled),
        cmocka_unit_test(what_runs_is_cancelled_only_when_stuck_or_forced),
        cmocka_unit_test(what_has_ended_is_not_cancelled),
        cmocka_unit_test(a_view_is_flat_and_leaves_out_what_is_absent),
        cmocka_unit_test(a_view_shows_all_there_is_and_shares_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
