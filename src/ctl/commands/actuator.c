/* SPDX-License-Identifier: Apache-2.0 */
/*
 * actuator.c - mimoctl actuator list.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/client/api.h"
#include "ctl/commands/handlers.h"
#include "ctl/commands/next.h"
#include "ctl/output/times.h"
#include "mimo/document.h"

enum { HOST_SIZE = 300 };

/* "alive", "dead", or the mode of a live one that takes no work. */
static void fill_state(const struct output *output, const struct json_object *actuator,
                       const void *context, struct cell *cell)
{
    (void)output, (void)context;
    const char *mode = document_string(actuator, "mode", "working");
    bool alive = document_is_true(document_get(actuator, "alive"));
    bool works = strcmp(mode, "working") == 0;
    snprintf(cell->text, sizeof(cell->text), "%s", !alive ? "dead" : works ? "alive" : mode);
    cell->colour = !alive ? COLOUR_RED : works ? COLOUR_GREEN : COLOUR_YELLOW;
}

static void fill_buckets(const struct output *output, const struct json_object *actuator,
                         const void *context, struct cell *cell)
{
    (void)output, (void)context;
    const struct json_object *buckets = document_get(actuator, "buckets");
    int64_t first = document_number(document_item(buckets, 0));
    int64_t last = document_number(document_item(buckets, 1));
    if (document_length(buckets) == 2)
        snprintf(cell->text, sizeof(cell->text), last < first ? "none" : "%" PRId64 "-%" PRId64,
                 first, last);
}

static void fill_seen(const struct output *output, const struct json_object *actuator,
                      const void *context, struct cell *cell)
{
    (void)context;
    char text[TIMES_TEXT_SIZE];
    times_format_relative(text, document_time(actuator, "seenAt", 0), output->now);
    snprintf(cell->text, sizeof(cell->text), "%s", text);
}

static void fill_started(const struct output *output, const struct json_object *actuator,
                         const void *context, struct cell *cell)
{
    (void)context;
    char text[TIMES_TEXT_SIZE];
    times_format_relative(text, document_time(actuator, "startedAt", 0), output->now);
    snprintf(cell->text, sizeof(cell->text), "%s", text);
}

static const struct column columns[] = {
    {"INDEX", IN_BOTH, "index", NULL},
    {"HOST", IN_BOTH, "hostname", NULL, FIT_ELIDE},
    {"STATE", IN_BOTH, NULL, fill_state},
    {"BUCKETS", IN_BOTH, NULL, fill_buckets},
    {"WORKERS", IN_BOTH, "workers", NULL},
    {"SEEN", IN_BOTH, NULL, fill_seen},
    {"STARTED", IN_BOTH, NULL, fill_started},
    {"VERSION", IN_BOTH, "version", NULL},
    {"ID", IN_WIDE, "id", NULL},
};

static const struct listing actuator_listing = {
    .columns = columns,
    .column_count = sizeof(columns) / sizeof(columns[0]),
    .nothing = "no actuator has registered; check that mimod runs and uses the store of the Admin "
               "API",
};

/* About the first actuator that is dead or takes no work. */
static void say_next(const struct output *output, const struct json_object *actuators)
{
    size_t position;
    struct json_object *actuator;
    char where[HOST_SIZE];
    document_foreach_item(actuators, position, actuator) {
        bool alive = document_is_true(document_get(actuator, "alive"));
        const char *mode = document_string(actuator, "mode", "working");
        snprintf(where, sizeof(where), "on %s", document_string(actuator, "hostname", "?"));
        if (alive && strcmp(mode, "working") == 0)
            continue;
        if (alive)
            next_say(output, where, "mimoctl resume %" PRId64,
                     document_integer(actuator, "index", 0));
        else
            next_say(output, where, "systemctl status mimod");
        return;
    }
    if (document_length(actuators) > 0)
        next_say(output, NULL, "mimoctl health");
}

int ctl_actuator_list(struct ctl *ctl, struct error *error)
{
    const struct api_listing all = {.path = "/admin/actuators"};
    cleanup_json struct json_object *actuators = NULL;
    if (api_list(ctl, &all, &actuators, NULL, error) < 0)
        return -1;
    output_items(&ctl->output, &actuator_listing, actuators);
    say_next(&ctl->output, actuators);
    return CTL_OK;
}
