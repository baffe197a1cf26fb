/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster.c - mimoctl cluster list and remove; rows of clusters for others.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/client/api.h"
#include "ctl/client/resolve.h"
#include "ctl/commands/handlers.h"
#include "ctl/output/cluster_text.h"
#include "ctl/output/times.h"
#include "mimo/document.h"

enum colour cluster_text_colour(const char *state)
{
    if (strcmp(state, "Failed") == 0)
        return COLOUR_RED;
    if (strcmp(state, "Succeeded") == 0)
        return COLOUR_GREEN;
    return strcmp(state, "AdminUpdating") == 0 ? COLOUR_BLUE : COLOUR_YELLOW;
}

const char *cluster_text_lease(const struct output *output, const struct json_object *cluster,
                               char *buffer, size_t size)
{
    char time[TIMES_TEXT_SIZE];
    int64_t expiry = document_time(cluster, "leaseExpiry", 0);
    buffer[0] = '\0';
    if (document_get(cluster, "leaseOwner"))
        snprintf(buffer, size, "manifest %.8s, %s %s",
                 document_string(cluster, "leaseManifest", "?"),
                 expiry >= output->now ? "ends" : "ended",
                 times_format_relative(time, expiry, output->now));
    return buffer;
}

static void fill_state(const struct output *output, const struct json_object *cluster,
                       const void *context, struct cell *cell)
{
    (void)output, (void)context;
    const char *state = document_string(cluster, "properties.provisioningState", "");
    snprintf(cell->text, sizeof(cell->text), "%s", state);
    cell->colour = cluster_text_colour(state);
}

static void fill_lease(const struct output *output, const struct json_object *cluster,
                       const void *context, struct cell *cell)
{
    (void)context;
    cluster_text_lease(output, cluster, cell->text, sizeof(cell->text));
}

static const struct column columns[] = {
    {"NAME", IN_BOTH, "name", NULL},
    {"STATE", IN_BOTH, NULL, fill_state},
    {"BUCKET", IN_BOTH, "bucket", NULL},
    {"LEASE OF", IN_BOTH, NULL, fill_lease},
    {"API SERVER", IN_BOTH, "properties.apiserverProfile.url", NULL},
    {"RESOURCE ID", IN_WIDE, "id", NULL},
};

const struct listing cluster_listing = {
    .columns = columns,
    .column_count = sizeof(columns) / sizeof(columns[0]),
    .nothing = "no clusters; mimoctl cluster register adds one",
};

int ctl_cluster_list(struct ctl *ctl, struct error *error)
{
    const struct api_listing all = {.path = "/admin/clusters"};
    cleanup_json struct json_object *clusters = NULL;
    if (api_list(ctl, &all, &clusters, NULL, error) < 0)
        return -1;
    output_items(&ctl->output, &cluster_listing, clusters);
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
        return error_prefix(error, "cluster %s", resource_id_name(id));
    json_object_put(answer.body);
    document_append(removed, document_pack("{s:s}", "id", id));
    return 0;
}

int ctl_cluster_remove(struct ctl *ctl, struct error *error)
{
    (void)error; /* each failure is said as it happens */
    cleanup_json struct json_object *removed = json_object_new_array();
    int status = ctl_each(ctl, remove_one, removed);
    ctl_write_deleted(ctl, removed);
    return status;
}
