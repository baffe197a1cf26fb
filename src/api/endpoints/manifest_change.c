/* SPDX-License-Identifier: Apache-2.0 */
/* Cancelling, stopping and deleting manifests. */
#include "api/endpoints/audit.h"
#include "api/endpoints/clusters.h"
#include "api/endpoints/handlers.h"
#include "api/endpoints/manifests.h"
#include "api/endpoints/running.h"
#include "mimo/clock.h"
#include "mimo/document.h"

enum { CONFLICT_RETRIES = 5 };

/* Whether one look at the manifest decided the request, or somebody else changed it meanwhile. */
enum attempt { DECIDED, SOMEBODY_WAS_FIRST };

/* What is to be done in the store. */
enum deed { REPLACE, DELETE, NOTHING };

/* What is done to a manifest. */
struct change {
    /* Decides on what was read: changes the manifest (REPLACE, unless *ret_deed is set to another).
     * ERROR_DENIED when its state forbids it, ERROR_CONFLICT when its worker does. */
    int (*apply)(struct manifest *manifest, const struct running *running, bool force,
                 enum deed *ret_deed, struct error *error);
    bool force;
    int status; /* of the answer, unless the manifest was deleted */
};

/* A manifest with what the lease of its cluster says. */
struct found {
    struct store_operation reads[2]; /* manifest, cluster */
    char subscription[UUID_SIZE];
    struct manifest manifest;
    struct running running;
};

static int apply_cancel(struct manifest *manifest, const struct running *running, bool force,
                        enum deed *ret_deed, struct error *error)
{
    (void)running, (void)ret_deed;
    return manifest_cancel(manifest, clock_unix_seconds(), force, error);
}

/* A stop travels through the store, because the actuator may be on another machine. Whatever the
 * manifest's state is, its worker ends; one that is InProgress becomes Cancelled. */
static int apply_stop(struct manifest *manifest, const struct running *running, bool force,
                      enum deed *ret_deed, struct error *error)
{
    (void)force;
    const bool in_progress = manifest->state == MANIFEST_IN_PROGRESS;
    if (!in_progress && !running->runs)
        return error_set(error, ERROR_DENIED,
                         "cannot stop task in state %s: it has no worker that runs%s",
                         manifest_state_name(manifest->state),
                         manifest->state == MANIFEST_PENDING ? "; cancel it" : "");
    if (!in_progress && document_is_true(document_get(manifest->document, RUNNING_STOP_MEMBER))) {
        *ret_deed = NOTHING; /* it was asked before */
        return 0;
    }
    if (in_progress) {
        if (manifest_cancel(manifest, clock_unix_seconds(), true, error) < 0)
            return -1;
        manifest_set_status_text(manifest, "stopped by an operator: its worker is asked to end, "
                                           "and killed if it does not within 10 s");
    }
    if (document_set(manifest->document, RUNNING_STOP_MEMBER, json_object_new_boolean(true)) < 0)
        return error_set_memory(error);
    return 0;
}

/* A worker whose manifest is gone could not be stopped any more. */
static int apply_delete(struct manifest *manifest, const struct running *running, bool force,
                        enum deed *ret_deed, struct error *error)
{
    if (manifest->state != MANIFEST_IN_PROGRESS && !running->runs) {
        *ret_deed = DELETE;
        return 0;
    }
    if (!force)
        return error_set(
            error, ERROR_CONFLICT,
            "manifest %s is %s and its worker still runs: stop it (POST .../stop) and "
            "delete it when it has ended, or delete it with force=true, which stops it "
            "first",
            manifest->id, manifest_state_name(manifest->state));
    return apply_stop(manifest, running, true, ret_deed, error);
}

/* 404 and 503 are in the answer after -1; nothing has to be released then. */
static int find(struct api *api, const struct request *request, struct found *found,
                struct answer *answer)
{
    struct error error;
    found->reads[0] = store_get(STORE_MANIFESTS, request->cluster, request->id);
    found->reads[1] = cluster_read_operation(request, found->subscription);
    int result = -1;
    if (store_run(api->store, found->reads, 2, &error) < 0)
        answer_store_unavailable(answer, &error);
    else if (found->reads[0].result.status != STORE_DONE)
        answer_refuse(answer, API_NOT_FOUND, NULL, "manifest not found: %s", request->id);
    else if (manifest_read(&found->manifest, found->reads[0].result.items[0].document, &error) < 0)
        answer_unreadable(answer, "manifest", request->id, &error);
    else
        result = 0;
    if (result < 0) {
        store_release(found->reads, 2);
        return -1;
    }
    const struct store_result *cluster = &found->reads[1].result;
    found->running = running_find(cluster->status == STORE_DONE ? cluster->items[0].document : NULL,
                                  &found->manifest, clock_unix_seconds());
    return 0;
}

