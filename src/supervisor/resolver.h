/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver.h - resolves the host of a URL on libuv's thread pool (getaddrinfo(3)).
 *
 * A worker can resolve no names, so the supervisor does it before the worker starts and puts the
 * endpoint with its addresses into the job (endpoint.h).
 */
#ifndef MIMO_SUPERVISOR_RESOLVER_H
#define MIMO_SUPERVISOR_RESOLVER_H

#include <json-c/json_object.h>
#include <uv.h>

#include "mimo/error.h"

/* `endpoint` is borrowed for the call. It is NULL if the name could not be resolved; then `error`
 * has the reason. */
typedef void resolver_done_f(void *context, struct json_object *endpoint,
                             const struct error *error);

/* Starts. `done` is called once, later, on the loop; after -1 it is not called. */
int resolver_start(uv_loop_t *loop, const char *url, resolver_done_f *done, void *context,
                   struct error *error);

#endif
