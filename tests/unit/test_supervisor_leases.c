/* SPDX-License-Identifier: Apache-2.0 */
/* test_supervisor_leases.c - tests of claim.h, settle.h and upkeep.h where something fails, is refused, or was restored: no
 * claim is lost, no neighbour is held up, and every refusal has a text. */
#include "lease_fixture.h"

/* Claims */

/* One manifest can be claimed, the others wait for busy clusters: so there is a second pass. */
static void a_claim_that_was_won_is_returned_whatever_fails_later(void **state)
{
    struct test_store *test = *state;
    char id[UUID_SIZE];
    enum { FIRST_PASS = 3 }; /* candidates, clusters, writes */
    for (int i = 1; i < 30; i++) {
        test_add_cluster(test, i, "Updating");
        test_add_manifest(test, i, 5, TEST_NOW, NULL);
    }
    test_add_cluster(test, 0, "Succeeded");
    test_add_manifest(test, 0, 0, TEST_NOW, id);
    for (int broken = FIRST_PASS + 1; broken <= FIRST_PASS + 3; broken++) {
        struct store_double made;
        struct claim_round round;
        struct error error;
        store_double_initialize(&made, test->store);
        made.hook = fail_from;
        made.context = &broken;
        assert_int_equal(claim_with(&made.base, 3, &round, &error), -1);
        assert_int_equal(error.kind, ERROR_UNAVAILABLE);
        assert_int_equal(round.count, 1);
        assert_string_equal(round.claims[0].manifest.id, id);
        struct settlement settlement = settlement_of(&round.claims[0], OUTCOME_TRANSIENT);
        outcome_of_kind(OUTCOME_DRAINED, NULL, &settlement.outcome);
        settle_one(test->store, &settlement);
        assert_int_equal(settlement.status, SETTLEMENT_DONE);
        settlement_free(&settlement);
        claim_round_free(&round);
    }
}

static void a_round_that_fails_at_once_has_no_claims(void **state)
{
    struct test_store *test = *state;
    test_add_cluster(test, 0, "Succeeded");
    test_add_manifest(test, 0, 0, TEST_NOW, NULL);
    for (int broken = 1; broken <= 3; broken++) {
        struct store_double made;
        struct claim_round round;
        struct error error;
        store_double_initialize(&made, test->store);
        made.hook = fail_from;
        made.context = &broken;
        assert_int_equal(claim_with(&made.base, 3, &round, &error), -1);
        assert_int_equal(round.count, 0);
        claim_round_free(&round);
    }
}

static enum double_fate refuse_queries(struct store_double *made,
                                       struct store_operation *operations, size_t count)
{
    (void)made;
    for (size_t i = 0; i < count; i++)
        if (operations[i].verb == STORE_QUERY)
            double_refuse(&operations[i], "no such query");
    return DOUBLE_PASS;
}

static void a_query_that_is_refused_is_no_empty_queue(void **state)
{
    struct test_store *test = *state;
    struct store_double made;
    struct claim_round round;
    struct upkeep_counts counts;
    struct error error;
    store_double_initialize(&made, test->store);
    made.hook = refuse_queries;
    assert_int_equal(claim_with(&made.base, 3, &round, &error), -1);
    assert_non_null(strstr(error.message, "no such query"));
    claim_round_free(&round);
    assert_int_equal(upkeep_run(&made.base, &rules, all_buckets, TEST_NOW, &counts, &error), -1);
    assert_non_null(strstr(error.message, "no such query"));
    assert_int_equal(upkeep_recover_owned(&made.base, &rules, TEST_NOW, &counts, &error), -1);
}

/* Refuses the write of cluster 1's lease. */
static enum double_fate refuse_cluster_one(struct store_double *made,
                                           struct store_operation *operations, size_t count)
{
    (void)made;
    for (size_t i = 0; i < count; i++)
        if (operations[i].verb == STORE_PAIR &&
            strcmp(document_string(operations[i].target.document, "key", ""), test_cluster_id(1)) ==
                0)
            double_refuse(&operations[i], "cluster 1 cannot be stored");
    return DOUBLE_PASS;
}

