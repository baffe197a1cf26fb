/* SPDX-License-Identifier: Apache-2.0 */
/*
 * members.h - host names of actuators by their UUID, cached.
 *
 * Answers name the owner of a lease by its host (leaseOwnerName). The records are read from the
 * store at most every MEMBERS_AGE_MAXIMUM milliseconds. If the store does not answer, the previous
 * names are used.
 */
#ifndef API_MEMBERS_H
#define API_MEMBERS_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mimo/error.h"
#include "mimo/store.h"

enum { MEMBERS_AGE_MAXIMUM = 2000, MEMBERS_HOST_SIZE = 256 };

struct members;

/* NULL without memory. Borrows the store. */
struct members *members_new(struct store *store);
void members_free(struct members *members);

/* True if the membership record is recent enough; `ttl` is for records without one. */
bool member_is_alive(const struct json_object *member, int64_t ttl, int64_t now);

/* The host of the actuator with this id, truncated to `buffer`. False if it is unknown. Any
 * thread. */
bool members_find_host(struct members *members, const char *owner, char *buffer, size_t size);

/* Adds leaseOwnerName to a view with a known leaseOwner. Any thread. */
void members_name_owner(struct members *members, struct json_object *view);

#endif
