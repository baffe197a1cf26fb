/* SPDX-License-Identifier: Apache-2.0 */
/*
 * addresses.h - how much each address has open, bounded.
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

/* False when the address has as many open as it may. */
bool addresses_has_room(const struct addresses *addresses, const struct in6_addr *address);

/* Counts one more, without regard to the maximum. False without memory: nothing is counted. */
bool addresses_enter(struct addresses *addresses, const struct in6_addr *address);
void addresses_leave(struct addresses *addresses, const struct in6_addr *address);

#endif