static void a_claim_that_is_refused_says_so_and_is_no_lost_race(void **state)
{
    struct test_store *test = *state;
    struct store_double made;
    for (int i = 0; i < 3; i++) {
        test_add_cluster(test, i, "Succeeded");
        test_add_manifest(test, i, 0, TEST_NOW, NULL);
    }
    store_double_initialize(&made, test->store);
    made.hook = refuse_cluster_one;
    struct claim_round round = claim_some(&made.base, 10);
    assert_int_equal(round.count, 2);
    assert_int_equal(round.lost, 0);
    assert_string_equal(round.skipped.message, "cluster 1 cannot be stored");
    claim_round_free(&round);
}

/* What an attempt adds must fit, or its result could never be stored. */
static void a_document_without_room_for_an_attempt_is_not_claimed_and_says_why(void **state)
{
    struct test_store *test = *state;
    char ids[2][UUID_SIZE];
    for (int i = 0; i < 3; i++)
        test_add_cluster(test, i, "Succeeded");
    for (int i = 0; i < 2; i++)
        test_add_manifest(test, i, 0, TEST_NOW, ids[i]);
    test_add_manifest(test, 2, 9, TEST_NOW, NULL);
    size_t bytes = STORE_DOCUMENT_SIZE_MAXIMUM - LEASE_ROOM;
    set_member(test, STORE_MANIFESTS, test_cluster_id(0), ids[0], "foreign", filler(bytes));
    set_member(test, STORE_CLUSTERS, NULL, test_cluster_id(1), "foreign", filler(bytes));

    struct claim_round round = claim_some(test->store, 10);
    assert_int_equal(round.count, 1);
    assert_string_equal(round.claims[0].manifest.cluster, test_cluster_id(2));
    claim_round_free(&round);
    const char *const words[] = {"the document of the manifest leaves no room",
                                 "the document of the cluster leaves no room"};
    for (int i = 0; i < 2; i++) {
        struct manifest manifest = test_manifest(test, i, ids[i]);
        assert_int_equal(manifest.state, MANIFEST_PENDING);
        assert_int_equal(manifest.dequeues, 0);
        assert_non_null(strstr(manifest.status_text, words[i]));
        manifest_free(&manifest);
    }
}

static void a_damaged_manifest_is_named_and_hides_no_other(void **state)
{
    struct test_store *test = *state;
    char id[UUID_SIZE];
    for (int i = 0; i < 2; i++) {
        test_add_cluster(test, i, "Succeeded");
        test_add_manifest(test, i, i, TEST_NOW, i == 0 ? id : NULL);
    }
    struct claim_round round = claim_some(test->store, 0);
    assert_int_equal(round.skipped.kind, ERROR_NONE);
    claim_round_free(&round);
    set_member(test, STORE_MANIFESTS, test_cluster_id(0), id, "dequeues",
               document_new_string("many"));
    round = claim_some(test->store, 10);
    assert_int_equal(round.count, 1);
    assert_string_equal(round.claims[0].manifest.cluster, test_cluster_id(1));
    assert_int_equal(round.skipped.kind, ERROR_INVALID);
    assert_non_null(strstr(round.skipped.message, id));
    claim_round_free(&round);
}

/* Adds up the candidates that each pass asks for. */
static enum double_fate add_limits(struct store_double *made, struct store_operation *operations,
                                   size_t count)
{
    (void)count;
    if (operations[0].verb == STORE_QUERY)
        *(size_t *)made->context += operations[0].query.limit;
    return DOUBLE_PASS;
}

static void blocked_candidates_by_the_hundred_do_not_loop(void **state)
{
    struct test_store *test = *state;
    enum { BLOCKED = 700, PAGES = (2 + 1) + (2 + 8) + (2 + 64) + (2 + 512) + 1000 };
    struct store_double made;
    size_t asked = 0;
    for (int i = 0; i < BLOCKED; i++) {
        test_add_cluster(test, i, "Updating");
        test_add_manifest(test, i, 0, TEST_NOW, NULL);
    }
    store_double_initialize(&made, test->store);
    made.hook = add_limits;
    made.context = &asked;
    struct claim_round round = claim_some(&made.base, 2);
    assert_int_equal(round.count, 0);
    assert_int_equal(asked, PAGES);
    assert_in_range(made.runs, 4, 15);
    claim_round_free(&round);
    test_add_cluster(test, BLOCKED, "Succeeded");
    test_add_manifest(test, BLOCKED, 9, TEST_NOW, NULL);
    round = claim_some(test->store, 2);
    assert_int_equal(round.count, 1);
    claim_round_free(&round);
}

