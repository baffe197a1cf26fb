/* SPDX-License-Identifier: Apache-2.0 */
/* claim.c - one round of claiming: runnable manifests, their clusters, one conditional pair each. */
#include "supervisor/claim.h"

#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"

/* Candidates asked for beyond the free slots: one, because each costs as much as one that is taken.
 * If busy clusters at the head of the queue hide those behind them, the round reads on, in larger
 * and larger pages. */
enum { CLAIM_SPARE = 1, CLAIM_SPARE_GROWTH = 8, CLAIM_PASSES = 5 };

enum candidate_plan {
    PLAN_SKIP,  /* cannot run now, and its statusText says so already */
    PLAN_TELL,  /* cannot run now: write the reason */
    PLAN_CLAIM, /* take it */
};

struct candidate {
    struct claim claim;
    enum candidate_plan plan;
    bool has_room; /* its document leaves room for an attempt */
};

struct candidates {
    struct candidate *list;
    size_t count;
};

/* All that the passes of one round share. */
struct round {
    struct store *store;
    const struct claim_request *request;
    int64_t now;
    struct claim_round *result;
    char *continuation; /* where the next pass begins */
    bool begun;
};

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

/* Keeps the first reason why a document is left out. */
static void note_skipped(struct round *round, const struct error *reason)
{
    if (round->result->skipped.kind == ERROR_NONE)
        round->result->skipped = *reason;
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
        if (lease_read_manifest(&candidate->claim, &result->items[i], &unreadable) < 0)
            continue; /* the query has noted those that cannot be understood */
        candidate->has_room = lease_has_room(result->items[i].length);
        candidates->count++;
    }
    return 0;
}

/* Takes the answers of both queries. `operations` begins with the one for candidates. */
static int take_answers(struct round *round, struct store_operation *operations, size_t count,
                        struct candidates *candidates, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (operations[i].result.status == STORE_DONE)
            continue;
        *error = operations[i].result.error;
        return -1;
    }
    struct store_result *runnable = &operations[0].result;
    if (runnable->error.kind != ERROR_NONE)
        note_skipped(round, &runnable->error);
    if (!round->begun)
        round->result->next_due = operations[count - 1].result.total;
    round->begun = true;
    free(round->continuation);
    round->continuation = take_pointer(&runnable->continuation);
    return collect_candidates(runnable, candidates, error);
}

/* The first pass also asks when the next manifest becomes due; with a limit of 0 that is all. */
static int query_runnable(struct round *round, size_t limit, struct candidates *candidates,
                          struct error *error)
{
    struct store_query runnable = {
        .kind = STORE_QUERY_RUNNABLE,
        .buckets = round->request->buckets,
        .now = round->now,
        .limit = limit,
        .continuation = round->continuation,
    };
    struct store_query next_due = {
        .kind = STORE_QUERY_NEXT_DUE,
        .buckets = round->request->buckets,
        .now = round->now,
    };
    struct store_operation operations[] = {store_query(&runnable), store_query(&next_due)};
    struct store_operation *first = limit > 0 ? operations : operations + 1;
    size_t count = limit > 0 && !round->begun ? 2 : 1;
    int status = store_run(round->store, first, count, error);
    if (status == 0)
        status = take_answers(round, first, count, candidates, error);
    store_release(first, count);
    return status;
}

static const char *explain_no_room(char *reason, size_t size, const char *what)
{
    snprintf(reason, size,
             "waiting: the document of %s leaves no room for an attempt; make it smaller than %d "
             "bytes",
             what, STORE_DOCUMENT_SIZE_MAXIMUM - LEASE_ROOM);
    return reason;
}

/* Why the candidate cannot run, now that its cluster was read; NULL if it can. */
static const char *find_obstacle(struct candidate *candidate, struct store_operation *read,
                                 const char *mark, char *reason, size_t size)
{
    struct claim *claim = &candidate->claim;
    struct error unreadable;
    switch (read->result.status) {
    case STORE_NOT_FOUND:
        return "waiting: its cluster is not registered";
    case STORE_DONE:
        break;
    case STORE_NOT_RUN:
    case STORE_CONFLICT:
    case STORE_REFUSED:
        snprintf(reason, size, "waiting: the cluster's document cannot be read: %.300s",
                 read->result.error.message);
        return reason;
    }
    size_t length = read->result.items[0].length;
    if (lease_read_cluster(claim, &read->result.items[0], &unreadable) < 0) {
        snprintf(reason, size, "waiting: the cluster's document cannot be read: %.300s",
                 unreadable.message);
        return reason;
    }
    if (!candidate->has_room)
        return explain_no_room(reason, size, "the manifest");
    if (!lease_has_room(length))
        return explain_no_room(reason, size, "the cluster");
    return cluster_is_busy(&claim->cluster, mark, reason) ? reason : NULL;
}

/* What to do with a candidate now that its cluster was read. */
static void plan_candidate(struct round *round, struct candidate *candidate,
                           struct store_operation *read)
{
    struct claim *claim = &candidate->claim;
    char text[512];
    const char *reason = find_obstacle(candidate, read, round->request->mark, text, sizeof(text));
    candidate->plan = PLAN_SKIP;
    if (claim->cluster_etag && cluster_is_leased(&claim->cluster, round->now))
        return; /* another attempt runs on it: this is expected */
    if (!reason) {
        candidate->plan = PLAN_CLAIM;
    } else if (strcmp(claim->manifest.status_text, reason) != 0) {
        manifest_set_status_text(&claim->manifest, reason);
        candidate->plan = PLAN_TELL;
    }
}

