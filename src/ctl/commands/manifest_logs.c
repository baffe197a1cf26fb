/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest_logs.c - mimoctl manifest logs: the messages of all attempts, in full.
 *
 * Each attempt is a paragraph, oldest first.
 */
#include <inttypes.h>
#include <stdio.h>

#include "ctl/client/resolve.h"
#include "ctl/commands/handlers.h"
#include "ctl/commands/next.h"
#include "ctl/output/manifest_text.h"
#include "ctl/output/times.h"
#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/manifest.h"

static void write_when(const struct output *output, const struct json_object *attempt)
{
    int64_t started = document_time(attempt, "startedAt", 0);
    int64_t finished = document_time(attempt, "finishedAt", 0);
    char absolute[CLOCK_TEXT_SIZE];
    char relative[TIMES_TEXT_SIZE];
    char elapsed[TIMES_TEXT_SIZE];
    output_field(output, "Started", COLOUR_NONE, "%s (%s)", clock_format(absolute, started),
                 times_format_relative(relative, started, output->now));
    if (finished == 0)
        return;
    output_field(output, "Finished", COLOUR_NONE, "%s (after %s)", clock_format(absolute, finished),
                 times_format_elapsed(elapsed, finished > started ? finished - started : 0));
}

static void write_usage(const struct output *output, const struct json_object *attempt)
{
    int64_t kib = document_integer(attempt, "maxRssKiB", 0);
    if (kib > 0)
        output_field(output, "Memory", COLOUR_NONE, "%.1f MiB at most", (double)kib / 1024);
    if (document_get(attempt, "cpuMs"))
        output_field(output, "CPU", COLOUR_NONE, "%" PRId64 " ms",
                     document_integer(attempt, "cpuMs", 0));
}

/* The attempt in progress has no outcome yet; the manifest has its progress. */
static void write_outcome(const struct output *output, const struct json_object *manifest,
                          const struct json_object *attempt)
{
    const char *outcome = document_string(attempt, "outcome", NULL);
    char status[CELL_SIZE];
    output_field(output, "Outcome", COLOUR_NONE, "%s", outcome ? outcome : "in progress");
    output_field(output, "Message", COLOUR_NONE, "%s",
                 outcome ? document_string(attempt, "message", "")
                         : manifest_text_status(manifest, status));
}

static void write_attempt(const struct output *output, const struct json_object *manifest,
                          const struct json_object *attempt)
{
    output_field(output, "Attempt", COLOUR_NONE, "%" PRId64,
                 document_integer(attempt, "number", 0));
    write_when(output, attempt);
    write_outcome(output, manifest, attempt);
    output_field(output, "Actuator", COLOUR_NONE, "%s", document_string(attempt, "actuator", ""));
    write_usage(output, attempt);
}

static void write_attempts(const struct ctl *ctl, const struct json_object *manifest,
                           const struct json_object *attempts)
{
    size_t position;
    struct json_object *attempt;
    char worker[MANIFEST_TEXT_WORKER_SIZE];
    if (document_length(attempts) == 0)
        output_say("it has not been tried yet");
    if (document_length(attempts) == MANIFEST_HISTORY_MAXIMUM)
        output_say("these are the latest %d attempts; older ones are not kept",
                   MANIFEST_HISTORY_MAXIMUM);
    document_foreach_item(attempts, position, attempt) {
        if (position > 0)
            putchar('\n');
        write_attempt(&ctl->output, manifest, attempt);
    }
    output_field(&ctl->output, "Worker", COLOUR_YELLOW, "%s",
                 manifest_text_worker(&ctl->output, manifest, worker));
    next_of_manifest(&ctl->output, manifest);
}

int ctl_manifest_logs(struct ctl *ctl, struct error *error)
{
    cleanup_json struct json_object *manifest = NULL;
    cleanup_json struct json_object *none = json_object_new_array();
    if (resolve_manifest_view(ctl, ctl->options.operands[0], &manifest, error) < 0)
        return -1;
    struct json_object *attempts = document_get(manifest, "attempts");
    if (!attempts)
        attempts = none;
    switch (ctl->output.form) {
    case OUTPUT_JSON: {
        cleanup_json struct json_object *answer = document_pack("{s:O}", "value", attempts);
        output_json(answer);
        break;
    }
    case OUTPUT_ID:
        printf("%s\n", document_string(manifest, "id", ""));
        break;
    case OUTPUT_TABLE:
    case OUTPUT_WIDE:
        write_attempts(ctl, manifest, attempts);
        break;
    }
    return CTL_OK;
}
