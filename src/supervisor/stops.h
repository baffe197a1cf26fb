/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stops.h - attempts that an operator wants stopped.
 *
 * The Admin API may be on another machine than the actuator, so a stop travels through the store:
 * the manifest becomes Cancelled and carries `stopRequested`. At each poll, and at once when woken,
 * the supervisor looks at the manifests of its own workers; those workers get SIGTERM, ten seconds
 * later SIGKILL. A manifest that was only cancelled is left to its worker, whose late result is
 * dropped.
 *
 * Blocking; the supervisor runs it on its thread pool. Cost grows with the running workers alone.
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
    bool stop; /* out: its worker is to be stopped */
};

/* Looks at the manifests of all `count` attempts. */
int stops_find(struct store *store, struct stop_watch *watches, size_t count, struct error *error);

#endif
