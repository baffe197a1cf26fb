/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit.c - mimoctl audit: the audit trail.
 */
#include <inttypes.h>
#include <stdio.h>

#include "ctl/client/api.h"
#include "ctl/commands/handlers.h"
#include "ctl/commands/next.h"
#include "ctl/output/times.h"
#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/resource_id.h"

enum { LIMIT_DEFAULT = 1000, LIMIT_MAXIMUM = 10000000 };
#define SINCE_DEFAULT "1d"

static void fill_time(const struct output *output, const struct json_object *entry,
                      const void *context, struct cell *cell)
{
    (void)output, (void)context;
    char text[CLOCK_TEXT_SIZE];
    snprintf(cell->text, sizeof(cell->text), "%s",
             clock_format(text, document_time(entry, "time", 0)));
}

/* The last part of the resource's path: the ID of a manifest, the name of a cluster. */
static void fill_resource(const struct output *output, const struct json_object *entry,
                          const void *context, struct cell *cell)
{
    (void)output, (void)context;
    snprintf(cell->text, sizeof(cell->text), "%s",
             resource_id_name(document_string(entry, "resource", "")));
}

static const struct column columns[] = {
    {"TIME", IN_BOTH, NULL, fill_time},      {"ACTOR", IN_BOTH, "actor", NULL},
    {"ACTION", IN_BOTH, "action", NULL},     {"TICKET", IN_BOTH, "icm", NULL},
    {"STATUS", IN_BOTH, "status", NULL},     {"RESOURCE", IN_TABLE, NULL, fill_resource},
    {"REQUEST", IN_WIDE, "requestId", NULL}, {"RESOURCE", IN_WIDE, "resource", NULL},
};

static const struct listing audit_listing = {
    .columns = columns,
    .column_count = sizeof(columns) / sizeof(columns[0]),
    .nothing = "nothing was changed in that time",
};

int ctl_audit(struct ctl *ctl, struct error *error)
{
    const char *since = ctl->options.values[OPTION_SINCE];
    cleanup_query struct query query = {0};
    cleanup_json struct json_object *entries = NULL;
    int64_t limit;
    int64_t begin;
    bool more;
    if (options_number(&ctl->options, OPTION_LIMIT, 0, LIMIT_MAXIMUM, LIMIT_DEFAULT, &limit,
                       error) < 0)
        return -1;
    if (times_parse_past(since ? since : SINCE_DEFAULT, ctl->output.now, &begin, error) < 0)
        return error_prefix(error, "--%s", option_descriptions[OPTION_SINCE].name);
    query_add_number(&query, "since", begin);
    const struct api_listing listing = {.path = "/admin/audit", .query = &query, .limit = limit};
    if (api_list(ctl, &listing, &entries, &more, error) < 0)
        return -1;
    output_items(&ctl->output, &audit_listing, entries);
    if (more)
        output_say("these are the oldest %" PRId64
                   ", there are more: --since TIME shows later ones alone, --limit 0 all",
                   limit);
    next_say(&ctl->output, NULL, "mimoctl manifest list");
    return CTL_OK;
}
