/* SPDX-License-Identifier: Apache-2.0 */
/* Fenced writes of progress and results: try with what we know, read again after a conflict. */
#include "supervisor/settle.h"

#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"

/* Conflicts in a row after which a settlement is left for the next round. */
enum { SETTLE_TRIES = 5 };

void settlement_free(struct settlement *settlement)
{
    claim_free(&settlement->claim);
    json_object_put(settlement->cluster_patches);
    settlement->cluster_patches = NULL;
}

void settle_merge_patch(struct json_object *target, struct json_object *patch)
{
    const char *name;
    struct json_object *value;
    document_foreach_member(patch, name, value) {
        if (!value) {
            document_delete(target, name);
        } else if (document_is_object(value)) {
            struct json_object *inner = document_member(target, name);
            if (!document_is_object(inner)) {
                inner = json_object_new_object();
                document_add(target, name, inner);
            }
            settle_merge_patch(inner, value);
        } else {
            document_add(target, name, document_copy(value));
        }
    }
}

/* True when the manifest's history shows that this very result is written: the write of an earlier
 * try went through although its answer never came. */
static bool was_settled_before(struct settlement *settlement, const struct settle_rules *rules)
{
    struct json_object *attempts =
        document_get(manifest_document(&settlement->claim.manifest), "attempts");
    size_t index;
    struct json_object *entry;
    document_foreach_item(attempts, index, entry) {
        if (document_integer(entry, "number", 0) == settlement->attempt)
            return strcmp(document_string(entry, "actuator", ""), rules->actuator) == 0 &&
                   strcmp(document_string(entry, "outcome", ""),
                          outcome_name(settlement->outcome.kind)) == 0;
    }
    return false;
}

static void mark_late(struct settlement *settlement, const char *reason)
{
    settlement->status = SETTLEMENT_LATE;
    error_set(&settlement->error, ERROR_CONFLICT, "manifest %s, attempt %d: %s",
              settlement->claim.manifest.id, settlement->attempt, reason);
}

/* True when the lease may be this attempt's. A later one of the same manifest and actuator may run
 * by now, even where the manifest was cancelled or deleted since. */
static bool may_hold_lease(const struct settlement *settlement)
{
    int holder = settlement->claim.cluster.lease_attempt;
    return settlement->claim.cluster_etag && (holder == 0 || holder == settlement->attempt);
}

/* Puts the cluster's document into the state after the attempt. False when it is not ours to
 * change. */
static bool release_cluster(struct settlement *settlement, const struct settle_rules *rules)
{
    struct cluster *cluster = &settlement->claim.cluster;
    if (!may_hold_lease(settlement) ||
        !cluster_release_lease(cluster, rules->actuator, settlement->claim.manifest.id,
                               rules->mark))
        return false;
    struct json_object *body = document_get(cluster_document(cluster), "openShiftCluster");
    size_t index;
    struct json_object *patch;
    document_foreach_item(settlement->cluster_patches, index, patch)
        settle_merge_patch(body, patch);
    return true;
}

static struct store_operation replace_manifest(struct settlement *settlement)
{
    return store_replace(STORE_MANIFESTS, settlement->claim.manifest_etag,
                         manifest_document(&settlement->claim.manifest));
}

static struct store_operation replace_cluster(struct settlement *settlement)
{
    return store_replace(STORE_CLUSTERS, settlement->claim.cluster_etag,
                         cluster_document(&settlement->claim.cluster));
}

/* The manifest is no longer this attempt's. The cluster's lease may still be: it must not wait for
 * its expiry. */
static bool prepare_late(struct settlement *settlement, const struct settle_rules *rules,
                         struct store_operation *ret_operation)
{
    bool deleted = !settlement->claim.manifest_etag;
    if (!deleted && settlement->final && was_settled_before(settlement, rules)) {
        settlement->status = SETTLEMENT_DONE;
        return false;
    }
    mark_late(settlement, deleted ? "deleted meanwhile" : "no longer owned by this attempt");
    if (!settlement->final || !release_cluster(settlement, rules))
        return false;
    *ret_operation = replace_cluster(settlement);
    return true;
}

/* Changes the documents in memory and says what to write. False when there is nothing to write:
 * then the settlement has its status. */
static bool prepare_write(struct settlement *settlement, const struct settle_rules *rules,
                          int64_t now, struct store_operation *ret_operation)
{
    struct manifest *manifest = &settlement->claim.manifest;
    struct error error;

    if (!settlement->claim.manifest_etag ||
        !manifest_is_owned(manifest, rules->actuator, settlement->attempt))
        return prepare_late(settlement, rules, ret_operation);
    if (!settlement->final) {
        manifest_set_progress(manifest, settlement->step, settlement->steps, settlement->step_name,
                              settlement->status_text[0] ? settlement->status_text : NULL);
        *ret_operation = replace_manifest(settlement);
        return true;
    }
    if (manifest_end_attempt(manifest, &settlement->outcome, &settlement->usage, &rules->backoff,
                             now, settlement->random, &error) < 0) {
        mark_late(settlement, error.message);
        return false;
    }
    *ret_operation = replace_manifest(settlement);
    if (release_cluster(settlement, rules))
        *ret_operation = store_pair(*ret_operation, replace_cluster(settlement));
    return true;
}

static void take_etag(char **etag, char **fresh)
{
    free(*etag);
    *etag = take_pointer(fresh);
}

