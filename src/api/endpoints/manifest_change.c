/* SPDX-License-Identifier: Apache-2.0 */
/* Cancelling, stopping and deleting manifests. */
#include "api/endpoints/audit.h"
#include "api/endpoints/handlers.h"
#include "api/endpoints/manifests.h"
#include "mimo/clock.h"
#include "mimo/document.h"

enum { CONFLICT_RETRIES = 5 };

/* Whether one look at the manifest decided the request, or somebody else changed it meanwhile. */
enum attempt { DECIDED, SOMEBODY_WAS_FIRST };

/* What is done to a manifest, and what the answer is when it was. ERROR_DENIED when its state does
 * not allow it. */
struct change {
    int (*apply)(struct manifest *manifest, int64_t now, bool force, struct error *error);
    bool force;
    int status;
};

/* The member that the actuator looks for: a stop travels through the store, for the actuator may be
 * on another machine. */
static const char stop_member[] = "stopRequested";

/* Cancels the manifest, and has its worker stopped. */
static int apply_stop(struct manifest *manifest, int64_t now, bool force, struct error *error)
{
    if (manifest->state != MANIFEST_IN_PROGRESS)
        return error_set(error, ERROR_DENIED,
                         "cannot stop task in state %s; only what is InProgress has a worker%s",
                         manifest_state_name(manifest->state),
                         manifest->state == MANIFEST_PENDING ? ": cancel it" : "");
    if (manifest_cancel(manifest, now, force, error) < 0)
        return -1;
    if (document_set(manifest->document, stop_member, json_true()) < 0)
        return error_set_memory(error);
    return 0;
}

static enum attempt write_changed(struct api *api, struct audit *audit, struct manifest *manifest,
                                  const char *etag, int status, struct answer *answer)
{
    enum attempt attempt = DECIDED;
    struct store_operation write =
        store_replace(STORE_MANIFESTS, etag, manifest_document(manifest));
    if (audit_run(api, audit, &write, status, answer) < 0) {
        /* 503 is in the answer */
    } else if (write.result.status == STORE_DONE) {
        answer_set_view(answer, status, manifest_answer_view(api, manifest));
    } else if (write.result.status == STORE_REFUSED) {
        answer_internal(answer, "cannot write the manifest", &write.result.error);
    } else {
        attempt = SOMEBODY_WAS_FIRST; /* NOT_FOUND too: the next look answers 404 */
    }
    store_release(&write, 1);
    return attempt;
}

/* Reads, changes and writes once. */
static enum attempt try_to_change(struct api *api, struct request *request, struct audit *audit,
                                  const struct change *change, struct answer *answer)
{
    struct store_operation read;
    struct manifest manifest;
    struct error error;
    enum attempt attempt = DECIDED;
    if (manifest_load(api, request, &read, &manifest, answer) == 0) {
        if (change->apply(&manifest, clock_unix_seconds(), change->force, &error) == 0)
            attempt = write_changed(api, audit, &manifest, read.result.items[0].etag,
                                    change->status, answer);
        else if (error.kind == ERROR_DENIED)
            answer_refuse(answer, API_CHANGE_NOT_ALLOWED, NULL, "%s", error.message);
        else
            answer_internal(answer, "cannot change the manifest", &error);
        manifest_free(&manifest);
    }
    store_release(&read, 1);
    return attempt;
}

/* The lease of its cluster stays with the actuator whose worker still runs; that one gives it back.
 */
static void change_manifest(struct api *api, struct request *request, const struct change *change,
                            struct answer *answer)
{
    char resource[MANIFEST_RESOURCE_SIZE];
    struct audit audit =
        audit_begin(request, manifest_resource(resource, request->cluster, request->id));
    enum attempt attempt = SOMEBODY_WAS_FIRST;
    for (int i = 0; i <= CONFLICT_RETRIES && attempt == SOMEBODY_WAS_FIRST; i++)
        attempt = try_to_change(api, request, &audit, change, answer);
    if (attempt == SOMEBODY_WAS_FIRST)
        answer_refuse(answer, API_CONFLICT, NULL,
                      "manifest %s is being changed by others all the time; try again",
                      request->id);
    audit_end(api, &audit, answer->status);
}

void manifest_cancel_request(struct api *api, struct request *request, struct answer *answer)
{
    struct change change = {.apply = manifest_cancel, .status = 200};
    if (request_flag(request, QUERY_FORCE, &change.force, answer) == 0)
        change_manifest(api, request, &change, answer);
}

void manifest_stop(struct api *api, struct request *request, struct answer *answer)
{
    const struct change change = {.apply = apply_stop, .force = true, .status = 202};
    change_manifest(api, request, &change, answer);
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
