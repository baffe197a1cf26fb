/* SPDX-License-Identifier: Apache-2.0 */
/*
 * membership.h - the live actuators, and the buckets of this one.
 *
 * With `auto` assignment every actuator writes a record of itself each membership_interval and reads
 * those of the others. All compute their ranges from the same sorted list (index, then id), so there
 * is no leader. For a moment two may both act as owner of a bucket: leases make that safe.
 * With `static` assignment index and count decide, and the record is for others to see.
 * An actuator in mode "draining" or "drained" stays on record, so that operators see it, but has no
 * buckets and is not counted when the others divide them. It says "drained" only when it has given
 * back its last lease. A record without a mode, as older versions wrote it, is that of one that works.
 *
 * Alive is an actuator whose record was seen to change within membership_ttl of our monotonic clock.
 * The times in a record come from another machine's clock and prove nothing. They are used once, as
 * a guess about a record that we see for the first time: a wrong guess is corrected by what is
 * observed, after membership_ttl at the latest.
 *
 * Joining. The record also keeps two actuators from running under one ID. It carries the incarnation
 * of the start that wrote it. If that start has certainly ended (identity_has_ended()), or there is
 * no record, this one joins at once. Otherwise it first watches the record for membership_ttl: if it
 * changes, its writer is alive, and this start must end; if not, its writer is dead. Once joined,
 * another incarnation in the record means that a copy of this actuator runs, and this one must end.
 *
 * A death is noticed when it falls due (`look_again`), so buckets are served again membership_ttl
 * and at most a membership_interval after the last sign of life. Records of the dead are shown to
 * operators for 30 days; then any actuator that reads them removes them.
 *
 * Ownership: membership_initialize() allocates, membership_free() releases; copies of the struct
 * share what was observed. Threads: one at a time. Blocks.
 */
#ifndef MIMO_SUPERVISOR_MEMBERSHIP_H
#define MIMO_SUPERVISOR_MEMBERSHIP_H

#include <stdint.h>

#include "mimo/bucket.h"
#include "mimo/clock.h"
#include "mimo/config.h"
#include "mimo/error.h"
#include "mimo/store.h"
#include "mimo/uuid.h"
#include "supervisor/identity.h"

enum { HOSTNAME_SIZE = 256 };

enum membership_standing {
    MEMBERSHIP_UNKNOWN,  /* the store has not answered yet */
    MEMBERSHIP_WATCHING, /* another start wrote our record, and may be alive */
    MEMBERSHIP_JOINED,
    MEMBERSHIP_FOREIGN, /* another process runs as this actuator: end */
};

struct membership {
    struct actuator_start start; /* our UUID, this start, and those that have ended */
    char hostname[HOSTNAME_SIZE];
    int index;
    int64_t started_at;
    int64_t ttl_seconds;
    enum config_assignment assignment;
    int static_count;
    /* What is in force now; shown to others with the next announcement. */
    int workers;
    int max_workers;
    const char *mode; /* a word of control.h: working, paused, draining or drained */
    enum membership_standing standing;
    struct bucket_range buckets; /* none until joined, and while draining or drained */
    int live; /* live actuators that divide the buckets, this one included if it does */
    /* When to look again although the interval is not over: the next of the others counts as dead
     * if it stays silent, or our own record has been watched for long enough. INT64_MAX: never. */
    struct monotonic look_again;
    struct observed *observed; /* shared by copies */
};

/* Fills `observed`, and nothing else. */
int membership_initialize(struct membership *membership, struct error *error);
void membership_free(struct membership *membership);

/* The two clocks of one moment. */
struct membership_time {
    int64_t unix_seconds; /* for what is written and shown */
    struct monotonic monotonic;
};

/* Announces this actuator and computes its buckets. 0 with MEMBERSHIP_WATCHING: it has not joined
 * yet, and `error` says what it waits for. -1: the rest is as before; with MEMBERSHIP_FOREIGN
 * `error` says what to do, else the store did not answer. */
int membership_refresh(struct store *store, struct membership *membership,
                       struct membership_time now, struct error *error);

/* Removes the record if it is still this start's: the process ends, and the other actuators take over
 * at once. */
int membership_leave(struct store *store, const struct membership *membership, struct error *error);

#endif
