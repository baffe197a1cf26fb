/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest.c - mimoctl manifest list and show.
 */
#include <inttypes.h>
#include <stdio.h>

#include "ctl/client/api.h"
#include "ctl/client/resolve.h"
#include "ctl/commands/handlers.h"
#include "ctl/commands/manifest_rows.h"
#include "ctl/commands/next.h"
#include "ctl/output/manifest_text.h"
#include "ctl/output/states.h"
#include "mimo/document.h"

enum { LIMIT_DEFAULT = 1000, LIMIT_MAXIMUM = 10000000 };

/* ---- list ---- */

/* The filters of the command line. `cluster` is "" for all. */
static int add_filters(struct ctl *ctl, struct query *query, char *cluster, struct error *error)
{
    const char *const *values = ctl->options.values;
    unsigned states;
    char names[STATES_TEXT_SIZE];
    cluster[0] = '\0';
    if (values[OPTION_STATE]) {
        if (states_parse("state", values[OPTION_STATE], &states, error) < 0)
            return -1;
        query_add(query, "state", states_format(names, states));
    }
    if (values[OPTION_CLUSTER]) {
        if (resolve_cluster(ctl, values[OPTION_CLUSTER], cluster, error) < 0)
            return -1;
        query_add(query, "clusterResourceID", cluster);
    }
    query_add(query, "maintenanceTaskID", values[OPTION_TASK]);
    return 0;
}

/* No manifests: the cluster's ID may be misspelt, so check that the cluster exists. */
static int check_cluster(struct ctl *ctl, const char *cluster, struct error *error)
{
    char path[RESOLVE_PATH_SIZE];
    snprintf(path, sizeof(path), "/admin%s", cluster);
    cleanup_json struct json_object *view = NULL;
    return api_get(ctl, path, NULL, &view, error);
}

int ctl_manifest_list(struct ctl *ctl, struct error *error)
{
    cleanup_query struct query query = {0};
    char cluster[RESOURCE_ID_SIZE];
    int64_t limit;
    if (options_number(&ctl->options, OPTION_LIMIT, 0, LIMIT_MAXIMUM, LIMIT_DEFAULT, &limit,
                       error) < 0 ||
        add_filters(ctl, &query, cluster, error) < 0)
        return -1;
    const struct api_listing listing = {
        .path = "/admin/maintenanceManifests", .query = &query, .limit = limit};
    cleanup_json struct json_object *manifests = NULL;
    bool more;
    if (api_list(ctl, &listing, &manifests, &more, error) < 0)
        return -1;
    if (document_length(manifests) == 0 && cluster[0] != '\0' &&
        check_cluster(ctl, cluster, error) < 0)
        return -1;
    manifest_rows_list(ctl, manifests);
    if (more)
        output_say("these are the oldest %" PRId64
                   ", there are more: --limit 0 shows all, --state and --cluster fewer",
                   limit);
    next_of_manifests(&ctl->output, manifests);
    return CTL_OK;
}

/* ---- show ---- */

static void show_for_people(struct ctl *ctl, const struct json_object *manifest)
{
    manifest_rows_show(ctl, manifest);
    next_of_manifest(&ctl->output, manifest);
}

int ctl_manifest_show(struct ctl *ctl, struct error *error)
{
    cleanup_json struct json_object *manifest = NULL;
    if (resolve_manifest_view(ctl, ctl->options.operands[0], &manifest, error) < 0)
        return -1;
    if (ctl->output.form == OUTPUT_TABLE || ctl->output.form == OUTPUT_WIDE)
        show_for_people(ctl, manifest);
    else
        manifest_rows_one(ctl, manifest);
    return CTL_OK;
}
