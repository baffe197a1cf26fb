/* SPDX-License-Identifier: Apache-2.0 */
/* Registering, changing and removing clusters. */
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

enum { CONFLICT_RETRIES = 5, NAMED_MANIFESTS = 5 };

#define PROPERTIES_PATH "openShiftCluster.properties"
#define URL_PATH        "apiserverProfile.url"

static const char *const taken_members[] = {"properties", "kubeconfig", "icm", NULL};

/* What a cluster's view contains beside its properties. */
static const char *const ignored_members[] = {
    "id",         "name",           "type",          "location",    "key",           "bucket",
    "leaseOwner", "leaseOwnerName", "leaseManifest", "leaseExpiry", "hasKubeconfig", "uuid",
    NULL};

/* What the body asks for. */
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

enum attempt { DECIDED, SOMEBODY_WAS_FIRST };

/* Flags that the operator cannot take are refused here, not by each manifest that sets them. */
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

/* Writes the changed document, or the new one. */
static enum attempt write_cluster(struct api *api, struct audit *audit, struct cluster *cluster,
                                  struct store_operation *write, int status, struct answer *answer)
{
    enum attempt attempt = DECIDED;
    if (audit_run(api, audit, write, status, answer) < 0) {
        /* 503 is in the answer */
    } else if (write->result.status == STORE_DONE) {
        answer_set_view(answer, status, cluster_answer_view(api, cluster));
    } else if (write->result.status == STORE_REFUSED) {
        answer_error(answer, API_TOO_LARGE, NULL, &write->result.error);
    } else {
        attempt = SOMEBODY_WAS_FIRST;
    }
    store_release(write, 1);
    return attempt;
}

static enum attempt create_cluster(struct api *api, struct request *request, struct audit *audit,
                                   const struct cluster_request *wanted, struct answer *answer)
{
    struct cluster cluster;
    struct error error;
    cleanup_json struct json_object *properties =
        wanted->properties ? document_copy(wanted->properties) : json_object_new_object();
    if (!properties ||
        (wanted->url && document_set_string(properties, URL_PATH, wanted->url) < 0)) {
        answer_no_memory(answer);
        return DECIDED;
    }
    if (cluster_create(&cluster, request->resource_id, properties, wanted->sealed, &error) < 0) {
        answer_error(answer, API_INVALID_PARAMETER, "properties", &error);
        return DECIDED;
    }
    struct store_operation write = store_create(STORE_CLUSTERS, cluster_document(&cluster));
    enum attempt attempt = write_cluster(api, audit, &cluster, &write, 201, answer);
    cluster_free(&cluster);
    return attempt;
}

/* Puts what is wanted into the stored document. The URL belongs to the kubeconfig: it changes only
 * together with it. */
