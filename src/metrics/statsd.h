/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statsd.h - sends lines to the statsd agent, on a UNIX socket or by UDP, without blocking.
 *
 * A UNIX socket may be of type stream or datagram: a stream is tried first. In a stream each line
 * ends in a newline; in datagrams each line is one datagram without a newline. On UDP the agent's
 * name is looked up in the background (lookup.h), at the start and then once an interval.
 *
 * The agent may be missing, restarted or slow at any time. A line that cannot be sent at once is
 * dropped and counted, and never sent later. After a failure the next line makes a new connection.
 * When a stream takes only part of a line, the rest is sent before anything else, so that the agent
 * never reads a partial line followed by another one.
 *
 * Usage: statsd_open() before the process confines itself, statsd_start() after it. In the loop,
 * watch statsd_waiting() for POLLOUT and call statsd_flush(). One thread.
 */
#ifndef MIMO_METRICS_STATSD_H
#define MIMO_METRICS_STATSD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include "metrics/lookup.h"
#include "mimo/error.h"

enum statsd_kind { STATSD_OFF, STATSD_LOCAL, STATSD_UDP };

struct statsd {
    enum statsd_kind kind;
    const char *address;     /* as configured, borrowed: for messages */
    int socket;              /* -1 while there is no connection */
    bool stream;             /* the type of `socket` */
    struct sockaddr_un path; /* of STATSD_LOCAL */
    struct lookup *lookup;   /* of STATSD_UDP */
    struct address target;   /* of STATSD_UDP; length 0 until the name is resolved */
    char *rest;              /* the rest of a line that was sent in part, or NULL */
    size_t rest_length;
    uint64_t sent; /* lines sent */
    uint64_t dropped;
};

/* `address` is "unix:/PATH", "udp:HOST:PORT" or "off", and must outlive `statsd`. `interval` is the
 * time between look-ups of a host name, in milliseconds. Makes no connection and looks up nothing.
 * ERROR_INVALID if the address has another form. */
int statsd_open(struct statsd *statsd, const char *address, int64_t interval, struct error *error);

void statsd_close(struct statsd *statsd);

/* Starts the first look-up of the name. */
void statsd_start(struct statsd *statsd);

/* Sends one line, without a newline at its end. -1 with the reason if a line is lost: this one, or
 * with UDP the previous one, because a refusal arrives later. During the first look-up, lines are
 * dropped and counted, and the result is 0. Does nothing when metrics are off. */
int statsd_send(struct statsd *statsd, const char *line, size_t length, struct error *error);

/* The socket to watch for POLLOUT; -1 when nothing is left to send. */
int statsd_waiting(const struct statsd *statsd);

/* Sends the rest of a line, as far as possible. */
void statsd_flush(struct statsd *statsd);

/* True when the agent is a host name: looking it up takes threads, files of /etc and sockets. */
bool statsd_needs_names(const struct statsd *statsd);

/* Failed look-ups of the agent's name. */
uint64_t statsd_lookup_failures(const struct statsd *statsd);

#endif
