/* SPDX-License-Identifier: Apache-2.0 */
/* manifest_state.c - the states of a manifest and the only table of their transitions. */
#include "mimo/manifest_state.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static const char *const state_names[MANIFEST_STATE_COUNT] = {
    [MANIFEST_PENDING] = "Pending",
    [MANIFEST_IN_PROGRESS] = "InProgress",
    [MANIFEST_COMPLETED] = "Completed",
    [MANIFEST_FAILED] = "Failed",
    [MANIFEST_RETRIES_EXCEEDED] = "RetriesExceeded",
    [MANIFEST_TIMED_OUT] = "TimedOut",
    [MANIFEST_CANCELLED] = "Cancelled",
};

static const char *const event_names[MANIFEST_EVENT_COUNT] = {
    [MANIFEST_CLAIM] = "claim",   [MANIFEST_SUCCEED] = "succeed", [MANIFEST_FAIL] = "fail",
    [MANIFEST_RETRY] = "retry",   [MANIFEST_DRAIN] = "drain",     [MANIFEST_EXPIRE] = "expire",
    [MANIFEST_CANCEL] = "cancel",
};

/* A transition: where it leads, and where instead when no attempt is left. What is not in the table
 * may not happen; so nothing leads out of a terminal state. */
struct transition {
    bool allowed;
    enum manifest_state next;
    enum manifest_state next_without_attempts;
};

#define TO(state)                                                                                  \
    {                                                                                              \
        true, (state), (state)                                                                     \
    }
#define TO_OR_WITHOUT(state, without)                                                              \
    {                                                                                              \
        true, (state), (without)                                                                   \
    }

static const struct transition transitions[MANIFEST_STATE_COUNT][MANIFEST_EVENT_COUNT] = {
    [MANIFEST_PENDING] =
        {
            [MANIFEST_CLAIM] = TO(MANIFEST_IN_PROGRESS),
            [MANIFEST_EXPIRE] = TO(MANIFEST_TIMED_OUT),
            [MANIFEST_CANCEL] = TO(MANIFEST_CANCELLED),
        },
    [MANIFEST_IN_PROGRESS] =
        {
            [MANIFEST_SUCCEED] = TO(MANIFEST_COMPLETED),
            [MANIFEST_FAIL] = TO(MANIFEST_FAILED),
            [MANIFEST_RETRY] = TO_OR_WITHOUT(MANIFEST_PENDING, MANIFEST_RETRIES_EXCEEDED),
            [MANIFEST_DRAIN] = TO(MANIFEST_PENDING),
            [MANIFEST_CANCEL] = TO(MANIFEST_CANCELLED),
        },
};

bool manifest_state_next(enum manifest_state state, enum manifest_event event, bool attempts_left,
                         enum manifest_state *ret_next)
{
    const struct transition *transition;

    assert((unsigned)state < MANIFEST_STATE_COUNT && (unsigned)event < MANIFEST_EVENT_COUNT);
    transition = &transitions[state][event];
    if (!transition->allowed)
        return false;
    *ret_next = attempts_left ? transition->next : transition->next_without_attempts;
    return true;
}

bool manifest_state_is_terminal(enum manifest_state state)
{
    assert((unsigned)state < MANIFEST_STATE_COUNT);
    return (MANIFEST_STATES_OPEN & MANIFEST_STATE_BIT(state)) == 0;
}

const char *manifest_state_name(enum manifest_state state)
{
    assert((unsigned)state < MANIFEST_STATE_COUNT);
    return state_names[state];
}

const char *manifest_event_name(enum manifest_event event)
{
    assert((unsigned)event < MANIFEST_EVENT_COUNT);
    return event_names[event];
}

bool manifest_state_parse(const char *name, enum manifest_state *ret_state)
{
    for (size_t i = 0; i < MANIFEST_STATE_COUNT; i++) {
        if (strcmp(state_names[i], name) == 0) {
            *ret_state = (enum manifest_state)i;
            return true;
        }
    }
    return false;
}
