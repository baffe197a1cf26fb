/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine.c - what mimo-metrics may still ask of the kernel once everything is open.
 *
 * No file can be opened, no socket made, no program started, no process signalled: what the helper
 * has when this is in force is all it will ever have.
 */
#include "metrics/confine.h"

#include "config.h"
#include "mimo/confinement.h"
#include "mimo/confinement_calls.h"

/* clang-format off */
static const struct confinement_call calls[] = {
    CONFINEMENT_BASE
    CONFINEMENT_LOOP
    CONFINEMENT_SOCKETS /* channel, statsd, connections of the page */
};
/* clang-format on */

int confine_helper(struct error *error)
{
    const struct confinement confinement = {
        .calls = calls,
        .call_count = sizeof(calls) / sizeof(calls[0]),
        .domain = {.limit_connect = true, .deny_bind = true, .scoped = true},
    };
    return confinement_enter(&confinement, CONFINEMENT_ABI_MAXIMUM, error);
}
