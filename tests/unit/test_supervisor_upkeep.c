/* SPDX-License-Identifier: Apache-2.0 */
/* test_supervisor_upkeep.c - recovery, expired leases and missed deadlines against a real store. */
#include "lease_fixture.h"

static void an_expired_lease_is_taken_back_by_anybody(void **state)
{
    struct test_store *test = *state;
    char id[UUID_SIZE];
    struct upkeep_counts counts;
    struct error error;
    test_add_cluster(test, 1, "Succeeded");
    test_add_manifest(test, 1, 0, TEST_NOW, id);
    struct claim_round round = claim_some(test->store, 1);
    claim_round_free(&round);

    assert_int_equal(
        upkeep_run(test->store, &rules, all_buckets, TEST_NOW + LEASE, &counts, &error), 0);
    assert_int_equal(counts.manifests_returned, 0);
    assert_int_equal(
        upkeep_run(test->store, &rules, all_buckets, TEST_NOW + LEASE + 1, &counts, &error), 0);
    assert_int_equal(counts.manifests_returned, 1);
    struct cluster cluster = test_cluster(test, 1);
    assert_string_equal(cluster.lease_owner, "");
    assert_string_equal(cluster.provisioning_state, "Succeeded");
    cluster_free(&cluster);
}

static void after_five_lost_attempts_the_retries_are_exceeded(void **state)
{
    struct test_store *test = *state;
    char id[UUID_SIZE];
    struct upkeep_counts counts;
    struct error error;
    test_add_cluster(test, 1, "Succeeded");
    test_add_manifest(test, 1, 0, TEST_NOW, id);
    for (int i = 0; i < MANIFEST_ATTEMPTS_MAXIMUM; i++) {
        struct claim_round round = claim_some(test->store, 1);
        assert_int_equal(round.count, 1);
        claim_round_free(&round);
        assert_int_equal(upkeep_recover_owned(test->store, &rules, TEST_NOW, &counts, &error), 0);
    }
    assert_int_equal(counts.manifests_exceeded, 1);
    struct manifest manifest = test_manifest(test, 1, id);
    assert_int_equal(manifest.state, MANIFEST_RETRIES_EXCEEDED);
    assert_int_equal(manifest.dequeues, MANIFEST_ATTEMPTS_MAXIMUM);
    manifest_free(&manifest);
}

static void a_lease_without_an_attempt_is_released(void **state)
{
    struct test_store *test = *state;
    char id[UUID_SIZE];
    struct upkeep_counts counts;
    struct error error;
    test_add_cluster(test, 1, "Succeeded");
    test_add_manifest(test, 1, 0, TEST_NOW, id);
    struct claim_round round = claim_some(test->store, 1);
    claim_round_free(&round);
    assert_int_equal(test_run(test, store_delete(STORE_MANIFESTS, test_cluster_id(1), id, NULL)),
                     STORE_DONE);
    assert_int_equal(upkeep_recover_owned(test->store, &rules, TEST_NOW, &counts, &error), 0);
    assert_int_equal(counts.clusters_released, 1);
    struct cluster cluster = test_cluster(test, 1);
    assert_string_equal(cluster.provisioning_state, "Succeeded");
    cluster_free(&cluster);
}

static void a_missed_deadline_times_out(void **state)
{
    struct test_store *test = *state;
    char id[UUID_SIZE];
    struct upkeep_counts counts;
    struct error error;
    test_add_cluster(test, 1, "Updating");
    test_add_manifest(test, 1, 0, TEST_NOW, id);
    assert_int_equal(upkeep_run(test->store, &rules, all_buckets, TEST_NOW + 1001, &counts, &error),
                     0);
    assert_int_equal(counts.manifests_timed_out, 1);
    struct manifest manifest = test_manifest(test, 1, id);
    assert_int_equal(manifest.state, MANIFEST_TIMED_OUT);
    assert_non_null(strstr(manifest.status_text, "timed out: not started before "));
    manifest_free(&manifest);
}

