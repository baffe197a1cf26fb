/* SPDX-License-Identifier: Apache-2.0 */
/* listener.h - the listening socket of the Admin API. */
#ifndef API_LISTENER_H
#define API_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

#include "mimo/error.h"

enum { LISTENER_ADDRESS_SIZE = 300 };

/* A listening TCP socket: the one that the service manager passed (sd_listen_fds(3)), else one
 * bound to "HOST:PORT" ("127.0.0.1:8443", "[::1]:0"; port 0 takes a free one). Close-on-exec and
 * non-blocking. */
struct listener {
    int fd;
    bool passed; /* the service manager holds it too: connections wait there for the next process */
};

int listener_open(const char *address, struct listener *ret_listener, struct error *error);

/* True if only this machine can connect. */
bool listener_is_local(const struct listener *listener);

/* Refuses connections from now on, unless they can wait for the next process. */
void listener_refuse(const struct listener *listener);

/* "127.0.0.1:8443" as it is bound, into `buffer` of LISTENER_ADDRESS_SIZE bytes; returns
 * `buffer`. */
const char *listener_address(int fd, char *buffer);

#endif
