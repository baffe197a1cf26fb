/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostile_server.h - a TLS server as a child of a test that answers every request with the bytes it
 * was given.
 */
#ifndef MIMO_UNIT_HOSTILE_SERVER_H
#define MIMO_UNIT_HOSTILE_SERVER_H

#include <stddef.h>
#include <sys/types.h>

#include "practice_server.h"

struct hostile_answer {
    const char *text;   /* sent once */
    size_t length;      /* of the text; 0: strlen() */
    const char *repeat; /* then this for ever; NULL: nothing more */
    int is_raw;         /* all that at once, without TLS and without a request */
    int tickets;        /* in place of all that: TLS session tickets for ever */
    int keep_open;      /* waits for the next request on the same connection; else closes it */
};

struct hostile_server {
    pid_t pid;
    int port;
    int heard; /* reading end: "[connection]\n" for each, and all requests as they came */
};

/* Bears the certificate of the practice cluster in `practice`. */
void hostile_server_start(struct hostile_server *server, const struct practice_server *practice,
                          const struct hostile_answer *answer);
void hostile_server_stop(struct hostile_server *server);

/* Everything heard until now, into `buffer`; call it after hostile_server_stop(). */
void hostile_server_read(struct hostile_server *server, char *buffer, size_t size);

/* A client of it with the practice cluster's token. */
struct kube_client *hostile_server_client(const struct hostile_server *server,
                                          const struct practice_server *practice);

#endif
