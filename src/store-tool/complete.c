/* SPDX-License-Identifier: Apache-2.0 */
/* complete.c - completes and checks documents from other systems: fills in members that are derived
 * from others. */
#include <string.h>

#include "mimo/bucket.h"
#include "mimo/cluster.h"
#include "mimo/document.h"
#include "mimo/manifest.h"
#include "mimo/resource_id.h"
#include "store-tool/tool.h"

static int no_memory(struct error *error)
{
    return error_set_memory(error);
}

/* Other systems number buckets differently, so the bucket is always computed. */
static int fill_bucket(struct json_object *document, const char *cluster, struct error *error)
{
    if (document_set(document, "bucket", json_object_new_int64(bucket_of(cluster))) < 0)
        return no_memory(error);
    return 0;
}

static int complete_manifest(struct json_object *document, struct error *error)
{
    struct manifest manifest;
    if (manifest_read(&manifest, document, error) < 0)
        return -1;
    int status = fill_bucket(document, manifest.cluster, error);
    if (status == 0 && document_set_string(document, "clusterResourceID", manifest.cluster) < 0)
        status = no_memory(error);
    manifest_free(&manifest);
    return status;
}

/* The key must name the same cluster as the document. */
static int check_resource_id(const struct json_object *document, const char *key,
                             struct error *error)
{
    const char *resource_id;
    char normalized[RESOURCE_ID_SIZE];
    if (document_read_string(document, "openShiftCluster.id", NULL, &resource_id, error) < 0)
        return -1;
    if (!resource_id)
        return 0;
    if (resource_id_normalize(resource_id, normalized, error) < 0)
        return error_prefix(error, "member \"openShiftCluster.id\"");
    if (strcmp(normalized, key) != 0)
        return error_set(error, ERROR_INVALID,
                         "members \"key\" and \"openShiftCluster.id\" name different clusters");
    return 0;
}

static int complete_cluster(struct json_object *document, struct error *error)
{
    struct cluster cluster;
    char subscription[UUID_SIZE];
    if (cluster_read(&cluster, document, error) < 0)
        return -1;
    int status = check_resource_id(document, cluster.key, error);
    resource_id_subscription(cluster.key, subscription);
    if (status == 0)
        status = fill_bucket(document, cluster.key, error);
    if (status == 0 && (document_set_string(document, "key", cluster.key) < 0 ||
                        document_set_string(document, "partitionKey", subscription) < 0))
        status = no_memory(error);
    cluster_free(&cluster);
    return status;
}

int tool_complete_document(enum store_container container, struct json_object *document,
                           struct error *error)
{
    if (container == STORE_MANIFESTS)
        return complete_manifest(document, error);
    if (container == STORE_CLUSTERS)
        return complete_cluster(document, error);
    return 0; /* the store checks the id */
}
