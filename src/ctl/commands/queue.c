/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue.c - mimoctl queue: steps 1 to 4 of the guide's Procedure 1, "Full MIMO Health Check".
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/client/api.h"
#include "ctl/commands/fleet.h"
#include "ctl/commands/handlers.h"
#include "ctl/commands/manifest_rows.h"
#include "ctl/commands/next.h"
#include "ctl/output/manifest_text.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/resource_id.h"

enum {
    CLUSTERS_SHOWN = 10,
    CLUSTER_SUSPICIOUS = 10, /* the guide investigates a cluster with this many manifests */
    OLD_SECONDS = 2 * 3600,
    OLD_SHOWN = 20,
};

/* ---- figures ---- */

/* {"/subscriptions/...": count} of the queue. */
static struct json_object *count_clusters(const struct json_object *queue)
{
    struct json_object *counts = json_object_new_object();
    size_t position;
    struct json_object *manifest;
    document_foreach_item(queue, position, manifest) {
        const char *cluster = document_string(manifest, "clusterResourceID", "");
        int64_t count = document_number(document_member(counts, cluster));
        document_add(counts, cluster, json_object_new_int64(count + 1));
    }
    return counts;
}

/* Counts of the queue by attempts: none, one, ...; the last is five and more. */
static struct json_object *count_dequeues(const struct json_object *queue)
{
    int64_t counts[MANIFEST_ATTEMPTS_MAXIMUM + 1] = {0};
    struct json_object *view = json_object_new_array();
    size_t position;
    struct json_object *manifest;
    document_foreach_item(queue, position, manifest) {
        int64_t dequeues = document_integer(manifest, "dequeues", 0);
        bool within = dequeues >= 0 && dequeues < MANIFEST_ATTEMPTS_MAXIMUM;
        counts[within ? dequeues : MANIFEST_ATTEMPTS_MAXIMUM]++;
    }
    for (int i = 0; i <= MANIFEST_ATTEMPTS_MAXIMUM; i++)
        document_append(view, json_object_new_int64(counts[i]));
    return view;
}

static int compare_counts(const void *a, const void *b)
{
    int64_t first = document_integer(*(struct json_object *const *)a, "open", 0);
    int64_t second = document_integer(*(struct json_object *const *)b, "open", 0);
    return first > second ? -1 : first < second;
}

/* [{"clusterResourceID", "open"}] of the clusters with the most, most first. */
static struct json_object *top_clusters(const struct json_object *queue)
{
    cleanup_json struct json_object *counts = count_clusters(queue);
    size_t size = document_member_count(counts);
    cleanup_free struct json_object **rows = calloc(size + 1, sizeof(*rows));
    struct json_object *top = json_object_new_array();
    const char *cluster;
    struct json_object *count;
    size_t used = 0;
    if (!rows)
        return top;
    document_foreach_member(counts, cluster, count)
        rows[used++] = document_pack("{s:s, s:O}", "clusterResourceID", cluster, "open", count);
    qsort(rows, used, sizeof(*rows), compare_counts);
    for (size_t i = 0; i < used; i++)
        if (i < CLUSTERS_SHOWN)
            document_append(top, rows[i]);
        else
            json_object_put(rows[i]);
    return top;
}

/* Manifests of the queue that are due for more than two hours and have not ended. */
static struct json_object *old_manifests(const struct fleet *fleet)
{
    struct json_object *old = json_object_new_array();
    size_t position;
    struct json_object *manifest;
    document_foreach_item(fleet->queue, position, manifest)
        if (fleet->now - document_time(manifest, "runAfter", fleet->now) > OLD_SECONDS)
            document_append(old, json_object_get(manifest));
    return old;
}

/* All figures as one object, for --output json and for the tables. */
static struct json_object *make_figures(const struct fleet *fleet)
{
    struct json_object *states = json_object_new_object();
    for (int state = 0; state < MANIFEST_STATE_COUNT; state++)
        document_add(states, manifest_state_name((enum manifest_state)state),
                     json_object_new_int64(fleet->counts[state]));
    return document_pack("{s:I, s:I, s:o, s:o, s:o, s:o}", "total", (int64_t)fleet_total(fleet),
                         "queue", (int64_t)document_length(fleet->queue), "byState", states,
                         "byCluster", top_clusters(fleet->queue), "dequeues",
                         count_dequeues(fleet->queue), "old", old_manifests(fleet));
}

/* ---- tables ---- */

