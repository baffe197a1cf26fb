/* SPDX-License-Identifier: Apache-2.0 */
/* membership.c - membership records: join, announce, read the others', derive the range. */
#include "supervisor/membership.h"

#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/store_change.h"

#define WORKER_TYPE "MIMO_ACTUATOR"

enum { FORGET_SECONDS = 30 * 24 * 60 * 60, ETAG_SIZE = 64 };

/* A record as it was seen, and since when it has not changed. */
struct sight {
    char id[UUID_SIZE];
    char etag[ETAG_SIZE];
    struct monotonic since;
    bool alive;
    bool present; /* in the latest list of members */
};

struct observed {
    struct sight own; /* another start's record under our ID; etag "": none yet */
    struct sight *others;
    size_t count;
};

int membership_initialize(struct membership *membership, struct error *error)
{
    membership->observed = calloc(1, sizeof(*membership->observed));
    return membership->observed ? 0 : error_set_memory(error);
}

void membership_free(struct membership *membership)
{
    if (membership->observed)
        free(membership->observed->others);
    free(membership->observed);
    membership->observed = NULL;
}

static struct json_object *record(const struct membership *membership, int64_t now)
{
    return document_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:I, s:I, s:I, s:i, s:i, s:s, s:[i,i]}",
                         "id", membership->start.id, "incarnation", membership->start.incarnation,
                         "workerType", WORKER_TYPE, "hostname", membership->hostname, "index",
                         membership->index, "version", PACKAGE_VERSION, "startedAt",
                         (int64_t)membership->started_at, "seenAt", (int64_t)now, "ttl",
                         (int64_t)membership->ttl_seconds, "workers", membership->workers,
                         "maxWorkers", membership->max_workers, "mode", membership->mode, "buckets",
                         membership->buckets.first, membership->buckets.last);
}

static const struct bucket_range no_buckets = {0, -1};

/* Seconds from when the record says that it was written until now: a claim of another clock. -1
 * where it cannot be true. */
static int64_t claimed_age(const struct json_object *member, int64_t now)
{
    int64_t seen = document_time(member, "seenAt", -1);
    return seen >= 0 && now >= seen ? now - seen : -1;
}

static int64_t ttl_of(const struct membership *membership)
{
    return membership->ttl_seconds * 1000;
}

static int64_t age_of(const struct sight *sight, struct monotonic now)
{
    return now.milliseconds - sight->since.milliseconds;
}

static bool has_changed(const struct sight *sight, const char *etag)
{
    return strncmp(sight->etag, etag, sizeof(sight->etag) - 1) != 0;
}

static void note(struct sight *sight, const char *etag, struct monotonic now)
{
    snprintf(sight->etag, sizeof(sight->etag), "%s", etag);
    sight->since = now;
}

/* Joining and announcing */

struct announcement {
    struct membership *membership;
    struct membership_time now;
    struct json_object *document; /* owned */
    struct error foreign;
};

static enum membership_standing watch_own(struct membership *membership, const char *etag,
                                          struct monotonic now)
{
    struct sight *own = &membership->observed->own;
    if (!*own->etag) {
        note(own, etag, now);
        return MEMBERSHIP_WATCHING;
    }
    if (has_changed(own, etag))
        return MEMBERSHIP_FOREIGN;
    return age_of(own, now) >= ttl_of(membership) ? MEMBERSHIP_JOINED : MEMBERSHIP_WATCHING;
}

/* What our record, as it was found, says about this start. */
static enum membership_standing judge_own(struct membership *membership,
                                          const struct store_item *item, struct monotonic now)
{
    const char *incarnation = document_string(item->document, "incarnation", "");
    if (strcmp(incarnation, membership->start.incarnation) == 0)
        return MEMBERSHIP_JOINED;
    if (identity_has_ended(&membership->start, incarnation)) /* also in a store that was put back */
        return MEMBERSHIP_JOINED;
    if (membership->standing == MEMBERSHIP_JOINED)
        return MEMBERSHIP_FOREIGN;
    return watch_own(membership, item->etag, now);
}

/* Says what is waited for, or what to do. */
static void explain_own(struct announcement *announcement, const struct json_object *found)
{
    struct membership *membership = announcement->membership;
    const char *host = document_string(found, "hostname", "an unknown host");
    struct error *error = &announcement->foreign;
    if (membership->standing == MEMBERSHIP_WATCHING)
        error_set(error, ERROR_BUSY,
                  "the membership record of actuator %s is of another start of it, on %.200s: "
                  "waiting for up to %lld s to see whether that still runs",
                  membership->start.id, host, (long long)membership->ttl_seconds);
    else
        error_set(error, ERROR_CONFLICT,
                  "another mimod runs as actuator %s, on %.200s: its state directory was copied. "
                  "On the machine that has the copy stop mimod, remove actuator.id and "
                  "actuator.start from the state directory, and start it again as a new actuator",
                  membership->start.id, host);
}

