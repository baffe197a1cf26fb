/* SPDX-License-Identifier: Apache-2.0 */
/* manifest_change.c - cancels, stops and deletes manifests. */
#include <stdio.h>

#include "api/endpoints/audit.h"
#include "api/endpoints/clusters.h"
#include "api/endpoints/handlers.h"
#include "api/endpoints/manifests.h"
#include "api/endpoints/running.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"

/* The write to the store. */
enum deed { REPLACE, DELETE, NOTHING };

/* A kind of change of a manifest. */
struct change {
    /* Decides on what was read: changes the manifest (REPLACE, unless *ret_deed is set to another).
     * ERROR_DENIED when its state forbids it, ERROR_CONFLICT when its worker does. */
    int (*apply)(struct manifest *manifest, const struct running *running, bool force,
                 enum deed *ret_deed, struct error *error);
    bool force;
    int status; /* of the answer, unless the manifest was deleted */
};

/* One request, with the manifest and the lease of its cluster as read last. */
struct changing {
    struct api *api;
    struct request *request;
    const struct change *change;
    struct answer *answer;
    struct manifest manifest;
    struct running running;
    enum deed deed;
    int status; /* of the answer and of the audit entry, if it is written */
};

static int apply_cancel(struct manifest *manifest, const struct running *running, bool force,
                        enum deed *ret_deed, struct error *error)
{
    (void)running, (void)ret_deed;
    return manifest_cancel(manifest, clock_unix_seconds(), force, error);
}

/* A stop goes through the store, because the actuator may be on another machine. It ends the worker
 * in any state of the manifest; a manifest that is InProgress becomes Cancelled. */
static int apply_stop(struct manifest *manifest, const struct running *running, bool force,
                      enum deed *ret_deed, struct error *error)
{
    (void)force;
    const bool in_progress = manifest->state == MANIFEST_IN_PROGRESS;
    if (!in_progress && !running->runs)
        return error_set(error, ERROR_DENIED,
                         "cannot stop task in state %s: it has no running worker%s",
                         manifest_state_name(manifest->state),
                         manifest->state == MANIFEST_PENDING ? "; cancel it" : "");
    if (!in_progress && document_is_true(document_get(manifest->document, RUNNING_STOP_MEMBER))) {
        *ret_deed = NOTHING; /* requested before */
        return 0;
    }
    if (manifest_stop_attempt(manifest, clock_unix_seconds(), error) < 0)
        return -1;
    if (document_set(manifest->document, RUNNING_STOP_MEMBER, json_object_new_boolean(true)) < 0)
        return error_set_memory(error);
    return 0;
}

/* Refused while the worker runs, because it could no longer be stopped without its manifest. */
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
            "delete it when it has ended, or delete it with force=true, which stops it first",
            manifest->id, manifest_state_name(manifest->state));
    return apply_stop(manifest, running, true, ret_deed, error);
}

/* 404 and 500 are in the answer after -1. */
static int take_found(struct changing *changing, struct store_operation *reads)
{
    const struct request *request = changing->request;
    struct answer *answer = changing->answer;
    struct error error;
    manifest_free(&changing->manifest);
    if (reads[0].result.status != STORE_DONE)
        return answer_refuse(answer, API_NOT_FOUND, NULL, "manifest not found: %s", request->id);
    if (manifest_read(&changing->manifest, reads[0].result.items[0].document, &error) < 0)
        return answer_unreadable(answer, "manifest", request->id, &error);
    const struct store_result *cluster = &reads[1].result;
    changing->running =
        running_find(cluster->status == STORE_DONE ? cluster->items[0].document : NULL,
                     &changing->manifest, clock_unix_seconds());
    return 0;
}

/* Answers with the changed manifest, and the worker that still runs. */
static void answer_changed(struct changing *changing)
{
    struct api *api = changing->api;
    struct json_object *view = manifest_answer_view(api, &changing->manifest);
    changing->running.stopping =
        document_is_true(document_get(changing->manifest.document, RUNNING_STOP_MEMBER));
    if (view && changing->running.runs &&
        document_add(view, "running", running_view(api, &changing->running)) < 0) {
        json_object_put(view);
        view = NULL;
    }
    answer_set_view(changing->answer, changing->status, view);
}

