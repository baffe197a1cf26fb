/* SPDX-License-Identifier: Apache-2.0 */
/*
 * phase.h - the phases of Pending manifests: waiting, ready, overdue.
 *
 * Whether a manifest may be claimed depends on the time, which an index cannot contain. So each
 * Pending manifest has a phase (enum manifest_phase). STORE_QUERY_RUNNABLE brings the phases up to
 * date: manifests that became due or overdue since the last query are found by index and moved, each
 * once; others are not read. If the clock is set back, they move back the same way.
 */
#ifndef MIMO_STORE_SQLITE_PHASE_H
#define MIMO_STORE_SQLITE_PHASE_H

#include <stdbool.h>
#include <stdint.h>

#include "mimo/error.h"
#include "store/sqlite/handle.h"
#include "store/sqlite/table.h"

enum {
    PHASE_STEP = 2000, /* manifests moved in one transaction, to let others write */
    PHASE_ROUNDS = 8,  /* transactions of one call; the next call moves the rest */
};

/* The phase at `now` of a Pending manifest with these columns. */
enum manifest_phase phase_at(const struct columns *columns, int64_t now);

/* True if the connection's transaction sees manifests in a wrong phase. */
int phase_is_behind(struct connection *connection, int64_t now, bool *ret_behind,
                    struct error *error);

/* Moves manifests to their phase at `now`. Writes nothing if none is in a wrong phase. */
int phase_follow_clock(struct sqlite_store *store, int64_t now, struct error *error);

#endif
