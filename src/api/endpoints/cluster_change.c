/* SPDX-License-Identifier: Apache-2.0 */
/* cluster_change.c - registers, changes and removes clusters. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/endpoints/audit.h"
#include "api/endpoints/clusters.h"
#include "api/endpoints/handlers.h"
#include "api/http/body.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/manifest_state.h"

enum { NAMED_MANIFESTS = 5 };

#define PROPERTIES_PATH "openShiftCluster.properties"
#define URL_PATH        "apiserverProfile.url"

static const char *const taken_members[] = {"properties", "kubeconfig", "icm", NULL};

/* Members of a cluster's view, except its properties. */
static const char *const ignored_members[] = {
    "id",         "name",           "type",          "location",    "key",           "bucket",
    "leaseOwner", "leaseOwnerName", "leaseManifest", "leaseExpiry", "hasKubeconfig", "uuid",
    NULL};

/* The request's body. */
struct cluster_request {
    struct json_object *properties; /* borrowed; NULL: leave them as they are */
    char *url;                      /* of the kubeconfig's server; NULL without a kubeconfig */
    char *sealed;
};

static void cleanup_request_function(struct cluster_request *wanted)
{
    free(wanted->url);
    free(wanted->sealed);
}
#define cleanup_cluster_request __attribute__((cleanup(cleanup_request_function)))

/* What the write of a step means for the request. */
enum deed {
    LAST,       /* it is done */
    MARKED,     /* a deletion has begun, and goes on */
    TAKEN_BACK, /* it has ended without success; the answer says why */
};

/* One request, and the new cluster. */
struct changing {
    struct api *api;
    struct request *request;
    const struct cluster_request *wanted; /* NULL: delete it */
    struct answer *answer;
    struct cluster cluster;
    int status; /* of the answer and of the audit entry, if it is written */
    enum deed deed;
};

/* Refuses flags that the operator cannot use, because every manifest that sets them would fail. */
static int check_operator_flags(const struct json_object *properties, struct answer *answer)
{
    struct error error;
    const struct json_object *flags = document_get(properties, "operatorFlags");
    if (!flags || cluster_check_operator_flags(flags, &error) == 0)
        return 0;
    return answer_refuse(answer, API_INVALID_PARAMETER, "properties.operatorFlags", "%s",
                         error.message);
}

static int read_body(struct api *api, struct json_object *body, struct cluster_request *wanted,
                     struct answer *answer)
{
    const struct json_object *kubeconfig = document_get(body, "kubeconfig");
    wanted->properties = document_get(body, "properties");
    if (body_check_members(body, taken_members, ignored_members, answer) < 0)
        return -1;
    if (wanted->properties && !document_is_object(wanted->properties))
        return answer_refuse(answer, API_INVALID_PARAMETER, "properties",
                             "member \"properties\" must be an object");
    if (wanted->properties && document_get(wanted->properties, "apiserverProfile") &&
        !document_is_object(document_get(wanted->properties, "apiserverProfile")))
        return answer_refuse(answer, API_INVALID_PARAMETER, "properties.apiserverProfile",
                             "member \"properties.apiserverProfile\" must be an object");
    if (check_operator_flags(wanted->properties, answer) < 0)
        return -1;
    if (!kubeconfig)
        return 0;
    if (!document_is_string(kubeconfig))
        return answer_refuse(answer, API_INVALID_PARAMETER, "kubeconfig",
                             "member \"kubeconfig\" must be the text of a kubeconfig");
    return cluster_seal_kubeconfig(
        api->config->clusters_seal_certificate, document_text(kubeconfig),
        json_object_get_string_len(kubeconfig), &wanted->url, &wanted->sealed, answer);
}

static enum change_verdict decide_create(struct changing *changing, struct store_change *step)
{
    const struct cluster_request *wanted = changing->wanted;
    struct error error;
    cleanup_json struct json_object *properties =
        wanted->properties ? document_copy(wanted->properties) : json_object_new_object();
    if (!properties ||
        (wanted->url && document_set_string(properties, URL_PATH, wanted->url) < 0)) {
        answer_no_memory(changing->answer);
        return CHANGE_LEAVE;
    }
    if (cluster_create(&changing->cluster, changing->request->resource_id, properties,
                       wanted->sealed, &error) < 0) {
        answer_error(changing->answer,
                     error.kind == ERROR_TOO_LARGE ? API_TOO_LARGE : API_INVALID_PARAMETER,
                     "properties", &error);
        return CHANGE_LEAVE;
    }
    changing->status = 201;
    step->write = store_create(STORE_CLUSTERS, cluster_document(&changing->cluster));
    return CHANGE_WRITE;
}