static int read_clusters(struct round *round, struct candidates *candidates, struct error *error)
{
    cleanup_free struct store_operation *reads = calloc(candidates->count, sizeof(*reads));
    if (!reads)
        return out_of_memory(error);
    for (size_t i = 0; i < candidates->count; i++) {
        const char *key = candidates->list[i].claim.manifest.cluster;
        reads[i] = store_get(STORE_CLUSTERS, NULL, key);
    }
    int status = store_run(round->store, reads, candidates->count, error);
    for (size_t i = 0; status == 0 && i < candidates->count; i++)
        plan_candidate(round, &candidates->list[i], &reads[i]);
    store_release(reads, candidates->count);
    return status;
}

/* Changes the documents in memory; false when there is nothing to write. */
static bool prepare_write(struct round *round, struct candidate *candidate, size_t *taken,
                          struct store_operation *ret_write)
{
    const struct claim_request *request = round->request;
    struct lease_terms terms = {
        .actuator = request->actuator,
        .incarnation = request->incarnation,
        .mark = request->mark,
        .seconds = request->lease_seconds,
    };
    struct error error;
    switch (candidate->plan) {
    case PLAN_SKIP:
        return false;
    case PLAN_TELL:
        *ret_write = lease_write_manifest(&candidate->claim);
        return true;
    case PLAN_CLAIM:
        break;
    }
    if (*taken == request->limit)
        return false;
    if (lease_take(&candidate->claim, &terms, round->now, ret_write, &error) < 0) {
        note_skipped(round, &error);
        return false;
    }
    ++*taken;
    return true;
}

/* Fills `writes`; writes[i] belongs to candidate chosen[i]. */
static size_t prepare_writes(struct round *round, struct candidates *candidates,
                             struct store_operation *writes, size_t *chosen)
{
    size_t count = 0;
    size_t taken = round->result->count;
    for (size_t i = 0; i < candidates->count; i++)
        if (prepare_write(round, &candidates->list[i], &taken, &writes[count]))
            chosen[count++] = i;
    return count;
}

/* Keeps a candidate whose pair went through. */
static void take_result(struct round *round, struct candidate *candidate,
                        struct store_operation *write)
{
    bool claimed = candidate->plan == PLAN_CLAIM;
    switch (write->result.status) {
    case STORE_DONE:
        if (!claimed)
            return;
        lease_written(&candidate->claim, write);
        round->result->claims[round->result->count++] = claim_move(&candidate->claim);
        return;
    case STORE_CONFLICT:
    case STORE_NOT_FOUND:
        round->result->lost += claimed;
        return;
    case STORE_REFUSED:
    case STORE_NOT_RUN:
        note_skipped(round, &write->result.error);
        return;
    }
}

static int write_plans(struct round *round, struct candidates *candidates, struct error *error)
{
    cleanup_free struct store_operation *writes = calloc(candidates->count, sizeof(*writes));
    cleanup_free size_t *chosen = calloc(candidates->count, sizeof(*chosen));
    if (!writes || !chosen)
        return out_of_memory(error);

    size_t count = prepare_writes(round, candidates, writes, chosen);
    if (count == 0)
        return 0;
    int status = store_run(round->store, writes, count, error);
    for (size_t i = 0; status == 0 && i < count; i++)
        take_result(round, &candidates->list[chosen[i]], &writes[i]);
    store_release(writes, count);
    return status;
}

/* Looks at `limit` more candidates and claims those that it can. */
static int claim_pass(struct round *round, size_t limit, struct error *error)
{
    struct candidates candidates = {0};
    int status = query_runnable(round, limit, &candidates, error);
    if (status == 0 && candidates.count > 0) {
        status = read_clusters(round, &candidates, error);
        if (status == 0)
            status = write_plans(round, &candidates, error);
    }
    candidates_free(&candidates);
    return status;
}

static size_t page_limit(size_t wanted, size_t spare)
{
    if (wanted == 0)
        return 0;
    return wanted + spare < STORE_PAGE_MAXIMUM ? wanted + spare : STORE_PAGE_MAXIMUM;
}

/* Each pass begins behind the candidates of the one before, so the passes end. */
static int run_passes(struct round *round, struct error *error)
{
    size_t limit = round->request->limit;
    size_t spare = CLAIM_SPARE;
    for (int pass = 0; pass < CLAIM_PASSES; pass++, spare *= CLAIM_SPARE_GROWTH) {
        size_t wanted = limit - round->result->count;
        if (claim_pass(round, page_limit(wanted, spare), error) < 0)
            return -1;
        if (round->result->count == limit || !round->continuation)
            return 0;
    }
    return 0;
}

int claim_run(struct store *store, const struct claim_request *request, int64_t now,
              struct claim_round *ret_round, struct error *error)
{
    struct round round = {.store = store, .request = request, .now = now, .result = ret_round};
    struct error reason;
    *ret_round = (struct claim_round){.next_due = -1};
    ret_round->claims = calloc(request->limit ? request->limit : 1, sizeof(*ret_round->claims));
    int status = ret_round->claims ? run_passes(&round, &reason) : out_of_memory(&reason);
    free(round.continuation);
    if (status == 0)
        return 0;
    if (error)
        *error = reason;
    return error_prefix(error, "cannot claim manifests");
}
