/* SPDX-License-Identifier: Apache-2.0 */
/*
 * poller.h - decides when to read the store, and runs membership, upkeep and claiming.
 *
 * A round runs on the thread pool, one at a time:
 *   at the start     membership until it has joined, then recovery of what this actuator left over
 *   each poll        membership when its interval is over, upkeep, claiming
 *   when woken       claiming alone: a manifest was created, a worker became free
 *   drained          membership, and the operators' wish to stop what still runs; nothing else
 * Between rounds the poller sleeps until the poll interval is over or the next manifest becomes
 * due, whichever is first. While the store does not answer nothing is claimed and polls go on.
 */
#ifndef MIMO_SUPERVISOR_POLLER_H
#define MIMO_SUPERVISOR_POLLER_H

#include <stdbool.h>
#include <uv.h>

#include "mimo/clock.h"
#include "mimo/config.h"
#include "supervisor/claim.h"
#include "supervisor/membership.h"
#include "supervisor/steady_clock.h"
#include "supervisor/stops.h"
#include "supervisor/upkeep.h"

/* Whether this actuator claims manifests. */
enum poller_hold {
    POLLER_WORKING,
    POLLER_PAUSED,  /* nothing is claimed; the buckets stay ours, their manifests wait */
    POLLER_DRAINED, /* nothing is claimed, and the buckets are given to the other actuators */
};

/* How soon the next round is wanted, apart from the timer. */
enum poller_wish { POLLER_WISH_NONE, POLLER_WISH_SOON, POLLER_WISH_NOW };

/* The result of a round; the handler moves the claims out. */
struct poll_result {
    bool answered; /* the store answered everything */
    struct error error;
    bool recovered; /* the first round that succeeded: `counts` are those of the recovery */
    struct upkeep_counts counts;
    bool refreshed; /* the membership was refreshed */
    /* WATCHING: not joined yet, nothing was recovered or claimed, and `error` says what is waited
     * for. FOREIGN: this process must end, and `error` says why. */
    enum membership_standing standing;
    struct claim_round claims;
    struct stop_watch *watches; /* the running attempts that were looked after; owned */
    size_t watch_count;
    struct monotonic began;
    int64_t lease_milliseconds; /* of the claims */
};

struct poller_handlers {
    size_t (*free_workers)(void *context); /* how many claims are welcome now */
    /* Fills `watches` (room for all slots) with the running attempts; returns how many. */
    size_t (*running)(void *context, struct stop_watch *watches);
    bool (*busy)(void *context); /* whether an attempt still holds a lease */
    void (*polled)(void *context, struct poll_result *result);
};

struct poller {
    uv_loop_t *loop;
    struct store *store;
    const struct config *config;
    const struct settle_rules *rules;
    struct steady_clock *clock;
    struct membership membership; /* the loop's copy, refreshed after each round */
    const struct poller_handlers *handlers;
    void *context;
    uv_work_t work;
    uv_timer_t timer;
    struct poller_round *round; /* in flight, or NULL */
    bool recovered;
    enum poller_wish wish; /* came while a round was in flight */
    enum poller_hold hold;
    bool closing;
    struct monotonic last_refresh; /* of the membership, that went well */
    struct monotonic last_upkeep;
    struct monotonic last_answer;
};

int poller_initialize(struct poller *poller, uv_loop_t *loop, struct store *store,
                      const struct config *config, const struct settle_rules *rules,
                      struct steady_clock *clock, const struct membership *membership,
                      const struct poller_handlers *handlers, void *context, struct error *error);

/* Begins with the first round. */
void poller_start(struct poller *poller);

/* Starts a round at once, because there is work. */
void poller_wake(struct poller *poller);

/* Starts a round soon, because a worker became free. Others are likely to follow, and one round
 * serves them all. */
void poller_wake_soon(struct poller *poller);

/* Stops or resumes claiming. Takes effect with the next round, which begins at once. */
void poller_set_hold(struct poller *poller, enum poller_hold hold);

bool poller_is_busy(const struct poller *poller);

/* Closes the handles; no round may be in flight. */
void poller_close(struct poller *poller);

#endif
