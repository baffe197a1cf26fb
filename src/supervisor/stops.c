/* SPDX-License-Identifier: Apache-2.0 */
/* stops.c - which of the running attempts must be stopped. */
#include "supervisor/stops.h"

#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/manifest_state.h"

/* Why the attempt must be stopped, or NULL. */
static const char *find_reason(const struct stop_watch *watch, const struct json_object *document)
{
    const char *state = document_string(document, "maintenanceManifest.state", "");
    if (strcmp(state, manifest_state_name(MANIFEST_CANCELLED)) == 0)
        return document_is_true(document_get(document, "stopRequested")) ? "as an operator asked"
                                                                         : NULL;
    if (strcmp(document_string(document, "claimToken", ""), watch->claim_token) != 0)
        return "because its claim is no longer in the store";
    return NULL;
}

static void judge(struct stop_watch *watch, const struct store_result *found)
{
    watch->reason = NULL;
    switch (found->status) {
    case STORE_DONE:
        watch->reason = find_reason(watch, found->items[0].document);
        break;
    case STORE_NOT_FOUND:
        watch->reason = "because its manifest was deleted";
        break;
    case STORE_NOT_RUN:
    case STORE_CONFLICT:
    case STORE_REFUSED: /* a document that cannot be read says nothing */
        break;
    }
    watch->stop = watch->reason != NULL;
}

int stops_find(struct store *store, struct stop_watch *watches, size_t count, struct error *error)
{
    if (count == 0)
        return 0;
    cleanup_free struct store_operation *reads = calloc(count, sizeof(*reads));
    if (!reads)
        return error_set(error, ERROR_MEMORY, "out of memory while looking after %zu workers",
                         count);
    for (size_t i = 0; i < count; i++)
        reads[i] = store_get(STORE_MANIFESTS, watches[i].cluster, watches[i].manifest_id);
    int status = store_run(store, reads, count, error);
    for (size_t i = 0; status == 0 && i < count; i++)
        judge(&watches[i], &reads[i].result);
    store_release(reads, count);
    return status < 0 ? error_prefix(error, "cannot look for attempts to stop") : 0;
}
