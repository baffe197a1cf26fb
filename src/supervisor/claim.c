/* SPDX-License-Identifier: Apache-2.0 */
/* One round of claiming: runnable manifests, their clusters, one conditional pair each. */
#include "supervisor/claim.h"

#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"

/* Candidates asked for beyond the free slots: one, for each costs as much as one that is taken.
 * Where busy clusters at the head of the queue hide those behind them, the round looks again,
 * further each time. */
enum { CLAIM_SPARE = 1, CLAIM_SPARE_GROWTH = 8 };

enum candidate_plan {
    PLAN_SKIP,  /* cannot run now, and its statusText says so already */
    PLAN_TELL,  /* cannot run now: write the reason */
    PLAN_CLAIM, /* take it */
};

struct candidate {
    struct claim claim;
    enum candidate_plan plan;
};

struct candidates {
    struct candidate *list;
    size_t count;
    bool complete; /* the store has no more */
};

void claim_free(struct claim *claim)
{
    manifest_free(&claim->manifest);
    cluster_free(&claim->cluster);
    free(claim->manifest_etag);
    free(claim->cluster_etag);
    *claim = (struct claim){0};
}

struct claim claim_move(struct claim *claim)
{
    struct claim moved = *claim;
    *claim = (struct claim){0};
    return moved;
}

void claim_round_free(struct claim_round *round)
{
    for (size_t i = 0; i < round->count; i++)
        claim_free(&round->claims[i]);
    free(round->claims);
    *round = (struct claim_round){0};
}

static void candidates_free(struct candidates *candidates)
{
    for (size_t i = 0; i < candidates->count; i++)
        claim_free(&candidates->list[i].claim);
    free(candidates->list);
    *candidates = (struct candidates){0};
}

static int out_of_memory(struct error *error)
{
    return error_set(error, ERROR_MEMORY, "out of memory while claiming manifests");
}

/* Takes the documents out of a query's result. */
static int collect_candidates(struct store_result *result, struct candidates *candidates,
                              struct error *error)
{
    candidates->list = calloc(result->count ? result->count : 1, sizeof(*candidates->list));
    if (!candidates->list)
        return out_of_memory(error);
    for (size_t i = 0; i < result->count; i++) {
        struct candidate *candidate = &candidates->list[candidates->count];
        struct error unreadable;
        if (manifest_read(&candidate->claim.manifest, result->items[i].document, &unreadable) < 0)
            continue;
        candidate->claim.manifest_etag = take_pointer(&result->items[i].etag);
        candidates->count++;
    }
    return 0;
}

static int query_runnable(struct store *store, const struct claim_request *request, size_t limit,
                          int64_t now, struct candidates *candidates, struct claim_round *round,
                          struct error *error)
{
    struct store_query runnable = {
        .kind = STORE_QUERY_RUNNABLE,
        .buckets = request->buckets,
        .now = now,
        .limit = limit,
    };
    struct store_query next_due = {
        .kind = STORE_QUERY_NEXT_DUE,
        .buckets = request->buckets,
        .now = now,
    };
    struct store_operation operations[] = {store_query(&next_due), store_query(&runnable)};
    size_t count = limit > 0 ? 2 : 1;

    int status = store_run(store, operations, count, error);
    if (status == 0) {
        round->next_due = operations[0].result.total;
        round->skipped = operations[1].result.error;
        candidates->complete = operations[1].result.count < limit;
        status = collect_candidates(&operations[1].result, candidates, error);
    }
    store_release(operations, count);
    return status;
}

/* What to do with a candidate now that its cluster is known. */
static void plan_candidate(struct candidate *candidate, struct store_operation *read,
                           const struct claim_request *request, int64_t now)
{
    struct claim *claim = &candidate->claim;
    struct error unreadable;
    char reason[512];

    candidate->plan = PLAN_SKIP;
    if (read->result.status != STORE_DONE)
        snprintf(reason, sizeof(reason), "waiting: its cluster is not registered");
    else if (cluster_read(&claim->cluster, read->result.items[0].document, &unreadable) < 0)
        snprintf(reason, sizeof(reason), "waiting: the cluster's document cannot be read: %.300s",
                 unreadable.message);
    else if (cluster_is_leased(&claim->cluster, now))
        return; /* another attempt runs on it: that is no news */
    else if (!cluster_is_busy(&claim->cluster, request->mark, reason)) {
        claim->cluster_etag = take_pointer(&read->result.items[0].etag);
        candidate->plan = PLAN_CLAIM;
        return;
    }
    if (strcmp(claim->manifest.status_text, reason) != 0) {
        manifest_set_status_text(&claim->manifest, reason);
        candidate->plan = PLAN_TELL;
    }
}

static int read_clusters(struct store *store, const struct claim_request *request, int64_t now,
                         struct candidates *candidates, struct error *error)
{
    cleanup_free struct store_operation *reads = calloc(candidates->count, sizeof(*reads));
    if (!reads)
        return out_of_memory(error);
    for (size_t i = 0; i < candidates->count; i++) {
        const char *key = candidates->list[i].claim.manifest.cluster;
        reads[i] = store_get(STORE_CLUSTERS, NULL, key);
    }
    int status = store_run(store, reads, candidates->count, error);
    for (size_t i = 0; status == 0 && i < candidates->count; i++)
        plan_candidate(&candidates->list[i], &reads[i], request, now);
    store_release(reads, candidates->count);
    return status;
}

