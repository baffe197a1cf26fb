/* SPDX-License-Identifier: Apache-2.0 */
/* listener.h - the socket on which the Admin API is reached. */
#ifndef API_LISTENER_H
#define API_LISTENER_H

#include <stddef.h>

#include "mimo/error.h"

enum { LISTENER_ADDRESS_SIZE = 300 };

/* A listening TCP socket: the one that the service manager passed (sd_listen_fds(3)), else one
 * bound to "HOST:PORT" ("127.0.0.1:8443", "[::1]:0"; port 0 takes a free one). Close-on-exec and
 * non-blocking. -1 on failure. */
int listener_open(const char *address, struct error *error);

/* "127.0.0.1:8443" as it is bound, into `buffer` of LISTENER_ADDRESS_SIZE bytes; returns `buffer`.
 */
const char *listener_address(int fd, char *buffer);

#endif
