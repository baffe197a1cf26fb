/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address_list.h - the addresses that came with the job, for a worker resolves no name.
 *
 * The job's entries are texts "host:port:address[,address]..."; IPv6 addresses may stand in
 * brackets, as hosts they must.
 */
#ifndef MIMO_HTTPS_ADDRESS_LIST_H
#define MIMO_HTTPS_ADDRESS_LIST_H

#include <jansson.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "mimo/error.h"

enum { ADDRESSES_MAXIMUM = 8, ADDRESS_LIST_SIZE = ADDRESSES_MAXIMUM * (INET6_ADDRSTRLEN + 3) };

/* Addresses of one host as libcurl takes them: "10.0.0.4,[fd00::4]". */
struct address_list {
    char text[ADDRESS_LIST_SIZE];
    size_t length;
    int count;
};

/* True for an IPv4 or IPv6 address, without brackets. */
bool address_is_valid(const char *host);

/* Checks all `entries` and collects the addresses of `host` and `port`, ADDRESSES_MAXIMUM at most.
 */
int address_list_collect(json_t *entries, const char *host, int port, struct address_list *ret_list,
                         struct error *error);

#endif
