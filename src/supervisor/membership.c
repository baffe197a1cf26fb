/* SPDX-License-Identifier: Apache-2.0 */
/* Membership records: announce, read the others', derive the range. */
#include "supervisor/membership.h"

#include <string.h>

#include "config.h"
#include "mimo/document.h"

#define WORKER_TYPE "MIMO_ACTUATOR"

static json_t *record(const struct membership *membership, int64_t now)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:s, s:I, s:I, s:I, s:i, s:i, s:s, s:[i,i]}", "id",
                     membership->id, "workerType", WORKER_TYPE, "hostname", membership->hostname,
                     "index", membership->index, "version", PACKAGE_VERSION, "startedAt",
                     (json_int_t)membership->started_at, "seenAt", (json_int_t)now, "ttl",
                     (json_int_t)membership->ttl_seconds, "workers", membership->workers,
                     "maxWorkers", membership->max_workers, "mode", membership->mode, "buckets",
                     membership->buckets.first, membership->buckets.last);
}

/* Writes the record over whatever is there: nobody else writes it. */
static int announce(struct store *store, const struct membership *membership, int64_t now,
                    struct error *error)
{
    cleanup_json json_t *document = record(membership, now);
    if (!document)
        return error_set(error, ERROR_LIMIT, "out of memory");

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

/* True when `member` is a live actuator other than this one. */
static bool is_live_other(const json_t *member, const struct membership *membership, int64_t now)
{
    const char *id = document_string(member, "id", "");
    int64_t seen_at = document_integer(member, "seenAt", 0);
    return strcmp(document_string(member, "workerType", ""), WORKER_TYPE) == 0 &&
           strcmp(id, membership->id) != 0 && now - seen_at <= membership->ttl_seconds;
}

static bool goes_before(const json_t *member, const struct membership *membership)
{
    int64_t index = document_integer(member, "index", 0);
    if (index != membership->index)
        return index < membership->index;
    return strcmp(document_string(member, "id", ""), membership->id) < 0;
}

/* Counts live actuators and finds our place among them. */
static int find_place(struct store *store, const struct membership *membership, int64_t now,
                      int *ret_place, int *ret_live, struct error *error)
{
    struct store_query query = {.kind = STORE_QUERY_MEMBERS, .limit = STORE_PAGE_MAXIMUM};
    struct store_operation operation = store_query(&query);
    int status = store_run(store, &operation, 1, error);
    *ret_place = 0;
    *ret_live = 1;
    for (size_t i = 0; status == 0 && i < operation.result.count; i++) {
        const json_t *member = operation.result.items[i].document;
        if (!is_live_other(member, membership, now))
            continue;
        ++*ret_live;
        if (goes_before(member, membership))
            ++*ret_place;
    }
    store_release(&operation, 1);
    return status;
}

int membership_refresh(struct store *store, struct membership *membership, int64_t now,
                       struct error *error)
{
    int place;
    int live;
    if (announce(store, membership, now, error) < 0 ||
        find_place(store, membership, now, &place, &live, error) < 0)
        return error_prefix(error, "cannot refresh the membership");
    membership->live = live;
    membership->buckets = membership->assignment == ASSIGNMENT_STATIC
                              ? bucket_range_of(membership->index, membership->static_count)
                              : bucket_range_of(place, live);
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
