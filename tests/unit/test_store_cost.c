/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_store_cost.c - what an actuator asks all the time costs the same however much there is.
 * Cost is counted in steps
 * of SQLite's virtual machine, which are the same on every machine, not in time.
 */
#include "store_fixture.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 500, SMALL = 1000, LARGE = 100000, CLUSTERS = 50, FLOOD = 10000 };

/* Adds `count` manifests made from `pattern`, spread over its cluster and those behind it. */
static void add_many(struct store_fixture *fixture, int first_id, int count, int clusters,
                     struct fixture_manifest pattern)
{
    static struct store_operation batch[BATCH];
    struct error error;
    int cluster = pattern.cluster;
    for (int done = 0; done < count; done += BATCH) {
        for (int i = 0; i < BATCH; i++) {
            pattern.id = first_id + done + i;
            pattern.cluster = cluster + pattern.id % clusters;
            batch[i] = store_create(STORE_MANIFESTS, fixture_manifest_document(&pattern));
        }
        if (store_run(fixture->store, batch, BATCH, &error) < 0)
            fail_msg("%s", error.message);
        for (int i = 0; i < BATCH; i++) {
            assert_int_equal(batch[i].result.status, STORE_DONE);
            json_object_put(batch[i].target.document);
        }
        store_release(batch, BATCH);
    }
}

static void add_clusters(struct store_fixture *fixture, int count)
{
    for (int i = 0; i < count; i++)
        fixture_add_cluster(fixture, i);
}

/* Steps of one query, after a first one that brings the phases up to the clock. */
static uint64_t cost_of(struct store_fixture *fixture, struct store_query query)
{
    for (int i = 0; i < LARGE / 10000; i++) {
        struct store_operation first = fixture_query(fixture, query);
        store_release(&first, 1);
    }
    uint64_t before = fixture_statistics(fixture).steps;
    struct store_operation operation = fixture_query(fixture, query);
    store_release(&operation, 1);
    uint64_t steps = fixture_statistics(fixture).steps - before;
    assert_true(steps > 0);
    return steps;
}

static const struct {
    const char *name;
    struct store_query query;
} questions[] = {
    {"runnable", {.kind = STORE_QUERY_RUNNABLE, .limit = 10}},
    {"next due", {.kind = STORE_QUERY_NEXT_DUE}},
    {"overdue", {.kind = STORE_QUERY_OVERDUE, .limit = 10}},
    {"leased manifests", {.kind = STORE_QUERY_LEASED_MANIFESTS, .limit = 10}},
    {"leased clusters", {.kind = STORE_QUERY_LEASED_CLUSTERS, .limit = 10}},
    {"queue length", {.kind = STORE_QUERY_QUEUE_LENGTH}},
    {"of a cluster", {.kind = STORE_QUERY_MANIFESTS, .limit = 10, .cluster = "/no/such/cluster"}},
    {"first page", {.kind = STORE_QUERY_MANIFESTS, .limit = 10}},
    {"first page in progress",
     {.kind = STORE_QUERY_MANIFESTS,
      .limit = 10,
      .states = MANIFEST_STATE_BIT(MANIFEST_IN_PROGRESS)}},
};
enum { QUESTIONS = sizeof(questions) / sizeof(questions[0]) };

static void a_hundred_times_the_manifests_cost_the_same(void **state)
{
    struct store_fixture *fixture = *state;
    uint64_t before[QUESTIONS];
    struct fixture_manifest due = {.created_at = 5};
    struct fixture_manifest waiting = {.created_at = 5, .run_after = FIXTURE_NOW + 100};
    struct fixture_manifest ended = {.created_at = 5, .state = MANIFEST_COMPLETED};
    add_clusters(fixture, CLUSTERS);
    add_many(fixture, 0, SMALL, CLUSTERS, due);
    add_many(fixture, SMALL, SMALL, CLUSTERS, waiting);
    add_many(fixture, 2 * SMALL, SMALL, CLUSTERS, ended);
    for (size_t i = 0; i < QUESTIONS; i++)
        before[i] = cost_of(fixture, questions[i].query);
    add_many(fixture, 3 * SMALL, LARGE, CLUSTERS, due);
    add_many(fixture, 3 * SMALL + LARGE, FLOOD, CLUSTERS, waiting);
    add_many(fixture, 3 * SMALL + 2 * LARGE, FLOOD, CLUSTERS, ended);
    for (size_t i = 0; i < QUESTIONS; i++) {
        uint64_t after = cost_of(fixture, questions[i].query);
        print_message("%s: %llu, then %llu steps\n", questions[i].name,
                      (unsigned long long)before[i], (unsigned long long)after);
        assert_in_range(after, 1, before[i] + before[i] / 10 + 20);
    }
}

