/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain.c - mimoctl manifest explain: why a manifest does not run now.
 *
 * The Admin API returns the causes as `blockers`, one object each.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/client/api.h"
#include "ctl/client/resolve.h"
#include "ctl/commands/handlers.h"
#include "ctl/commands/next.h"
#include "ctl/output/manifest_text.h"
#include "ctl/output/states.h"
#include "ctl/output/times.h"
#include "mimo/clock.h"
#include "mimo/document.h"

static void fill_until(const struct output *output, const struct json_object *blocker,
                       const void *context, struct cell *cell)
{
    (void)context;
    int64_t until = document_time(blocker, "until", 0);
    char relative[TIMES_TEXT_SIZE];
    char absolute[CLOCK_TEXT_SIZE];
    if (until == 0)
        return;
    times_format_relative(relative, until, output->now);
    if (output->form == OUTPUT_WIDE)
        snprintf(cell->text, sizeof(cell->text), "%s", clock_format(absolute, until));
    else
        snprintf(cell->text, sizeof(cell->text), "%s", relative);
}

static void fill_short_manifest(const struct output *output, const struct json_object *blocker,
                                const void *context, struct cell *cell)
{
    (void)output, (void)context;
    snprintf(cell->text, sizeof(cell->text), "%.8s", document_string(blocker, "manifest", ""));
}

static const struct column columns[] = {
    {"CAUSE", IN_BOTH, "kind", NULL},
    {"UNTIL", IN_BOTH, NULL, fill_until},
    {"MANIFEST", IN_TABLE, NULL, fill_short_manifest},
    {"MANIFEST", IN_WIDE, "manifest", NULL},
    {"MESSAGE", IN_BOTH, "message", NULL},
};

static const struct listing blocker_listing = {
    .columns = columns,
    .column_count = sizeof(columns) / sizeof(columns[0]),
    .nothing = "",
};

/* For a manifest without blockers. */
static void tell_progress(const struct ctl *ctl, const struct json_object *manifest)
{
    const char *state = document_string(manifest, "state", "");
    unsigned bit = states_bit(state);
    char status[CELL_SIZE];
    char elapsed[TIMES_TEXT_SIZE];
    char worker[MANIFEST_TEXT_WORKER_SIZE];
    manifest_text_status(manifest, status);
    times_format_elapsed(elapsed, manifest_text_elapsed(manifest, ctl->output.now));
    if (bit == MANIFEST_STATE_BIT(MANIFEST_PENDING))
        output_say("nothing blocks it; it starts at the actuator's next poll");
    else if (bit == MANIFEST_STATE_BIT(MANIFEST_IN_PROGRESS))
        output_say("it has been in progress for %s%s%s", elapsed, status[0] ? ": " : "", status);
    else
        output_say("it has ended as %s%s%s", state, status[0] ? ": " : "", status);
    if (manifest_text_worker(&ctl->output, manifest, worker)[0])
        output_say("its worker %s", worker);
}

static void write_blockers(struct ctl *ctl, const struct json_object *manifest,
                           const struct json_object *blockers)
{
    if (ctl->output.form == OUTPUT_JSON) {
        cleanup_json struct json_object *answer =
            document_pack("{s:O, s:O, s:O}", "id", document_member(manifest, "id"), "state",
                          document_member(manifest, "state"), "blockers", blockers);
        output_json(answer);
    } else if (ctl->output.form == OUTPUT_ID) {
        printf("%s\n", document_string(manifest, "id", ""));
    } else if (document_length(blockers) > 0) {
        output_table(&ctl->output, &blocker_listing, blockers);
        next_of_blocked(ctl, manifest, blockers);
    } else {
        tell_progress(ctl, manifest);
        next_of_blocked(ctl, manifest, blockers);
    }
}

int ctl_manifest_explain(struct ctl *ctl, struct error *error)
{
    cleanup_json struct json_object *manifest = NULL;
    cleanup_json struct json_object *none = json_object_new_array();
    if (resolve_manifest_view(ctl, ctl->options.operands[0], &manifest, error) < 0)
        return -1;
    const struct json_object *blockers = document_get(manifest, "blockers");
    bool pending =
        states_bit(document_string(manifest, "state", "")) == MANIFEST_STATE_BIT(MANIFEST_PENDING);
    if (pending && !document_is_array(blockers))
        return error_set(
            error, ERROR_DENIED,
            "the Admin API at %s does not report what blocks a manifest: its mimo-api is older "
            "than this mimoctl; update mimo-api there",
            ctl->connection.url);
    write_blockers(ctl, manifest, blockers ? blockers : none);
    return CTL_OK;
}