static enum change_verdict decide_announcement(struct store_change *change)
{
    struct announcement *announcement = change->context;
    struct membership *membership = announcement->membership;
    struct store_result *found = &change->reads[0].result;
    if (found->status == STORE_NOT_FOUND) {
        membership->standing = MEMBERSHIP_JOINED;
        change->write = store_create(STORE_MEMBERS, announcement->document);
        return CHANGE_WRITE;
    }
    if (found->status != STORE_DONE) {
        announcement->foreign = found->error;
        return CHANGE_LEAVE;
    }
    struct store_item *item = &found->items[0];
    membership->standing = judge_own(membership, item, announcement->now.monotonic);
    if (membership->standing != MEMBERSHIP_JOINED) {
        explain_own(announcement, item->document);
        return CHANGE_LEAVE;
    }
    change->write = store_replace(STORE_MEMBERS, item->etag, announcement->document);
    return CHANGE_WRITE;
}

/* Writes our record, unless another start's is in its place. 0 if it was written, or is watched. */
static int announce(struct store *store, struct membership *membership, struct membership_time now,
                    struct error *error)
{
    cleanup_json struct json_object *document = record(membership, now.unix_seconds);
    struct announcement announcement = {.membership = membership, .now = now, .document = document};
    struct store_change change = {
        .reads = {store_get(STORE_MEMBERS, membership->start.id, membership->start.id)},
        .read_count = 1,
        .decide = decide_announcement,
        .context = &announcement,
    };
    if (!document)
        return error_set_memory(error);
    enum membership_standing before = membership->standing;
    int status = store_change_one(store, &change, error);
    if (status == 0 && change.end == CHANGE_LEFT)
        *error = announcement.foreign;
    else if (status == 0 && change.end != CHANGE_DONE)
        *error = change.error;
    bool written = status == 0 && change.end == CHANGE_DONE;
    bool decided = status == 0 && change.end == CHANGE_LEFT;
    store_change_release(&change);
    if (!written && membership->standing == MEMBERSHIP_JOINED)
        membership->standing = before; /* an unknown end joins nobody */
    return written || (decided && membership->standing == MEMBERSHIP_WATCHING) ? 0 : -1;
}

/* The others */

static bool is_actuator(const struct json_object *member)
{
    return strcmp(document_string(member, "workerType", ""), WORKER_TYPE) == 0;
}

static bool goes_before(const struct json_object *member, const struct membership *membership)
{
    int64_t index = document_integer(member, "index", 0);
    if (index != membership->index)
        return index < membership->index;
    return strcmp(document_string(member, "id", ""), membership->start.id) < 0;
}

static struct sight *find_sight(struct observed *observed, const char *id)
{
    for (size_t i = 0; i < observed->count; i++)
        if (strcmp(observed->others[i].id, id) == 0)
            return &observed->others[i];
    return NULL;
}

static struct sight *add_sight(struct observed *observed, const char *id)
{
    size_t size = (observed->count + 1) * sizeof(*observed->others);
    struct sight *others = realloc(observed->others, size);
    if (!others)
        return NULL;
    observed->others = others;
    struct sight *sight = &others[observed->count++];
    *sight = (struct sight){.alive = false};
    snprintf(sight->id, sizeof(sight->id), "%s", id);
    return sight;
}

/* The first sight of a record: what it says of its age is a guess until it is seen to change. */
static void guess(struct sight *sight, const struct membership *membership,
                  const struct store_item *item, struct membership_time now)
{
    int64_t age = claimed_age(item->document, now.unix_seconds);
    note(sight, item->etag, now.monotonic);
    sight->alive = age >= 0 && age <= membership->ttl_seconds;
    if (sight->alive && age > 0) /* seen in a second of which we do not know how much was over */
        sight->since.milliseconds -= (age - 1) * 1000;
}

/* Notes the record; NULL without memory. */
static struct sight *look_at(struct membership *membership, const struct store_item *item,
                             struct membership_time now)
{
    const char *id = document_string(item->document, "id", "");
    struct sight *sight = find_sight(membership->observed, id);
    if (!sight) {
        sight = add_sight(membership->observed, id);
        if (!sight)
            return NULL;
        guess(sight, membership, item, now);
    } else if (has_changed(sight, item->etag)) {
        note(sight, item->etag, now.monotonic);
        sight->alive = true;
    }
    if (age_of(sight, now.monotonic) >= ttl_of(membership))
        sight->alive = false;
    sight->present = true;
    return sight;
}

/* Takes one that is alive into account, unless it has given its buckets away. */
static void count_in(struct membership *membership, int *place, const struct json_object *member,
                     const struct sight *sight)
{
    if (!bucket_mode_has_share(document_string(member, "mode", "working")))
        return;
    int64_t dies_at = sight->since.milliseconds + ttl_of(membership);
    membership->live++;
    if (goes_before(member, membership))
        ++*place;
    if (dies_at < membership->look_again.milliseconds)
        membership->look_again.milliseconds = dies_at;
}

/* Dead by what we have seen, and by its own word for so long that it will not come back under this
 * UUID. A record whose word cannot be true is removed as well. */
static bool is_forgotten(const struct membership *membership, const struct sight *sight,
                         const struct json_object *member, struct membership_time now)
{
    int64_t age = claimed_age(member, now.unix_seconds);
    return !sight->alive && age_of(sight, now.monotonic) >= ttl_of(membership) &&
           (age < 0 || age > FORGET_SECONDS);
}

