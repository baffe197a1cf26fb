/* SPDX-License-Identifier: Apache-2.0 */
/* Cancelling and deleting manifests. */
#include "api/audit.h"
#include "api/handlers.h"
#include "api/manifests.h"
#include "mimo/clock.h"

enum { CONFLICT_RETRIES = 5 };

/* Whether one look at the manifest decided the request, or somebody else changed it meanwhile. */
enum attempt { DECIDED, SOMEBODY_WAS_FIRST };

/* Writes the cancelled manifest. */
static enum attempt write_cancelled(struct api *api, struct audit *audit, struct manifest *manifest,
                                    const char *etag, struct answer *answer)
{
    enum attempt attempt = DECIDED;
    struct store_operation write =
        store_replace(STORE_MANIFESTS, etag, manifest_document(manifest));
    if (audit_run(api, audit, &write, 200, answer) < 0) {
        /* 503 is in the answer */
    } else if (write.result.status == STORE_DONE) {
        answer_set_view(answer, 200, manifest_answer_view(api, manifest));
    } else if (write.result.status == STORE_REFUSED) {
        answer_internal(answer, "cannot write the manifest", &write.result.error);
    } else {
        attempt = SOMEBODY_WAS_FIRST; /* NOT_FOUND too: the next look answers 404 */
    }
    store_release(&write, 1);
    return attempt;
}

/* Reads, changes and writes once. */
static enum attempt try_to_cancel(struct api *api, struct request *request, struct audit *audit,
                                  bool force, struct answer *answer)
{
    struct store_operation read;
    struct manifest manifest;
    struct error error;
    enum attempt attempt = DECIDED;
    if (manifest_load(api, request, &read, &manifest, answer) == 0) {
        if (manifest_cancel(&manifest, clock_unix_seconds(), force, &error) < 0)
            answer_refuse(answer, API_CHANGE_NOT_ALLOWED, NULL, "%s", error.message);
        else
            attempt = write_cancelled(api, audit, &manifest, read.result.items[0].etag, answer);
        manifest_free(&manifest);
    }
    store_release(&read, 1);
    return attempt;
}

/* The lease of its cluster stays with the actuator whose worker still runs; that one gives it back.
 */
void manifest_cancel_request(struct api *api, struct request *request, struct answer *answer)
{
    bool force;
    char resource[MANIFEST_RESOURCE_SIZE];
    if (request_flag(request, QUERY_FORCE, &force, answer) < 0)
        return;
    struct audit audit =
        audit_begin(request, manifest_resource(resource, request->cluster, request->id));
    enum attempt attempt = SOMEBODY_WAS_FIRST;
    for (int i = 0; i <= CONFLICT_RETRIES && attempt == SOMEBODY_WAS_FIRST; i++)
        attempt = try_to_cancel(api, request, &audit, force, answer);
    if (attempt == SOMEBODY_WAS_FIRST)
        answer_refuse(answer, API_CONFLICT, NULL,
                      "manifest %s is being changed by others all the time; try again",
                      request->id);
    audit_end(api, &audit, answer->status);
}

/* Deletes what is there, in whatever state: a worker that still runs finds its manifest gone and
 * drops its result. */
static void delete_found(struct api *api, struct request *request, struct answer *answer)
{
    char resource[MANIFEST_RESOURCE_SIZE];
    struct audit audit =
        audit_begin(request, manifest_resource(resource, request->cluster, request->id));
    struct store_operation operation =
        store_delete(STORE_MANIFESTS, request->cluster, request->id, NULL);
    if (audit_run(api, &audit, &operation, 204, answer) < 0) {
        /* 503 is in the answer */
    } else if (operation.result.status == STORE_DONE) {
        answer_set(answer, 204, NULL);
    } else {
        answer_refuse(answer, API_NOT_FOUND, NULL, "manifest not found: %s", request->id);
    }
    store_release(&operation, 1);
    audit_end(api, &audit, answer->status);
}

void manifest_delete(struct api *api, struct request *request, struct answer *answer)
{
    struct error error;
    struct store_operation read = store_get(STORE_MANIFESTS, request->cluster, request->id);
    if (store_run(api->store, &read, 1, &error) < 0)
        answer_store_unavailable(answer, &error);
    else if (read.result.status != STORE_DONE)
        answer_refuse(answer, API_NOT_FOUND, NULL, "manifest not found: %s", request->id);
    else
        delete_found(api, request, answer);
    store_release(&read, 1);
}
