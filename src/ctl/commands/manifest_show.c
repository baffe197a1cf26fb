/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest_show.c - all details of one manifest, for people.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/commands/manifest_rows.h"
#include "ctl/output/manifest_text.h"
#include "ctl/output/task_names.h"
#include "ctl/output/times.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/manifest_state.h"

/* ---- history of attempts ---- */

static void fill_started(const struct output *output, const struct json_object *attempt,
                         const void *context, struct cell *cell)
{
    (void)context;
    char text[TIMES_TEXT_SIZE];
    times_format_relative(text, document_time(attempt, "startedAt", 0), output->now);
    snprintf(cell->text, sizeof(cell->text), "%s", text);
}

static void fill_took(const struct output *output, const struct json_object *attempt,
                      const void *context, struct cell *cell)
{
    (void)context;
    char text[TIMES_TEXT_SIZE];
    int64_t started = document_time(attempt, "startedAt", 0);
    int64_t ended = document_time(attempt, "finishedAt", output->now);
    times_format_elapsed(text, ended > started ? ended - started : 0);
    snprintf(cell->text, sizeof(cell->text), "%s", text);
}

static void fill_outcome(const struct output *output, const struct json_object *attempt,
                         const void *context, struct cell *cell)
{
    (void)output, (void)context;
    snprintf(cell->text, sizeof(cell->text), "%s",
             document_string(attempt, "outcome", "in progress"));
}

static void fill_actuator(const struct output *output, const struct json_object *attempt,
                          const void *context, struct cell *cell)
{
    (void)output, (void)context;
    snprintf(cell->text, sizeof(cell->text), "%.8s", document_string(attempt, "actuator", ""));
}

static void fill_memory(const struct output *output, const struct json_object *attempt,
                        const void *context, struct cell *cell)
{
    (void)output, (void)context;
    int64_t kib = document_integer(attempt, "maxRssKiB", 0);
    if (kib > 0)
        snprintf(cell->text, sizeof(cell->text), "%.1fM", (double)kib / 1024);
}

static void fill_cpu(const struct output *output, const struct json_object *attempt,
                     const void *context, struct cell *cell)
{
    (void)output, (void)context;
    if (document_get(attempt, "cpuMs"))
        snprintf(cell->text, sizeof(cell->text), "%" PRId64 "ms",
                 document_integer(attempt, "cpuMs", 0));
}

static const struct column attempt_columns[] = {
    {"ATTEMPT", IN_BOTH, "number", NULL},       {"STARTED", IN_BOTH, NULL, fill_started},
    {"TOOK", IN_BOTH, NULL, fill_took},         {"OUTCOME", IN_BOTH, NULL, fill_outcome},
    {"ACTUATOR", IN_BOTH, NULL, fill_actuator}, {"MEMORY", IN_BOTH, NULL, fill_memory},
    {"CPU", IN_BOTH, NULL, fill_cpu},           {"MESSAGE", IN_BOTH, "message", NULL},
};

static const struct listing attempt_listing = {
    .columns = attempt_columns,
    .column_count = sizeof(attempt_columns) / sizeof(attempt_columns[0]),
    .nothing = "",
};

/* ---- fields ---- */

static void show_time(const struct output *output, const char *heading,
                      const struct json_object *manifest, const char *member)
{
    int64_t time = document_integer(manifest, member, 0);
    char absolute[CLOCK_TEXT_SIZE];
    char relative[TIMES_TEXT_SIZE];
    if (time > 0)
        output_field(output, heading, COLOUR_NONE, "%s (%s)", clock_format(absolute, time),
                     times_format_relative(relative, time, output->now));
}

static void show_lease(const struct output *output, const struct json_object *manifest)
{
    const char *owner = document_string(manifest, "leaseOwner", NULL);
    char relative[TIMES_TEXT_SIZE];
    if (owner)
        output_field(output, "Lease", COLOUR_NONE, "%s%s%s, ends %s",
                     document_string(manifest, "leaseOwnerName", ""),
                     document_get(manifest, "leaseOwnerName") ? " " : "", owner,
                     times_format_relative(relative, document_time(manifest, "leaseExpiry", 0),
                                           output->now));
}

static void show_task(const struct output *output, const struct json_object *tasks,
                      const struct json_object *manifest)
{
    const char *id = document_string(manifest, "maintenanceTaskID", "");
    const char *name = task_names_find(tasks, id);
    if (name == id)
        output_field(output, "Task", COLOUR_NONE, "%s", id);
    else
        output_field(output, "Task", COLOUR_NONE, "%s (%s)", name, id);
}

void manifest_rows_show(struct ctl *ctl, const struct json_object *manifest)
{
    const struct output *output = &ctl->output;
    const char *state = document_string(manifest, "state", "");
    char status[CELL_SIZE];
    char worker[MANIFEST_TEXT_WORKER_SIZE];
    cleanup_json struct json_object *tasks = manifest_rows_tasks(ctl);
    const struct json_object *parameters = document_get(manifest, "parameters");
    cleanup_free char *parameters_text = parameters ? document_format(parameters) : NULL;

    output_field(output, "ID", COLOUR_NONE, "%s", document_string(manifest, "id", ""));
    output_field(output, "State", manifest_text_colour(state), "%s", state);
    output_field(output, "Status", COLOUR_NONE, "%s", manifest_text_status(manifest, status));
    show_task(output, tasks, manifest);
    output_field(output, "Cluster", COLOUR_NONE, "%s",
                 document_string(manifest, "clusterResourceID", ""));
    output_field(output, "Priority", COLOUR_NONE, "%" PRId64,
                 document_integer(manifest, "priority", 0));
    output_field(output, "Attempts", COLOUR_NONE, "%" PRId64 " of %d",
                 document_integer(manifest, "dequeues", 0), MANIFEST_ATTEMPTS_MAXIMUM);
    show_time(output, "Created", manifest, "createdAt");
    show_time(output, "Run after", manifest, "runAfter");
    show_time(output, "Run before", manifest, "runBefore");
    show_time(output, "Next attempt", manifest, "nextAttempt");
    show_time(output, "Started", manifest, "startedAt");
    show_time(output, "Finished", manifest, "finishedAt");
    show_lease(output, manifest);
    output_field(output, "Worker", COLOUR_YELLOW, "%s",
                 manifest_text_worker(output, manifest, worker));
    output_field(output, "Schedule", COLOUR_NONE, "%s",
                 document_string(manifest, "createdBySchedule", ""));
    output_field(output, "Parameters", COLOUR_NONE, "%s", parameters_text ? parameters_text : "");

    const struct json_object *attempts = document_get(manifest, "attempts");
    if (document_length(attempts) > 0) {
        putchar('\n');
        output_table(output, &attempt_listing, attempts);
    }
}
