/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network.h - IP addresses, and lists of addresses and networks as the configuration has them.
 *
 *     struct network_list list;
 *     if (network_list_parse("127.0.0.1, 10.0.0.0/8, fd00::/8", &list, error) < 0) ...
 *     if (network_address_of(peer, &address) && network_list_has(&list, &address)) ...
 *
 * Every address is an IPv6 address; those of IPv4 are mapped (::ffff:10.0.0.1), so that both spellings
 * of one are equal. Ownership: nothing is owned. Threads: every function may be called from any
 * thread. Errors: ERROR_INVALID names the entry.
 */
#ifndef MIMO_NETWORK_H
#define MIMO_NETWORK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "mimo/error.h"

enum { NETWORK_LIST_MAXIMUM = 32, NETWORK_ADDRESS_SIZE = INET6_ADDRSTRLEN };

struct network {
    struct in6_addr address;
    unsigned bits; /* of the address that count, 0 to 128 */
};

struct network_list {
    struct network networks[NETWORK_LIST_MAXIMUM];
    size_t count;
};

/* Addresses and networks (ADDRESS/BITS), separated by commas; blanks around them do not count. ""
 * is the empty list. */
int network_list_parse(const char *text, struct network_list *ret_list, struct error *error);

bool network_list_has(const struct network_list *list, const struct in6_addr *address);

/* "10.0.0.1" or "fd00::1", without port or brackets, of `length` bytes. False for anything else. */
bool network_address_parse(const char *text, size_t length, struct in6_addr *ret_address);

/* The address of a socket; false for a local socket. */
bool network_address_of(const struct sockaddr *socket_address, struct in6_addr *ret_address);

/* The text of an address, IPv4 in its own form, into `buffer` of NETWORK_ADDRESS_SIZE bytes, which is
 * returned. */
const char *network_address_format(const struct in6_addr *address, char *buffer);

#endif
