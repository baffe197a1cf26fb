/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stops.h - running attempts that must be stopped.
 *
 * The Admin API may be on another machine than the actuator, so a stop travels through the store:
 * the manifest becomes Cancelled and carries `stopRequested`. At each poll, and at once when woken,
 * the supervisor looks at the manifests of its own workers; those workers get SIGTERM, ten seconds
 * later SIGKILL. A worker whose manifest was only cancelled goes on, and its late result is dropped.
 *
 * A worker is also stopped when its claim is gone: the manifest was deleted, or does not carry the
 * claim's token any more because the store went back to an earlier state. The same holds for the
 * lease of its cluster, which may go back alone. Another attempt may begin on the cluster at any
 * moment then.
 *
 * Threads: blocks; the supervisor runs it on its thread pool. Cost grows with the running workers
 * alone.
 */
#ifndef MIMO_SUPERVISOR_STOPS_H
#define MIMO_SUPERVISOR_STOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mimo/error.h"
#include "mimo/resource_id.h"
#include "mimo/store.h"
#include "mimo/uuid.h"

/* A running attempt to look after. */
struct stop_watch {
    uint64_t token;
    char manifest_id[UUID_SIZE];
    char cluster[RESOURCE_ID_SIZE];
    char claim_token[UUID_SIZE];
    bool stop;          /* out: its worker is to be stopped */
    const char *reason; /* out: why, in words */
};

/* Looks at manifest and cluster of all `count` attempts. */
int stops_find(struct store *store, struct stop_watch *watches, size_t count, struct error *error);

#endif
