/* SPDX-License-Identifier: Apache-2.0 */
/*
 * states.c - sets of manifest states as operators write them: "pending,InProgress".
 */
#include "ctl/output/states.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool find_state(const char *text, size_t length, enum manifest_state *ret_state)
{
    for (int state = 0; state < MANIFEST_STATE_COUNT; state++) {
        const char *name = manifest_state_name((enum manifest_state)state);
        if (strlen(name) == length && strncasecmp(name, text, length) == 0) {
            *ret_state = (enum manifest_state)state;
            return true;
        }
    }
    return false;
}

int states_parse(const char *option, const char *text, unsigned *ret_states, struct error *error)
{
    unsigned states = 0;
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ",");
        enum manifest_state state;
        char known[STATES_TEXT_SIZE];
        if (!find_state(at, length, &state))
            return error_set(error, ERROR_INVALID,
                             "--%s: \"%.*s\" is not a state; the states are %s", option,
                             (int)length, at, states_format(known, MANIFEST_STATES_ALL));
        states |= MANIFEST_STATE_BIT(state);
        at += length;
        if (*at == '\0')
            break;
    }
    *ret_states = states;
    return 0;
}

const char *states_format(char *buffer, unsigned states)
{
    size_t used = 0;
    buffer[0] = '\0';
    for (int state = 0; state < MANIFEST_STATE_COUNT; state++)
        if (states & MANIFEST_STATE_BIT(state))
            used +=
                (size_t)snprintf(buffer + used, STATES_TEXT_SIZE - used, "%s%s", used ? "," : "",
                                 manifest_state_name((enum manifest_state)state));
    return buffer;
}

unsigned states_bit(const char *name)
{
    enum manifest_state state;
    return manifest_state_parse(name, &state) ? MANIFEST_STATE_BIT(state) : 0;
}
