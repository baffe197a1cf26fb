/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_show.c - mimoctl cluster show: the guide's Procedure 2, "Investigate Specific Cluster".
 *
 * One cluster, its manifests by state, those that deserve a look, and what their pattern says.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/client/api.h"
#include "ctl/client/resolve.h"
#include "ctl/commands/handlers.h"
#include "ctl/output/cluster_text.h"
#include "ctl/output/manifest_text.h"
#include "ctl/output/states.h"
#include "ctl/output/task_names.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/manifest.h"

enum { PROBLEMS_SHOWN = 20, DEQUEUES_SUSPICIOUS = 3 };

#define FAILURES                                                                                   \
    (MANIFEST_STATE_BIT(MANIFEST_FAILED) | MANIFEST_STATE_BIT(MANIFEST_RETRIES_EXCEEDED))

static unsigned state_of(const json_t *manifest)
{
    return states_bit(document_string(manifest, "state", ""));
}

/* Step 2: in progress, failed, or tried often. */
static bool deserves_a_look(const json_t *manifest)
{
    unsigned state = state_of(manifest);
    return state & (MANIFEST_STATE_BIT(MANIFEST_IN_PROGRESS) | FAILURES) ||
           (state & MANIFEST_STATES_OPEN &&
            document_integer(manifest, "dequeues", 0) >= DEQUEUES_SUSPICIOUS);
}

static void show_cluster(const struct output *output, const json_t *cluster)
{
    const char *state = document_string(cluster, "properties.provisioningState", "");
    char lease[256];
    output_field(output, "Cluster", COLOUR_NONE, "%s", document_string(cluster, "name", ""));
    output_field(output, "Resource ID", COLOUR_NONE, "%s", document_string(cluster, "id", ""));
    output_field(output, "State", cluster_text_colour(state), "%s", state);
    output_field(output, "State before", COLOUR_NONE, "%s",
                 document_string(cluster, "properties.lastProvisioningState", ""));
    output_field(output, "API server", COLOUR_NONE, "%s",
                 document_string(cluster, "properties.apiserverProfile.url", ""));
    output_field(output, "Bucket", COLOUR_NONE, "%" PRId64,
                 document_integer(cluster, "bucket", -1));
    output_field(output, "Lease of", COLOUR_NONE, "%s",
                 cluster_text_lease(output, cluster, lease, sizeof(lease)));
    output_field(
        output, "Actuator", COLOUR_NONE, "%s",
        document_string(cluster, "leaseOwnerName", document_string(cluster, "leaseOwner", "")));
}

/* "12: 8 Completed, 1 InProgress, 3 Failed" */
static void show_counts(const struct output *output, const json_t *manifests)
{
    char text[256];
    size_t count = json_array_size(manifests);
    manifest_text_counts(manifests, text, sizeof(text));
    output_field(output, "Manifests", COLOUR_NONE, "%zu%s%s", count, count ? ": " : "", text);
}

/* The newest manifests that deserve a look; a new reference. */
static json_t *pick_problems(const json_t *manifests)
{
    json_t *problems = json_array();
    for (size_t i = json_array_size(manifests); i > 0; i--) {
        json_t *manifest = json_array_get(manifests, i - 1);
        if (deserves_a_look(manifest) && json_array_size(problems) < PROBLEMS_SHOWN)
            json_array_append(problems, manifest);
    }
    return problems;
}

/* Whether the latest manifest of each task that ended well or badly did the one or the other. */
static json_t *latest_by_task(const json_t *manifests)
{
    json_t *latest = json_object();
    size_t position;
    json_t *manifest;
    json_array_foreach(manifests, position, manifest) {
        unsigned state = state_of(manifest);
        if (state & (FAILURES | MANIFEST_STATE_BIT(MANIFEST_COMPLETED)))
            json_object_set_new(latest, document_string(manifest, "maintenanceTaskID", ""),
                                json_boolean(state & FAILURES));
    }
    return latest;
}

/* Step 4: what the failures have in common. */
static void say_pattern(const json_t *manifests, const json_t *tasks)
{
    cleanup_json json_t *latest = latest_by_task(manifests);
    const char *task;
    const char *failing = "";
    json_t *failed;
    size_t failures = 0;
    size_t all = json_object_size(latest);
    json_object_foreach(latest, task, failed)
        if (json_is_true(failed)) {
            failures++;
            failing = task;
        }
    if (failures > 1 && failures == all)
        puts("All its tasks fail: look at the cluster's connectivity and health first.");
    else if (failures == 1 && all > 1)
        printf("Only %s fails here: look at what that task needs.\n",
               task_names_find(tasks, failing));
}

/* Step 4: one that hangs. */
static void say_stuck(const struct output *output, const json_t *manifests)
{
    size_t position;
    json_t *manifest;
    json_array_foreach(manifests, position, manifest) {
        if (state_of(manifest) == MANIFEST_STATE_BIT(MANIFEST_IN_PROGRESS) &&
            manifest_text_elapsed(manifest, output->now) >= MANIFEST_STUCK_SECONDS)
            printf(
                "%.8s is InProgress for more than an hour: mimoctl manifest cancel %.8s ends it.\n",
                document_string(manifest, "id", ""), document_string(manifest, "id", ""));
    }
}

static int load_manifests(struct ctl *ctl, const json_t *cluster, json_t **ret_manifests,
                          struct error *error)
{
    cleanup_query struct query query = {0};
    query_add(&query, "clusterResourceID", document_string(cluster, "id", ""));
    const struct api_listing listing = {.path = "/admin/maintenanceManifests", .query = &query};
    return api_list(ctl, &listing, ret_manifests, NULL, error);
}

static int show_for_people(struct ctl *ctl, const json_t *cluster, struct error *error)
{
    cleanup_json json_t *manifests = NULL;
    if (load_manifests(ctl, cluster, &manifests, error) < 0)
        return -1;
    cleanup_json json_t *problems = pick_problems(manifests);
    cleanup_json json_t *tasks = task_names_load(ctl);

    show_cluster(&ctl->output, cluster);
    show_counts(&ctl->output, manifests);
    if (json_array_size(problems) > 0) {
        struct listing listing = manifest_listing;
        listing.context = tasks;
        printf("\nIn progress, failed, or tried often:\n\n");
        output_table(&ctl->output, &listing, problems);
        putchar('\n');
        say_pattern(manifests, tasks);
        say_stuck(&ctl->output, manifests);
    }
    return CTL_OK;
}

int ctl_cluster_show(struct ctl *ctl, struct error *error)
{
    cleanup_json json_t *cluster = NULL;
    if (cluster_load(ctl, ctl->options.operands[0], &cluster, error) < 0)
        return -1;
    switch (ctl->output.form) {
    case OUTPUT_JSON:
        output_json(cluster);
        return CTL_OK;
    case OUTPUT_ID:
        printf("%s\n", document_string(cluster, "id", ""));
        return CTL_OK;
    case OUTPUT_TABLE:
    case OUTPUT_WIDE:
        break;
    }
    return show_for_people(ctl, cluster, error);
}