static void a_flood_for_a_leased_cluster_costs_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    struct store_query query = {.kind = STORE_QUERY_RUNNABLE, .limit = 10};
    add_clusters(fixture, CLUSTERS);
    add_many(fixture, 0, SMALL, CLUSTERS, (struct fixture_manifest){.priority = 10});
    fixture_lease(fixture, 0, FIXTURE_OWNER, FIXTURE_NOW + 1000);
    uint64_t before = cost_of(fixture, query);
    add_many(fixture, SMALL, FLOOD, 1, (struct fixture_manifest){.cluster = 0, .priority = 1});
    assert_in_range(cost_of(fixture, query), 1, before + 20);
    fixture_expect(fixture, query, "1 2 3 4 5 6 7 8 9 10");
}

static void leased_clusters_ahead_of_others_cost_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    struct store_query query = {.kind = STORE_QUERY_RUNNABLE, .limit = 5};
    enum { LEASED = 500 };
    add_clusters(fixture, LEASED + CLUSTERS);
    add_many(fixture, 0, BATCH, CLUSTERS,
             (struct fixture_manifest){.cluster = LEASED, .priority = 9});
    uint64_t before = cost_of(fixture, query);
    add_many(fixture, BATCH, LEASED, LEASED,
             (struct fixture_manifest){.cluster = 0, .priority = 1});
    for (int i = 0; i < LEASED; i++)
        fixture_lease(fixture, i, FIXTURE_OWNER, FIXTURE_NOW + 1000);
    assert_in_range(cost_of(fixture, query), 1, before + 20);
    fixture_expect(fixture, query, "0 1 2 3 4");
}

static void asking_again_writes_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    struct store_query query = {.kind = STORE_QUERY_RUNNABLE, .limit = 10};
    add_clusters(fixture, 3);
    add_many(fixture, 0, SMALL, 3, (struct fixture_manifest){.run_after = FIXTURE_NOW});
    cost_of(fixture, query);
    uint64_t before = fixture_statistics(fixture).commits;
    for (int i = 0; i < 10; i++)
        cost_of(fixture, query);
    assert_int_equal(fixture_statistics(fixture).commits, before);
}

/* The name of a cluster of the fixture: what follows the last slash of its key. */
static const char *name_of(char *buffer, int number)
{
    return strrchr(fixture_cluster_id(buffer, number), '/') + 1;
}

static size_t count_named(struct store_fixture *fixture, const char *name)
{
    struct store_operation found = fixture_query(
        fixture,
        (struct store_query){.kind = STORE_QUERY_CLUSTERS_BY_NAME, .limit = 10, .id = name});
    size_t count = found.result.count;
    store_release(&found, 1);
    return count;
}

/* Red when a name is looked for in each cluster. */
static void a_cluster_is_found_by_its_name_among_any_number(void **state)
{
    struct store_fixture *fixture = *state;
    char id[RESOURCE_ID_SIZE];
    struct store_query query = {.kind = STORE_QUERY_CLUSTERS_BY_NAME, .limit = 10};
    add_clusters(fixture, 10);
    query.id = name_of(id, 3);
    uint64_t before = cost_of(fixture, query);
    for (int i = 10; i < SMALL; i++)
        fixture_add_cluster(fixture, i);
    assert_in_range(cost_of(fixture, query), 1, before + 20);
    assert_int_equal(count_named(fixture, query.id), 1);
    assert_int_equal(count_named(fixture, "nobody"), 0);
    assert_int_equal(count_named(fixture, id), 0); /* a whole ID is no name */
}

static void a_store_of_the_fourth_layout_finds_clusters_by_name(void **state)
{
    struct store_fixture *fixture = *state;
    char id[RESOURCE_ID_SIZE];
    fixture_add_cluster(fixture, 1);
    fixture_sql(fixture, "DROP INDEX clusters_name; PRAGMA user_version = 4");
    fixture_reopen(fixture);
    assert_int_equal(count_named(fixture, name_of(id, 1)), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STORE(a_hundred_times_the_manifests_cost_the_same),
        ON_STORE(a_flood_for_a_leased_cluster_costs_nothing),
        ON_STORE(leased_clusters_ahead_of_others_cost_nothing),
        ON_STORE(a_cluster_is_found_by_its_name_among_any_number),
        ON_STORE(a_store_of_the_fourth_layout_finds_clusters_by_name),
        ON_STORE(asking_again_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
