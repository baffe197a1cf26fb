/* SPDX-License-Identifier: Apache-2.0 */
/* lease_fixture.h - claims and settlements of one actuator against any store, for tests. */
#ifndef MIMO_TESTS_LEASE_FIXTURE_H
#define MIMO_TESTS_LEASE_FIXTURE_H

#include "supervisor_store.h"

#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "store_double.h"
#include "supervisor/claim.h"
#include "supervisor/settle.h"
#include "supervisor/upkeep.h"

enum { LEASE = 3600 };

#define INCARNATION "cccccccc-0000-4000-8000-00000000000c"

static const struct settle_rules rules = {.actuator = TEST_ACTUATOR,
                                          .incarnation = INCARNATION,
                                          .mark = TEST_MARK,
                                          .backoff = {90000, 900000}};

static const struct bucket_range all_buckets = {0, BUCKET_COUNT - 1};

static inline int claim_with(struct store *store, size_t limit, struct claim_round *round,
                             struct error *error)
{
    struct claim_request request = {
        .actuator = TEST_ACTUATOR,
        .incarnation = INCARNATION,
        .buckets = all_buckets,
        .limit = limit,
        .lease_seconds = LEASE,
        .mark = TEST_MARK,
    };
    return claim_run(store, &request, TEST_NOW, round, error);
}

static inline struct claim_round claim_some(struct store *store, size_t limit)
{
    struct claim_round round;
    struct error error;
    if (claim_with(store, limit, &round, &error) < 0)
        fail_msg("%s", error.message);
    return round;
}

static inline struct settlement settlement_of(struct claim *claim, enum outcome_kind kind)
{
    struct worker_end end = {.has_result = true, .result = kind, .message = "503 no"};
    struct settlement settlement = {.final = true};
    settlement_begin(&settlement, claim);
    outcome_of_worker(&end, &settlement.outcome);
    return settlement;
}

static inline struct settlement claim_one(struct test_store *test, enum outcome_kind kind)
{
    struct claim_round round = claim_some(test->store, 1);
    assert_int_equal(round.count, 1);
    struct settlement settlement = settlement_of(&round.claims[0], kind);
    claim_round_free(&round);
    return settlement;
}

static inline int settle_with(struct store *store, struct settlement *settlement,
                              struct error *error)
{
    return settle_run(store, &rules, &settlement, 1, TEST_NOW + 5, error);
}

static inline void settle_one(struct store *store, struct settlement *settlement)
{
    struct error error;
    if (settle_with(store, settlement, &error) < 0)
        fail_msg("%s", error.message);
}

/* Replaces the stored manifest or cluster after one member was set. */
static inline void set_member(struct test_store *test, enum store_container container,
                              const char *partition, const char *id, const char *path,
                              struct json_object *value)
{
    struct error error;
    struct store_operation read = store_get(container, partition, id);
    assert_int_equal(store_run(test->store, &read, 1, &error), 0);
    assert_int_equal(read.result.status, STORE_DONE);
    struct store_item *item = &read.result.items[0];
    assert_int_equal(document_set(item->document, path, value), 0);
    assert_int_equal(test_run(test, store_replace(container, item->etag, item->document)),
                     STORE_DONE);
    store_release(&read, 1);
}

/* A text that makes a document of about `bytes`. */
static inline struct json_object *filler(size_t bytes)
{
    cleanup_free char *text = malloc(bytes + 1);
    memset(text, 'x', bytes);
    text[bytes] = '\0';
    return document_new_string(text);
}

static inline void expect_state(struct test_store *test, int cluster, const char *id,
                                enum manifest_state state)
{
    struct manifest manifest = test_manifest(test, cluster, id);
    assert_string_equal(manifest_state_name(manifest.state), manifest_state_name(state));
    manifest_free(&manifest);
}

static inline void expect_free(struct test_store *test, int number, bool is_free)
{
    struct cluster cluster = test_cluster(test, number);
    assert_int_equal(*cluster.lease_owner == '\0', is_free);
    cluster_free(&cluster);
}

/* Lets the batches from the n-th on fail. */
static inline enum double_fate fail_from(struct store_double *made,
                                         struct store_operation *operations, size_t count)
{
    (void)operations, (void)count;
    return made->runs >= *(int *)made->context ? DOUBLE_FAIL : DOUBLE_PASS;
}

#endif
