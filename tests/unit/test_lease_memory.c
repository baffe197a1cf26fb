/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lease_memory.c - whichever allocation fails while a manifest is claimed, it stays Pending; and
 * while an attempt is settled, its result is neither lost nor taken for refused: it is written when
 * there is memory again.
 *
 * json-c is linked statically, so that its allocations fail as well.
 */
#include "lease_fixture.h"
#include "out_of_memory.h"
#include "supervisor/worker.h"

static struct test_store *test;
static struct settlement settlement;

static const char *const patchable[] = {"properties.note", NULL};

static char id[UUID_SIZE];

/* What is claimed is given back. */
static int claim(void)
{
    struct error error;
    struct claim_round round;
    int result = claim_with(test->store, 1, &round, &error);
    remaining = -1;
    if (result < 0)
        assert_true(error_may_pass(error.kind));
    size_t count = round.count;
    expect_state(test, 1, id, count == 1 ? MANIFEST_IN_PROGRESS : MANIFEST_PENDING);
    if (count == 1) {
        struct settlement returned = settlement_of(&round.claims[0], OUTCOME_TRANSIENT);
        outcome_of_kind(OUTCOME_DRAINED, NULL, &returned.outcome);
        settle_one(test->store, &returned);
        settlement_free(&returned);
    }
    claim_round_free(&round);
    return count == 1 ? 0 : -1;
}

static void a_claim_waits_for_memory(void **state)
{
    test = *state;
    test_add_cluster(test, 1, "Succeeded");
    test_add_manifest(test, 1, 0, TEST_NOW, id);
    exhaust(claim, 20);
    fail_each(claim, 10);
}

static void a_table_of_workers_needs_memory(void **state)
{
    struct worker_table table;
    struct error error;
    (void)state;
    remaining = 0;
    int result = worker_table_initialize(&table, NULL, 1, NULL, &error);
    remaining = -1;
    assert_int_equal(result, -1);
    assert_int_equal(error.kind, ERROR_MEMORY);
}

static int settle(void)
{
    struct error error;
    settlement.status = SETTLEMENT_LATE; /* as a run before may have left it */
    int result = settle_with(test->store, &settlement, &error);
    remaining = -1;
    if (result < 0)
        assert_true(error_may_pass(error.kind));
    if (settlement.status == SETTLEMENT_LATE || settlement.status == SETTLEMENT_REFUSED)
        fail_msg("%s", settlement.error.message);
    struct manifest now = test_manifest(test, 1, settlement.claim.manifest.id);
    assert_int_equal(now.state, settlement.status == SETTLEMENT_DONE ? MANIFEST_COMPLETED
                                                                     : MANIFEST_IN_PROGRESS);
    manifest_free(&now);
    return settlement.status == SETTLEMENT_DONE ? 0 : -1;
}

/* An attempt of a new manifest that has succeeded and changes the cluster. */
static void begin(const char *note)
{
    struct error error;
    char patch[64];
    snprintf(patch, sizeof(patch), "{\"properties\":{\"note\":\"%s\"}}", note);
    test_add_manifest(test, 1, 0, TEST_NOW, NULL);
    settlement = claim_one(test, OUTCOME_SUCCEEDED);
    settlement.cluster_patches = json_object_new_array();
    document_append(settlement.cluster_patches, document_parse(patch, strlen(patch), &error));
    settlement.patchable = patchable;
}

static void expect_patched(const char *note)
{
    settlement_free(&settlement);
    struct cluster cluster = test_cluster(test, 1);
    assert_string_equal(document_string(cluster.document, "openShiftCluster.properties.note", ""),
                        note);
    assert_string_equal(cluster.lease_owner, "");
    cluster_free(&cluster);
}

/* A result that was not written is written at the next try, with the change of the cluster. */
static int settle_anew(void)
{
    static unsigned count;
    char note[16];
    long allowed = remaining;
    remaining = -1;
    snprintf(note, sizeof(note), "%u", count++);
    begin(note);
    remaining = allowed;
    int result = settle();
    if (result < 0)
        assert_int_equal(settle(), 0);
    expect_patched(note);
    return result;
}

static void a_result_waits_for_memory(void **state)
{
    test = *state;
    test_add_cluster(test, 1, "Succeeded");
    begin("n");
    exhaust(settle, 20);
    expect_patched("n");
    fail_each(settle_anew, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_of_workers_needs_memory),
        cmocka_unit_test_setup_teardown(a_claim_waits_for_memory, test_store_setup,
                                        test_store_teardown),
        cmocka_unit_test_setup_teardown(a_result_waits_for_memory, test_store_setup,
                                        test_store_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
