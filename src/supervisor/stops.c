/* SPDX-License-Identifier: Apache-2.0 */
/* stops.c - which of the running attempts must be stopped. */
#include "supervisor/stops.h"

#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/manifest_state.h"

enum { READS = 2 }; /* for each attempt: its manifest, its cluster */

/* Why the attempt must be stopped, or NULL. */
static const char *find_reason(const struct stop_watch *watch, const struct json_object *document)
{
    const char *state = document_string(document, "maintenanceManifest.state", "");
    if (strcmp(state, manifest_state_name(MANIFEST_CANCELLED)) == 0)
        return document_is_true(document_get(document, "stopRequested")) ? "by an operator" : NULL;
    if (strcmp(document_string(document, "claimToken", ""), watch->claim_token) != 0)
        return "because its claim is no longer in the store";
    return NULL;
}

/* A document that cannot be read says nothing. */
static const char *judge_manifest(const struct stop_watch *watch, const struct store_result *found)
{
    if (found->status == STORE_DONE)
        return find_reason(watch, found->items[0].document);
    return found->status == STORE_NOT_FOUND ? "because its manifest was deleted" : NULL;
}

/* A cluster that went back to an earlier state is free for others, whatever the manifest says. */
static const char *judge_cluster(const struct stop_watch *watch, const struct store_result *found)
{
    if (found->status != STORE_DONE ||
        strcmp(document_string(found->items[0].document, "leaseToken", ""), watch->claim_token) ==
            0)
        return NULL;
    return "because its cluster is no longer leased to it";
}

static void judge(struct stop_watch *watch, const struct store_operation reads[READS])
{
    watch->reason = judge_manifest(watch, &reads[0].result);
    if (!watch->reason)
        watch->reason = judge_cluster(watch, &reads[1].result);
    watch->stop = watch->reason != NULL;
}

int stops_find(struct store *store, struct stop_watch *watches, size_t count, struct error *error)
{
    if (count == 0)
        return 0;
    cleanup_free struct store_operation *reads = calloc(READS * count, sizeof(*reads));
    if (!reads)
        return error_set(error, ERROR_MEMORY, "out of memory while looking after %zu workers",
                         count);
    for (size_t i = 0; i < count; i++) {
        reads[READS * i] = store_get(STORE_MANIFESTS, watches[i].cluster, watches[i].manifest_id);
        reads[READS * i + 1] = store_get(STORE_CLUSTERS, NULL, watches[i].cluster);
    }
    int status = store_run(store, reads, READS * count, error);
    for (size_t i = 0; status == 0 && i < count; i++)
        judge(&watches[i], &reads[READS * i]);
    store_release(reads, READS * count);
    return status < 0 ? error_prefix(error, "cannot look for attempts to stop") : 0;
}
