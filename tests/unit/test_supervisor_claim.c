/* SPDX-License-Identifier: Apache-2.0 */
/* test_supervisor_claim.c - claiming, settling and upkeep against a real store. */
#include "supervisor_store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/document.h"
#include "supervisor/claim.h"
#include "supervisor/settle.h"
#include "supervisor/stops.h"
#include "supervisor/upkeep.h"

enum { LEASE = 3600 };

static const struct settle_rules rules = {
    .actuator = TEST_ACTUATOR, .mark = TEST_MARK, .backoff = {90000, 900000}};

static struct claim_round claim_some(struct test_store *test, const char *actuator, size_t limit)
{
    struct claim_request request = {
        .actuator = actuator,
        .buckets = {0, BUCKET_COUNT - 1},
        .limit = limit,
        .lease_seconds = LEASE,
        .mark = TEST_MARK,
    };
    struct claim_round round;
    struct error error;
    if (claim_run(test->store, &request, TEST_NOW, &round, &error) < 0)
        fail_msg("%s", error.message);
    return round;
}

/* Claims the only manifest there is and makes a settlement of it. */
static struct settlement claim_one(struct test_store *test)
{
    struct claim_round round = claim_some(test, TEST_ACTUATOR, 1);
    assert_int_equal(round.count, 1);
    struct settlement settlement = {0};
    settlement_begin(&settlement, &round.claims[0]);
    claim_round_free(&round);
    return settlement;
}

static void end_as(struct settlement *settlement, enum outcome_kind kind)
{
    struct worker_end end = {.has_result = true, .result = kind, .message = "503 no"};
    settlement->final = true;
    outcome_of_worker(&end, &settlement->outcome);
}

static void settle_one(struct test_store *test, struct settlement *settlement)
{
    struct error error;
    if (settle_run(test->store, &rules, &settlement, 1, TEST_NOW + 5, &error) < 0)
        fail_msg("%s", error.message);
}

static void a_claim_takes_manifest_and_cluster(void **state)
{
    struct test_store *test = *state;
    char id[UUID_SIZE];
    test_add_cluster(test, 1, "Succeeded");
    test_add_manifest(test, 1, 0, TEST_NOW, id);

    struct claim_round round = claim_some(test, TEST_ACTUATOR, 10);
    assert_int_equal(round.count, 1);
    assert_string_equal(round.claims[0].manifest.id, id);
    claim_round_free(&round);

    struct manifest manifest = test_manifest(test, 1, id);
    assert_int_equal(manifest.state, MANIFEST_IN_PROGRESS);
    assert_int_equal(manifest.dequeues, 1);
    assert_string_equal(manifest.lease_owner, TEST_ACTUATOR);
    assert_int_equal(manifest.lease_expires, TEST_NOW + LEASE);
    manifest_free(&manifest);
    struct cluster cluster = test_cluster(test, 1);
    assert_string_equal(cluster.provisioning_state, TEST_MARK);
    assert_string_equal(cluster.lease_manifest, id);
    cluster_free(&cluster);
}

static void one_manifest_of_a_cluster_at_a_time_in_order(void **state)
{
    struct test_store *test = *state;
    char first[UUID_SIZE];
    test_add_cluster(test, 1, "Succeeded");
    test_add_manifest(test, 1, 5, TEST_NOW, NULL);
    test_add_manifest(test, 1, 1, TEST_NOW, first);
    test_add_manifest(test, 1, 3, TEST_NOW, NULL);

    struct claim_round round = claim_some(test, TEST_ACTUATOR, 10);
    assert_int_equal(round.count, 1);
    assert_string_equal(round.claims[0].manifest.id, first);
    claim_round_free(&round);
    round = claim_some(test, TEST_OTHER, 10);
    assert_int_equal(round.count, 0);
    claim_round_free(&round);
}

