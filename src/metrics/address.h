/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address.h - converts "HOST:PORT" of configuration keys to socket addresses.
 *
 * HOST is a name, an IPv4 address, or an IPv6 address in brackets: "[::1]:9464".
 */
#ifndef MIMO_METRICS_ADDRESS_H
#define MIMO_METRICS_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "mimo/error.h"

enum { ADDRESS_TEXT_SIZE = 128 };

struct address {
    struct sockaddr_storage socket;
    socklen_t length;
};

/* Checks the form of `text`; ERROR_INVALID if it is wrong. *ret_numeric is true if the host is an
 * address, not a name; then *ret_address is filled in. Does not look up names. */
int address_parse(const char *text, struct address *ret_address, bool *ret_numeric,
                  struct error *error);

/* Resolves `text` to the first address of its host. May block for seconds, so call it before the
 * loop or in a thread. ERROR_INVALID if the form is wrong, ERROR_UNAVAILABLE if the name does not
 * resolve. */
int address_resolve(const char *text, struct address *ret_address, struct error *error);

/* True for 127.0.0.0/8 and ::1. */
bool address_is_loopback(const struct address *address);

/* "127.0.0.1:9464" or "[::1]:9464" into `buffer` (ADDRESS_TEXT_SIZE bytes); returns `buffer`. */
const char *address_format(const struct address *address, char *buffer);

#endif
