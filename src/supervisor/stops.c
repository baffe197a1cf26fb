/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the running attempts are to be stopped. */
#include "supervisor/stops.h"

#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/manifest_state.h"

static bool wants_stop(const struct json_object *document)
{
    const char *cancelled = manifest_state_name(MANIFEST_CANCELLED);
    return document_is_true(document_get(document, "stopRequested")) &&
           strcmp(document_string(document, "maintenanceManifest.state", ""), cancelled) == 0;
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
        watches[i].stop =
            reads[i].result.status == STORE_DONE && wants_stop(reads[i].result.items[0].document);
    store_release(reads, count);
    return status < 0 ? error_prefix(error, "cannot look for attempts to stop") : 0;
}