/* Settlements */

static const char *const patchable[] = {"properties.note", "properties.provisioningState",
                                        "properties.profile.name", NULL};

/* A worker's change that reaches beyond what its task declared, or whose way does not exist in the
 * document, fails the attempt; nothing of it is stored. */
static void a_change_beyond_what_the_task_declared_is_not_stored(void **state)
{
    struct test_store *test = *state;
    static const struct {
        const char *patch;
        const char *text;
    } cases[] = {
        {"{\"properties\": {\"apiserverProfile\": {\"url\": {}}}}", "apiserverProfile"},
        {"{\"properties\": {\"other\": 1}}", "other"},
        {"{\"id\": {}}", "id"},
        {"{\"properties.note\": 1}", "properties.note"},
        {"{\"properties\": null}", "properties"},
        {"{\"properties\": {\"profile\": {\"name\": \"x\"}}}", "profile"},
    };
    for (int i = 0; i < (int)(sizeof(cases) / sizeof(cases[0])); i++) {
        char id[UUID_SIZE];
        struct error error;
        test_add_cluster(test, i, "Succeeded");
        test_add_manifest(test, i, 0, TEST_NOW, id);
        struct cluster before = test_cluster(test, i);
        struct settlement settlement = claim_one(test, OUTCOME_SUCCEEDED);
        settlement.cluster_patches = json_object_new_array();
        document_append(settlement.cluster_patches,
                        document_parse(cases[i].patch, strlen(cases[i].patch), &error));
        settlement.patchable = patchable;
        settle_one(test->store, &settlement);
        settlement_free(&settlement);
        expect_state(test, i, id, MANIFEST_FAILED);
        struct manifest manifest = test_manifest(test, i, id);
        if (!strstr(manifest.status_text, cases[i].text))
            fail_msg("%s: %s", cases[i].patch, manifest.status_text);
        manifest_free(&manifest);
        struct cluster after = test_cluster(test, i);
        assert_true(document_equal(document_get(before.document, "openShiftCluster"),
                                   document_get(after.document, "openShiftCluster")));
        cluster_free(&before);
        cluster_free(&after);
    }
}

/* A worker's change that makes the cluster's document too large, or no cluster at all, fails the
 * attempt, and its neighbour in the batch does not notice. */
static void a_result_that_cannot_be_stored_fails_the_attempt_and_no_neighbour(void **state)
{
    struct test_store *test = *state;
    char ids[3][UUID_SIZE];
    for (int i = 0; i < 3; i++) {
        test_add_cluster(test, i, "Succeeded");
        test_add_manifest(test, i, i, TEST_NOW, ids[i]);
    }
    struct claim_round round = claim_some(test->store, 3);
    struct settlement settlements[3];
    struct settlement *pointers[3];
    for (int i = 0; i < 3; i++) {
        settlements[i] = settlement_of(&round.claims[i], OUTCOME_SUCCEEDED);
        pointers[i] = &settlements[i];
    }
    claim_round_free(&round);
    settlements[0].cluster_patches =
        document_pack("[{s:{s:o}}]", "properties", "note", filler(STORE_DOCUMENT_SIZE_MAXIMUM));
    settlements[1].cluster_patches =
        document_pack("[{s:{s:i}}]", "properties", "provisioningState", 7);
    settlements[0].patchable = patchable;
    settlements[1].patchable = patchable;
    struct error error;
    assert_int_equal(settle_run(test->store, &rules, pointers, 3, TEST_NOW + 5, &error), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(settlements[i].status, SETTLEMENT_DONE);
        settlement_free(&settlements[i]);
        expect_state(test, i, ids[i], i < 2 ? MANIFEST_FAILED : MANIFEST_COMPLETED);
        expect_free(test, i, true);
    }
    struct manifest manifest = test_manifest(test, 0, ids[0]);
    assert_non_null(strstr(manifest.status_text, "its result (succeeded) cannot be stored: "));
    assert_non_null(strstr(manifest.status_text, " bytes; "));
    manifest_free(&manifest);
    manifest = test_manifest(test, 1, ids[1]);
    assert_non_null(strstr(manifest.status_text, "provisioningState"));
    manifest_free(&manifest);
}

