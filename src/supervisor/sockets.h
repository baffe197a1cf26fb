/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sockets.h - wake and control socket on the event loop; control.h describes what is said on them,
 * listeners.h who may use them.
 *
 * Control connections may be many, slow or hostile: each holds one bounded line, at most
 * SOCKETS_CONNECTIONS_MAXIMUM are open, and the loop never waits for one. A peer that may not use
 * the socket gets a refusal for an answer.
 */
#ifndef MIMO_SUPERVISOR_SOCKETS_H
#define MIMO_SUPERVISOR_SOCKETS_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <uv.h>

#include "mimo/error.h"
#include "supervisor/listeners.h"

enum { SOCKETS_CONNECTIONS_MAXIMUM = 64, SOCKETS_REQUEST_MAXIMUM = 4096 };

struct sockets_handlers {
    void (*wake)(void *context);
    /* Answers one request. New reference; NULL only without memory. */
    struct json_object *(*control)(void *context, struct json_object *request);
};

struct connection;

struct sockets {
    uv_loop_t *loop;
    struct listeners *listeners; /* borrowed; closed by sockets_close() */
    uv_poll_t wake;
    uv_pipe_t control;
    uv_pipe_t refused; /* a connection that there is no room or memory for */
    bool refusing;
    bool another; /* came while one was being refused */
    struct connection *first;
    int connections;
    const struct sockets_handlers *handlers;
    void *context;
    bool open;
};

/* Watches both listeners. */
int sockets_open(struct sockets *sockets, uv_loop_t *loop, struct listeners *listeners,
                 const struct sockets_handlers *handlers, void *context, struct error *error);

/* {"ok": false, "error": the message}. New reference; NULL only without memory. */
struct json_object *sockets_refusal(const struct error *error);

/* Closes and removes them; connections that are open end. */
void sockets_close(struct sockets *sockets);

#endif
