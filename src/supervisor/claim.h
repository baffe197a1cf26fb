/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim.h - taking manifests: one round against the store.
 *
 * A round asks for what is runnable in our buckets, reads the clusters concerned, and takes
 * manifest and cluster lease of each with one conditional pair: of two actuators racing for one
 * exactly one wins, the other sees a conflict and goes on. A manifest whose cluster somebody else
 * is changing stays Pending, is told why in its statusText, and does not keep other clusters
 * waiting.
 *
 * Blocking; the supervisor runs it on its thread pool. Nothing here knows of processes.
 */
#ifndef MIMO_SUPERVISOR_CLAIM_H
#define MIMO_SUPERVISOR_CLAIM_H

#include <stddef.h>
#include <stdint.h>

#include "mimo/bucket.h"
#include "mimo/cluster.h"
#include "mimo/error.h"
#include "mimo/manifest.h"
#include "mimo/store.h"

/* A manifest and its cluster as they stand in the store now, ours to change by etag. */
struct claim {
    struct manifest manifest;
    struct cluster cluster;
    char *manifest_etag;
    char *cluster_etag;
};

struct claim_request {
    const char *actuator; /* our UUID */
    struct bucket_range buckets;
    size_t limit; /* how many at most; 0 only looks when something becomes due */
    int64_t lease_seconds;
    char mark[CLUSTER_STATE_SIZE]; /* clusters.mark_state */
};

struct claim_round {
    struct claim *claims; /* owned; each moved out by claim_move() or released with the round */
    size_t count;
    bool more;        /* the store had more than we could take: ask again when a worker is free */
    int64_t next_due; /* when to ask again at the latest, Unix seconds; -1: nothing is waiting */
    size_t lost;      /* races that another actuator won */
    struct error skipped; /* the first document that could not be understood, or ERROR_NONE */
};

/* Runs one round at wall clock `now`. On -1 nothing is claimed, as far as is known: what the store
 * may have done all the same comes back when its lease expires, or at the next start. */
int claim_run(struct store *store, const struct claim_request *request, int64_t now,
              struct claim_round *ret_round, struct error *error);

void claim_round_free(struct claim_round *round);

/* Moves what a claim owns, leaving the source empty. */
struct claim claim_move(struct claim *claim);
void claim_free(struct claim *claim);

#endif
