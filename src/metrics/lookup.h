/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookup.h - looks up the address of a "HOST:PORT" at intervals, without blocking.
 *
 * A numeric host is converted once. A name is looked up by a background thread, one at a time,
 * because getaddrinfo(3) may wait for seconds. A name that does not resolve is looked up again at
 * the next interval; until then the last known address stays in use.
 *
 *     lookup_open("statsd.example:8125", 60000, &lookup, &error);
 *     lookup_start(lookup);                    (after the process has confined itself)
 *     if (lookup_take(lookup, &address))       (in the loop: true when the address is a new one)
 *         connect...
 *
 * Threads: one thread calls all functions; the background thread is internal, and lookup_close()
 * does not wait for it.
 */
#ifndef MIMO_METRICS_LOOKUP_H
#define MIMO_METRICS_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "metrics/address.h"

struct lookup;

/* Opens no socket and looks up nothing yet. `interval` is in milliseconds. ERROR_INVALID when
 * `text` is not HOST:PORT. */
int lookup_open(const char *text, int64_t interval, struct lookup **ret_lookup,
                struct error *error);

/* NULL is allowed. */
void lookup_close(struct lookup *lookup);

/* True when the host is a name. Looking it up takes threads, files of /etc and sockets. */
bool lookup_needs_names(const struct lookup *lookup);

/* Starts a look-up when one is due and none is running. */
void lookup_start(struct lookup *lookup);

/* Returns true once for each new address. */
bool lookup_take(struct lookup *lookup, struct address *ret_address);

/* Look-ups that failed since the start. */
uint64_t lookup_failures(struct lookup *lookup);

/* Stores the reason of the latest failure in `error`; false if the latest look-up succeeded, or
 * none has ended. */
bool lookup_failed(struct lookup *lookup, struct error *error);

#endif
