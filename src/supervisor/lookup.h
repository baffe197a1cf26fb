/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookup.h - looks up the addresses of all servers that a worker connects to, one after the other.
 * Threads: the event loop's.
 */
#ifndef MIMO_SUPERVISOR_LOOKUP_H
#define MIMO_SUPERVISOR_LOOKUP_H

#include <json-c/json_object.h>
#include <stdint.h>
#include <uv.h>

#include "mimo/error.h"
#include "mimo/launcher_channel.h"

/* The result, for the job and the order to the launcher. */
struct lookup_result {
    struct json_object *endpoints; /* array of endpoints with their addresses, endpoint.h */
    uint16_t ports[LAUNCH_PORTS_MAXIMUM];
    uint32_t port_count;
};

/* `result` is borrowed for the call. It is NULL if a name could not be resolved, and `error` says
 * why. */
typedef void lookup_done_f(void *context, const struct lookup_result *result,
                           const struct error *error);

/* Starts to look up `urls` (https; a non-empty array of texts, borrowed for the call), and adds
 * `port` to the ports of the result unless it is 0. Calls `done` once, later, on the loop; after -1
 * it is not called. */
int lookup_start(uv_loop_t *loop, struct json_object *urls, uint16_t port, lookup_done_f *done,
                 void *context, struct error *error);

#endif
