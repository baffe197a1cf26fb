/* SPDX-License-Identifier: Apache-2.0 */
/* members.c - a small cache of membership records. */
#include "api/endpoints/members.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/log.h"

struct members {
    struct store *store;
    pthread_mutex_t lock;
    bool loaded;
    struct monotonic loaded_at;
    struct json_object *hostnames; /* {id: hostname} */
};

struct members *members_new(struct store *store)
{
    struct members *members = calloc(1, sizeof(*members));
    if (!members)
        return NULL;
    members->store = store;
    members->hostnames = json_object_new_object();
    pthread_mutex_init(&members->lock, NULL);
    if (!members->hostnames) {
        members_free(members);
        return NULL;
    }
    return members;
}

void members_free(struct members *members)
{
    if (!members)
        return;
    json_object_put(members->hostnames);
    pthread_mutex_destroy(&members->lock);
    free(members);
}

static void load(struct members *members)
{
    struct error error;
    const char *name;
    struct json_object *value;
    struct store_query query = {.kind = STORE_QUERY_MEMBERS, .limit = STORE_PAGE_MAXIMUM};
    struct store_operation operation = store_query(&query);
    members->loaded =
        true; /* a store that does not answer is asked again later, not by every request */
    members->loaded_at = clock_monotonic();
    if (store_run(members->store, &operation, 1, &error) < 0) {
        log_warning("store: names of actuators: %s", error.message);
    } else {
        document_foreach_member(members->hostnames, name, value)
            document_delete(members->hostnames, name);
        for (size_t i = 0; i < operation.result.count; i++) {
            const struct json_object *member = operation.result.items[i].document;
            const char *hostname = document_string(member, "hostname", NULL);
            if (hostname)
                document_add(members->hostnames, document_string(member, "id", ""),
                             document_new_string(hostname));
        }
    }
    store_release(&operation, 1);
}

bool members_find_host(struct members *members, const char *owner, char *buffer, size_t size)
{
    pthread_mutex_lock(&members->lock);
    if (!members->loaded || clock_elapsed(members->loaded_at) > MEMBERS_AGE_MAXIMUM)
        load(members);
    const char *hostname = document_text(document_member(members->hostnames, owner));
    snprintf(buffer, size, "%s", hostname ? hostname : "");
    pthread_mutex_unlock(&members->lock);
    return buffer[0] != '\0';
}

void members_name_owner(struct members *members, struct json_object *view)
{
    char host[MEMBERS_HOST_SIZE];
    const char *owner = document_string(view, "leaseOwner", NULL);
    if (owner && members_find_host(members, owner, host, sizeof(host)))
        document_add(view, "leaseOwnerName", document_new_string(host));
}

bool member_is_alive(const struct json_object *member, int64_t ttl, int64_t now)
{
    return now - document_time(member, "seenAt", 0) <= document_integer(member, "ttl", ttl);
}
