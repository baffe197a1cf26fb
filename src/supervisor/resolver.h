/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver.h - the names a worker will need, resolved before it starts, for it can resolve none.
 *
 * Takes a URL, looks its host up on the thread pool (getaddrinfo(3)), and hands back what goes into
 * the job: "host:port:address,address" texts, the form of CURLOPT_RESOLVE, and the port.
 */
#ifndef MIMO_SUPERVISOR_RESOLVER_H
#define MIMO_SUPERVISOR_RESOLVER_H

#include <jansson.h>
#include <stdint.h>
#include <uv.h>

#include "mimo/error.h"

/* `addresses` is a JSON array of texts, borrowed for the call; NULL when the name could not be
 * resolved: then `error` says why. */
typedef void resolver_done_f(void *context, json_t *addresses, uint16_t port,
                             const struct error *error);

/* Splits an https URL into host and port. */
int resolver_split_url(const char *url, char *host, size_t host_size, uint16_t *ret_port,
                       struct error *error);

/* Begins; `done` is called once, later, on the loop. -1: it is not called. */
int resolver_start(uv_loop_t *loop, const char *url, resolver_done_f *done, void *context,
                   struct error *error);

#endif