static enum double_fate refuse_writes(struct store_double *made, struct store_operation *operations,
                                      size_t count)
{
    (void)made;
    for (size_t i = 0; i < count; i++)
        if (double_is_write(&operations[i]))
            double_refuse(&operations[i], "document of 1048577 bytes");
    return DOUBLE_PASS;
}

static void a_settlement_that_is_always_refused_is_given_up_with_its_reason(void **state)
{
    struct test_store *test = *state;
    struct store_double made;
    test_add_cluster(test, 0, "Succeeded");
    test_add_manifest(test, 0, 0, TEST_NOW, NULL);
    struct settlement settlement = claim_one(test, OUTCOME_SUCCEEDED);
    store_double_initialize(&made, test->store);
    made.hook = refuse_writes;
    settle_one(&made.base, &settlement);
    assert_int_equal(settlement.status, SETTLEMENT_REFUSED);
    assert_non_null(strstr(settlement.error.message, "document of 1048577 bytes"));
    assert_in_range(made.runs, 2, 4);
    settlement_free(&settlement);
}

static enum double_fate fail_writes_behind(struct store_double *made,
                                           struct store_operation *operations, size_t count)
{
    (void)made, (void)count;
    return double_is_write(&operations[0]) ? DOUBLE_FAIL_BEHIND : DOUBLE_PASS;
}

static void a_write_of_unknown_end_is_recognized_by_its_token(void **state)
{
    struct test_store *test = *state;
    char id[UUID_SIZE];
    struct store_double made;
    struct error error;
    test_add_cluster(test, 0, "Succeeded");
    test_add_manifest(test, 0, 0, TEST_NOW, id);
    struct settlement settlement = claim_one(test, OUTCOME_TRANSIENT);
    store_double_initialize(&made, test->store);
    made.hook = fail_writes_behind;
    assert_int_equal(settle_with(&made.base, &settlement, &error), -1);
    assert_int_equal(settlement.status, SETTLEMENT_OPEN);
    assert_string_equal(settlement.error.message + strlen(settlement.error.message) -
                            strlen("the store double fails"),
                        "the store double fails");
    settle_one(test->store, &settlement);
    assert_int_equal(settlement.status, SETTLEMENT_DONE);
    expect_state(test, 0, id, MANIFEST_PENDING);
    settlement_free(&settlement);
}

static void a_result_whose_attempt_nobody_remembers_is_late(void **state)
{
    struct test_store *test = *state;
    test_add_cluster(test, 0, "Succeeded");
    test_add_manifest(test, 0, 0, TEST_NOW, NULL);
    struct settlement settlement = claim_one(test, OUTCOME_SUCCEEDED);
    const char *id = settlement.claim.manifest.id;
    set_member(test, STORE_MANIFESTS, test_cluster_id(0), id, "leaseOwner",
               document_new_string(TEST_OTHER));
    set_member(test, STORE_MANIFESTS, test_cluster_id(0), id, "attempts", json_object_new_array());
    settle_one(test->store, &settlement);
    assert_int_equal(settlement.status, SETTLEMENT_LATE);
    settlement_free(&settlement);
}

/* The manifest is still this attempt's: its result counts. */
static void a_result_is_written_though_its_cluster_is_gone(void **state)
{
    struct test_store *test = *state;
    struct store_double made;
    int broken = 1;
    char id[UUID_SIZE];
    test_add_cluster(test, 0, "Succeeded");
    test_add_manifest(test, 0, 0, TEST_NOW, id);
    struct settlement settlement = claim_one(test, OUTCOME_SUCCEEDED);
    store_double_initialize(&made, test->store);
    made.hook = fail_from;
    made.context = &broken;
    assert_int_equal(settle_with(&made.base, &settlement, NULL), -1);
    assert_int_equal(settlement.status, SETTLEMENT_OPEN);
    assert_int_equal(test_run(test, store_delete(STORE_CLUSTERS, NULL, test_cluster_id(0), NULL)),
                     STORE_DONE);
    settle_one(test->store, &settlement);
    assert_int_equal(settlement.status, SETTLEMENT_DONE);
    expect_state(test, 0, id, MANIFEST_COMPLETED);
    settlement_free(&settlement);
}

