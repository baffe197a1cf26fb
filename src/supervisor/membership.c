/* SPDX-License-Identifier: Apache-2.0 */
/* Membership records: announce, read the others', derive the range. */
#include "supervisor/membership.h"

#include <string.h>

#include "config.h"
#include "mimo/document.h"

#define WORKER_TYPE "MIMO_ACTUATOR"

enum { FORGET_SECONDS = 30 * 24 * 60 * 60 };

static struct json_object *record(const struct membership *membership, int64_t now)
{
    return document_pack(
        "{s:s, s:s, s:s, s:i, s:s, s:I, s:I, s:I, s:i, s:i, s:s, s:[i,i]}", "id", membership->id,
        "workerType", WORKER_TYPE, "hostname", membership->hostname, "index", membership->index,
        "version", PACKAGE_VERSION, "startedAt", (int64_t)membership->started_at, "seenAt",
        (int64_t)now, "ttl", (int64_t)membership->ttl_seconds, "workers", membership->workers,
        "maxWorkers", membership->max_workers, "mode", membership->mode, "buckets",
        membership->buckets.first, membership->buckets.last);
}

/* Writes the record over whatever is there: nobody else writes it. */
static int announce(struct store *store, const struct membership *membership, int64_t now,
                    struct error *error)
{
    cleanup_json struct json_object *document = record(membership, now);
    if (!document)
        return error_set_memory(error);

    struct store_operation read = store_get(STORE_MEMBERS, membership->id, membership->id);
    int status = store_run(store, &read, 1, error);
    if (status == 0) {
        struct store_operation write =
            read.result.status == STORE_DONE
                ? store_replace(STORE_MEMBERS, read.result.items[0].etag, document)
                : store_create(STORE_MEMBERS, document);
        status = store_run(store, &write, 1, error);
        if (status == 0 && write.result.status != STORE_DONE)
            status = error_set(error, ERROR_CONFLICT,
                               "somebody else writes the membership record %s: do two actuators "
                               "use the same state directory?",
                               membership->id);
        store_release(&write, 1);
    }
    store_release(&read, 1);
    return status;
}

static bool is_actuator(const struct json_object *member)
{
    return strcmp(document_string(member, "workerType", ""), WORKER_TYPE) == 0;
}

static bool goes_before(const struct json_object *member, const struct membership *membership)
{
    int64_t index = document_integer(member, "index", 0);
    if (index != membership->index)
        return index < membership->index;
    return strcmp(document_string(member, "id", ""), membership->id) < 0;
}

/* Takes one of the others into account. */
static void consider(struct membership *membership, int *place, const struct json_object *member,
                     int64_t now)
{
    /* Seen in a second of which we do not know how much was over: it counts whole. */
    int64_t dies_at = document_integer(member, "seenAt", 0) + membership->ttl_seconds + 1;
    if (now >= dies_at)
        return;
    membership->live++;
    if (goes_before(member, membership))
        ++*place;
    if (dies_at < membership->look_again)
        membership->look_again = dies_at;
}

/* Whoever is dead for this long will not come back under this UUID. A record that changed since it
 * was read stays; if the store cannot, the next look will try again. */
static void forget(struct store *store, const struct store_item *item)
{
    const char *id = document_string(item->document, "id", "");
    struct store_operation operation = store_delete(STORE_MEMBERS, id, id, item->etag);
    struct error error;
    (void)store_run(store, &operation, 1, &error);
    store_release(&operation, 1);
}

/* Counts live actuators and finds our place among them, and when to look again. */
static int look_around(struct store *store, struct membership *membership, int64_t now,
                       int *ret_place, struct error *error)
{
    struct store_query query = {.kind = STORE_QUERY_MEMBERS, .limit = STORE_PAGE_MAXIMUM};
    struct store_operation operation = store_query(&query);
    int status = store_run(store, &operation, 1, error);
    *ret_place = 0;
    membership->live = 1;
    membership->look_again = INT64_MAX;
    for (size_t i = 0; status == 0 && i < operation.result.count; i++) {
        const struct store_item *item = &operation.result.items[i];
        if (!is_actuator(item->document) ||
            strcmp(document_string(item->document, "id", ""), membership->id) == 0)
            continue;
        if (now - document_integer(item->document, "seenAt", 0) > FORGET_SECONDS)
            forget(store, item);
        else
            consider(membership, ret_place, item->document, now);
    }
    store_release(&operation, 1);
    return status;
}

static bool differ(struct bucket_range a, struct bucket_range b)
{
    return a.first != b.first || a.last != b.last;
}

int membership_refresh(struct store *store, struct membership *membership, int64_t now,
                       struct error *error)
{
    struct membership seen = *membership;
    int place;
    if (announce(store, membership, now, error) < 0 ||
        look_around(store, &seen, now, &place, error) < 0)
        return error_prefix(error, "cannot refresh the membership");
    seen.buckets = seen.assignment == ASSIGNMENT_STATIC
                       ? bucket_range_of(seen.index, seen.static_count)
                       : bucket_range_of(place, seen.live);
    if (differ(seen.buckets, membership->buckets) && announce(store, &seen, now, error) < 0)
        return error_prefix(error, "cannot tell the others about new buckets");
    *membership = seen;
    return 0;
}

int membership_leave(struct store *store, const struct membership *membership, struct error *error)
{
    struct store_operation operation =
        store_delete(STORE_MEMBERS, membership->id, membership->id, NULL);
    int status = store_run(store, &operation, 1, error);
    store_release(&operation, 1);
    return status;
}
