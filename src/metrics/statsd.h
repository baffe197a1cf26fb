/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statsd.h - where metrics are sent: a UDP or UNIX datagram socket that never makes us wait.
 *
 * The agent behind it may be missing, restarted or slow at any time. A line that cannot be handed
 * over at once is dropped and counted; the next one is tried again, so nothing has to be
 * reconnected: datagrams to a UNIX socket look its path up each time. Dropped lines are never sent
 * later.
 *
 * statsd_open() may ask name servers; call it before the loop and before privileges go.
 */
#ifndef MIMO_METRICS_STATSD_H
#define MIMO_METRICS_STATSD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include "mimo/error.h"

struct statsd {
    const char *address;     /* as configured, borrowed: for messages */
    int socket;              /* -1 when metrics are off */
    struct sockaddr_un path; /* sun_family is 0 for UDP, whose socket is connected */
    uint64_t sent;           /* lines handed over */
    uint64_t dropped;
};

/* `address` is "unix:/PATH", "udp:HOST:PORT" or "off", and must outlive `statsd`. */
int statsd_open(struct statsd *statsd, const char *address, struct error *error);

void statsd_close(struct statsd *statsd);

/* Sends one line. -1 with the reason when lines get lost: this one, or with UDP the one before,
 * for the news that nobody listens comes only after it. When off, 0 and nothing happens. */
int statsd_send(struct statsd *statsd, const char *line, size_t length, struct error *error);

#endif