/* Notes how a write ended. False when its documents have to be read again. */
static bool finish_write(struct settlement *settlement, struct store_operation *operation)
{
    if (operation->result.status != STORE_DONE)
        return false;
    if (operation->verb == STORE_PAIR)
        take_etag(&settlement->claim.cluster_etag, &operation->result.second_etag);
    if (operation->target.container == STORE_MANIFESTS)
        take_etag(&settlement->claim.manifest_etag, &operation->result.etag);
    else
        take_etag(&settlement->claim.cluster_etag, &operation->result.etag);
    if (settlement->status == SETTLEMENT_OPEN)
        settlement->status = SETTLEMENT_DONE;
    return true;
}

/* Replaces what we knew of manifest and cluster by what the store has. */
static void take_fresh(struct settlement *settlement, struct store_operation reads[2])
{
    struct claim *claim = &settlement->claim;
    struct error unreadable;
    struct claim fresh = {0};

    memcpy(fresh.manifest.id, claim->manifest.id, sizeof(fresh.manifest.id));
    memcpy(fresh.manifest.cluster, claim->manifest.cluster, sizeof(fresh.manifest.cluster));
    if (reads[0].result.status == STORE_DONE) {
        struct manifest read = {0};
        if (manifest_read(&read, reads[0].result.items[0].document, &unreadable) == 0) {
            fresh.manifest = read;
            fresh.manifest_etag = take_pointer(&reads[0].result.items[0].etag);
        }
    }
    if (reads[1].result.status == STORE_DONE &&
        cluster_read(&fresh.cluster, reads[1].result.items[0].document, &unreadable) == 0)
        fresh.cluster_etag = take_pointer(&reads[1].result.items[0].etag);
    claim_free(claim);
    *claim = fresh;
}

static int read_again(struct store *store, struct settlement **settlements, size_t count,
                      struct error *error)
{
    cleanup_free struct store_operation *reads = calloc(2 * count, sizeof(*reads));
    if (!reads)
        return error_set(error, ERROR_MEMORY, "out of memory while reading %zu manifests", count);
    for (size_t i = 0; i < count; i++) {
        const struct manifest *manifest = &settlements[i]->claim.manifest;
        reads[2 * i] = store_get(STORE_MANIFESTS, manifest->cluster, manifest->id);
        reads[2 * i + 1] = store_get(STORE_CLUSTERS, NULL, manifest->cluster);
    }
    int status = store_run(store, reads, 2 * count, error);
    for (size_t i = 0; status == 0 && i < count; i++)
        take_fresh(settlements[i], &reads[2 * i]);
    store_release(reads, 2 * count);
    return status;
}

/* One try for all of `pending`; those that met a conflict are moved to its front, *count tells how
 * many. */
static int write_once(struct store *store, const struct settle_rules *rules,
                      struct settlement **pending, size_t *count, int64_t now, struct error *error)
{
    cleanup_free struct store_operation *writes = calloc(*count, sizeof(*writes));
    cleanup_free struct settlement **writers = calloc(*count, sizeof(*writers));
    if (!writes || !writers)
        return error_set(error, ERROR_MEMORY, "out of memory while writing %zu results", *count);

    size_t writing = 0;
    for (size_t i = 0; i < *count; i++)
        if (prepare_write(pending[i], rules, now, &writes[writing]))
            writers[writing++] = pending[i];

    int status = writing > 0 ? store_run(store, writes, writing, error) : 0;
    size_t conflicts = 0;
    for (size_t i = 0; i < writing; i++) {
        bool finished = status == 0 && finish_write(writers[i], &writes[i]);
        if (!finished)
            pending[conflicts++] = writers[i];
    }
    store_release(writes, writing);
    *count = conflicts;
    return status;
}

/* What could not be written has been changed in memory: forget the etags, so that the next try
 * reads. */
static void forget(struct settlement **pending, size_t count, const struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct settlement *settlement = pending[i];
        settlement->status = SETTLEMENT_OPEN;
        settlement->error = *error;
        free(take_pointer(&settlement->claim.manifest_etag));
        free(take_pointer(&settlement->claim.cluster_etag));
    }
}

static bool must_read_first(const struct settlement *settlement)
{
    return !settlement->claim.manifest_etag;
}

int settle_run(struct store *store, const struct settle_rules *rules,
               struct settlement **settlements, size_t count, int64_t now, struct error *error)
{
    cleanup_free struct settlement **pending = calloc(count ? count : 1, sizeof(*pending));
    cleanup_free struct settlement **unread = calloc(count ? count : 1, sizeof(*unread));
    if (!pending || !unread)
        return error_set(error, ERROR_MEMORY, "out of memory while writing %zu results", count);

    size_t left = 0;
    size_t unread_count = 0;
    for (size_t i = 0; i < count; i++) {
        settlements[i]->status = SETTLEMENT_OPEN;
        pending[left++] = settlements[i];
        if (must_read_first(settlements[i]))
            unread[unread_count++] = settlements[i];
    }
    int status = unread_count > 0 ? read_again(store, unread, unread_count, error) : 0;
    for (int try = 0; status == 0 && left > 0 && try < SETTLE_TRIES; try++) {
        if (try > 0)
            status = read_again(store, pending, left, error);
        if (status == 0)
            status = write_once(store, rules, pending, &left, now, error);
    }
    if (left > 0) {
        struct error reason;
        if (status < 0)
            reason = *error;
        else
            error_set(&reason, ERROR_CONFLICT, "still in conflict after %d tries", SETTLE_TRIES);
        forget(pending, left, &reason);
    }
    return status < 0 ? error_prefix(error, "cannot write results of attempts") : 0;
}
