/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settle.h - writing down what became of attempts: progress while they run, results when they end.
 *
 * Every write is fenced: it happens only where the manifest still belongs to this attempt (id,
 * state, owner, number). Where it does not, a result changes nothing but the cluster's lease, if
 * that is still ours, and is reported as late. Conflicts are read again and retried.
 *
 * A settlement that the store did not answer for stays SETTLEMENT_OPEN and is handed in again
 * later; a write that went through although nobody heard of it is recognized and counts as done.
 *
 * Blocking; the supervisor runs it on its thread pool and does not touch the settlements meanwhile.
 */
#ifndef MIMO_SUPERVISOR_SETTLE_H
#define MIMO_SUPERVISOR_SETTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mimo/backoff.h"
#include "mimo/error.h"
#include "mimo/outcome.h"
#include "mimo/store.h"
#include "supervisor/claim.h"

enum settlement_status {
    SETTLEMENT_OPEN, /* not written yet */
    SETTLEMENT_DONE,
    SETTLEMENT_LATE, /* the manifest belongs to somebody else by now, or is gone */
};

struct settlement {
    struct claim claim; /* the documents as last known; refreshed here */
    int attempt;        /* the number that fences */

    bool final; /* false: only progress */
    int step, steps;
    char step_name[256];
    char status_text[STATUS_TEXT_SIZE]; /* progress; "" leaves the stored text */

    struct outcome outcome; /* final */
    struct attempt_usage usage;
    struct json_object
        *cluster_patches; /* array of JSON merge patches of openShiftCluster, or NULL; owned */
    uint32_t random;      /* for the jitter of the backoff */

    enum settlement_status status; /* out */
    struct error error;            /* why it is late or still open */
};

struct settle_rules {
    const char *actuator;
    char mark[CLUSTER_STATE_SIZE]; /* clusters.mark_state */
    struct backoff backoff;
};

/* Writes as many as possible. -1 when the store did not answer; settlements that are not OPEN by
 * then are settled. */
int settle_run(struct store *store, const struct settle_rules *rules,
               struct settlement **settlements, size_t count, int64_t now, struct error *error);

void settlement_free(struct settlement *settlement);

/* JSON merge patch (RFC 7396) of `patch` onto `target`, both objects. */
void settle_merge_patch(struct json_object *target, struct json_object *patch);

#endif
