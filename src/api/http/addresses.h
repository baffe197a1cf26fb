/* SPDX-License-Identifier: Apache-2.0 */
/*
 * addresses.h - limits the open connections or requests of each address.
 *
 * Counts connections of peers, and requests of the clients behind a trusted proxy. Ownership: the
 * table owns its entries; there is one for each address that has something open. Threads: the
 * network thread alone.
 */
#ifndef API_ADDRESSES_H
#define API_ADDRESSES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

struct addresses;

/* NULL without memory. `maximum` for each address. */
struct addresses *addresses_new(size_t maximum);
void addresses_free(struct addresses *addresses);

/* False if the address has reached the maximum. */
bool addresses_has_room(const struct addresses *addresses, const struct in6_addr *address);

/* Counts one more, even beyond the maximum. False when out of memory; then nothing is counted. */
bool addresses_enter(struct addresses *addresses, const struct in6_addr *address);
void addresses_leave(struct addresses *addresses, const struct in6_addr *address);

#endif
