/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launcher.h - the launcher's loop: starts a worker for each order of the supervisor, and reports
 * the end of each worker.
 *
 * Events come from two sources, the channel and SIGCHLD, and are handled by one thread. The
 * launcher makes no decisions. It keeps tokens and pids (children.h), checks what the channel
 * cannot (a token in use, no room), and answers.
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
    bool has_left; /* processes of an attempt whose worker has ended are in its cgroup */
};

/* Sends READY, then serves. Returns 0 when the supervisor closes the channel, and -1 when the
 * supervisor breaks the channel's rules or the launcher cannot serve any longer. In both cases it
 * first kills and reaps all workers. */
int launcher_serve(struct workplace *workplace, int channel, struct error *error);

#endif
