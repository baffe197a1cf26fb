/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest_text.c - manifests for people: the columns of a table, one line of progress.
 */
#include "ctl/output/manifest_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/output/states.h"
#include "ctl/output/task_names.h"
#include "ctl/output/times.h"
#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/manifest_state.h"
#include "mimo/resource_id.h"

enum { SHORT_ID = 8 };

#define PENDING     MANIFEST_STATE_BIT(MANIFEST_PENDING)
#define IN_PROGRESS MANIFEST_STATE_BIT(MANIFEST_IN_PROGRESS)

static unsigned state_of(const struct json_object *manifest)
{
    return states_bit(document_string(manifest, "state", ""));
}

enum colour manifest_text_colour(const char *state)
{
    static const enum colour colours[MANIFEST_STATE_COUNT] = {
        [MANIFEST_PENDING] = COLOUR_NONE,         [MANIFEST_IN_PROGRESS] = COLOUR_BLUE,
        [MANIFEST_COMPLETED] = COLOUR_GREEN,      [MANIFEST_FAILED] = COLOUR_RED,
        [MANIFEST_RETRIES_EXCEEDED] = COLOUR_RED, [MANIFEST_TIMED_OUT] = COLOUR_YELLOW,
        [MANIFEST_CANCELLED] = COLOUR_DIM,
    };
    enum manifest_state number;
    return manifest_state_parse(state, &number) ? colours[number] : COLOUR_NONE;
}

const char *manifest_text_status(const struct json_object *manifest, char *buffer)
{
    const char *text = document_string(manifest, "statusText", "");
    const char *step = document_string(manifest, "progress.name", NULL);
    if (step)
        snprintf(buffer, CELL_SIZE, "[%" PRId64 "/%" PRId64 "] %s%s%s",
                 document_integer(manifest, "progress.step", 0),
                 document_integer(manifest, "progress.steps", 0), step, text[0] ? ": " : "", text);
    else
        snprintf(buffer, CELL_SIZE, "%s", text);
    return buffer;
}

const char *manifest_text_worker(const struct output *output, const struct json_object *manifest,
                                 char *buffer)
{
    const struct json_object *running = document_get(manifest, "running");
    const char *host = document_string(running, "hostname", "");
    char relative[TIMES_TEXT_SIZE];
    buffer[0] = '\0';
    if (!running)
        return buffer;
    times_format_relative(relative, document_time(running, "until", output->now), output->now);
    snprintf(buffer, MANIFEST_TEXT_WORKER_SIZE,
             document_is_true(document_get(running, "stopping"))
                 ? "still runs%s%s; it was asked to end and is killed after 10 s"
                 : "still runs%s%s, until its lease ends %s at the latest",
             host[0] ? " on " : "", host, relative);
    return buffer;
}

int64_t manifest_text_elapsed(const struct json_object *manifest, int64_t now)
{
    unsigned state = state_of(manifest);
    int64_t created = document_time(manifest, "createdAt", now);
    int64_t begin = state == PENDING ? created : document_time(manifest, "startedAt", created);
    int64_t end = state & MANIFEST_STATES_OPEN ? now : document_time(manifest, "finishedAt", now);
    return begin < end ? end - begin : 0;
}

static int64_t due_at(const struct json_object *manifest)
{
    int64_t run_after = document_time(manifest, "runAfter", 0);
    int64_t next_attempt = document_time(manifest, "nextAttempt", 0);
    return run_after > next_attempt ? run_after : next_attempt;
}

/* ---- cells ---- */

static void fill_short_id(const struct output *output, const struct json_object *manifest,
                          const void *context, struct cell *cell)
{
    (void)output, (void)context;
    snprintf(cell->text, sizeof(cell->text), "%.*s", SHORT_ID, document_string(manifest, "id", ""));
}

static void fill_state(const struct output *output, const struct json_object *manifest,
                       const void *context, struct cell *cell)
{
    (void)output, (void)context;
    const char *state = document_string(manifest, "state", "");
    snprintf(cell->text, sizeof(cell->text), "%s", state);
    cell->colour = manifest_text_colour(state);
}

static void fill_task(const struct output *output, const struct json_object *manifest,
                      const void *context, struct cell *cell)
{
    (void)output;
    snprintf(cell->text, sizeof(cell->text), "%s",
             task_names_find(context, document_string(manifest, "maintenanceTaskID", "")));
}

static void fill_cluster_name(const struct output *output, const struct json_object *manifest,
                              const void *context, struct cell *cell)
{
    (void)output, (void)context;
    snprintf(cell->text, sizeof(cell->text), "%s",
             resource_id_name(document_string(manifest, "clusterResourceID", "")));
}

