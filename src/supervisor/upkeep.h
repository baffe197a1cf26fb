/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upkeep.h - repairs the queue: recovery after a crash, expired leases, missed deadlines.
 *
 * The same few functions serve the start (everything that this actuator still owned comes back at
 * once), every poll (leases that expired; manifests past their runBefore) and clusters that were
 * left with a lease but without an attempt. Every write is conditional; a document that another
 * writer has changed meanwhile is left to the next round.
 *
 * Threads: blocks; the supervisor runs it on its thread pool.
 */
#ifndef MIMO_SUPERVISOR_UPKEEP_H
#define MIMO_SUPERVISOR_UPKEEP_H

#include <stddef.h>
#include <stdint.h>

#include "mimo/bucket.h"
#include "mimo/error.h"
#include "mimo/store.h"
#include "supervisor/settle.h"

struct upkeep_counts {
    size_t manifests_returned;
    size_t manifests_exceeded; /* of those: had no attempt left */
    size_t manifests_timed_out;
    size_t clusters_released;
    struct error refused; /* the first document that the store would not take, or ERROR_NONE */
};

/* Returns all that `rules->actuator` owns. Call it before anything is claimed, and only when no
 * earlier start of this actuator can still be running (MEMBERSHIP_JOINED). */
int upkeep_recover_owned(struct store *store, const struct settle_rules *rules, int64_t now,
                         struct upkeep_counts *counts, struct error *error);

/* One round over `buckets`: expired leases of anybody, then missed deadlines; a bounded number of
 * each. */
int upkeep_run(struct store *store, const struct settle_rules *rules, struct bucket_range buckets,
               int64_t now, struct upkeep_counts *counts, struct error *error);

#endif
