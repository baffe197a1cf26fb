/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ps.c - mimoctl ps: the workers of the actuators on this machine, through their control sockets.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/control_client.h"
#include "ctl/handlers.h"
#include "ctl/times.h"
#include "mimo/document.h"
#include "mimo/resource_id.h"

#define RUNTIME_DIRECTORY_DEFAULT "/run/mimo"

static void fill_cluster(const struct output *output, const json_t *worker, const void *context,
                         struct cell *cell)
{
    (void)output, (void)context;
    snprintf(cell->text, sizeof(cell->text), "%s",
             resource_id_name(document_string(worker, "clusterResourceID", "")));
}

/* "2/3 replace the certificate" */
static void fill_step(const struct output *output, const json_t *worker, const void *context,
                      struct cell *cell)
{
    (void)output, (void)context;
    int64_t step = document_integer(worker, "step", 0);
    if (step > 0)
        snprintf(cell->text, sizeof(cell->text), "%" PRId64 "/%" PRId64 " %s", step,
                 document_integer(worker, "steps", 0), document_string(worker, "stepName", ""));
}

static void fill_run(const struct output *output, const json_t *worker, const void *context,
                     struct cell *cell)
{
    (void)output, (void)context;
    char text[TIMES_TEXT_SIZE];
    times_format_elapsed(text, document_integer(worker, "runMilliseconds", 0) / 1000);
    snprintf(cell->text, sizeof(cell->text), "%s", text);
}

static void fill_rss(const struct output *output, const json_t *worker, const void *context,
                     struct cell *cell)
{
    (void)output, (void)context;
    snprintf(cell->text, sizeof(cell->text), "%.1fM",
             (double)document_integer(worker, "rssKiB", 0) / 1024);
}

static void fill_short_manifest(const struct output *output, const json_t *worker,
                                const void *context, struct cell *cell)
{
    (void)output, (void)context;
    snprintf(cell->text, sizeof(cell->text), "%.8s", document_string(worker, "manifestID", ""));
}

static const struct column columns[] = {
    {"PID", IN_BOTH, "pid", NULL},
    {"SLOT", IN_BOTH, "slot", NULL},
    {"TASK", IN_BOTH, "task", NULL},
    {"CLUSTER", IN_TABLE, NULL, fill_cluster},
    {"CLUSTER", IN_WIDE, "clusterResourceID", NULL},
    {"STEP", IN_BOTH, NULL, fill_step},
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
static void describe_readiness(const json_t *actuator, char *buffer, size_t size)
{
    const json_t *reasons = document_get(actuator, "notReady");
    size_t position;
    json_t *reason;
    size_t used = 0;
    if (json_is_true(document_get(actuator, "ready"))) {
        snprintf(buffer, size, "ready");
        return;
    }
    used = (size_t)snprintf(buffer, size, "not ready");
    json_array_foreach(reasons, position, reason) if (used < size) used +=
        (size_t)snprintf(buffer + used, size - used, "%s%s", position ? "; " : ": ",
                         json_string_value(reason) ? json_string_value(reason) : "?");
}

static void describe_buckets(const json_t *actuator, char *buffer, size_t size)
{
    const json_t *buckets = document_get(actuator, "buckets");
    json_int_t first = json_integer_value(json_array_get(buckets, 0));
    json_int_t last = json_integer_value(json_array_get(buckets, 1));
    if (last < first)
        snprintf(buffer, size, "no buckets");
    else
        snprintf(buffer, size, "buckets %" JSON_INTEGER_FORMAT "-%" JSON_INTEGER_FORMAT, first,
                 last);
}

/* "Actuator 0 on vm0 (mimod 0.1.0, pid 812, up 3h): ready; buckets 0-85; 2 of 10 workers" */
static void write_header(const struct output *output, const json_t *actuator)
{
    char readiness[1024];
    char text[2048];
    char up[TIMES_TEXT_SIZE];
    char buckets[64];
    int64_t started = document_integer(actuator, "startedAt", output->now);
    describe_readiness(actuator, readiness, sizeof(readiness));
    describe_buckets(actuator, buckets, sizeof(buckets));
    snprintf(text, sizeof(text),
             "on %s (mimod %s, pid %" PRId64 ", up %s): %s; %s; %" PRId64 " of %" PRId64
             " workers%s",
             document_string(actuator, "hostname", "?"), document_string(actuator, "version", "?"),
             document_integer(actuator, "pid", 0),
             times_format_span(up, output->now > started ? output->now - started : 0), readiness,
             buckets, document_integer(actuator, "workersActive", 0),
             document_integer(actuator, "maxWorkers", 0),
             json_is_true(document_get(actuator, "draining")) ? "; draining" : "");
    char heading[32];
    snprintf(heading, sizeof(heading), "Actuator %" PRId64, document_integer(actuator, "index", 0));
    output_field(output, heading, COLOUR_NONE, "%s", text);
}

static void write_tables(const struct output *output, const json_t *answers)
{
    size_t position;
    json_t *answer;
    bool headers = output->form == OUTPUT_WIDE || json_array_size(answers) > 1;
    json_array_foreach(answers, position, answer)
    {
        if (headers && position > 0)
            putchar('\n');
        if (headers)
            write_header(output, document_get(answer, "actuator"));
        output_items(output, &worker_listing, document_get(answer, "workers"));
    }
}

static void write_manifest_ids(const json_t *answers)
{
    size_t position;
    json_t *answer;
    json_array_foreach(answers, position, answer)
    {
        size_t place;
        json_t *worker;
        json_array_foreach(document_get(answer, "workers"), place, worker)
            printf("%s\n", document_string(worker, "manifestID", ""));
    }
}

static void write_answers(const struct output *output, const json_t *answers)
{
    switch (output->form) {
    case OUTPUT_JSON: {
        cleanup_json json_t *all = json_pack("{s:O}", "value", answers);
        output_json(all);
        break;
    }
    case OUTPUT_ID:
        write_manifest_ids(answers);
        break;
    case OUTPUT_TABLE:
    case OUTPUT_WIDE:
        write_tables(output, answers);
        break;
    }
}

static const char *runtime_directory(const struct ctl *ctl)
{
    const char *of_environment = getenv("MIMO_RUNTIME_DIRECTORY");
    if (ctl->options.values[OPTION_RUNTIME_DIRECTORY])
        return ctl->options.values[OPTION_RUNTIME_DIRECTORY];
    return of_environment && of_environment[0] ? of_environment : RUNTIME_DIRECTORY_DEFAULT;
}

int ctl_ps(struct ctl *ctl, struct error *error)
{
    const char *directory = runtime_directory(ctl);
    cleanup_json json_t *names = NULL;
    cleanup_json json_t *answers = json_array();
    size_t position;
    json_t *name;
    int status = CTL_OK;
    if (control_find(directory, &names, error) < 0)
        return -1;
    json_array_foreach(names, position, name)
    {
        json_t *answer;
        if (control_ask(directory, json_string_value(name), "ps", &answer, error) < 0) {
            ctl_say("%s", error->message);
            status = CTL_UNREACHABLE;
            continue;
        }
        json_object_del(answer, "ok");
        json_array_append_new(answers, answer);
    }
    if (json_array_size(answers) > 0)
        write_answers(&ctl->output, answers);
    return status;
}
