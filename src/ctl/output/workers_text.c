/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workers_text.c - the workers of a machine for people.
 */
#include "ctl/output/workers_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/output/times.h"
#include "mimo/document.h"
#include "mimo/resource_id.h"

static void fill_cluster(const struct output *output, const struct json_object *worker,
                         const void *context, struct cell *cell)
{
    (void)output, (void)context;
    snprintf(cell->text, sizeof(cell->text), "%s",
             resource_id_name(document_string(worker, "clusterResourceID", "")));
}

/* "2/3 replace the certificate" */
static void fill_step(const struct output *output, const struct json_object *worker,
                      const void *context, struct cell *cell)
{
    (void)output, (void)context;
    int64_t step = document_integer(worker, "step", 0);
    if (step > 0)
        snprintf(cell->text, sizeof(cell->text), "%" PRId64 "/%" PRId64 " %s", step,
                 document_integer(worker, "steps", 0), document_string(worker, "stepName", ""));
}

static void fill_run(const struct output *output, const struct json_object *worker,
                     const void *context, struct cell *cell)
{
    (void)output, (void)context;
    char text[TIMES_TEXT_SIZE];
    times_format_elapsed(text, document_integer(worker, "runMilliseconds", 0) / 1000);
    snprintf(cell->text, sizeof(cell->text), "%s", text);
}

static void fill_rss(const struct output *output, const struct json_object *worker,
                     const void *context, struct cell *cell)
{
    (void)output, (void)context;
    snprintf(cell->text, sizeof(cell->text), "%.1fM",
             (double)document_integer(worker, "rssKiB", 0) / 1024);
}

static void fill_short_manifest(const struct output *output, const struct json_object *worker,
                                const void *context, struct cell *cell)
{
    (void)output, (void)context;
    snprintf(cell->text, sizeof(cell->text), "%.8s", document_string(worker, "manifestID", ""));
}

static const struct column columns[] = {
    {"PID", IN_BOTH, "pid", NULL},
    {"SLOT", IN_BOTH, "slot", NULL},
    {"TASK", IN_BOTH, "task", NULL, FIT_ELIDE},
    {"CLUSTER", IN_TABLE, NULL, fill_cluster, FIT_ELIDE},
    {"CLUSTER", IN_WIDE, "clusterResourceID", NULL},
    {"STEP", IN_BOTH, NULL, fill_step, FIT_ELIDE},
    {"RUN", IN_BOTH, NULL, fill_run},
    {"RSS", IN_BOTH, NULL, fill_rss},
    {"ATTEMPT", IN_BOTH, "attempt", NULL},
    {"MANIFEST", IN_TABLE, NULL, fill_short_manifest},
    {"MANIFEST", IN_WIDE, "manifestID", NULL},
    {"STATUS", IN_WIDE, "statusText", NULL},
};

static const struct listing worker_listing = {
    .columns = columns,
    .column_count = sizeof(columns) / sizeof(columns[0]),
    .nothing = "no worker runs",
};

/* "ready", "draining", or why it is not ready. */
static void describe_readiness(const struct json_object *actuator, char *buffer, size_t size)
{
    const struct json_object *reasons = document_get(actuator, "notReady");
    size_t position;
    struct json_object *reason;
    size_t used = 0;
    if (document_is_true(document_get(actuator, "ready"))) {
        snprintf(buffer, size, "ready");
        return;
    }
    used = (size_t)snprintf(buffer, size, "not ready");
    document_foreach_item(reasons, position, reason)
        if (used < size)
            used += (size_t)snprintf(buffer + used, size - used, "%s%s", position ? "; " : ": ",
                                     document_text(reason) ? document_text(reason) : "?");
}

static void describe_buckets(const struct json_object *actuator, char *buffer, size_t size)
{
    const struct json_object *buckets = document_get(actuator, "buckets");
    int64_t first = document_number(document_item(buckets, 0));
    int64_t last = document_number(document_item(buckets, 1));
    if (last < first)
        snprintf(buffer, size, "no buckets");
    else
        snprintf(buffer, size, "buckets %" PRId64 "-%" PRId64, first, last);
}

/* True when the reasons why it is not ready name its mode already. */
static bool names_mode(const struct json_object *actuator, const char *mode)
{
    const char *reason = document_text(document_item(document_get(actuator, "notReady"), 0));
    return reason && strcmp(reason, mode) == 0;
}

/* "Actuator 0 on vm0 (mimod 0.1.0, pid 812, up 3h): ready; buckets 0-85; 2 of 10 workers;
 * paused" */
static void write_header(const struct output *output, const struct json_object *actuator)
{
    char readiness[1024];
    char text[2048];
    char up[TIMES_TEXT_SIZE];
    char buckets[64];
    const char *mode = document_string(actuator, "mode", "working");
    bool works = strcmp(mode, "working") == 0;
    int64_t started = document_time(actuator, "startedAt", output->now);
    describe_readiness(actuator, readiness, sizeof(readiness));
    describe_buckets(actuator, buckets, sizeof(buckets));
    bool said = works || names_mode(actuator, mode);
    snprintf(text, sizeof(text),
             "on %s (mimod %s, pid %" PRId64 ", up %s): %s; %s; %" PRId64 " of %" PRId64
             " workers%s%s",
             document_string(actuator, "hostname", "?"), document_string(actuator, "version", "?"),
             document_integer(actuator, "pid", 0),
             times_format_span(up, output->now > started ? output->now - started : 0), readiness,
             buckets, document_integer(actuator, "workersActive", 0),
             document_integer(actuator, "maxWorkers", 0), said ? "" : "; ", said ? "" : mode);
    char heading[32];
    snprintf(heading, sizeof(heading), "Actuator %" PRId64, document_integer(actuator, "index", 0));
    output_field(output, heading, COLOUR_NONE, "%s", text);
}

static bool works(const struct json_object *answer)
{
    return strcmp(document_string(answer, "actuator.mode", "working"), "working") == 0;
}

void workers_text_write(const struct output *output, const struct json_object *answers)
{
    size_t position;
    struct json_object *answer;
    bool headers = output->form == OUTPUT_WIDE || document_length(answers) > 1;
    document_foreach_item(answers, position, answer) {
        if (headers && position > 0)
            putchar('\n');
        if (headers || !works(answer))
            write_header(output, document_get(answer, "actuator"));
        output_items(output, &worker_listing, document_get(answer, "workers"));
    }
}