static void the_limit_is_kept(void **state)
{
    struct test_store *test = *state;
    for (int i = 0; i < 5; i++) {
        test_add_cluster(test, i, "Succeeded");
        test_add_manifest(test, i, 0, TEST_NOW, NULL);
    }
    struct claim_round round = claim_some(test, TEST_ACTUATOR, 3);
    assert_int_equal(round.count, 3);
    claim_round_free(&round);
    round = claim_some(test, TEST_ACTUATOR, 3);
    assert_int_equal(round.count, 2);
    claim_round_free(&round);
}

static void a_busy_cluster_waits_and_says_why(void **state)
{
    struct test_store *test = *state;
    char busy[UUID_SIZE];
    char orphan[UUID_SIZE];
    test_add_cluster(test, 1, "Updating");
    test_add_manifest(test, 1, 0, TEST_NOW, busy);
    test_add_cluster(test, 2, "Failed");
    test_add_manifest(test, 2, 9, TEST_NOW, NULL);
    test_add_manifest(test, 3, 0, TEST_NOW, orphan); /* its cluster is not registered */

    struct claim_round round = claim_some(test, TEST_ACTUATOR, 1);
    assert_int_equal(round.count, 1);
    assert_string_equal(round.claims[0].manifest.cluster, test_cluster_id(2));
    claim_round_free(&round);

    struct manifest manifest = test_manifest(test, 1, busy);
    assert_int_equal(manifest.state, MANIFEST_PENDING);
    assert_int_equal(manifest.dequeues, 0);
    assert_non_null(strstr(manifest.status_text, "Updating"));
    manifest_free(&manifest);
    manifest = test_manifest(test, 3, orphan);
    assert_int_equal(manifest.state, MANIFEST_PENDING);
    manifest_free(&manifest);
}

static void many_busy_clusters_do_not_hide_those_behind_them(void **state)
{
    struct test_store *test = *state;
    for (int i = 0; i < 60; i++) {
        test_add_cluster(test, i, "Updating");
        test_add_manifest(test, i, 0, TEST_NOW, NULL);
    }
    test_add_cluster(test, 100, "Succeeded");
    test_add_manifest(test, 100, 9, TEST_NOW, NULL);
    struct claim_round round = claim_some(test, TEST_ACTUATOR, 2);
    assert_int_equal(round.count, 1);
    assert_string_equal(round.claims[0].manifest.cluster, test_cluster_id(100));
    claim_round_free(&round);
}

static void the_next_due_time_is_told(void **state)
{
    struct test_store *test = *state;
    test_add_cluster(test, 1, "Succeeded");
    test_add_manifest(test, 1, 0, TEST_NOW + 500, NULL);
    test_add_manifest(test, 1, 0, TEST_NOW + 50, NULL);
    struct claim_round round = claim_some(test, TEST_ACTUATOR, 10);
    assert_int_equal(round.count, 0);
    assert_int_equal(round.next_due, TEST_NOW + 50);
    claim_round_free(&round);
}

enum { RACERS = 4, RACED = 40 };

struct racer {
    struct test_store *test;
    struct store *store;
    char actuator[UUID_SIZE];
    size_t won;
};

static void *race(void *argument)
{
    struct racer *racer = argument;
    struct test_store mine = *racer->test;
    mine.store = racer->store;
    for (int i = 0; i < 30; i++) {
        struct claim_round round = claim_some(&mine, racer->actuator, 7);
        racer->won += round.count;
        claim_round_free(&round);
    }
    return NULL;
}

static void of_racing_actuators_exactly_one_wins_each(void **state)
{
    struct test_store *test = *state;
    struct racer racers[RACERS];
    pthread_t threads[RACERS];
    struct error error;
    char ids[RACED][UUID_SIZE];
    for (int i = 0; i < RACED; i++) {
        test_add_cluster(test, i, "Succeeded");
        test_add_manifest(test, i, 0, TEST_NOW, ids[i]);
    }
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.test = test};
        uuid_make(racers[i].actuator);
        assert_int_equal(store_open(test->uri, &racers[i].store, &error), 0);
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    size_t won = 0;
    for (int i = 0; i < RACERS; i++) {
        pthread_join(threads[i], NULL);
        store_close(racers[i].store);
        won += racers[i].won;
    }
    assert_int_equal(won, RACED);
    for (int i = 0; i < RACED; i++) {
        struct manifest manifest = test_manifest(test, i, ids[i]);
        assert_int_equal(manifest.dequeues, 1);
        manifest_free(&manifest);
    }
}

