/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settle.h - writes attempts to the store: progress while they run, results when they end.
 *
 * Every write is fenced: it happens only while the manifest still belongs to this attempt
 * (lease_owns()). A result that comes too late changes nothing but the cluster's lease, if that is
 * still this attempt's. After a conflict both documents are read again and the write is retried.
 *
 * Each settlement ends by itself:
 *   - the store does not answer, or other writers are first in every try: it stays OPEN, with the
 *     reason, and is handed in again later. A write that went through although its answer never
 *     came is recognized by the claim's token and counts as done.
 *   - the store refuses the documents, such as those that a worker's change made too large: the
 *     attempt ends as a terminal failure with that text instead. If even that cannot be stored, the
 *     settlement is REFUSED, and the leases end when they expire.
 *
 * Threads: blocks; the supervisor runs it on its thread pool and does not touch the settlements
 * meanwhile.
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
#include "supervisor/lease.h"

enum settlement_status {
    SETTLEMENT_OPEN, /* not written yet */
    SETTLEMENT_DONE,
    SETTLEMENT_LATE,    /* the manifest belongs to another attempt by now, or is gone */
    SETTLEMENT_REFUSED, /* the store cannot take it; trying again would end the same */
};

struct settlement {
    struct claim claim; /* the documents as last known; refreshed here */
    int attempt;        /* number and token fence */
    char token[UUID_SIZE];

    bool final; /* false: only progress */
    int step, steps;
    char step_name[256];
    char status_text[STATUS_TEXT_SIZE]; /* progress; "" leaves the stored text */

    struct outcome outcome; /* final */
    struct attempt_usage usage;
    /* Array of JSON merge patches of openShiftCluster, or NULL; owned. */
    struct json_object *cluster_patches;
    const char *const *patchable; /* the paths that they may change; borrowed from the task */
    uint32_t random;              /* for the jitter of the backoff */

    enum settlement_status status; /* out */
    struct error error;            /* why it is not DONE */
};

struct settle_rules {
    const char *actuator;
    const char *incarnation;       /* of this start, or NULL */
    char mark[CLUSTER_STATE_SIZE]; /* clusters.mark_state */
    struct backoff backoff;
};

/* Begins the settlement of a claim: moves it in, with what fences it. */
void settlement_begin(struct settlement *settlement, struct claim *claim);

/* Writes as many as possible. -1 when the store did not answer; settlements that are not OPEN by
 * then are settled. */
int settle_run(struct store *store, const struct settle_rules *rules,
               struct settlement **settlements, size_t count, int64_t now, struct error *error);

void settlement_free(struct settlement *settlement);

#endif
