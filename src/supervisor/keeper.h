/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper.h - the process that starts the metrics helper, and starts it again when it has ended.
 *
 *     mimod --fork--> keeper --fork, exec--> mimo-metrics
 *       '-------- metrics channel ----+----------'
 *
 * mimod gives up root and may start no program once it is up, so a process that is left behind
 * before does it. The keeper runs as the metrics helper's user without any privilege. It reads
 * nothing: it waits for the helper, tells the supervisor (struct metrics_notice), and pauses before
 * the next start. The channel outlives a helper because the keeper holds it open too. Keeper and
 * helper end when the supervisor closes its end.
 */
#ifndef MIMO_SUPERVISOR_KEEPER_H
#define MIMO_SUPERVISOR_KEEPER_H

#include <stdint.h>

#include "mimo/error.h"

struct keeper {
    const char *program; /* path of the helper */
    char *const *argv;   /* its arguments, NULL-terminated */
    const char *user;    /* whom both run as, if this process may change its user */
    int channel;         /* the descriptor that the helper finds its channel at */
};

/* The whole life of the keeper, in a process just forked. Descriptors other than the channel and
 * the first three are closed. */
_Noreturn void keeper_run(const struct keeper *keeper);

/* Milliseconds until the next start: doubled with each helper that did not live for a minute, at
 * most a minute. `previous` is the pause before this one, 0 at first. */
int64_t keeper_next_pause(int64_t previous, int64_t lived_milliseconds);

#endif