static void fill_cluster(const struct output *output, const struct json_object *row,
                         const void *context, struct cell *cell)
{
    (void)context;
    const char *id = document_string(row, "clusterResourceID", "");
    snprintf(cell->text, sizeof(cell->text), "%s",
             output->form == OUTPUT_WIDE ? id : resource_id_name(id));
    if (document_integer(row, "open", 0) >= CLUSTER_SUSPICIOUS)
        cell->colour = COLOUR_YELLOW;
}

static const struct column cluster_columns[] = {
    {"MANIFESTS", IN_BOTH, "open", NULL},
    {"CLUSTER", IN_BOTH, NULL, fill_cluster},
};

static const struct listing top_listing = {
    .columns = cluster_columns,
    .column_count = sizeof(cluster_columns) / sizeof(cluster_columns[0]),
    .nothing = "",
};

static void write_states(const struct output *output, const struct fleet *fleet)
{
    int64_t due = 0;
    size_t position;
    struct json_object *manifest;
    document_foreach_item(fleet->queue, position, manifest)
        due += fleet_waited(manifest, fleet->now) >= 0;
    output_field(output, "Queue", COLOUR_NONE, "%zu", document_length(fleet->queue));
    for (int state = 0; state < MANIFEST_STATE_COUNT; state++) {
        const char *name = manifest_state_name((enum manifest_state)state);
        if (state == MANIFEST_PENDING)
            output_field(output, name, COLOUR_NONE, "%" PRId64 " (%" PRId64 " due)",
                         fleet->counts[state], due);
        else
            output_field(output, name, manifest_text_colour(name), "%" PRId64,
                         fleet->counts[state]);
    }
    output_field(output, "Total", COLOUR_NONE, "%" PRId64, fleet_total(fleet));
}

/* "Attempts so far: 0: 12, 1: 3, 5: 1" */
static void write_dequeues(const struct output *output, const struct json_object *dequeues)
{
    char text[256] = "";
    size_t used = 0;
    for (int number = 0; number <= MANIFEST_ATTEMPTS_MAXIMUM; number++) {
        int64_t count = document_number(document_item(dequeues, (size_t)number));
        if (count > 0)
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%" PRId64 " with %d",
                                     used ? ", " : "", count, number);
    }
    output_field(output, "Attempts so far", COLOUR_NONE, "%s", text);
}

static void write_old(struct ctl *ctl, const struct json_object *old)
{
    size_t count = document_length(old);
    cleanup_json struct json_object *first = json_object_new_array();
    for (size_t i = 0; i < count && i < OLD_SHOWN; i++)
        document_append(first, json_object_get(document_item(old, i)));
    if (count == 0)
        return;
    printf("\nMore than 2 hours after runAfter (%zu):\n\n", count);
    manifest_rows_table(ctl, first);
    if (count > OLD_SHOWN)
        output_say("and %zu more: mimoctl queue -o id lists all", count - OLD_SHOWN);
}

/* Suggests a look at the oldest overdue manifest, else at the busiest cluster, else at the health. */
static void say_next(const struct output *output, const struct json_object *old,
                     const struct json_object *top)
{
    const struct json_object *busiest = document_item(top, 0);
    if (document_length(old) > 0)
        next_say(output, NULL, "mimoctl manifest explain %.8s",
                 document_string(document_item(old, 0), "id", ""));
    else if (document_integer(busiest, "open", 0) >= CLUSTER_SUSPICIOUS)
        next_say(output, NULL, "mimoctl cluster show %s",
                 resource_id_name(document_string(busiest, "clusterResourceID", "")));
    else
        next_say(output, NULL, "mimoctl health");
}

static void write_for_people(struct ctl *ctl, const struct fleet *fleet,
                             const struct json_object *figures)
{
    const struct json_object *top = document_get(figures, "byCluster");
    write_states(&ctl->output, fleet);
    write_dequeues(&ctl->output, document_get(figures, "dequeues"));
    if (document_length(top) > 0) {
        printf("\nClusters with the most in the queue:\n\n");
        output_table(&ctl->output, &top_listing, top);
    }
    write_old(ctl, document_get(figures, "old"));
    say_next(&ctl->output, document_get(figures, "old"), top);
}

int ctl_queue(struct ctl *ctl, struct error *error)
{
    cleanup_fleet struct fleet fleet = {0};
    if (fleet_load(ctl, &fleet, error) < 0)
        return -1;
    cleanup_json struct json_object *figures = make_figures(&fleet);
    switch (ctl->output.form) {
    case OUTPUT_JSON:
        output_json(figures);
        break;
    case OUTPUT_ID:
        manifest_rows_data(ctl, document_get(figures, "old"));
        break;
    case OUTPUT_TABLE:
    case OUTPUT_WIDE:
        write_for_people(ctl, &fleet, figures);
        break;
    }
    return CTL_OK;
}