static const char *const patchable[] = {"properties.note", NULL};

static void a_result_ends_the_attempt_and_frees_the_cluster(void **state)
{
    struct test_store *test = *state;
    char id[UUID_SIZE];
    test_add_cluster(test, 1, "Failed");
    test_add_manifest(test, 1, 0, TEST_NOW, id);
    struct settlement settlement = claim_one(test);
    settlement.cluster_patches = document_pack("[{s:{s:s}}]", "properties", "note", "changed");
    settlement.patchable = patchable;
    end_as(&settlement, OUTCOME_SUCCEEDED);
    settle_one(test, &settlement);
    assert_int_equal(settlement.status, SETTLEMENT_DONE);
    settlement_free(&settlement);

    struct manifest manifest = test_manifest(test, 1, id);
    assert_int_equal(manifest.state, MANIFEST_COMPLETED);
    assert_string_equal(manifest.lease_owner, "");
    manifest_free(&manifest);
    struct cluster cluster = test_cluster(test, 1);
    assert_string_equal(cluster.provisioning_state, "Failed");
    assert_string_equal(cluster.lease_owner, "");
    assert_string_equal(
        document_string(cluster_document(&cluster), "openShiftCluster.properties.note", ""),
        "changed");
    cluster_free(&cluster);
}

static void a_transient_error_waits_before_the_next_attempt(void **state)
{
    struct test_store *test = *state;
    char id[UUID_SIZE];
    test_add_cluster(test, 1, "Succeeded");
    test_add_manifest(test, 1, 0, TEST_NOW, id);
    struct settlement settlement = claim_one(test);
    end_as(&settlement, OUTCOME_TRANSIENT);
    settle_one(test, &settlement);
    settlement_free(&settlement);

    struct manifest manifest = test_manifest(test, 1, id);
    assert_int_equal(manifest.state, MANIFEST_PENDING);
    assert_in_range(manifest.next_attempt, TEST_NOW + 5 + 80, TEST_NOW + 5 + 100);
    assert_string_equal(manifest.status_text, "TransientError: 503 no");
    manifest_free(&manifest);
}

static void a_result_is_written_after_a_foreign_change_of_the_document(void **state)
{
    struct test_store *test = *state;
    char id[UUID_SIZE];
    test_add_cluster(test, 1, "Succeeded");
    test_add_manifest(test, 1, 0, TEST_NOW, id);
    struct settlement settlement = claim_one(test);

    /* Somebody else adds a member: our etag is stale, the manifest is still ours. */
    struct store_operation read = store_get(STORE_MANIFESTS, test_cluster_id(1), id);
    struct error error;
    assert_int_equal(store_run(test->store, &read, 1, &error), 0);
    document_add(read.result.items[0].document, "foreign", json_object_new_boolean(true));
    assert_int_equal(test_run(test, store_replace(STORE_MANIFESTS, read.result.items[0].etag,
                                                  read.result.items[0].document)),
                     STORE_DONE);
    store_release(&read, 1);

    end_as(&settlement, OUTCOME_SUCCEEDED);
    settle_one(test, &settlement);
    assert_int_equal(settlement.status, SETTLEMENT_DONE);
    settlement_free(&settlement);
    struct manifest manifest = test_manifest(test, 1, id);
    assert_int_equal(manifest.state, MANIFEST_COMPLETED);
    assert_true(document_is_true(document_get(manifest_document(&manifest), "foreign")));
    manifest_free(&manifest);
}

/* Cancels the only attempt as the Admin API does, with or without the wish that its worker be
 * stopped. */
