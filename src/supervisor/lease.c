/* SPDX-License-Identifier: Apache-2.0 */
/* lease.c - the pair of a manifest and its cluster, and the lease that joins them. */
#include "supervisor/lease.h"

#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"

bool lease_has_room(size_t document_length)
{
    return document_length + LEASE_ROOM <= STORE_DOCUMENT_SIZE_MAXIMUM;
}

void claim_free(struct claim *claim)
{
    manifest_free(&claim->manifest);
    cluster_free(&claim->cluster);
    free(claim->manifest_etag);
    free(claim->cluster_etag);
    *claim = (struct claim){0};
}

struct claim claim_move(struct claim *claim)
{
    struct claim moved = *claim;
    *claim = (struct claim){0};
    return moved;
}

static void take_etag(char **etag, char **fresh)
{
    free(*etag);
    *etag = take_pointer(fresh);
}

int lease_read_manifest(struct claim *claim, struct store_item *item, struct error *error)
{
    struct manifest manifest;
    if (manifest_read(&manifest, item->document, error) < 0)
        return -1;
    manifest_free(&claim->manifest);
    claim->manifest = manifest;
    take_etag(&claim->manifest_etag, &item->etag);
    return 0;
}

int lease_read_cluster(struct claim *claim, struct store_item *item, struct error *error)
{
    struct cluster cluster;
    if (cluster_read(&cluster, item->document, error) < 0)
        return -1;
    cluster_free(&claim->cluster);
    claim->cluster = cluster;
    take_etag(&claim->cluster_etag, &item->etag);
    return 0;
}

struct store_operation lease_write_manifest(struct claim *claim)
{
    return store_replace(STORE_MANIFESTS, claim->manifest_etag,
                         manifest_document(&claim->manifest));
}

static struct store_operation write_cluster(struct claim *claim)
{
    return store_replace(STORE_CLUSTERS, claim->cluster_etag, cluster_document(&claim->cluster));
}

/* The cluster's lease gets the same name as the manifest's. */
int lease_take(struct claim *claim, const struct lease_terms *terms, int64_t now,
               struct store_operation *ret_write, struct error *error)
{
    struct manifest *manifest = &claim->manifest;
    struct cluster *cluster = &claim->cluster;
    char token[UUID_SIZE];
    uuid_make(token);
    if (cluster_take_lease(cluster, terms->actuator, manifest->id, now, terms->seconds, terms->mark,
                           error) < 0 ||
        manifest_claim(manifest, terms->actuator, now, terms->seconds, error) < 0 ||
        manifest_mark_claim(manifest, token, terms->incarnation ? terms->incarnation : "", error) <
            0)
        return -1;
    cluster->lease_attempt = manifest->attempt;
    memcpy(cluster->lease_token, manifest->claim_token, UUID_SIZE);
    memcpy(cluster->lease_incarnation, manifest->incarnation, UUID_SIZE);
    *ret_write = store_pair(write_cluster(claim), lease_write_manifest(claim));
    return 0;
}

/* The name of the attempt that the manifest says is running. */
static struct lease_name lease_name_of(const struct claim *claim)
{
    const struct manifest *manifest = &claim->manifest;
    struct lease_name name = {.attempt = manifest->attempt};
    memcpy(name.actuator, manifest->lease_owner, UUID_SIZE);
    memcpy(name.token, manifest->claim_token, UUID_SIZE);
    return name;
}

bool lease_owns(const struct claim *claim, const struct lease_name *name)
{
    return manifest_is_owned(&claim->manifest, name->actuator, name->attempt) &&
           strcmp(claim->manifest.claim_token, name->token) == 0;
}

bool lease_ended_as(const struct claim *claim, const struct lease_name *name,
                    enum outcome_kind outcome)
{
    struct json_object *attempts = document_get(claim->manifest.document, "attempts");
    size_t index;
    struct json_object *entry;
    document_foreach_item(attempts, index, entry) {
        if (document_integer(entry, "number", 0) == name->attempt)
            return strcmp(document_string(entry, "actuator", ""), name->actuator) == 0 &&
                   strcmp(document_string(entry, "token", ""), name->token) == 0 &&
                   strcmp(document_string(entry, "outcome", ""), outcome_name(outcome)) == 0;
    }
    return false;
}

void lease_show_progress(struct claim *claim, int step, int steps, const char *name,
                         const char *status_text, struct store_operation *ret_write)
{
    manifest_set_progress(&claim->manifest, step, steps, name, status_text);
    *ret_write = lease_write_manifest(claim);
}

/* True when the cluster's lease may be the named attempt's. A lease of a version without tokens is
 * told by its number; one without number is that of whichever attempt of the manifest. */
static bool may_hold_cluster(const struct claim *claim, const struct lease_name *name)
{
    const struct cluster *cluster = &claim->cluster;
    if (!claim->cluster_etag)
        return false;
    if (*cluster->lease_token)
        return strcmp(cluster->lease_token, name->token) == 0;
    return cluster->lease_attempt == 0 || cluster->lease_attempt == name->attempt;
}

static bool release_cluster(struct claim *claim, const struct lease_name *name, const char *mark)
{
    return may_hold_cluster(claim, name) &&
           cluster_release_lease(&claim->cluster, name->actuator, claim->manifest.id, mark);
}

int lease_end(struct claim *claim, const struct lease_result *result, const char *mark, int64_t now,
              struct store_operation *ret_write, struct error *error)
{
    struct lease_name name = lease_name_of(claim);
    if (manifest_end_attempt(&claim->manifest, result->outcome, result->usage, result->backoff, now,
                             result->random, error) < 0)
        return -1;
    *ret_write = lease_write_manifest(claim);
    if (!release_cluster(claim, &name, mark))
        return 0;
    if (document_length(result->patches) > 0 &&
        cluster_patch(&claim->cluster, result->patches, result->patchable, error) < 0)
        return error_prefix(error, "the worker's change of the cluster's document");
    *ret_write = store_pair(*ret_write, write_cluster(claim));
    return 0;
}

bool lease_give_back_cluster(struct claim *claim, const struct lease_name *name, const char *mark,
                             struct store_operation *ret_write)
{
    if (!release_cluster(claim, name, mark))
        return false;
    *ret_write = write_cluster(claim);
    return true;
}

bool lease_give_back_any(struct claim *claim, const char *mark, struct store_operation *ret_write)
{
    char owner[UUID_SIZE];
    memcpy(owner, claim->cluster.lease_owner, sizeof(owner));
    if (!cluster_release_lease(&claim->cluster, owner, NULL, mark))
        return false;
    *ret_write = write_cluster(claim);
    return true;
}

void lease_written(struct claim *claim, struct store_operation *write)
{
    bool manifest_first = write->target.container == STORE_MANIFESTS;
    take_etag(manifest_first ? &claim->manifest_etag : &claim->cluster_etag, &write->result.etag);
    if (write->verb == STORE_PAIR)
        take_etag(manifest_first ? &claim->cluster_etag : &claim->manifest_etag,
                  &write->result.second_etag);
}

void lease_forget(struct claim *claim)
{
    free(take_pointer(&claim->manifest_etag));
    free(take_pointer(&claim->cluster_etag));
}
