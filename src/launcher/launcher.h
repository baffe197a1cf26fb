/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launcher.h - the launcher's loop: orders from the supervisor become workers, ends of workers
 * become messages.
 *
 * Two sources of events, one thread: the channel and SIGCHLD. The launcher decides nothing. It
 * keeps tokens and pids (children.h), checks what the channel's table does not know (a token in
 * use, no room), and answers.
 */
#ifndef MIMO_LAUNCHER_LAUNCHER_H
#define MIMO_LAUNCHER_LAUNCHER_H

#include "launcher/children.h"
#include "launcher/worker.h"
#include "mimo/error.h"
#include "mimo/launcher_channel.h"

struct launcher {
    struct workplace *workplace;
    int channel;
    int signals; /* signalfd(2) for SIGCHLD */
    enum launcher_channel_state state;
    struct children children;
};

/* Says READY, then serves until the supervisor closes the channel (0), or breaks its rules or
 * cannot be served any more (-1). Either way all workers are dead and reaped when it returns. */
int launcher_serve(struct workplace *workplace, int channel, struct error *error);

#endif