/* A record that changed since it was read stays; if the store cannot, the next look tries again. */
static void forget(struct store *store, const struct store_item *item)
{
    const char *id = document_string(item->document, "id", "");
    struct store_operation operation = store_delete(STORE_MEMBERS, id, id, item->etag);
    struct error error;
    (void)store_run(store, &operation, 1, &error);
    store_release(&operation, 1);
}

/* Drops what was observed of records that are gone. */
static void drop_absent(struct observed *observed)
{
    size_t kept = 0;
    for (size_t i = 0; i < observed->count; i++) {
        if (!observed->others[i].present)
            continue;
        observed->others[kept] = observed->others[i];
        observed->others[kept++].present = false;
    }
    observed->count = kept;
}

static int look_at_all(struct store *store, struct membership *membership,
                       const struct store_result *found, struct membership_time now, int *ret_place,
                       struct error *error)
{
    for (size_t i = 0; i < found->count; i++) {
        const struct store_item *item = &found->items[i];
        if (!is_actuator(item->document) ||
            strcmp(document_string(item->document, "id", ""), membership->start.id) == 0)
            continue;
        const struct sight *sight = look_at(membership, item, now);
        if (!sight)
            return error_set_memory(error);
        if (sight->alive)
            count_in(membership, ret_place, item->document, sight);
        else if (is_forgotten(membership, sight, item->document, now))
            forget(store, item);
    }
    drop_absent(membership->observed);
    return 0;
}

/* Counts live actuators and finds our place among them, and when to look again. */
static int look_around(struct store *store, struct membership *membership,
                       struct membership_time now, int *ret_place, struct error *error)
{
    struct store_query query = {.kind = STORE_QUERY_MEMBERS, .limit = STORE_PAGE_MAXIMUM};
    struct store_operation operation = store_query(&query);
    int status = store_run(store, &operation, 1, error);
    *ret_place = 0;
    membership->live = bucket_mode_has_share(membership->mode) ? 1 : 0;
    membership->look_again.milliseconds = INT64_MAX;
    if (status == 0 && operation.result.status != STORE_DONE)
        status =
            error_set(error, operation.result.error.kind, "%s", operation.result.error.message);
    if (status == 0)
        status = look_at_all(store, membership, &operation.result, now, ret_place, error);
    store_release(&operation, 1);
    return status;
}

static bool differ(struct bucket_range a, struct bucket_range b)
{
    return a.first != b.first || a.last != b.last;
}

/* Our buckets, with `place` live actuators before us. */
static struct bucket_range range_of(const struct membership *membership, int place)
{
    if (!bucket_mode_has_share(membership->mode))
        return no_buckets;
    return membership->assignment == ASSIGNMENT_STATIC
               ? bucket_range_of(membership->index, membership->static_count)
               : bucket_range_of(place, membership->live);
}

int membership_refresh(struct store *store, struct membership *membership,
                       struct membership_time now, struct error *error)
{
    int place;
    if (!bucket_mode_has_share(membership->mode))
        membership->buckets = no_buckets;
    if (announce(store, membership, now, error) < 0)
        return membership->standing == MEMBERSHIP_FOREIGN
                   ? -1
                   : error_prefix(error, "cannot refresh the membership");
    if (membership->standing == MEMBERSHIP_WATCHING) {
        membership->look_again.milliseconds =
            membership->observed->own.since.milliseconds + ttl_of(membership);
        return 0;
    }
    struct membership seen = *membership;
    if (look_around(store, &seen, now, &place, error) < 0)
        return error_prefix(error, "cannot refresh the membership");
    seen.buckets = range_of(&seen, place);
    if (differ(seen.buckets, membership->buckets) && announce(store, &seen, now, error) < 0) {
        membership->standing = seen.standing;
        return error_prefix(error, "cannot announce new buckets to the other actuators");
    }
    *membership = seen;
    return 0;
}

/* The record of a copy of this actuator stays: it says that the copy is alive. */
static enum change_verdict decide_leave(struct store_change *change)
{
    const struct membership *membership = change->context;
    struct store_result *found = &change->reads[0].result;
    if (found->status != STORE_DONE ||
        strcmp(document_string(found->items[0].document, "incarnation", ""),
               membership->start.incarnation) != 0)
        return CHANGE_LEAVE;
    change->write = store_delete(STORE_MEMBERS, membership->start.id, membership->start.id,
                                 found->items[0].etag);
    return CHANGE_WRITE;
}

int membership_leave(struct store *store, const struct membership *membership, struct error *error)
{
    struct store_change change = {
        .reads = {store_get(STORE_MEMBERS, membership->start.id, membership->start.id)},
        .read_count = 1,
        .decide = decide_leave,
        .context = (void *)(uintptr_t)membership,
    };
    int status = store_change_one(store, &change, error);
    if (status == 0 && change.end != CHANGE_DONE && change.end != CHANGE_LEFT) {
        *error = change.error;
        status = -1;
    }
    store_change_release(&change);
    return status;
}
