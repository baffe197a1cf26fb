/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver.h - resolves the names that a worker will need before it starts, because it can resolve
 * none.
 *
 * Takes the host of a URL, resolves it on the thread pool (getaddrinfo(3)), and passes on the
 * endpoint with its addresses in the form of the job (endpoint.h).
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
