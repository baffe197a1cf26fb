/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest_state.h - the states of a manifest and the only table of their transitions.
 *
 *   Pending --claim--> InProgress --succeed--> Completed
 *      |                   |------ fail -----> Failed
 *      |                   |------ retry ----> Pending, or RetriesExceeded after the last attempt
 *      |                   |------ drain ----> Pending, the attempt not counted
 *      |                   '------ cancel ---> Cancelled
 *      |--expire--> TimedOut
 *      '--cancel--> Cancelled
 *
 * Terminal states never change. The table is in manifest_state.c. Only manifest.c assigns a state,
 * which it gets from manifest_state_next(). Pure.
 */
#ifndef MIMO_MANIFEST_STATE_H
#define MIMO_MANIFEST_STATE_H

#include <stdbool.h>

enum manifest_state {
    MANIFEST_PENDING,
    MANIFEST_IN_PROGRESS,
    MANIFEST_COMPLETED,
    MANIFEST_FAILED,
    MANIFEST_RETRIES_EXCEEDED,
    MANIFEST_TIMED_OUT,
    MANIFEST_CANCELLED,
};
enum { MANIFEST_STATE_COUNT = MANIFEST_CANCELLED + 1 };

enum manifest_event {
    MANIFEST_CLAIM,   /* an actuator takes it */
    MANIFEST_SUCCEED, /* all steps done */
    MANIFEST_FAIL,    /* terminal error: another attempt would fail too */
    MANIFEST_RETRY,   /* transient error, timeout, crash, lease expired, owner gone */
    MANIFEST_DRAIN, /* back to the queue, uncounted: the actuator stops, or a server asked to wait */
    MANIFEST_EXPIRE, /* runBefore passed */
    MANIFEST_CANCEL, /* an operator cancelled or stopped it */
};
enum { MANIFEST_EVENT_COUNT = MANIFEST_CANCEL + 1 };

/* The most attempts that a manifest gets: the five dequeues of the operators' guide. */
enum { MANIFEST_ATTEMPTS_MAXIMUM = 5 };

/* Sets of states as bits, for queries: 1u << state. */
#define MANIFEST_STATE_BIT(state) (1u << (state))
#define MANIFEST_STATES_OPEN                                                                       \
    (MANIFEST_STATE_BIT(MANIFEST_PENDING) | MANIFEST_STATE_BIT(MANIFEST_IN_PROGRESS))
#define MANIFEST_STATES_ALL ((1u << MANIFEST_STATE_COUNT) - 1)

/* Sets *ret_next to the state after `event`. False if `event` is not allowed in `state`.
 * `attempts_left` is true if another attempt is allowed; only MANIFEST_RETRY depends on it. */
bool manifest_state_next(enum manifest_state state, enum manifest_event event, bool attempts_left,
                         enum manifest_state *ret_next);

bool manifest_state_is_terminal(enum manifest_state state);

/* "Pending", "InProgress", ... as in documents and the Admin API. */
const char *manifest_state_name(enum manifest_state state);
const char *manifest_event_name(enum manifest_event event);

/* Reads a name; upper and lower case matter. */
bool manifest_state_parse(const char *name, enum manifest_state *ret_state);

#endif
