/* SPDX-License-Identifier: Apache-2.0 */
/* clusters.c - lists and shows clusters. */
#include "api/endpoints/clusters.h"

#include <ctype.h>
#include <string.h>

#include "api/endpoints/handlers.h"
#include "api/endpoints/listing.h"
#include "api/endpoints/members.h"
#include "mimo/document.h"
#include "mimo/log.h"

struct store_operation cluster_read_operation(const struct request *request, char *subscription)
{
    resource_id_subscription(request->cluster, subscription);
    return store_get(STORE_CLUSTERS, subscription, request->cluster);
}

struct json_object *cluster_answer_view(struct api *api, struct cluster *cluster)
{
    struct json_object *view = cluster_view(cluster);
    if (!view)
        return NULL;
    bool sealed = document_get(cluster->document, "sealedKubeconfig") != NULL;
    document_add(view, "hasKubeconfig", json_object_new_boolean(sealed));
    members_name_owner(api->members, view);
    return view;
}

static struct json_object *view_of_document(struct api *api, struct json_object *document)
{
    struct cluster cluster;
    struct error error;
    if (cluster_read(&cluster, document, &error) < 0) {
        log_warning("cluster %s is not listed: %s", document_string(document, "key", "?"),
                    error.message);
        return NULL;
    }
    struct json_object *view = cluster_answer_view(api, &cluster);
    cluster_free(&cluster);
    return view;
}

/* Names are found in lower case. One with a slash names no cluster; nor does one that is too long. */
static int read_name(const struct request *request, char *buffer, struct answer *answer)
{
    const char *name = request->query[QUERY_NAME];
    const size_t length = strlen(name);
    if (length == 0 || length >= RESOURCE_ID_SIZE || strchr(name, '/'))
        return answer_refuse(answer, API_INVALID_PARAMETER, "name",
                             "\"%.64s\" is not the name of a cluster", name);
    for (size_t i = 0; i <= length; i++)
        buffer[i] = (char)tolower((unsigned char)name[i]);
    return 0;
}

void clusters_list(struct api *api, struct request *request, struct answer *answer)
{
    char name[RESOURCE_ID_SIZE];
    struct store_query query = {.kind = STORE_QUERY_CLUSTERS};
    if (request->query[QUERY_NAME]) {
        if (read_name(request, name, answer) < 0)
            return;
        query.kind = STORE_QUERY_CLUSTERS_BY_NAME;
        query.id = name;
    }
    listing_answer(api, request, &query, (struct listing_view){.document = view_of_document},
                   answer);
}

void cluster_show(struct api *api, struct request *request, struct answer *answer)
{
    char subscription[UUID_SIZE];
    struct cluster cluster;
    struct error error;
    struct store_operation operation = cluster_read_operation(request, subscription);
    if (store_run(api->store, &operation, 1, &error) < 0) {
        answer_store_unavailable(answer, &error);
    } else if (operation.result.status != STORE_DONE) {
        answer_refuse(answer, API_NOT_FOUND, NULL, "cluster not found: %s", request->cluster);
    } else if (cluster_read(&cluster, operation.result.items[0].document, &error) < 0) {
        answer_unreadable(answer, "cluster", request->cluster, &error);
    } else {
        answer_set_view(answer, 200, cluster_answer_view(api, &cluster));
        cluster_free(&cluster);
    }
    store_release(&operation, 1);
}