static void cancel_in_store(struct test_store *test, const char *id, bool stop)
{
    struct error error;
    struct manifest manifest = test_manifest(test, 1, id);
    struct store_operation read = store_get(STORE_MANIFESTS, test_cluster_id(1), id);
    assert_int_equal(store_run(test->store, &read, 1, &error), 0);
    assert_int_equal(manifest_cancel(&manifest, TEST_NOW + 1, true, &error), 0);
    if (stop)
        document_add(manifest_document(&manifest), "stopRequested", json_object_new_boolean(true));
    assert_int_equal(test_run(test, store_replace(STORE_MANIFESTS, read.result.items[0].etag,
                                                  manifest_document(&manifest))),
                     STORE_DONE);
    store_release(&read, 1);
    manifest_free(&manifest);
}

static void a_late_result_changes_nothing_but_frees_the_cluster(void **state)
{
    struct test_store *test = *state;
    char id[UUID_SIZE];
    test_add_cluster(test, 1, "Succeeded");
    test_add_manifest(test, 1, 0, TEST_NOW, id);
    struct settlement settlement = claim_one(test);
    cancel_in_store(test, id, false);

    end_as(&settlement, OUTCOME_SUCCEEDED);
    settle_one(test, &settlement);
    assert_int_equal(settlement.status, SETTLEMENT_LATE);
    settlement_free(&settlement);
    struct manifest manifest = test_manifest(test, 1, id);
    assert_int_equal(manifest.state, MANIFEST_CANCELLED);
    manifest_free(&manifest);
    struct cluster cluster = test_cluster(test, 1);
    assert_string_equal(cluster.lease_owner, "");
    assert_string_equal(cluster.provisioning_state, "Succeeded");
    cluster_free(&cluster);
}

static void a_result_of_an_earlier_attempt_of_the_same_owner_is_late(void **state)
{
    struct test_store *test = *state;
    char id[UUID_SIZE];
    test_add_cluster(test, 1, "Succeeded");
    test_add_manifest(test, 1, 0, TEST_NOW, id);
    struct settlement stale = claim_one(test);

    /* The attempt is taken back, and the same actuator claims it again. */
    struct upkeep_counts counts;
    struct error error;
    assert_int_equal(upkeep_recover_owned(test->store, &rules, TEST_NOW, &counts, &error), 0);
    assert_int_equal(counts.manifests_returned, 1);
    struct settlement fresh = claim_one(test);
    assert_true(fresh.attempt > stale.attempt);

    end_as(&stale, OUTCOME_SUCCEEDED);
    settle_one(test, &stale);
    assert_int_equal(stale.status, SETTLEMENT_LATE);
    struct manifest manifest = test_manifest(test, 1, id);
    assert_int_equal(manifest.state, MANIFEST_IN_PROGRESS);
    manifest_free(&manifest);
    struct cluster cluster = test_cluster(test, 1);
    assert_string_equal(cluster.lease_owner, TEST_ACTUATOR);
    cluster_free(&cluster);
    settlement_free(&stale);
    settlement_free(&fresh);
}

/* The cluster's lease is the second attempt's, whose worker runs: what became of the manifest
 * meanwhile does not make it the first one's. */
static void a_late_result_leaves_the_lease_to_a_later_attempt_of_its_manifest(void **state)
{
    struct test_store *test = *state;
    struct upkeep_counts counts;
    struct error error;
    test_add_cluster(test, 1, "Succeeded");
    for (int deleted = 0; deleted < 2; deleted++) {
        char id[UUID_SIZE];
        test_add_manifest(test, 1, 0, TEST_NOW, id);
        struct settlement stale = claim_one(test);
        assert_int_equal(upkeep_recover_owned(test->store, &rules, TEST_NOW, &counts, &error), 0);
        struct settlement running = claim_one(test);
        if (deleted)
            test_run(test, store_delete(STORE_MANIFESTS, test_cluster_id(1), id, NULL));
        else
            cancel_in_store(test, id, false);

        end_as(&stale, OUTCOME_SUCCEEDED);
        settle_one(test, &stale);
        assert_int_equal(stale.status, SETTLEMENT_LATE);
        struct cluster cluster = test_cluster(test, 1);
        assert_string_equal(cluster.lease_owner, TEST_ACTUATOR);
        cluster_free(&cluster);

        end_as(&running, OUTCOME_SUCCEEDED);
        settle_one(test, &running);
        cluster = test_cluster(test, 1);
        assert_string_equal(cluster.lease_owner, "");
        cluster_free(&cluster);
        settlement_free(&stale);
        settlement_free(&running);
    }
}