/* Applies the request to the stored document. The URL belongs to the kubeconfig, so it changes only
 * together with it. */
static int change_document(struct json_object *document, const struct cluster_request *wanted)
{
    char *old_url = NULL;
    int result = 0;
    bool is_sealed = document_get(document, "sealedKubeconfig") != NULL;
    const char *stored_url = document_string(document, PROPERTIES_PATH "." URL_PATH, NULL);
    if (is_sealed && stored_url && !(old_url = strdup(stored_url)))
        return -1;
    if (wanted->properties) {
        result |= document_set(document, PROPERTIES_PATH, document_copy(wanted->properties));
        cluster_forget_removal(document);
    }
    if (wanted->sealed)
        result |= document_set_string(document, "sealedKubeconfig", wanted->sealed);
    const char *url = wanted->url ? wanted->url : old_url;
    if (url)
        result |= document_set_string(document, PROPERTIES_PATH "." URL_PATH, url);
    free(old_url);
    return result;
}

static int refuse_leased(const struct cluster *cluster, struct answer *answer)
{
    return answer_refuse(answer, API_CONFLICT, API_TARGET_RUNNING,
                         "the worker of manifest %s is running on the cluster; wait until it has "
                         "ended, or stop the manifest",
                         cluster->lease_manifest);
}

/* Reads the stored cluster, unless it is gone or an attempt runs on it. */
static int take_idle_cluster(const struct request *request, const struct store_operation *read,
                             struct cluster *ret_cluster, struct answer *answer)
{
    struct error error;
    if (read->result.status != STORE_DONE)
        return answer_refuse(answer, API_NOT_FOUND, NULL, "cluster not found: %s",
                             request->cluster);
    if (cluster_read(ret_cluster, read->result.items[0].document, &error) < 0)
        return answer_unreadable(answer, "cluster", request->cluster, &error);
    if (cluster_is_leased(ret_cluster, clock_unix_seconds())) {
        refuse_leased(ret_cluster, answer);
        cluster_free(ret_cluster);
        return -1;
    }
    return 0;
}

static enum change_verdict decide_update(struct changing *changing, struct store_change *step)
{
    const struct store_operation *read = &step->reads[0];
    struct answer *answer = changing->answer;
    struct cluster before;
    struct error error;
    if (take_idle_cluster(changing->request, read, &before, answer) < 0)
        return CHANGE_LEAVE;
    enum change_verdict verdict = CHANGE_LEAVE;
    if (change_document(before.document, changing->wanted) < 0) {
        answer_refuse(answer, API_INTERNAL, NULL,
                      "cannot set %s in the stored document: a member on the path is not an object",
                      PROPERTIES_PATH "." URL_PATH);
    } else if (cluster_read(&changing->cluster, before.document, &error) < 0) {
        answer_error(answer, API_INVALID_PARAMETER, "properties", &error);
    } else {
        changing->status = 200;
        step->write = store_replace(STORE_CLUSTERS, read->result.items[0].etag,
                                    cluster_document(&changing->cluster));
        verdict = CHANGE_WRITE;
    }
    cluster_free(&before);
    return verdict;
}

static enum change_verdict decide_put(struct store_change *step)
{
    struct changing *changing = step->context;
    const struct store_result *found = &step->reads[0].result;
    cluster_free(&changing->cluster);
    if (found->status == STORE_DONE)
        return decide_update(changing, step);
    if (found->status == STORE_NOT_FOUND)
        return decide_create(changing, step);
    answer_internal(changing->answer, "cannot read the cluster", &found->error);
    return CHANGE_LEAVE;
}

static void refuse_contended(struct changing *changing)
{
    answer_refuse(changing->answer, API_CONFLICT, NULL,
                  "other requests changed cluster %s in each of %d tries; try again",
                  changing->request->cluster, STORE_CHANGE_TRIES);
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
        if (changing->deed == MARKED)
            refuse_contended(changing);
        else if (changing->deed == TAKEN_BACK)
            break;
        else if (changing->wanted)
            answer_set_view(answer, changing->status,
                            cluster_answer_view(changing->api, &changing->cluster));
        else
            answer_set(answer, changing->status, NULL);
        break;
    case CHANGE_REFUSED:
        answer_error(answer, API_TOO_LARGE, NULL, &step->error);
        break;
    case CHANGE_CONTENDED:
        refuse_contended(changing);
        break;
    }
}

