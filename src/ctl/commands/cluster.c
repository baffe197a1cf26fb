/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster.c - mimoctl cluster list and remove.
 */
#include "ctl/commands/cluster.h"

#include <stdio.h>

#include "ctl/client/api.h"
#include "ctl/client/resolve.h"
#include "ctl/commands/handlers.h"
#include "ctl/commands/next.h"
#include "ctl/output/cluster_text.h"
#include "mimo/document.h"

int ctl_cluster_list(struct ctl *ctl, struct error *error)
{
    const struct api_listing all = {.path = "/admin/clusters"};
    cleanup_json struct json_object *clusters = NULL;
    if (api_list(ctl, &all, &clusters, NULL, error) < 0)
        return -1;
    output_items(&ctl->output, &cluster_listing, clusters);
    if (document_length(clusters) > 0)
        next_say(&ctl->output, NULL, "mimoctl cluster show %s",
                 document_string(document_item(clusters, 0), "name", "CLUSTER"));
    return CTL_OK;
}

int cluster_load(struct ctl *ctl, const char *text, struct json_object **ret_cluster,
                 struct error *error)
{
    char id[RESOURCE_ID_SIZE];
    char path[RESOLVE_PATH_SIZE];
    if (resolve_cluster(ctl, text, id, error) < 0)
        return -1;
    snprintf(path, sizeof(path), "/admin%s", id);
    return api_get(ctl, path, NULL, ret_cluster, error);
}

/* A worker runs on the cluster; cancelling its manifest would not end it. */
static int explain_busy(struct ctl *ctl, const char *id, struct error *error)
{
    const char *name = resource_id_name(id);
    char path[RESOLVE_PATH_SIZE];
    struct error ignored;
    cleanup_json struct json_object *cluster = NULL;
    snprintf(path, sizeof(path), "/admin%s", id);
    const char *manifest = api_get(ctl, path, NULL, &cluster, &ignored) < 0
                               ? NULL
                               : document_string(cluster, "leaseManifest", NULL);
    if (!manifest)
        return error_prefix(error, "cluster %s", name);
    return error_set(error, ERROR_CONFLICT,
                     "cluster %s: the worker of manifest %s runs on it: wait for its end with "
                     "mimoctl cluster show %s, or end it with mimoctl manifest stop %.8s, then "
                     "remove the cluster",
                     name, manifest, name, manifest);
}

static int remove_one(struct ctl *ctl, const char *text, struct json_object *removed,
                      struct error *error)
{
    char id[RESOURCE_ID_SIZE];
    char path[RESOLVE_PATH_SIZE];
    struct api_answer answer;
    if (resolve_cluster(ctl, text, id, error) < 0)
        return -1;
    snprintf(path, sizeof(path), "/admin%s", id);
    const struct api_request request = {.method = "DELETE", .path = path};
    if (api_call(ctl, &request, &answer, error) < 0)
        return api_is_conflict(&answer, API_TARGET_RUNNING)
                   ? explain_busy(ctl, id, error)
                   : error_prefix(error, "cluster %s", resource_id_name(id));
    json_object_put(answer.body);
    document_append(removed, document_pack("{s:s}", "id", id));
    return 0;
}

int ctl_cluster_remove(struct ctl *ctl, struct error *error)
{
    (void)error; /* each failure was reported already */
    cleanup_json struct json_object *removed = json_object_new_array();
    int status = ctl_each(ctl, remove_one, removed);
    ctl_write_deleted(ctl, removed);
    if (document_length(removed) > 0)
        next_say(&ctl->output, NULL, "mimoctl cluster list");
    return status;
}
