/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sockets.h - the two sockets of an actuator on its machine; control.h describes what is said on
 * them.
 *
 * Control connections are many and slow or hostile at worst: each holds one bounded line, at most
 * SOCKETS_CONNECTIONS_MAXIMUM are open, and none is ever waited for. Who may connect is a matter of
 * the socket's mode and group.
 */
#ifndef MIMO_SUPERVISOR_SOCKETS_H
#define MIMO_SUPERVISOR_SOCKETS_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <uv.h>

#include "mimo/error.h"

enum { SOCKETS_CONNECTIONS_MAXIMUM = 64, SOCKETS_REQUEST_MAXIMUM = 4096 };

struct sockets_handlers {
    void (*wake)(void *context);
    /* Answers one request. New reference; NULL only without memory. */
    struct json_object *(*control)(void *context, struct json_object *request);
};

struct connection;

struct sockets {
    uv_loop_t *loop;
    uv_poll_t wake;
    int wake_fd;
    uv_pipe_t control;
    struct connection *first;
    int connections;
    const struct sockets_handlers *handlers;
    void *context;
    char wake_path[256];
    char control_path[256];
    bool open;
};

/* Makes actuator-INDEX.wake and actuator-INDEX.control in `directory`. */
int sockets_open(struct sockets *sockets, uv_loop_t *loop, const char *directory, int index,
                 const struct sockets_handlers *handlers, void *context, struct error *error);

/* {"ok": false, "error": the message}. New reference; NULL only without memory. */
struct json_object *sockets_refusal(const struct error *error);

/* Closes and removes them; connections that are open end. */
void sockets_close(struct sockets *sockets);

#endif