static void nothing_is_read_between_a_claim_its_progress_and_its_result(void **state)
{
    struct test_store *test = *state;
    struct store_double made;
    char id[UUID_SIZE];
    test_add_cluster(test, 0, "Succeeded");
    test_add_manifest(test, 0, 0, TEST_NOW, id);
    store_double_initialize(&made, test->store);
    struct settlement settlement = claim_one(test, OUTCOME_SUCCEEDED);
    settlement.cluster_patches = json_object_new_array();
    settlement.final = false;
    settle_one(&made.base, &settlement);
    settlement.final = true;
    settle_one(&made.base, &settlement);
    assert_int_equal(settlement.status, SETTLEMENT_DONE);
    assert_int_equal(made.runs, 2);
    expect_state(test, 0, id, MANIFEST_COMPLETED);
    settlement_free(&settlement);
    assert_null(settlement.cluster_patches);
    assert_null(settlement.claim.manifest_etag);
}

/* Another writer touches the manifest before each of our first writes. */
static enum double_fate touch_manifest(struct store_double *made,
                                       struct store_operation *operations, size_t count)
{
    (void)count;
    int *left = made->context;
    if (!double_is_write(&operations[0]) || *left == 0)
        return DOUBLE_PASS;
    --*left;
    struct test_store real = {.store = made->real};
    const struct json_object *manifest = operations[0].target.document;
    set_member(&real, STORE_MANIFESTS, test_cluster_id(0), document_string(manifest, "id", ""),
               "foreign", json_object_new_int64(*left));
    return DOUBLE_PASS;
}

static void a_second_conflict_after_reading_again_is_read_again_too(void **state)
{
    struct test_store *test = *state;
    test_add_cluster(test, 0, "Succeeded");
    for (int conflicts = 1; conflicts < 4; conflicts++) {
        char id[UUID_SIZE];
        struct store_double made;
        int left = conflicts;
        test_add_manifest(test, 0, 0, TEST_NOW, id);
        struct settlement settlement = claim_one(test, OUTCOME_SUCCEEDED);
        store_double_initialize(&made, test->store);
        made.hook = touch_manifest;
        made.context = &left;
        settle_one(&made.base, &settlement);
        assert_int_equal(settlement.status, SETTLEMENT_DONE);
        settlement_free(&settlement);
        struct manifest manifest = test_manifest(test, 0, id);
        assert_int_equal(manifest.state, MANIFEST_COMPLETED);
        assert_int_equal(document_integer(manifest.document, "foreign", -1), 0);
        manifest_free(&manifest);
    }
}

static void a_settlement_in_endless_conflict_stays_open_by_itself(void **state)
{
    struct test_store *test = *state;
    struct store_double made;
    int left = 1000;
    test_add_cluster(test, 0, "Succeeded");
    test_add_manifest(test, 0, 0, TEST_NOW, NULL);
    struct settlement settlement = claim_one(test, OUTCOME_SUCCEEDED);
    store_double_initialize(&made, test->store);
    made.hook = touch_manifest;
    made.context = &left;
    settle_one(&made.base, &settlement); /* the store answered */
    assert_int_equal(settlement.status, SETTLEMENT_OPEN);
    assert_int_equal(settlement.error.kind, ERROR_CONFLICT);
    left = 0;
    settle_one(&made.base, &settlement);
    assert_int_equal(settlement.status, SETTLEMENT_DONE);
    settlement_free(&settlement);
}

/* A store that goes back to an earlier state gives out the same number again; the token tells the
 * two attempts apart. */