static void change_cluster(struct changing *changing,
                           enum change_verdict (*decide)(struct store_change *step))
{
    char subscription[UUID_SIZE];
    struct audit audit = audit_begin(changing->request, changing->request->cluster);
    struct store_change step = {
        .reads = {cluster_read_operation(changing->request, subscription)},
        .read_count = 1,
        .decide = decide,
        .context = changing,
    };
    int result;
    int rounds = 0;
    do {
        store_change_release(&step);
        result = audit_change(changing->api, &audit, &step, &changing->status, changing->answer);
    } while (result == 0 && step.end == CHANGE_DONE && changing->deed == MARKED &&
             ++rounds < STORE_CHANGE_TRIES);
    if (result == 0)
        answer_end(changing, &step);
    cluster_free(&changing->cluster);
    store_change_release(&step);
    audit_end(changing->api, &audit, changing->answer->status);
}

void cluster_put(struct api *api, struct request *request, struct answer *answer)
{
    cleanup_cluster_request struct cluster_request wanted = {0};
    struct changing changing = {
        .api = api, .request = request, .wanted = &wanted, .answer = answer};
    if (read_body(api, request->body, &wanted, answer) == 0)
        change_cluster(&changing, decide_put);
}

/* 409 with the open manifests of the cluster, if there are any. */
static int check_no_open_manifests(struct api *api, const struct request *request,
                                   struct answer *answer)
{
    struct error error;
    struct store_query query = {.kind = STORE_QUERY_MANIFESTS,
                                .cluster = request->cluster,
                                .states = MANIFEST_STATES_OPEN,
                                .limit = NAMED_MANIFESTS};
    struct store_operation operation = store_query(&query);
    int result = 0;
    if (store_run(api->store, &operation, 1, &error) < 0) {
        result = answer_store_unavailable(answer, &error);
    } else if (operation.result.count > 0) {
        char names[NAMED_MANIFESTS * (UUID_SIZE + 2)] = "";
        for (size_t i = 0; i < operation.result.count; i++) {
            size_t used = strlen(names);
            snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "",
                     document_string(operation.result.items[i].document, "id", "?"));
        }
        result = answer_refuse(answer, API_CONFLICT, NULL,
                               "the cluster has open manifests; cancel or delete them first: %s%s",
                               names, operation.result.continuation ? ", ..." : "");
    }
    store_release(&operation, 1);
    return result;
}

/* The deletion may not go on. Takes the mark back if a deletion has set it; the refusal stays in the
 * answer. */
static enum change_verdict take_back(struct changing *changing, struct store_change *step,
                                     const char *etag)
{
    if (!cluster_unmark_deleting(&changing->cluster))
        return CHANGE_LEAVE;
    changing->deed = TAKEN_BACK;
    changing->status = changing->answer->status;
    step->write = store_replace(STORE_CLUSTERS, etag, cluster_document(&changing->cluster));
    return CHANGE_WRITE;
}

/* Decides on one step of a deletion by the document alone, so a deletion that a crash has interrupted
 * is completed or taken back by the next one. No transaction spans a cluster and its manifests:
 * the cluster is marked first, and what counts are the open manifests that are found after that. See
 * manifest_create.c for the other side. */
static enum change_verdict decide_delete(struct store_change *step)
{
    struct changing *changing = step->context;
    const struct store_operation *read = &step->reads[0];
    struct error error;
    cluster_free(&changing->cluster);
    changing->deed = LAST;
    if (take_idle_cluster(changing->request, read, &changing->cluster, changing->answer) < 0)
        return CHANGE_LEAVE;
    const char *etag = read->result.items[0].etag;
    if (check_no_open_manifests(changing->api, changing->request, changing->answer) < 0)
        return take_back(changing, step, etag);
    changing->status = 204;
    if (cluster_is_deleting(changing->cluster.document)) {
        step->write =
            store_delete(STORE_CLUSTERS, read->target.partition, changing->request->cluster, etag);
        return CHANGE_WRITE;
    }
    if (cluster_mark_deleting(&changing->cluster, &error) < 0) {
        answer_no_memory(changing->answer);
        return CHANGE_LEAVE;
    }
    step->write = store_replace(STORE_CLUSTERS, etag, cluster_document(&changing->cluster));
    changing->deed = MARKED;
    return CHANGE_WRITE;
}

void cluster_delete(struct api *api, struct request *request, struct answer *answer)
{
    struct changing changing = {.api = api, .request = request, .answer = answer};
    change_cluster(&changing, decide_delete);
}
