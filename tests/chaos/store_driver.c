/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_driver.c - makes one transaction of the kinds that MIMO makes, so that it can be broken off
 * at each of its system calls.
 *
 *     store_driver URI create|claim|settle|delete
 *
 * The store holds one cluster; `claim` and `delete` need a Pending manifest on it, `settle` one
 * that `claim` has claimed. Prints "acknowledged" as soon as the store says that it is done. Exit
 * status: 0 done, 1 the store did not answer, 2 there was nothing to do.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mimo/clock.h"
#include "mimo/store.h"
#include "supervisor/claim.h"
#include "supervisor/settle.h"

#define ACTUATOR "aaaaaaaa-0000-4000-8000-000000000001"
#define CLUSTER                                                                                    \
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/chaos/providers/"          \
    "microsoft.redhatopenshift/openshiftclusters/chaos-0"
#define TASK "00000000-0000-4000-8000-000000000001"

enum { EXIT_DONE = 0, EXIT_UNANSWERED = 1, EXIT_NOTHING = 2 };

static int report(int status, bool done, const struct error *error)
{
    if (status < 0) {
        fprintf(stderr, "store_driver: %s\n", error->message);
        return EXIT_UNANSWERED;
    }
    if (!done) {
        fprintf(stderr, "store_driver: nothing to do\n");
        return EXIT_NOTHING;
    }
    puts("acknowledged");
    fflush(stdout);
    return EXIT_DONE;
}

static int run_one(struct store *store, struct store_operation operation)
{
    struct error error;
    int status = store_run(store, &operation, 1, &error);
    int result = report(status, operation.result.status == STORE_DONE, &error);
    store_release(&operation, 1);
    return result;
}

static int create(struct store *store)
{
    struct manifest manifest;
    struct error error;
    struct manifest_request request = {.cluster = CLUSTER, .task = TASK};
    if (manifest_create(&manifest, &request, clock_unix_seconds(), &error) < 0)
        return report(-1, false, &error);
    int result = run_one(store, store_create(STORE_MANIFESTS, manifest_document(&manifest)));
    manifest_free(&manifest);
    return result;
}

static int claim(struct store *store)
{
    struct claim_round round;
    struct error error;
    struct claim_request request = {
        .actuator = ACTUATOR,
        .buckets = {0, BUCKET_COUNT - 1},
        .limit = 1,
        .lease_seconds = 3600,
        .mark = "AdminUpdating",
    };
    int status = claim_run(store, &request, clock_unix_seconds(), &round, &error);
    int result = report(status, status == 0 && round.count == 1, &error);
    claim_round_free(&round);
    return result;
}

/* The one manifest that `kind` finds. */
static int find(struct store *store, enum store_query_kind kind, struct manifest *ret_manifest,
                struct error *error)
{
    struct store_query query = {
        .kind = kind, .buckets = {0, BUCKET_COUNT - 1}, .owner = ACTUATOR, .limit = 1};
    if (kind == STORE_QUERY_MANIFESTS)
        query.owner = NULL;
    struct store_operation operation = store_query(&query);
    int status = store_run(store, &operation, 1, error);
    if (status == 0 && operation.result.count == 0)
        status = error_set(error, ERROR_NOT_FOUND, "no such manifest");
    if (status == 0)
        status = manifest_read(ret_manifest, operation.result.items[0].document, error);
    store_release(&operation, 1);
    return status;
}

/* Without etags, as after a failure: it reads first, then writes. */
static int settle(struct store *store)
{
    struct error error;
    struct settlement settlement = {.final = true};
    if (find(store, STORE_QUERY_LEASED_MANIFESTS, &settlement.claim.manifest, &error) < 0)
        return report(-1, false, &error);
    struct claim found = claim_move(&settlement.claim);
    settlement_begin(&settlement, &found);
    struct worker_end end = {.has_result = true, .result = OUTCOME_SUCCEEDED, .message = "done"};
    outcome_of_worker(&end, &settlement.outcome);
    struct settle_rules rules = {.actuator = ACTUATOR, .mark = "AdminUpdating"};
    struct settlement *one = &settlement;
    int status = settle_run(store, &rules, &one, 1, clock_unix_seconds(), &error);
    int result = report(status, settlement.status == SETTLEMENT_DONE, &error);
    settlement_free(&settlement);
    return result;
}

static int delete (struct store *store)
{
    struct manifest manifest;
    struct error error;
    if (find(store, STORE_QUERY_MANIFESTS, &manifest, &error) < 0)
        return report(-1, false, &error);
    int result = run_one(store, store_delete(STORE_MANIFESTS, manifest.cluster, manifest.id, NULL));
    manifest_free(&manifest);
    return result;
}

static const struct {
    const char *name;
    int (*run)(struct store *store);
} transactions[] = {
    {"create", create},
    {"claim", claim},
    {"settle", settle},
    {"delete", delete},
};

int main(int argc, char **argv)
{
    struct error error;
    struct store *store;
    if (argc != 3) {
        fprintf(stderr, "usage: store_driver URI create|claim|settle|delete\n");
        return EXIT_NOTHING;
    }
    if (store_open(argv[1], &store, &error) < 0)
        return report(-1, false, &error);
    int result = EXIT_NOTHING;
    for (size_t i = 0; i < sizeof(transactions) / sizeof(transactions[0]); i++)
        if (strcmp(argv[2], transactions[i].name) == 0)
            result = transactions[i].run(store);
    store_close(store);
    return result;
}