static int change_document(struct json_object *document, const struct cluster_request *wanted)
{
    char *old_url = NULL;
    int result = 0;
    bool is_sealed = document_get(document, "sealedKubeconfig") != NULL;
    const char *stored_url = document_string(document, PROPERTIES_PATH "." URL_PATH, NULL);
    if (is_sealed && stored_url && !(old_url = strdup(stored_url)))
        return -1;
    if (wanted->properties)
        result |= document_set(document, PROPERTIES_PATH, document_copy(wanted->properties));
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
    return answer_refuse(answer, API_CONFLICT, NULL,
                         "manifest %s is running on the cluster; wait until it has ended, or "
                         "cancel it",
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

static enum attempt update_cluster(struct api *api, struct request *request, struct audit *audit,
                                   const struct cluster_request *wanted,
                                   const struct store_operation *read, struct answer *answer)
{
    struct cluster before, after;
    struct error error;
    enum attempt attempt = DECIDED;
    if (take_idle_cluster(request, read, &before, answer) < 0)
        return DECIDED;
    struct json_object *document = before.document;
    if (change_document(document, wanted) < 0) {
        answer_refuse(answer, API_INTERNAL, NULL,
                      "cannot put %s into the stored document: a member on the way is no object",
                      PROPERTIES_PATH "." URL_PATH);
    } else if (cluster_read(&after, document, &error) < 0) {
        answer_error(answer, API_INVALID_PARAMETER, "properties", &error);
    } else {
        struct store_operation write =
            store_replace(STORE_CLUSTERS, read->result.items[0].etag, cluster_document(&after));
        attempt = write_cluster(api, audit, &after, &write, 200, answer);
        cluster_free(&after);
    }
    cluster_free(&before);
    return attempt;
}

static enum attempt try_to_put(struct api *api, struct request *request, struct audit *audit,
                               const struct cluster_request *wanted, struct answer *answer)
{
    char subscription[UUID_SIZE];
    struct error error;
    enum attempt attempt = DECIDED;
    struct store_operation read = cluster_read_operation(request, subscription);
    if (store_run(api->store, &read, 1, &error) < 0)
        answer_store_unavailable(answer, &error);
    else if (read.result.status == STORE_DONE)
        attempt = update_cluster(api, request, audit, wanted, &read, answer);
    else
        attempt = create_cluster(api, request, audit, wanted, answer);
    store_release(&read, 1);
    return attempt;
}

static void refuse_contended(const struct request *request, struct answer *answer)
{
    answer_refuse(answer, API_CONFLICT, NULL,
                  "cluster %s is being changed by others all the time; try again",
                  request->cluster);
}

void cluster_put(struct api *api, struct request *request, struct answer *answer)
{
    cleanup_cluster_request struct cluster_request wanted = {0};
    if (read_body(api, request->body, &wanted, answer) < 0)
        return;
    struct audit audit = audit_begin(request, request->cluster);
    enum attempt attempt = SOMEBODY_WAS_FIRST;
    for (int i = 0; i <= CONFLICT_RETRIES && attempt == SOMEBODY_WAS_FIRST; i++)
        attempt = try_to_put(api, request, &audit, &wanted, answer);
    if (attempt == SOMEBODY_WAS_FIRST)
        refuse_contended(request, answer);
    audit_end(api, &audit, answer->status);
}

/* 409 naming the open manifests of the cluster, if there are any. */
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

static enum attempt remove_idle(struct api *api, struct request *request, struct audit *audit,
                                const char *etag, struct answer *answer)
{
    char subscription[UUID_SIZE];
    enum attempt attempt = DECIDED;
    resource_id_subscription(request->cluster, subscription);
    struct store_operation operation =
        store_delete(STORE_CLUSTERS, subscription, request->cluster, etag);
    if (audit_run(api, audit, &operation, 204, answer) < 0) {
        /* 503 is in the answer */
    } else if (operation.result.status == STORE_DONE) {
        answer_set(answer, 204, NULL);
    } else {
        attempt = SOMEBODY_WAS_FIRST; /* gone already: the next look answers 404 */
    }
    store_release(&operation, 1);
    return attempt;
}

static enum attempt try_to_delete(struct api *api, struct request *request, struct audit *audit,
                                  struct answer *answer)
{
    char subscription[UUID_SIZE];
    struct cluster cluster;
    struct error error;
    enum attempt attempt = DECIDED;
    struct store_operation read = cluster_read_operation(request, subscription);
    if (store_run(api->store, &read, 1, &error) < 0) {
        answer_store_unavailable(answer, &error);
    } else if (take_idle_cluster(request, &read, &cluster, answer) == 0) {
        if (check_no_open_manifests(api, request, answer) == 0)
            attempt = remove_idle(api, request, audit, read.result.items[0].etag, answer);
        cluster_free(&cluster);
    }
    store_release(&read, 1);
    return attempt;
}

void cluster_delete(struct api *api, struct request *request, struct answer *answer)
{
    struct audit audit = audit_begin(request, request->cluster);
    enum attempt attempt = SOMEBODY_WAS_FIRST;
    for (int i = 0; i <= CONFLICT_RETRIES && attempt == SOMEBODY_WAS_FIRST; i++)
        attempt = try_to_delete(api, request, &audit, answer);
    if (attempt == SOMEBODY_WAS_FIRST)
        refuse_contended(request, answer);
    audit_end(api, &audit, answer->status);
}
