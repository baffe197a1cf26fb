/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim.h - claims manifests: one round against the store.
 *
 * A round asks for what is runnable in our buckets, reads the clusters concerned, and takes each
 * manifest together with its cluster's lease by one conditional pair (lease.h). If two actuators race
 * for a manifest one of them wins; the other sees a conflict and goes on. A manifest that cannot run
 * yet (its cluster is busy, or its document is too large) stays Pending, its statusText says why, and
 * it does not keep other clusters waiting.
 *
 * A claim that was won is always returned, also when a later part of the round fails.
 *
 * Threads: blocks; the supervisor runs it on its thread pool. It knows nothing of processes.
 */
#ifndef MIMO_SUPERVISOR_CLAIM_H
#define MIMO_SUPERVISOR_CLAIM_H

#include <stddef.h>
#include <stdint.h>

#include "mimo/bucket.h"
#include "mimo/cluster.h"
#include "mimo/error.h"
#include "mimo/store.h"
#include "supervisor/lease.h"

struct claim_request {
    const char *actuator;    /* our UUID */
    const char *incarnation; /* of this start, or NULL */
    struct bucket_range buckets;
    size_t limit; /* claims at most; 0: only find out when something becomes due */
    int64_t lease_seconds;
    char mark[CLUSTER_STATE_SIZE]; /* clusters.mark_state */
};

struct claim_round {
    struct claim *claims; /* owned; each moved out by claim_move() or released with the round */
    size_t count;
    int64_t next_due; /* when to ask again at the latest, Unix seconds; -1: nothing is waiting */
    size_t lost;      /* races that another actuator won */
    struct error skipped; /* the first document that cannot be understood, claimed or written, and
                             why; or ERROR_NONE */
};

/* Runs one round at wall clock `now` (Unix seconds). Fills `ret_round`, on failure as well: then with
 * what was claimed before; free it in either case. A write of unknown end counts as not claimed;
 * if it happened, the manifest comes back when its lease expires or this actuator starts again. */
int claim_run(struct store *store, const struct claim_request *request, int64_t now,
              struct claim_round *ret_round, struct error *error);

void claim_round_free(struct claim_round *round);

#endif