static void found_release(struct found *found)
{
    manifest_free(&found->manifest);
    store_release(found->reads, 2);
}

/* The changed manifest, with the worker that still runs. */
static void answer_changed(struct api *api, struct found *found, int status, struct answer *answer)
{
    struct json_object *view = manifest_answer_view(api, &found->manifest);
    found->running.stopping =
        document_is_true(document_get(found->manifest.document, RUNNING_STOP_MEMBER));
    if (view && found->running.runs &&
        document_add(view, "running", running_view(api, &found->running)) < 0) {
        json_object_put(view);
        view = NULL;
    }
    answer_set_view(answer, status, view);
}

static enum attempt write_changed(struct api *api, struct audit *audit, struct found *found,
                                  enum deed deed, int status, struct answer *answer)
{
    struct manifest *manifest = &found->manifest;
    const char *etag = found->reads[0].result.items[0].etag;
    enum attempt attempt = DECIDED;
    const bool delete = deed == DELETE;
    if (deed == NOTHING) {
        answer_changed(api, found, status, answer);
        return DECIDED;
    }
    struct store_operation write =
        delete ? store_delete(STORE_MANIFESTS, manifest->cluster, manifest->id, etag)
               : store_replace(STORE_MANIFESTS, etag, manifest_document(manifest));
    if (audit_run(api, audit, &write, delete ? 204 : status, answer) < 0) {
        /* 503 is in the answer */
    } else if (write.result.status == STORE_REFUSED) {
        answer_internal(answer, "cannot write the manifest", &write.result.error);
    } else if (write.result.status != STORE_DONE) {
        attempt = SOMEBODY_WAS_FIRST; /* NOT_FOUND too: the next look answers 404 */
    } else if (delete) {
        answer_set(answer, 204, NULL);
    } else {
        answer_changed(api, found, status, answer);
    }
    store_release(&write, 1);
    return attempt;
}

/* Reads, decides and writes once. */
static enum attempt try_to_change(struct api *api, struct request *request, struct audit *audit,
                                  const struct change *change, struct answer *answer)
{
    struct found found;
    struct error error;
    enum deed deed = REPLACE;
    enum attempt attempt = DECIDED;
    if (find(api, request, &found, answer) < 0)
        return DECIDED;
    if (change->apply(&found.manifest, &found.running, change->force, &deed, &error) == 0)
        attempt = write_changed(api, audit, &found, deed, change->status, answer);
    else if (error.kind == ERROR_DENIED)
        answer_refuse(answer, API_CHANGE_NOT_ALLOWED, NULL, "%s", error.message);
    else if (error.kind == ERROR_CONFLICT)
        answer_refuse(answer, API_CONFLICT, NULL, "%s", error.message);
    else
        answer_internal(answer, "cannot change the manifest", &error);
    found_release(&found);
    return attempt;
}

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
                      "manifest %s was changed by others %d times meanwhile; try again",
                      request->id, CONFLICT_RETRIES + 1);
    audit_end(api, &audit, answer->status);
}

void manifest_cancel_request(struct api *api, struct request *request, struct answer *answer)
{
    struct change change = {.apply = apply_cancel, .status = 200};
    if (request_flag(request, QUERY_FORCE, &change.force, answer) == 0)
        change_manifest(api, request, &change, answer);
}

void manifest_stop(struct api *api, struct request *request, struct answer *answer)
{
    const struct change change = {.apply = apply_stop, .status = 202};
    change_manifest(api, request, &change, answer);
}

void manifest_delete(struct api *api, struct request *request, struct answer *answer)
{
    struct change change = {.apply = apply_delete, .status = 202};
    if (request_flag(request, QUERY_FORCE, &change.force, answer) == 0)
        change_manifest(api, request, &change, answer);
}
