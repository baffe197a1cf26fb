/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_show.c - mimoctl cluster show: the guide's Procedure 2, "Investigate Specific Cluster".
 *
 * One cluster, its manifests by state, those with problems, and the pattern of failures.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/client/api.h"
#include "ctl/client/resolve.h"
#include "ctl/commands/cluster.h"
#include "ctl/commands/handlers.h"
#include "ctl/commands/manifest_rows.h"
#include "ctl/commands/next.h"
#include "ctl/commands/still_running.h"
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

static unsigned state_of(const struct json_object *manifest)
{
    return states_bit(document_string(manifest, "state", ""));
}

/* Step 2: in progress, failed, or tried often; and the one that has the lease (`holder`). */
static bool deserves_a_look(const struct json_object *manifest, const char *holder)
{
    unsigned state = state_of(manifest);
    if (strcmp(document_string(manifest, "id", "?"), holder) == 0)
        return true;
    return state & (MANIFEST_STATE_BIT(MANIFEST_IN_PROGRESS) | FAILURES) ||
           (state & MANIFEST_STATES_OPEN &&
            document_integer(manifest, "dequeues", 0) >= DEQUEUES_SUSPICIOUS);
}

static void show_cluster(const struct output *output, const struct json_object *cluster)
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
static void show_counts(const struct output *output, const struct json_object *manifests)
{
    char text[256];
    size_t count = document_length(manifests);
    manifest_text_counts(manifests, text, sizeof(text));
    output_field(output, "Manifests", COLOUR_NONE, "%zu%s%s", count, count ? ": " : "", text);
}

/* The manifest whose worker runs on the cluster: the one that its lease names. "" without one. */
static const char *holder_of(const struct output *output, const struct json_object *cluster)
{
    return document_time(cluster, "leaseExpiry", 0) > output->now
               ? document_string(cluster, "leaseManifest", "")
               : "";
}

/* The newest manifests that deserve a look; a new reference. */
static struct json_object *pick_problems(const struct json_object *manifests, const char *holder)
{
    struct json_object *problems = json_object_new_array();
    for (size_t i = document_length(manifests); i > 0; i--) {
        struct json_object *manifest = document_item(manifests, i - 1);
        if (deserves_a_look(manifest, holder) && document_length(problems) < PROBLEMS_SHOWN)
            document_append(problems, json_object_get(manifest));
    }
    return problems;
}

/* Per task: whether its latest manifest that ended succeeded or failed. */
static struct json_object *latest_by_task(const struct json_object *manifests)
{
    struct json_object *latest = json_object_new_object();
    size_t position;
    struct json_object *manifest;
    document_foreach_item(manifests, position, manifest) {
        unsigned state = state_of(manifest);
        if (state & (FAILURES | MANIFEST_STATE_BIT(MANIFEST_COMPLETED)))
            document_add(latest, document_string(manifest, "maintenanceTaskID", ""),
                         json_object_new_boolean(state & FAILURES));
    }
    return latest;
}

/* Step 4: the pattern of the failures. */
static void say_pattern(const struct json_object *manifests, const struct json_object *tasks)
{
    cleanup_json struct json_object *latest = latest_by_task(manifests);
    const char *task;
    const char *failing = "";
    struct json_object *failed;
    size_t failures = 0;
    size_t all = document_member_count(latest);
    document_foreach_member(latest, task, failed)
        if (document_is_true(failed)) {
            failures++;
            failing = task;
        }
    if (failures > 1 && failures == all)
        puts("All its tasks fail: check the connectivity and health of the cluster first.");
    else if (failures == 1 && all > 1)
        printf("Only %s fails here: check what that task needs.\n",
               task_names_find(tasks, failing));
}

/* Step 4: a manifest that hangs. True when there is one. */
static bool say_stuck(const struct output *output, const struct json_object *manifests)
{
    size_t position;
    struct json_object *manifest;
    document_foreach_item(manifests, position, manifest) {
        if (state_of(manifest) == MANIFEST_STATE_BIT(MANIFEST_IN_PROGRESS) &&
            manifest_text_elapsed(manifest, output->now) >= MANIFEST_STUCK_SECONDS) {
            printf("%.8s has been InProgress for more than an hour.\n",
                   document_string(manifest, "id", ""));
            next_say(output, NULL, "mimoctl manifest cancel %.8s",
                     document_string(manifest, "id", ""));
            return true;
        }
    }
    return false;
}

/* The manifest that has ended and whose worker still runs. */
static bool say_worker(struct ctl *ctl, const struct json_object *cluster)
{
    const struct output *output = &ctl->output;
    const char *holder = holder_of(output, cluster);
    char worker[MANIFEST_TEXT_WORKER_SIZE];
    cleanup_json struct json_object *manifest = NULL;
    if (!holder[0] || !still_running_find(ctl, holder, &manifest))
        return false;
    printf("%.8s is %s, and its worker %s.\n", holder, document_string(manifest, "state", ""),
           manifest_text_worker(output, manifest, worker));
    return next_of_worker(output, manifest);
}

/* The manifest that runs, else the newest that failed. */
static void say_next(const struct output *output, const struct json_object *cluster,
                     const struct json_object *manifests, const struct json_object *problems)
{
    size_t position;
    struct json_object *manifest;
    document_foreach_item(problems, position, manifest)
        if (state_of(manifest) == MANIFEST_STATE_BIT(MANIFEST_IN_PROGRESS)) {
            next_say(output, NULL, "mimoctl manifest watch %.8s",
                     document_string(manifest, "id", ""));
            return;
        }
    if (document_length(problems) > 0)
        next_say(output, NULL, "mimoctl manifest logs %.8s",
                 document_string(document_item(problems, 0), "id", ""));
    else if (document_length(manifests) > 0)
        next_say(output, NULL, "mimoctl manifest list --cluster %s",
                 document_string(cluster, "name", ""));
    else
        next_say(output, NULL, "mimoctl task list");
}

static int load_manifests(struct ctl *ctl, const struct json_object *cluster,
                          struct json_object **ret_manifests, struct error *error)
{
    cleanup_query struct query query = {0};
    query_add(&query, "clusterResourceID", document_string(cluster, "id", ""));
    const struct api_listing listing = {.path = "/admin/maintenanceManifests", .query = &query};
    return api_list(ctl, &listing, ret_manifests, NULL, error);
}

static int show_for_people(struct ctl *ctl, const struct json_object *cluster, struct error *error)
{
    cleanup_json struct json_object *manifests = NULL;
    if (load_manifests(ctl, cluster, &manifests, error) < 0)
        return -1;
    cleanup_json struct json_object *problems =
        pick_problems(manifests, holder_of(&ctl->output, cluster));
    cleanup_json struct json_object *tasks = manifest_rows_tasks(ctl);

    show_cluster(&ctl->output, cluster);
    show_counts(&ctl->output, manifests);
    if (document_length(problems) > 0) {
        struct listing listing = manifest_listing;
        listing.context = tasks;
        printf("\nIn progress, failed, or tried often:\n\n");
        output_table(&ctl->output, &listing, problems);
        putchar('\n');
        say_pattern(manifests, tasks);
    }
    if (!say_worker(ctl, cluster) && !say_stuck(&ctl->output, manifests))
        say_next(&ctl->output, cluster, manifests, problems);
    return CTL_OK;
}

int ctl_cluster_show(struct ctl *ctl, struct error *error)
{
    cleanup_json struct json_object *cluster = NULL;
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