static void refuse_change(struct answer *answer, const struct error *error)
{
    if (error->kind == ERROR_DENIED)
        answer_refuse(answer, API_CHANGE_NOT_ALLOWED, NULL, "%s", error->message);
    else if (error->kind == ERROR_CONFLICT)
        answer_refuse(answer, API_CONFLICT, API_TARGET_RUNNING, "%s", error->message);
    else
        answer_internal(answer, "cannot change the manifest", error);
}

static enum change_verdict decide(struct store_change *step)
{
    struct changing *changing = step->context;
    struct manifest *manifest = &changing->manifest;
    struct error error;
    if (take_found(changing, step->reads) < 0)
        return CHANGE_LEAVE;
    const char *etag = step->reads[0].result.items[0].etag;
    changing->deed = REPLACE;
    changing->status = changing->change->status;
    if (changing->change->apply(manifest, &changing->running, changing->change->force,
                                &changing->deed, &error) < 0) {
        refuse_change(changing->answer, &error);
        return CHANGE_LEAVE;
    }
    switch (changing->deed) {
    case NOTHING:
        answer_changed(changing);
        return CHANGE_LEAVE;
    case DELETE:
        changing->status = 204;
        step->write = store_delete(STORE_MANIFESTS, manifest->cluster, manifest->id, etag);
        break;
    case REPLACE:
        step->write = store_replace(STORE_MANIFESTS, etag, manifest_document(manifest));
        break;
    }
    return CHANGE_WRITE;
}

/* Answers by the result of the change, unless the callback or the audit trail has answered. */
static void answer_end(struct changing *changing, const struct store_change *step)
{
    struct answer *answer = changing->answer;
    switch (step->end) {
    case CHANGE_OPEN:
    case CHANGE_LEFT:
        break;
    case CHANGE_DONE:
        if (changing->deed == DELETE)
            answer_set(answer, 204, NULL);
        else
            answer_changed(changing);
        break;
    case CHANGE_REFUSED:
        answer_internal(answer, "cannot write the manifest", &step->error);
        break;
    case CHANGE_CONTENDED:
        answer_refuse(answer, API_CONFLICT, NULL,
                      "other requests changed manifest %s in each of %d tries; try again",
                      changing->request->id, STORE_CHANGE_TRIES);
        break;
    }
}

/* The cluster of a manifest that is named by its ID alone. It need not be in the inventory. */
static int find_cluster(struct api *api, struct request *request, struct answer *answer)
{
    struct store_query query = {.kind = STORE_QUERY_MANIFEST_BY_ID, .id = request->id, .limit = 1};
    struct store_operation find = store_query(&query);
    struct error error;
    int result = 0;
    find.as_text = true; /* a damaged one is found, too, and refused later */
    if (request->cluster[0])
        return 0;
    if (store_run(api->store, &find, 1, &error) < 0)
        return answer_store_unavailable(answer, &error);
    if (find.result.count == 0) {
        result = answer_refuse(answer, API_NOT_FOUND, NULL, "manifest not found: %s", request->id);
    } else {
        const struct store_item *item = &find.result.items[0];
        cleanup_json struct json_object *document =
            document_parse(item->text, item->length, &error);
        snprintf(request->cluster, sizeof(request->cluster), "%s",
                 document_string(document, "clusterResourceID", ""));
    }
    store_release(&find, 1);
    return result;
}

static void change_manifest(struct api *api, struct request *request, const struct change *change,
                            struct answer *answer)
{
    char resource[MANIFEST_RESOURCE_SIZE];
    char subscription[UUID_SIZE];
    if (find_cluster(api, request, answer) < 0)
        return;
    struct audit audit =
        audit_begin(request, manifest_resource(resource, request->cluster, request->id));
    struct changing changing = {.api = api, .request = request, .change = change, .answer = answer};
    struct store_change step = {
        .reads = {store_get(STORE_MANIFESTS, request->cluster, request->id),
                  cluster_read_operation(request, subscription)},
        .read_count = 2,
        .decide = decide,
        .context = &changing,
    };
    if (audit_change(api, &audit, &step, &changing.status, answer) == 0)
        answer_end(&changing, &step);
    manifest_free(&changing.manifest);
    store_change_release(&step);
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
