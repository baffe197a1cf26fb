/* SPDX-License-Identifier: Apache-2.0 */
/*
 * membership.h - who else is there, and which buckets are ours.
 *
 * With `auto` assignment every actuator writes a record of itself each membership_interval and
 * reads those of the others; a record older than membership_ttl is dead. All compute the ranges
 * from the same sorted list (index, then id), so there is no leader. For a moment two may both
 * believe that they own a bucket: leases make that safe. With `static` assignment index and count
 * decide, and the record is for others to see.
 *
 * A death is noticed when it falls due (`look_again`), not an interval later, so buckets are served
 * again membership_ttl, a second and a poll after the last sign of life. Records of the dead are
 * shown to operators for 30 days, then whoever reads them takes them away.
 *
 * Blocking; the supervisor runs it on its thread pool.
 */
#ifndef MIMO_SUPERVISOR_MEMBERSHIP_H
#define MIMO_SUPERVISOR_MEMBERSHIP_H

#include <stdint.h>

#include "mimo/bucket.h"
#include "mimo/config.h"
#include "mimo/error.h"
#include "mimo/store.h"
#include "mimo/uuid.h"

enum { HOSTNAME_SIZE = 256 };

struct membership {
    char id[UUID_SIZE]; /* this actuator's lasting UUID */
    char hostname[HOSTNAME_SIZE];
    int index;
    int64_t started_at;
    int64_t ttl_seconds;
    enum config_assignment assignment;
    int static_count;
    /* What is in force now; shown to others with the next announcement. */
    int workers;
    int max_workers;
    const char *mode; /* "working" or "paused" */
    struct bucket_range buckets;
    int live;           /* actuators that count as alive, this one included */
    int64_t look_again; /* when the next of the others counts as dead if it stays silent, in Unix
                           seconds; INT64_MAX: there are none */
};

/* Announces this actuator at `now` and works out its buckets anew. On -1 it is as before. */
int membership_refresh(struct store *store, struct membership *membership, int64_t now,
                       struct error *error);

/* Takes the record away, so that the others take over at once. */
int membership_leave(struct store *store, const struct membership *membership, struct error *error);

#endif
