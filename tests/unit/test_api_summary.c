/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_summary.c - what is counted, in which order it is shown, and how much of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/endpoints/summary.h"
#include "mimo/document.h"

#define FLAGS "b41749fc-af26-4ab7-b5a1-e03f3ee4cba6"
#define OTHER "00000000-0000-4000-8000-0000000000ff"

enum { NOW = 2000000 };

/* A manifest of cluster `number`. */
static char no_directory[] = "";

static struct json_object *make(int number, const char *state, int dequeues, int64_t run_after,
                                const char *task)
{
    static int serial;
    char id[UUID_SIZE], cluster[RESOURCE_ID_SIZE];
    snprintf(id, sizeof(id), "00000000-0000-4000-8000-%012d", ++serial);
    snprintf(cluster, sizeof(cluster),
             "/subscriptions/60bf318d-6914-4105-a3b5-d0d2c10388c8/resourcegroups/rg/providers/"
             "microsoft.redhatopenshift/openshiftclusters/c%03d",
             number);
    struct json_object *document =
        document_pack("{s:s, s:s, s:i, s:i, s:{s:s, s:s, s:i, s:I, s:I}}", "id", id,
                      "clusterResourceID", cluster, "dequeues", dequeues, "createdAt", 1000,
                      "maintenanceManifest", "state", state, "maintenanceTaskID", task, "priority",
                      0, "runAfter", (int64_t)run_after, "runBefore", (int64_t)(NOW + 100));
    assert_non_null(document);
    return document;
}

static void count(struct summary *summary, int number, const char *state, int dequeues,
                  int64_t run_after, const char *task)
{
    struct json_object *document = make(number, state, dequeues, run_after, task);
    assert_int_equal(summary_count(summary, document), 0);
    json_object_put(document);
}

static void begin(struct summary *summary)
{
    assert_int_equal(summary_begin(summary, NOW), 0);
}

static struct json_object *finish(struct summary *summary)
{
    struct config config = {.tasks_directory = no_directory};
    cleanup_task_list struct task_list *tasks = NULL;
    struct error error;
    assert_int_equal(task_list_load(&config, &tasks, &error), 0);
    struct json_object *view = summary_view(summary, tasks);
    assert_non_null(view);
    summary_free(summary);
    return view;
}

static void every_state_has_its_number(void **state)
{
    (void)state;
    struct summary summary;
    begin(&summary);
    count(&summary, 1, "Pending", 0, 1000, FLAGS);
    count(&summary, 1, "Completed", 1, 1000, FLAGS);
    count(&summary, 2, "Completed", 1, 1000, FLAGS);
    struct json_object *view = finish(&summary);
    assert_int_equal(document_member_count(document_get(view, "byState")), MANIFEST_STATE_COUNT);
    assert_int_equal(document_integer(view, "byState.Pending", -1), 1);
    assert_int_equal(document_integer(view, "byState.Completed", -1), 2);
    assert_int_equal(document_integer(view, "byState.TimedOut", -1), 0);
    assert_false(document_is_true(document_get(view, "truncated")));
    json_object_put(view);
}

static void tasks_stand_in_order_of_how_many_there_are(void **state)
{
    (void)state;
    struct summary summary;
    begin(&summary);
    count(&summary, 1, "Pending", 0, 1000, OTHER);
    count(&summary, 1, "Pending", 0, 1000, FLAGS);
    count(&summary, 1, "Failed", 1, 1000, FLAGS);
    struct json_object *view = finish(&summary);
    const struct json_object *tasks = document_get(view, "byTask");
    assert_int_equal(document_length(tasks), 2);
    const struct json_object *first = document_item(tasks, 0);
    assert_string_equal(document_string(first, "maintenanceTaskID", ""), FLAGS);
    assert_string_equal(document_string(first, "shortName", ""), "operator-flags-update");
    assert_int_equal(document_integer(first, "open", -1), 1);
    assert_int_equal(document_integer(first, "total", -1), 2);
    /* not registered: it has no name, and is counted nevertheless */
    assert_null(document_get(document_item(tasks, 1), "shortName"));
    json_object_put(view);
}

static void twenty_clusters_with_the_most_open_manifests_are_shown(void **state)
{
    (void)state;
    struct summary summary;
    begin(&summary);
    for (int number = 1; number <= 30; number++)
        for (int i = 0; i < number; i++)
            count(&summary, number, i % 2 ? "InProgress" : "Pending", 0, 1000, FLAGS);
    for (int i = 0; i < 100; i++)
        count(&summary, 99, "Completed", 1, 1000, FLAGS);
    struct json_object *view = finish(&summary);
    const struct json_object *clusters = document_get(view, "byCluster");
    assert_int_equal(document_length(clusters), 20);
    assert_int_equal(document_integer(document_item(clusters, 0), "open", 0), 30);
    assert_int_equal(document_integer(document_item(clusters, 19), "open", 0), 11);
    assert_non_null(
        strstr(document_string(document_item(clusters, 0), "clusterResourceID", ""), "/c030"));
    json_object_put(view);
}