/* Changes the documents in memory; false when it turns out that they do not allow it. */
static bool take_in_memory(struct claim *claim, const struct claim_request *request, int64_t now)
{
    struct error error;
    if (cluster_take_lease(&claim->cluster, request->actuator, claim->manifest.id, now,
                           request->lease_seconds, request->mark, &error) < 0 ||
        manifest_claim(&claim->manifest, request->actuator, now, request->lease_seconds, &error) <
            0)
        return false;
    claim->cluster.lease_attempt = claim->manifest.attempt;
    return true;
}

/* Writes the plans. writes[i] belongs to candidate chosen[i]. */
static size_t prepare_writes(struct candidates *candidates, const struct claim_request *request,
                             int64_t now, struct store_operation *writes, size_t *chosen,
                             struct claim_round *round)
{
    size_t count = 0;
    size_t taken = round->count;
    for (size_t i = 0; i < candidates->count; i++) {
        struct candidate *candidate = &candidates->list[i];
        struct claim *claim = &candidate->claim;
        if (candidate->plan == PLAN_CLAIM) {
            if (taken == request->limit) {
                round->more = true;
                continue;
            }
            if (!take_in_memory(claim, request, now))
                continue;
            taken++;
            writes[count] = store_pair(store_replace(STORE_CLUSTERS, claim->cluster_etag,
                                                     cluster_document(&claim->cluster)),
                                       store_replace(STORE_MANIFESTS, claim->manifest_etag,
                                                     manifest_document(&claim->manifest)));
        } else if (candidate->plan == PLAN_TELL) {
            writes[count] = store_replace(STORE_MANIFESTS, claim->manifest_etag,
                                          manifest_document(&claim->manifest));
        } else {
            continue;
        }
        chosen[count++] = i;
    }
    return count;
}

/* Keeps those whose pair went through. */
static void keep_winners(struct candidates *candidates, struct store_operation *writes,
                         const size_t *chosen, size_t count, struct claim_round *round)
{
    for (size_t i = 0; i < count; i++) {
        struct candidate *candidate = &candidates->list[chosen[i]];
        if (candidate->plan != PLAN_CLAIM)
            continue;
        if (writes[i].result.status != STORE_DONE) {
            round->lost++;
            continue;
        }
        struct claim claim = claim_move(&candidate->claim);
        free(claim.cluster_etag);
        free(claim.manifest_etag);
        claim.cluster_etag = take_pointer(&writes[i].result.etag);
        claim.manifest_etag = take_pointer(&writes[i].result.second_etag);
        round->claims[round->count++] = claim;
    }
}

static int write_plans(struct store *store, const struct claim_request *request, int64_t now,
                       struct candidates *candidates, struct claim_round *round,
                       struct error *error)
{
    cleanup_free struct store_operation *writes = calloc(candidates->count, sizeof(*writes));
    cleanup_free size_t *chosen = calloc(candidates->count, sizeof(*chosen));
    if (!writes || !chosen)
        return out_of_memory(error);

    size_t count = prepare_writes(candidates, request, now, writes, chosen, round);
    if (count == 0)
        return 0;
    int status = store_run(store, writes, count, error);
    if (status == 0)
        keep_winners(candidates, writes, chosen, count, round);
    store_release(writes, count);
    return status;
}

/* Looks at `limit` candidates and claims those that it can. */
static int claim_pass(struct store *store, const struct claim_request *request, size_t limit,
                      int64_t now, struct claim_round *round, bool *ret_complete,
                      struct error *error)
{
    struct candidates candidates = {0};
    int status = query_runnable(store, request, limit, now, &candidates, round, error);
    if (status == 0 && candidates.count > 0) {
        status = read_clusters(store, request, now, &candidates, error);
        if (status == 0)
            status = write_plans(store, request, now, &candidates, round, error);
    }
    *ret_complete = candidates.complete;
    candidates_free(&candidates);
    return status;
}

static size_t page_limit(size_t wanted, size_t spare)
{
    if (wanted == 0)
        return 0;
    return wanted + spare < STORE_PAGE_MAXIMUM ? wanted + spare : STORE_PAGE_MAXIMUM;
}

int claim_run(struct store *store, const struct claim_request *request, int64_t now,
              struct claim_round *ret_round, struct error *error)
{
    struct claim_round round = {.next_due = -1};
    round.claims = calloc(request->limit ? request->limit : 1, sizeof(*round.claims));
    if (!round.claims)
        return out_of_memory(error);

    bool complete = false;
    size_t spare = CLAIM_SPARE;
    int status;
    do {
        size_t limit = page_limit(request->limit - round.count, spare);
        status = claim_pass(store, request, limit, now, &round, &complete, error);
        complete = complete || limit == STORE_PAGE_MAXIMUM;
        spare *= CLAIM_SPARE_GROWTH;
    } while (status == 0 && round.count < request->limit && !complete);

    if (status < 0) {
        claim_round_free(&round);
        return error_prefix(error, "cannot claim manifests");
    }
    *ret_round = round;
    return 0;
}