static void a_write_nobody_heard_of_counts_as_done(void **state)
{
    struct test_store *test = *state;
    test_add_cluster(test, 1, "Succeeded");
    test_add_manifest(test, 1, 0, TEST_NOW, NULL);
    struct settlement settlement = claim_one(test);
    end_as(&settlement, OUTCOME_SUCCEEDED);
    settle_one(test, &settlement);

    /* As after a failure whose write went through: nothing is known of the documents any more. */
    free(settlement.claim.manifest_etag);
    free(settlement.claim.cluster_etag);
    settlement.claim.manifest_etag = settlement.claim.cluster_etag = NULL;
    settle_one(test, &settlement);
    assert_int_equal(settlement.status, SETTLEMENT_DONE);
    settlement_free(&settlement);
}

static void progress_is_seen_while_the_attempt_runs(void **state)
{
    struct test_store *test = *state;
    char id[UUID_SIZE];
    test_add_cluster(test, 1, "Succeeded");
    test_add_manifest(test, 1, 0, TEST_NOW, id);
    struct settlement settlement = claim_one(test);
    settlement.step = 2;
    settlement.steps = 3;
    strcpy(settlement.step_name, "half way");
    settle_one(test, &settlement);
    assert_int_equal(settlement.status, SETTLEMENT_DONE);
    struct manifest manifest = test_manifest(test, 1, id);
    assert_int_equal(document_integer(manifest_document(&manifest), "progress.step", 0), 2);
    manifest_free(&manifest);

    end_as(&settlement, OUTCOME_TERMINAL);
    settle_one(test, &settlement);
    manifest = test_manifest(test, 1, id);
    assert_int_equal(manifest.state, MANIFEST_FAILED);
    assert_null(document_get(manifest_document(&manifest), "progress"));
    manifest_free(&manifest);
    settlement_free(&settlement);
}

static void a_deleted_manifest_frees_its_cluster(void **state)
{
    struct test_store *test = *state;
    char id[UUID_SIZE];
    test_add_cluster(test, 1, "Succeeded");
    test_add_manifest(test, 1, 0, TEST_NOW, id);
    struct settlement settlement = claim_one(test);
    assert_int_equal(test_run(test, store_delete(STORE_MANIFESTS, test_cluster_id(1), id, NULL)),
                     STORE_DONE);
    end_as(&settlement, OUTCOME_SUCCEEDED);
    settle_one(test, &settlement);
    assert_int_equal(settlement.status, SETTLEMENT_LATE);
    settlement_free(&settlement);
    struct cluster cluster = test_cluster(test, 1);
    assert_string_equal(cluster.lease_owner, "");
    cluster_free(&cluster);
}

static bool is_to_be_stopped(struct test_store *test, const char *id, const char *claim_token)
{
    struct error error;
    struct stop_watch watch = {.token = 1};
    strcpy(watch.manifest_id, id);
    strcpy(watch.cluster, test_cluster_id(1));
    strcpy(watch.claim_token, claim_token);
    assert_int_equal(stops_find(test->store, &watch, 1, &error), 0);
    return watch.stop;
}

static void a_stop_is_found_and_a_mere_cancel_is_not(void **state)
{
    struct test_store *test = *state;
    char id[UUID_SIZE];
    test_add_cluster(test, 1, "Succeeded");
    for (int stop = 0; stop < 2; stop++) {
        test_add_manifest(test, 1, 0, TEST_NOW, id);
        struct settlement settlement = claim_one(test);
        assert_false(is_to_be_stopped(test, id, settlement.token));
        cancel_in_store(test, id, stop);
        assert_int_equal(is_to_be_stopped(test, id, settlement.token), stop);
        end_as(&settlement, OUTCOME_SUCCEEDED);
        settle_one(test, &settlement);
        settlement_free(&settlement);
    }
}

