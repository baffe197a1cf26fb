/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_extreme_times.c - a stored document with a time that no clock shows stops nothing else, and
 * no arithmetic with it overflows (the sanitizers look).
 *
 * Each time of a manifest, of a cluster and of a membership record gets each extreme value, in each
 * state. Then everything is done that an actuator does with documents: queries, upkeep, recovery,
 * claims, results.
 */
#include <inttypes.h>

#include "lease_fixture.h"
#include "mimo/clock.h"
#include "supervisor/membership.h"

#define OWN_INCARNATION "dddddddd-0000-4000-8000-00000000000d"

static const int64_t extremes[] = {
    INT64_MIN, -1, 0, CLOCK_MAXIMUM, CLOCK_MAXIMUM + 1, INT64_MAX,
};
enum { EXTREME_COUNT = sizeof(extremes) / sizeof(extremes[0]), BAD = 1, GOOD = 2 };

static const char *const manifest_times[] = {
    "maintenanceManifest.runAfter",
    "maintenanceManifest.runBefore",
    "leaseExpires",
    "nextAttempt",
    "createdAt",
    "startedAt",
    "finishedAt",
    "attempts.0.startedAt",
};
enum { MANIFEST_TIME_COUNT = sizeof(manifest_times) / sizeof(manifest_times[0]) };

static struct store_operation read_any(struct test_store *test, enum store_container container,
                                       int cluster, const char *id)
{
    struct error error;
    struct store_operation read = container == STORE_CLUSTERS
                                      ? store_get(container, NULL, test_cluster_id(cluster))
                                      : store_get(container, test_cluster_id(cluster), id);
    if (store_run(test->store, &read, 1, &error) < 0)
        fail_msg("%s", error.message);
    assert_int_equal(read.result.status, STORE_DONE);
    return read;
}

/* Sets one time of a stored document, past all checks. The first attempt is not a path of objects. */
static void set_time(struct json_object *document, const char *path, int64_t time)
{
    struct json_object *place = document;
    if (strncmp(path, "attempts.0.", 11) == 0) {
        struct json_object *attempts = document_get(document, "attempts");
        place = document_length(attempts) > 0 ? json_object_array_get_idx(attempts, 0) : NULL;
        path += 11;
    }
    if (place)
        assert_int_equal(document_set(place, path, json_object_new_int64(time)), 0);
}

static void spoil(struct test_store *test, enum store_container container, int cluster,
                  const char *id, const char *path, int64_t time)
{
    struct store_operation read = read_any(test, container, cluster, id);
    struct store_item *item = &read.result.items[0];
    set_time(item->document, path, time);
    test_run(test, store_replace(container, item->etag, item->document));
    store_release(&read, 1);
}

static void run_queries(struct test_store *test, int64_t now)
{
    struct error error;
    for (int kind = 0; kind <= STORE_QUERY_DOCUMENTS; kind++) {
        struct store_query query = {.kind = (enum store_query_kind)kind,
                                    .now = now,
                                    .buckets = all_buckets,
                                    .id = "0",
                                    .limit = STORE_PAGE_MAXIMUM};
        struct store_operation operation = store_query(&query);
        if (store_run(test->store, &operation, 1, &error) < 0)
            fail_msg("query %d: %s", kind, error.message);
        store_release(&operation, 1);
    }
}

/* Claims what can be claimed, and ends it; returns whether the good cluster's manifest was there. */
static bool claim_and_settle(struct test_store *test, enum outcome_kind kind)
{
    struct claim_round round = claim_some(test->store, 64);
    bool good = false;
    for (size_t i = 0; i < round.count; i++) {
        good = good || strcmp(round.claims[i].cluster.key, test_cluster_id(GOOD)) == 0;
        struct settlement settlement = settlement_of(&round.claims[i], kind);
        settlement.outcome.retry_after = kind == OUTCOME_TRANSIENT ? 3600 : 0;
        settle_one(test->store, &settlement);
        settlement_free(&settlement);
    }
    claim_round_free(&round);
    return good;
}

/* All that an actuator does in a round. What it cannot read it leaves out, and goes on. */
static void expect_work_goes_on(struct test_store *test, const char *path, int64_t time)
{
    struct upkeep_counts counts;
    struct error error;
    run_queries(test, TEST_NOW);
    run_queries(test, 0);
    run_queries(test, CLOCK_MAXIMUM);
    memset(&counts, 0, sizeof(counts));
    if (upkeep_run(test->store, &rules, all_buckets, TEST_NOW, &counts, &error) < 0 ||
        upkeep_recover_owned(test->store, &rules, TEST_NOW, &counts, &error) < 0)
        fail_msg("%s = %" PRId64 ": %s", path, time, error.message);
    if (!claim_and_settle(test, OUTCOME_TRANSIENT))
        fail_msg("%s = %" PRId64 ": the manifest of another cluster was not claimed", path, time);
}