static void a_result_from_before_a_restore_is_late(void **state)
{
    struct test_store *test = *state;
    char id[UUID_SIZE];
    struct error error;
    test_add_cluster(test, 0, "Succeeded");
    test_add_manifest(test, 0, 0, TEST_NOW, id);
    struct store_operation saved[] = {store_get(STORE_MANIFESTS, test_cluster_id(0), id),
                                      store_get(STORE_CLUSTERS, NULL, test_cluster_id(0))};
    saved[1].target.id = strdup(test_cluster_id(0));
    saved[0].target.partition = saved[1].target.id;
    assert_int_equal(store_run(test->store, saved, 2, &error), 0);
    struct settlement stale = claim_one(test, OUTCOME_SUCCEEDED);

    static const enum store_container containers[] = {STORE_MANIFESTS, STORE_CLUSTERS};
    for (int i = 0; i < 2; i++) { /* as mimo-store load --replace does */
        const char *key = saved[1].target.id;
        struct store_operation now = store_get(containers[i], i ? NULL : key, i ? key : id);
        assert_int_equal(store_run(test->store, &now, 1, &error), 0);
        assert_int_equal(test_run(test, store_replace(containers[i], now.result.items[0].etag,
                                                      saved[i].result.items[0].document)),
                         STORE_DONE);
        store_release(&now, 1);
    }
    struct settlement fresh = claim_one(test, OUTCOME_SUCCEEDED);
    assert_int_equal(fresh.attempt, stale.attempt);
    assert_string_not_equal(fresh.token, stale.token);
    settle_one(test->store, &stale);
    assert_int_equal(stale.status, SETTLEMENT_LATE);
    expect_state(test, 0, id, MANIFEST_IN_PROGRESS);
    expect_free(test, 0, false);
    settle_one(test->store, &fresh);
    assert_int_equal(fresh.status, SETTLEMENT_DONE);
    lease_forget(&stale.claim); /* nor does the history of the other one make it done */
    settle_one(test->store, &stale);
    assert_int_equal(stale.status, SETTLEMENT_LATE);
    settlement_free(&stale);
    settlement_free(&fresh);
    free((char *)(uintptr_t)saved[1].target.id);
    store_release(saved, 2);
}

static void a_lease_names_its_claim_and_incarnation_while_it_lasts(void **state)
{
    struct test_store *test = *state;
    char id[UUID_SIZE];
    test_add_cluster(test, 0, "Succeeded");
    test_add_manifest(test, 0, 0, TEST_NOW, id);
    struct settlement settlement = claim_one(test, OUTCOME_SUCCEEDED);
    struct manifest manifest = test_manifest(test, 0, id);
    struct cluster cluster = test_cluster(test, 0);
    assert_true(uuid_is_valid(manifest.claim_token));
    assert_string_equal(manifest.incarnation, INCARNATION);
    assert_string_equal(cluster.lease_token, manifest.claim_token);
    assert_string_equal(cluster.lease_incarnation, INCARNATION);
    assert_int_equal(cluster.lease_attempt, 1);
    manifest_free(&manifest);
    cluster_free(&cluster);
    settle_one(test->store, &settlement);
    settlement_free(&settlement);
    manifest = test_manifest(test, 0, id);
    cluster = test_cluster(test, 0);
    assert_string_equal(manifest.claim_token, "");
    assert_string_equal(manifest.incarnation, "");
    assert_string_equal(cluster.lease_token, "");
    assert_string_equal(cluster.lease_incarnation, "");
    manifest_free(&manifest);
    cluster_free(&cluster);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, test_store_setup, test_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_claim_that_was_won_is_returned_whatever_fails_later),
        CASE(a_round_that_fails_at_once_has_no_claims),
        CASE(a_query_that_is_refused_is_no_empty_queue),
        CASE(a_claim_that_is_refused_says_so_and_is_no_lost_race),
        CASE(a_document_without_room_for_an_attempt_is_not_claimed_and_says_why),
        CASE(a_damaged_manifest_is_named_and_hides_no_other),
        CASE(blocked_candidates_by_the_hundred_do_not_loop),
        CASE(a_change_beyond_what_the_task_declared_is_not_stored),
        CASE(a_result_that_cannot_be_stored_fails_the_attempt_and_no_neighbour),
        CASE(a_settlement_that_is_always_refused_is_given_up_with_its_reason),
        CASE(a_write_of_unknown_end_is_recognized_by_its_token),
        CASE(a_result_whose_attempt_nobody_remembers_is_late),
        CASE(a_result_is_written_though_its_cluster_is_gone),
        CASE(nothing_is_read_between_a_claim_its_progress_and_its_result),
        CASE(a_second_conflict_after_reading_again_is_read_again_too),
        CASE(a_settlement_in_endless_conflict_stays_open_by_itself),
        CASE(a_result_from_before_a_restore_is_late),
        CASE(a_lease_names_its_claim_and_incarnation_while_it_lasts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
