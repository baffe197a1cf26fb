/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launcher_link.h - the supervisor's end of the launcher channel, on its event loop.
 *
 * Messages that the socket cannot take now wait in order and go out when it can: nothing blocks and
 * nothing is lost. Each message of the launcher goes to the one handler of its type.
 *
 * Ownership: the socket is borrowed; descriptors of a launch are taken over.
 */
#ifndef MIMO_SUPERVISOR_LAUNCHER_LINK_H
#define MIMO_SUPERVISOR_LAUNCHER_LINK_H

#include <uv.h>

#include "mimo/error.h"
#include "mimo/launcher_channel.h"

struct launcher_link_waiting;

struct launcher_link_handlers {
    void (*ready)(void *context, const struct launcher_ready *ready);
    void (*started)(void *context, const struct launcher_started *started);
    void (*ended)(void *context, const struct launcher_ended *ended);
    void (*failed)(void *context, const struct launcher_failed *failed);
    /* The launcher is gone or broke the protocol; the link is closed. */
    void (*lost)(void *context, const struct error *error);
};

struct launcher_link {
    uv_poll_t poll;
    int socket; /* borrowed from the family */
    enum launcher_channel_state state;
    struct launcher_link_waiting *first, *last;
    const struct launcher_link_handlers *handlers;
    void *context;
    bool open;
};

int launcher_link_open(struct launcher_link *link, uv_loop_t *loop, int socket,
                       const struct launcher_link_handlers *handlers, void *context,
                       struct error *error);

/* Asks for a worker. Takes over both descriptors, also when it fails. */
int launcher_link_launch(struct launcher_link *link, const struct launcher_launch *launch,
                         int job_fd, int report_fd, struct error *error);

/* Sends a signal to the process group of an attempt. */
int launcher_link_signal(struct launcher_link *link, uint64_t token, int signal,
                         struct error *error);

/* Stops watching and drops the messages that wait. */
void launcher_link_close(struct launcher_link *link);

#endif