static void dequeues_of_open_manifests_are_distributed(void **state)
{
    (void)state;
    struct summary summary;
    begin(&summary);
    count(&summary, 1, "Pending", 0, 1000, FLAGS);
    count(&summary, 1, "Pending", 4, 1000, FLAGS);
    count(&summary, 1, "InProgress", 4, 1000, FLAGS);
    count(&summary, 1, "InProgress", 9, 1000, FLAGS);
    count(&summary, 1, "RetriesExceeded", 5, 1000, FLAGS);
    struct json_object *view = finish(&summary);
    const struct json_object *dequeues = document_get(view, "dequeues");
    static const int expected[] = {1, 0, 0, 0, 2, 1};
    assert_int_equal(document_length(dequeues), 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(document_number(document_item(dequeues, i)), expected[i]);
    json_object_put(view);
}

static void the_oldest_runnable_is_the_longest_due(void **state)
{
    (void)state;
    struct summary summary;
    begin(&summary);
    count(&summary, 1, "InProgress", 0, 10, FLAGS);
    count(&summary, 2, "Pending", 0, 2000, FLAGS);
    count(&summary, 3, "Pending", 0, 1500, FLAGS);
    count(&summary, 4, "Pending", 0, NOW + 1, FLAGS);
    struct json_object *view = finish(&summary);
    assert_int_equal(document_integer(view, "oldestRunnable.since", 0), 1500);
    assert_non_null(strstr(document_string(view, "oldestRunnable.clusterResourceID", ""), "/c003"));
    json_object_put(view);
    begin(&summary);
    count(&summary, 4, "Pending", 0, NOW + 1, FLAGS);
    view = finish(&summary);
    assert_null(document_get(view, "oldestRunnable"));
    json_object_put(view);
}

static void what_cannot_be_understood_is_counted_apart(void **state)
{
    (void)state;
    struct summary summary;
    begin(&summary);
    struct json_object *document = document_pack("{s:s}", "id", "no manifest");
    assert_int_equal(summary_count(&summary, document), 0);
    json_object_put(document);
    struct json_object *view = finish(&summary);
    assert_int_equal(document_integer(view, "notUnderstood", -1), 1);
    assert_int_equal(document_length(document_get(view, "byTask")), 0);
    json_object_put(view);
}

static void put(struct store *store, const char *state)
{
    struct error error;
    struct json_object *document = make(1, state, 0, 1000, FLAGS);
    struct store_operation create = store_create(STORE_MANIFESTS, document);
    assert_int_equal(store_run(store, &create, 1, &error), 0);
    assert_int_equal(create.result.status, STORE_DONE);
    store_release(&create, 1);
    json_object_put(document);
}

static void check_count(struct store *store, size_t maximum, int pending, int completed,
                        bool truncated)
{
    struct summary summary;
    struct error error;
    begin(&summary);
    assert_int_equal(summary_count_store(&summary, store, maximum, &error), 0);
    assert_int_equal(summary.by_state[MANIFEST_PENDING], pending);
    assert_int_equal(summary.by_state[MANIFEST_COMPLETED], completed);
    assert_int_equal(summary.truncated, truncated);
    summary_free(&summary);
}

static void no_more_than_the_maximum_is_looked_at_and_that_is_told(void **state)
{
    (void)state;
    char directory[] = "/tmp/mimo-summary-XXXXXX", path[64], uri[80];
    struct store *store;
    struct error error;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/store.db", directory);
    snprintf(uri, sizeof(uri), "sqlite:%s", path);
    assert_int_equal(store_initialize(uri, &error), 0);
    assert_int_equal(store_open(uri, &store, &error), 0);
    for (int i = 0; i < 3; i++)
        put(store, "Completed");
    for (int i = 0; i < 2; i++)
        put(store, "Pending");
    check_count(store, 100, 2, 3, false);
    check_count(store, 5, 2, 3, false);
    check_count(store, 4, 2, 2, true);
    check_count(store, 2, 2, 0, true);
    check_count(store, 1, 1, 0, true);
    store_close(store);
    unlink(path);
    assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_has_its_number),
        cmocka_unit_test(tasks_stand_in_order_of_how_many_there_are),
        cmocka_unit_test(twenty_clusters_with_the_most_open_manifests_are_shown),
        cmocka_unit_test(dequeues_of_open_manifests_are_distributed),
        cmocka_unit_test(the_oldest_runnable_is_the_longest_due),
        cmocka_unit_test(what_cannot_be_understood_is_counted_apart),
        cmocka_unit_test(no_more_than_the_maximum_is_looked_at_and_that_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