/* The number of a cluster that lies in bucket 0. */
static int cluster_of_bucket_zero(void)
{
    for (int i = 0;; i++)
        if (bucket_of(test_cluster_id(i)) == 0)
            return i;
}

static void a_manifest_of_the_first_bucket_is_recovered(void **state)
{
    struct test_store *test = *state;
    int number = cluster_of_bucket_zero();
    char id[UUID_SIZE];
    struct upkeep_counts counts;
    struct error error;
    test_add_cluster(test, number, "Succeeded");
    test_add_manifest(test, number, 0, TEST_NOW, id);
    struct settlement settlement = claim_one(test, OUTCOME_SUCCEEDED);
    settlement_free(&settlement);
    assert_int_equal(upkeep_recover_owned(test->store, &rules, TEST_NOW, &counts, &error), 0);
    assert_int_equal(counts.manifests_returned, 1);
    expect_state(test, number, id, MANIFEST_PENDING);
    expect_free(test, number, true);
}

/* Refuses to store the first hundred manifests by their names. */
static enum double_fate refuse_some(struct store_double *made, struct store_operation *operations,
                                    size_t count)
{
    const char *last = made->context;
    for (size_t i = 0; i < count; i++)
        if (operations[i].verb == STORE_PAIR &&
            strcmp(document_string(operations[i].target.document, "id", ""), last) != 0)
            double_refuse(&operations[i], "no room");
    return DOUBLE_PASS;
}

static void leases_that_cannot_be_returned_do_not_hide_those_behind_them(void **state)
{
    struct test_store *test = *state;
    enum { MANY = 130 };
    char last[UUID_SIZE] = "";
    struct store_double made;
    struct upkeep_counts counts;
    struct error error;
    for (int i = 0; i < MANY; i++) {
        char id[UUID_SIZE];
        test_add_cluster(test, i, "Succeeded");
        test_add_manifest(test, i, 0, TEST_NOW, id);
        if (strcmp(id, last) > 0)
            strcpy(last, id); /* pages are in order of lease and id */
    }
    struct claim_round round = claim_some(test->store, MANY);
    assert_int_equal(round.count, MANY);
    claim_round_free(&round);
    store_double_initialize(&made, test->store);
    made.hook = refuse_some;
    made.context = last;
    assert_int_equal(
        upkeep_run(&made.base, &rules, all_buckets, TEST_NOW + LEASE + 1, &counts, &error), 0);
    assert_int_equal(counts.manifests_returned, 1);
    assert_string_equal(counts.refused.message, "no room");
    assert_int_equal(upkeep_recover_owned(test->store, &rules, TEST_NOW, &counts, &error), 0);
    assert_int_equal(counts.refused.kind, ERROR_NONE);
}

static void upkeep_that_gets_no_answer_fails(void **state)
{
    struct test_store *test = *state;
    struct upkeep_counts counts;
    struct error error;
    test_add_cluster(test, 0, "Succeeded");
    test_add_manifest(test, 0, 0, TEST_NOW, NULL);
    struct settlement settlement = claim_one(test, OUTCOME_SUCCEEDED);
    settlement_free(&settlement);
    for (int broken = 1; broken <= 3; broken++) { /* query, clusters, writes */
        struct store_double made;
        store_double_initialize(&made, test->store);
        made.hook = fail_from;
        made.context = &broken;
        assert_int_equal(upkeep_recover_owned(&made.base, &rules, TEST_NOW, &counts, &error), -1);
        assert_int_equal(counts.manifests_returned, 0);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, test_store_setup, test_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_expired_lease_is_taken_back_by_anybody),
        CASE(after_five_lost_attempts_the_retries_are_exceeded),
        CASE(a_lease_without_an_attempt_is_released),
        CASE(a_missed_deadline_times_out),
        CASE(a_manifest_of_the_first_bucket_is_recovered),
        CASE(leases_that_cannot_be_returned_do_not_hide_those_behind_them),
        CASE(upkeep_that_gets_no_answer_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
