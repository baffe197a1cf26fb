/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim_time.c - how long a round of claiming takes against a store, whatever waits in it.
 *
 *     claim_time URI ROUNDS LIMIT
 *
 * Each round claims LIMIT manifests and gives them back uncounted, so that every round finds the
 * same. Prints key=value lines: median and 90th percentile in microseconds, and what one round
 * claimed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "mimo/clock.h"
#include "mimo/store.h"
#include "supervisor/claim.h"
#include "supervisor/settle.h"

#define ACTUATOR "aaaaaaaa-0000-4000-8000-000000000001"
#define MARK     "AdminUpdating"

enum { LIMIT_MAXIMUM = 1000 };

static int64_t microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static _Noreturn void fail(const struct error *error)
{
    fprintf(stderr, "claim_time: %s\n", error->message);
    exit(EXIT_FAILURE);
}

static void give_back(struct store *store, struct claim_round *round)
{
    static struct settlement settlements[LIMIT_MAXIMUM];
    struct settlement *pointers[LIMIT_MAXIMUM];
    struct settle_rules rules = {.actuator = ACTUATOR, .mark = MARK};
    struct error error;
    for (size_t i = 0; i < round->count; i++) {
        settlements[i] = (struct settlement){.final = true};
        settlement_begin(&settlements[i], &round->claims[i]);
        outcome_of_kind(OUTCOME_DRAINED, NULL, &settlements[i].outcome);
        pointers[i] = &settlements[i];
    }
    if (settle_run(store, &rules, pointers, round->count, clock_unix_seconds(), &error) < 0)
        fail(&error);
    for (size_t i = 0; i < round->count; i++)
        settlement_free(&settlements[i]);
}

static int compare(const void *a, const void *b)
{
    int64_t difference = *(const int64_t *)a - *(const int64_t *)b;
    return (difference > 0) - (difference < 0);
}

int main(int argc, char **argv)
{
    struct error error;
    struct store *store;
    int rounds = argc == 4 ? atoi(argv[2]) : 0;
    int limit = argc == 4 ? atoi(argv[3]) : 0;
    if (rounds < 1 || limit < 1 || limit > LIMIT_MAXIMUM) {
        fprintf(stderr, "usage: claim_time URI ROUNDS LIMIT\n");
        return 2;
    }
    if (store_open(argv[1], &store, &error) < 0)
        fail(&error);
    struct claim_request request = {
        .actuator = ACTUATOR,
        .buckets = {0, BUCKET_COUNT - 1},
        .limit = (size_t)limit,
        .lease_seconds = 3600,
        .mark = MARK,
    };
    int64_t *took = calloc((size_t)rounds, sizeof(*took));
    size_t claimed = 0;
    for (int i = 0; took && i < rounds; i++) {
        struct claim_round round;
        int64_t began = microseconds();
        if (claim_run(store, &request, clock_unix_seconds(), &round, &error) < 0)
            fail(&error);
        took[i] = microseconds() - began;
        claimed = round.count;
        give_back(store, &round);
        claim_round_free(&round);
    }
    if (!took)
        return EXIT_FAILURE;
    qsort(took, (size_t)rounds, sizeof(*took), compare);
    printf("p50=%lld\np90=%lld\nclaimed=%zu\n", (long long)took[rounds / 2],
           (long long)took[rounds * 9 / 10], claimed);
    free(took);
    store_close(store);
    return EXIT_SUCCESS;
}
