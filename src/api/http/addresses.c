/* SPDX-License-Identifier: Apache-2.0 */
/* addresses.c - a hash table of counters. */
#include "api/http/addresses.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

enum { BUCKETS = 1024 };

struct entry {
    LIST_ENTRY(entry) link;
    struct in6_addr address;
    size_t count;
};

LIST_HEAD(bucket, entry);

struct addresses {
    size_t maximum;
    uint64_t seed; /* random, so that clients cannot choose the bucket */
    struct bucket buckets[BUCKETS];
};

struct addresses *addresses_new(size_t maximum)
{
    struct addresses *addresses = calloc(1, sizeof(*addresses));
    if (!addresses)
        return NULL;
    addresses->maximum = maximum;
    if (getrandom(&addresses->seed, sizeof(addresses->seed), 0) < 0)
        addresses->seed = (uint64_t)(uintptr_t)addresses;
    return addresses;
}

void addresses_free(struct addresses *addresses)
{
    for (size_t i = 0; addresses && i < BUCKETS; i++) {
        struct entry *entry;
        while ((entry = LIST_FIRST(&addresses->buckets[i]))) {
            LIST_REMOVE(entry, link);
            free(entry);
        }
    }
    free(addresses);
}

/* FNV-1a from a random start. */
static size_t bucket_of(const struct addresses *addresses, const struct in6_addr *address)
{
    uint64_t hash = 14695981039346656037u ^ addresses->seed;
    for (size_t i = 0; i < sizeof(address->s6_addr); i++)
        hash = (hash ^ address->s6_addr[i]) * 1099511628211u;
    return (size_t)(hash >> 32) % BUCKETS;
}

static struct entry *find(const struct addresses *addresses, const struct in6_addr *address)
{
    struct entry *entry;
    LIST_FOREACH(entry, &addresses->buckets[bucket_of(addresses, address)], link)
    {
        if (IN6_ARE_ADDR_EQUAL(&entry->address, address))
            return entry;
    }
    return NULL;
}

bool addresses_has_room(const struct addresses *addresses, const struct in6_addr *address)
{
    const struct entry *entry = find(addresses, address);
    return !entry || entry->count < addresses->maximum;
}

bool addresses_enter(struct addresses *addresses, const struct in6_addr *address)
{
    struct entry *entry = find(addresses, address);
    if (!entry) {
        entry = calloc(1, sizeof(*entry));
        if (!entry)
            return false;
        entry->address = *address;
        LIST_INSERT_HEAD(&addresses->buckets[bucket_of(addresses, address)], entry, link);
    }
    entry->count++;
    return true;
}

void addresses_leave(struct addresses *addresses, const struct in6_addr *address)
{
    struct entry *entry = find(addresses, address);
    if (!entry || --entry->count > 0)
        return;
    LIST_REMOVE(entry, link);
    free(entry);
}
