/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookup.h - all servers that a worker will talk to, looked up one after the other.
 */
#ifndef MIMO_SUPERVISOR_LOOKUP_H
#define MIMO_SUPERVISOR_LOOKUP_H

#include <json-c/json_object.h>
#include <stdint.h>
#include <uv.h>

#include "mimo/error.h"
#include "mimo/launcher_channel.h"

/* What goes into the job and the order. */
struct lookup_result {
    struct json_object *endpoints; /* array of endpoints with their addresses, endpoint.h */
    uint16_t ports[LAUNCH_PORTS_MAXIMUM];
    uint32_t port_count;
};

/* `result` is borrowed for the call; NULL when a name could not be resolved: then `error` says why.
 */
typedef void lookup_done_f(void *context, const struct lookup_result *result,
                           const struct error *error);

/* Begins with `urls` (https, an array of texts, not empty; borrowed for the call), and adds `port`
 * to what is found unless it is 0. `done` is called once, later, on the loop. -1: it is not called.
 */
int lookup_start(uv_loop_t *loop, struct json_object *urls, uint16_t port, lookup_done_f *done,
                 void *context, struct error *error);

#endif