/* The store went back to before the claim, or the manifest was deleted: another attempt may begin at
 * any moment. */
static void a_worker_whose_claim_is_gone_is_stopped(void **state)
{
    struct test_store *test = *state;
    char id[UUID_SIZE];
    test_add_cluster(test, 1, "Succeeded");
    test_add_manifest(test, 1, 0, TEST_NOW, id);
    struct settlement settlement = claim_one(test);
    assert_false(is_to_be_stopped(test, id, settlement.token));
    assert_true(is_to_be_stopped(test, id, TEST_OTHER));
    test_run(test, store_delete(STORE_MANIFESTS, test_cluster_id(1), id, NULL));
    assert_true(is_to_be_stopped(test, id, settlement.token));
    settlement_free(&settlement);
}

/* A dump that knows the cluster from before the claim, and not the manifest, was loaded. */
static void a_worker_whose_cluster_went_back_is_stopped(void **state)
{
    struct test_store *test = *state;
    struct error error;
    char id[UUID_SIZE];
    test_add_cluster(test, 1, "Succeeded");
    struct store_operation before = store_get(STORE_CLUSTERS, NULL, test_cluster_id(1));
    assert_int_equal(store_run(test->store, &before, 1, &error), 0);
    test_add_manifest(test, 1, 0, TEST_NOW, id);
    struct settlement settlement = claim_one(test);
    assert_false(is_to_be_stopped(test, id, settlement.token));
    struct store_operation now = store_get(STORE_CLUSTERS, NULL, test_cluster_id(1));
    assert_int_equal(store_run(test->store, &now, 1, &error), 0);
    struct store_operation put_back =
        store_replace(STORE_CLUSTERS, now.result.items[0].etag, before.result.items[0].document);
    assert_int_equal(test_run(test, put_back), STORE_DONE);
    assert_true(is_to_be_stopped(test, id, settlement.token));
    store_release(&now, 1);
    store_release(&before, 1);
    settlement_free(&settlement);
}

int main(void)
{
#define WITH_STORE(test)                                                                           \
    cmocka_unit_test_setup_teardown(test, test_store_setup, test_store_teardown)
    const struct CMUnitTest tests[] = {
        WITH_STORE(a_claim_takes_manifest_and_cluster),
        WITH_STORE(one_manifest_of_a_cluster_at_a_time_in_order),
        WITH_STORE(the_limit_is_kept),
        WITH_STORE(a_busy_cluster_waits_and_says_why),
        WITH_STORE(many_busy_clusters_do_not_hide_those_behind_them),
        WITH_STORE(the_next_due_time_is_told),
        WITH_STORE(of_racing_actuators_exactly_one_wins_each),
        WITH_STORE(a_result_ends_the_attempt_and_frees_the_cluster),
        WITH_STORE(a_transient_error_waits_before_the_next_attempt),
        WITH_STORE(a_result_is_written_after_a_foreign_change_of_the_document),
        WITH_STORE(a_late_result_changes_nothing_but_frees_the_cluster),
        WITH_STORE(a_result_of_an_earlier_attempt_of_the_same_owner_is_late),
        WITH_STORE(a_late_result_leaves_the_lease_to_a_later_attempt_of_its_manifest),
        WITH_STORE(a_write_nobody_heard_of_counts_as_done),
        WITH_STORE(progress_is_seen_while_the_attempt_runs),
        WITH_STORE(a_deleted_manifest_frees_its_cluster),
        WITH_STORE(a_stop_is_found_and_a_mere_cancel_is_not),
        WITH_STORE(a_worker_whose_claim_is_gone_is_stopped),
        WITH_STORE(a_worker_whose_cluster_went_back_is_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
