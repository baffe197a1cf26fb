/* SPDX-License-Identifier: Apache-2.0 */
/* cluster_text.c - clusters for people. */
#include "ctl/output/cluster_text.h"

#include <stdio.h>
#include <string.h>

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
    {"NAME", IN_BOTH, "name", NULL, FIT_ELIDE},
    {"STATE", IN_BOTH, NULL, fill_state},
    {"BUCKET", IN_BOTH, "bucket", NULL},
    {"LEASE OF", IN_BOTH, NULL, fill_lease},
    {"API SERVER", IN_BOTH, "properties.apiserverProfile.url", NULL, FIT_ELIDE},
    {"RESOURCE ID", IN_WIDE, "id", NULL},
};

const struct listing cluster_listing = {
    .columns = columns,
    .column_count = sizeof(columns) / sizeof(columns[0]),
    .nothing = "no clusters; mimoctl cluster register adds one",
};
