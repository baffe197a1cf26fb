/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_store_memory.c - whichever allocation fails, the store does not answer: a document that could
 * not be held in memory is neither refused nor left out.
 */
#include "mimo/resource_id.h"
#include "out_of_memory.h"
#include "store_fixture.h"

static struct store_fixture *fixture;
static char cluster[RESOURCE_ID_SIZE];

/* -1 if there was no memory for the operation. */
static int run(struct store_operation operation)
{
    struct error error = {0};
    int status = store_run(fixture->store, &operation, 1, &error);
    long left = remaining;
    remaining = -1;
    if (status < 0)
        assert_true(error_may_pass(error.kind));
    else if (operation.result.status != STORE_DONE || operation.result.skipped > 0)
        fail_msg("status %d, %zu left out: %s", (int)operation.result.status,
                 operation.result.skipped, operation.result.error.message);
    store_release(&operation, 1);
    remaining = left;
    return status;
}

static int get(void)
{
    return run(store_get(STORE_CLUSTERS, NULL, cluster));
}

static int query(void)
{
    struct store_query all = {.kind = STORE_QUERY_CLUSTERS, .limit = 10};
    return run(store_query(&all));
}

static int replace(void)
{
    struct error error;
    long left = remaining;
    remaining = -1;
    struct store_operation read = store_get(STORE_CLUSTERS, NULL, cluster);
    assert_int_equal(store_run(fixture->store, &read, 1, &error), 0);
    remaining = left;
    int status = run(
        store_replace(STORE_CLUSTERS, read.result.items[0].etag, read.result.items[0].document));
    left = remaining;
    remaining = -1;
    store_release(&read, 1);
    remaining = left;
    return status;
}

static void without_memory_nothing_is_refused_or_left_out(void **state)
{
    fixture = *state;
    fixture_cluster_id(cluster, 1);
    fixture_add_cluster(fixture, 1);
    exhaust(get, 5);
    exhaust(query, 5);
    exhaust(replace, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STORE(without_memory_nothing_is_refused_or_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