static void fill_attempts(const struct output *output, const struct json_object *manifest,
                          const void *context, struct cell *cell)
{
    (void)output, (void)context;
    int64_t dequeues = document_integer(manifest, "dequeues", 0);
    snprintf(cell->text, sizeof(cell->text), "%" PRId64 "/%d", dequeues, MANIFEST_ATTEMPTS_MAXIMUM);
    if (dequeues >= 3)
        cell->colour = COLOUR_YELLOW;
}

/* Pending: when it is due. InProgress: how long it has run. Otherwise: when it ended. */
static void fill_when(const struct output *output, const struct json_object *manifest,
                      const void *context, struct cell *cell)
{
    (void)context;
    char time[TIMES_TEXT_SIZE];
    unsigned state = state_of(manifest);
    if (state == PENDING) {
        int64_t due = due_at(manifest);
        snprintf(cell->text, sizeof(cell->text), "%s%s", due > output->now ? "" : "due ",
                 times_format_relative(time, due, output->now));
    } else if (state == IN_PROGRESS) {
        snprintf(cell->text, sizeof(cell->text), "for %s",
                 times_format_span(time, manifest_text_elapsed(manifest, output->now)));
    } else if (document_get(manifest, "finishedAt")) {
        int64_t finished = document_time(manifest, "finishedAt", 0);
        times_format_relative(time, finished < output->now ? finished : output->now, output->now);
        snprintf(cell->text, sizeof(cell->text), "%s", time);
    }
}

static void fill_time(const struct json_object *manifest, const char *member, struct cell *cell)
{
    int64_t time = document_integer(manifest, member, 0);
    char text[CLOCK_TEXT_SIZE];
    if (time > 0)
        snprintf(cell->text, sizeof(cell->text), "%s", clock_format(text, time));
}

static void fill_run_after(const struct output *output, const struct json_object *manifest,
                           const void *context, struct cell *cell)
{
    (void)output, (void)context;
    fill_time(manifest, "runAfter", cell);
}

static void fill_run_before(const struct output *output, const struct json_object *manifest,
                            const void *context, struct cell *cell)
{
    (void)output, (void)context;
    fill_time(manifest, "runBefore", cell);
}

static void fill_finished(const struct output *output, const struct json_object *manifest,
                          const void *context, struct cell *cell)
{
    (void)output, (void)context;
    fill_time(manifest, "finishedAt", cell);
}

static void fill_owner(const struct output *output, const struct json_object *manifest,
                       const void *context, struct cell *cell)
{
    (void)output, (void)context;
    const char *owner = document_string(manifest, "leaseOwner", "");
    snprintf(cell->text, sizeof(cell->text), "%s",
             document_string(manifest, "leaseOwnerName", owner));
}

static void fill_status(const struct output *output, const struct json_object *manifest,
                        const void *context, struct cell *cell)
{
    (void)output, (void)context;
    manifest_text_status(manifest, cell->text);
}

static const struct column columns[] = {
    {"ID", IN_TABLE, NULL, fill_short_id},
    {"ID", IN_WIDE, "id", NULL},
    {"STATE", IN_BOTH, NULL, fill_state},
    {"TASK", IN_BOTH, NULL, fill_task, FIT_ELIDE},
    {"CLUSTER", IN_TABLE, NULL, fill_cluster_name, FIT_ELIDE},
    {"CLUSTER", IN_WIDE, "clusterResourceID", NULL},
    {"PRIORITY", IN_WIDE, "priority", NULL},
    {"ATTEMPTS", IN_BOTH, NULL, fill_attempts},
    {"WHEN", IN_TABLE, NULL, fill_when},
    {"RUN AFTER", IN_WIDE, NULL, fill_run_after},
    {"RUN BEFORE", IN_WIDE, NULL, fill_run_before},
    {"FINISHED", IN_WIDE, NULL, fill_finished},
    {"LEASE OF", IN_WIDE, NULL, fill_owner},
    {"STATUS", IN_BOTH, NULL, fill_status},
};

const struct listing manifest_listing = {
    .columns = columns,
    .column_count = sizeof(columns) / sizeof(columns[0]),
    .nothing = "no manifests",
};

const char *manifest_text_counts(const struct json_object *manifests, char *buffer, size_t size)
{
    size_t used = 0;
    buffer[0] = '\0';
    for (int state = 0; state < MANIFEST_STATE_COUNT; state++) {
        size_t position;
        struct json_object *manifest;
        int count = 0;
        document_foreach_item(manifests, position, manifest)
            count += state_of(manifest) == MANIFEST_STATE_BIT(state);
        if (count > 0 && used < size)
            used += (size_t)snprintf(buffer + used, size - used, "%s%d %s", used ? ", " : "", count,
                                     manifest_state_name((enum manifest_state)state));
    }
    return buffer;
}