/* The documents that can be read are shown. */
static void show_all(struct test_store *test, int cluster, const char *id)
{
    struct error error;
    struct manifest manifest;
    struct cluster owner;
    struct store_operation read = read_any(test, STORE_MANIFESTS, cluster, id);
    if (manifest_read(&manifest, read.result.items[0].document, &error) == 0) {
        json_object_put(manifest_view(&manifest));
        manifest_free(&manifest);
    }
    store_release(&read, 1);
    read = read_any(test, STORE_CLUSTERS, cluster, NULL);
    if (cluster_read(&owner, read.result.items[0].document, &error) == 0) {
        json_object_put(cluster_view(&owner));
        cluster_free(&owner);
    }
    store_release(&read, 1);
}

enum stage { PENDING, RUNNING, TRIED, ENDED, STAGE_COUNT };

/* A manifest of a cluster of its own, brought so far; its ID. */
static void bring_to(struct test_store *test, enum stage stage, int cluster, char *id)
{
    struct error error;
    test_add_cluster(test, cluster, "Succeeded");
    test_add_manifest(test, cluster, 9, TEST_NOW, id);
    if (stage == PENDING)
        return;
    struct settlement settlement =
        claim_one(test, stage == ENDED ? OUTCOME_SUCCEEDED : OUTCOME_TRANSIENT);
    if (stage != RUNNING && settle_with(test->store, &settlement, &error) < 0)
        fail_msg("%s", error.message);
    settlement_free(&settlement);
}

static void forget(struct test_store *test, int cluster, const char *id)
{
    test_run(test, store_delete(STORE_MANIFESTS, test_cluster_id(cluster), id, NULL));
    test_run(test, store_delete(STORE_CLUSTERS, NULL, test_cluster_id(cluster), NULL));
}

static void spoil_and_work(struct test_store *test, enum store_container container,
                           const char *path, enum stage stage, int64_t time)
{
    char id[UUID_SIZE], good[UUID_SIZE];
    bring_to(test, stage, BAD, id);
    spoil(test, container, BAD, id, path, time);
    test_add_cluster(test, GOOD, "Succeeded");
    test_add_manifest(test, GOOD, 0, TEST_NOW, good);
    expect_work_goes_on(test, path, time);
    show_all(test, BAD, id);
    forget(test, BAD, id);
    forget(test, GOOD, good);
}

static void in_all_stages(struct test_store *test, enum store_container container, const char *path)
{
    for (int stage = 0; stage < STAGE_COUNT; stage++)
        for (size_t i = 0; i < EXTREME_COUNT; i++)
            spoil_and_work(test, container, path, (enum stage)stage, extremes[i]);
}

static void times_of_a_manifest(void **state)
{
    for (size_t i = 0; i < MANIFEST_TIME_COUNT; i++)
        in_all_stages(*state, STORE_MANIFESTS, manifest_times[i]);
}

static void times_of_a_cluster(void **state)
{
    in_all_stages(*state, STORE_CLUSTERS, "leaseExpires");
}

/* Times of another actuator's record, which it wrote by a clock of its own. */
static void times_of_a_member(void **state)
{
    static const char *const times[] = {"seenAt", "startedAt"};
    struct test_store *test = *state;
    for (size_t i = 0; i < 2 * EXTREME_COUNT; i++) {
        struct error error;
        struct membership own = {.index = 0, .ttl_seconds = 10, .mode = "working"};
        cleanup_json struct json_object *record =
            document_pack("{s:s, s:i, s:s, s:s, s:I, s:I}", "id", TEST_OTHER, "index", 1,
                          "incarnation", INCARNATION, "hostname", "h", "seenAt", (int64_t)TEST_NOW,
                          "startedAt", (int64_t)TEST_NOW);
        set_time(record, times[i / EXTREME_COUNT], extremes[i % EXTREME_COUNT]);
        assert_int_equal(test_run(test, store_create(STORE_MEMBERS, record)), STORE_DONE);
        strcpy(own.start.id, TEST_ACTUATOR);
        strcpy(own.start.incarnation, OWN_INCARNATION);
        assert_int_equal(membership_initialize(&own, &error), 0);
        for (int64_t second = 0; second < 30; second += 10)
            if (membership_refresh(test->store, &own,
                                   (struct membership_time){TEST_NOW + second, {second * 1000}},
                                   &error) < 0)
                fail_msg("%s", error.message);
        assert_int_equal(own.live, 1); /* the other one never changed its record */
        run_queries(test, TEST_NOW);
        membership_free(&own);
        test_run(test, store_delete(STORE_MEMBERS, NULL, TEST_OTHER, NULL));
        test_run(test, store_delete(STORE_MEMBERS, NULL, TEST_ACTUATOR, NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(times_of_a_manifest, test_store_setup, test_store_teardown),
        cmocka_unit_test_setup_teardown(times_of_a_cluster, test_store_setup, test_store_teardown),
        cmocka_unit_test_setup_teardown(times_of_a_member, test_store_setup, test_store_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
