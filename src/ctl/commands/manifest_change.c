/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest_change.c - mimoctl manifest cancel, stop, delete.
 */
#include <inttypes.h>
#include <stdio.h>

#include "ctl/client/api.h"
#include "ctl/client/resolve.h"
#include "ctl/commands/handlers.h"
#include "ctl/commands/manifest_change.h"
#include "ctl/commands/manifest_rows.h"
#include "ctl/commands/next.h"
#include "ctl/commands/still_running.h"
#include "ctl/output/manifest_text.h"
#include "ctl/output/states.h"
#include "ctl/output/times.h"
#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/manifest.h"
#include "mimo/resource_id.h"

/* POST to a manifest's own endpoint `suffix`. */
static int post(struct ctl *ctl, const struct json_object *manifest, const char *suffix,
                const struct query *query, struct api_answer *ret_answer, struct error *error)
{
    const struct api_request request = {.method = "POST", .query = query};
    if (resolve_call(ctl, manifest, suffix, &request, ret_answer, error) < 0)
        return error_prefix(error, "manifest %s", document_string(manifest, "id", ""));
    return 0;
}

/* ---- cancel ---- */

enum { NOT_ACCEPTABLE = 406 }; /* not allowed in its state */

/* Advice on a manifest that cannot be cancelled: the guide's Recovery 1. */
static void advise(const struct ctl *ctl, const struct json_object *manifest)
{
    const char *id = document_string(manifest, "id", "");
    unsigned state = states_bit(document_string(manifest, "state", ""));
    char elapsed[TIMES_TEXT_SIZE];
    char ends[TIMES_TEXT_SIZE];
    if (state == MANIFEST_STATE_BIT(MANIFEST_IN_PROGRESS)) {
        times_format_elapsed(elapsed, manifest_text_elapsed(manifest, ctl->output.now));
        times_format_relative(ends, document_time(manifest, "leaseExpiry", ctl->output.now),
                              ctl->output.now);
        output_say("it has been in progress for %s and counts as stuck after %d minutes; its lease "
                   "ends %s. Choose one:",
                   elapsed, MANIFEST_STUCK_SECONDS / 60, ends);
        output_say("    mimoctl manifest watch %.8s           to wait for its end", id);
        output_say("    mimoctl manifest stop %.8s            to end its worker", id);
        output_say("    mimoctl manifest cancel --force %.8s  to cancel it and let its worker run "
                   "on",
                   id);
    } else if (state == MANIFEST_STATE_BIT(MANIFEST_COMPLETED)) {
        output_say("it has ended, so there is nothing to cancel");
    } else if (!(state & MANIFEST_STATES_OPEN)) {
        output_say("it has ended, so there is nothing to cancel; mimoctl manifest recreate %.8s "
                   "runs it again",
                   id);
    }
}

/* Cancelling does not end a worker, which keeps the lease of its cluster until it ends. */
static bool say_running(struct ctl *ctl, const struct json_object *manifest)
{
    int64_t end;
    char relative[TIMES_TEXT_SIZE];
    struct error ignored;
    if (document_time(manifest, "startedAt", 0) == 0 ||
        still_running(ctl, manifest, &end, &ignored) <= 0)
        return false;
    output_say("its worker still runs on cluster %s, which stays in maintenance until it ends, "
               "at the latest %s",
               resource_id_name(document_string(manifest, "clusterResourceID", "")),
               times_format_relative(relative, end, clock_unix_seconds()));
    return true;
}

/* About the first whose worker still runs, else about the first. */
static void say_next(struct ctl *ctl, const struct json_object *cancelled)
{
    const struct json_object *running = NULL;
    size_t position;
    struct json_object *manifest;
    document_foreach_item(cancelled, position, manifest)
        if (say_running(ctl, manifest) && !running)
            running = manifest;
    if (running)
        next_say(&ctl->output, NULL, "mimoctl manifest stop %.8s",
                 document_string(running, "id", ""));
    else if (document_length(cancelled) > 1)
        next_say(&ctl->output, NULL, "mimoctl manifest list --state Cancelled");
    else
        next_say(&ctl->output, NULL, "mimoctl manifest show %.8s",
                 document_string(document_item(cancelled, 0), "id", ""));
}

static int cancel_one(struct ctl *ctl, const char *id, struct json_object *cancelled,
                      struct error *error)
{
    cleanup_query struct query query = {0};
    cleanup_json struct json_object *manifest = NULL;
    struct api_answer answer;
    if (resolve_manifest(ctl, id, &manifest, error) < 0)
        return -1;
    query_add(&query, "force", ctl->options.values[OPTION_FORCE] ? "true" : NULL);
    if (post(ctl, manifest, "/cancel", &query, &answer, error) < 0) {
        if (answer.status != NOT_ACCEPTABLE)
            return -1;
        output_say("%s", error->message);
        advise(ctl, manifest);
        return CTL_REFUSED;
    }
    document_append(cancelled, answer.body);
    return 0;
}

int ctl_manifest_cancel(struct ctl *ctl, struct error *error)
{
    (void)error; /* each failure is said as it happens */
    cleanup_json struct json_object *cancelled = json_object_new_array();
    int status = ctl_each(ctl, cancel_one, cancelled);
    if (document_length(cancelled) == 0)
        return status;
    manifest_rows_list(ctl, cancelled);
    say_next(ctl, cancelled);
    return status;
}

/* ---- stop ---- */

static int stop_one(struct ctl *ctl, const char *id, struct json_object *stopped,
                    struct error *error)
{
    cleanup_json struct json_object *manifest = NULL;
    struct api_answer answer;
    if (resolve_manifest(ctl, id, &manifest, error) < 0 ||
        post(ctl, manifest, "/stop", NULL, &answer, error) < 0)
        return -1;
    cleanup_json struct json_object *said = answer.body;
    bool is_view = document_string(said, "id", NULL) != NULL;
    document_append(stopped, json_object_get(is_view ? said : manifest));
    output_say("manifest %s: its worker gets SIGTERM now and SIGKILL after 10 s",
               document_string(manifest, "id", ""));
    return 0;
}

int ctl_manifest_stop(struct ctl *ctl, struct error *error)
{
    (void)error; /* each failure is said as it happens */
    cleanup_json struct json_object *stopped = json_object_new_array();
    int status = ctl_each(ctl, stop_one, stopped);
    if (document_length(stopped) == 0)
        return status;
    manifest_rows_list(ctl, stopped);
    const struct json_object *first = document_item(stopped, 0);
    const char *state = document_string(first, "state", "");
    next_say(&ctl->output, NULL, "mimoctl manifest wait %.8s --for %s",
             document_string(first, "id", ""),
             states_bit(state) & ~MANIFEST_STATES_OPEN ? state : "Cancelled");
    return status;
}

/* ---- delete ---- */

static int delete_one(struct ctl *ctl, const char *id, struct json_object *deleted,
                      struct error *error)
{
    cleanup_json struct json_object *manifest = NULL;
    if (resolve_manifest(ctl, id, &manifest, error) < 0 ||
        manifest_delete(ctl, manifest, error) < 0)
        return -1;
    document_append(deleted, document_pack("{s:O}", "id", document_member(manifest, "id")));
    return 0;
}

int manifest_delete(struct ctl *ctl, const struct json_object *manifest, struct error *error)
{
    struct api_answer answer;
    const struct api_request request = {.method = "DELETE"};
    const char *id = document_string(manifest, "id", "");
    if (resolve_call(ctl, manifest, "", &request, &answer, error) == 0) {
        json_object_put(answer.body);
        return 0;
    }
    if (!api_is_conflict(&answer, API_TARGET_RUNNING))
        return error_prefix(error, "manifest %s", id);
    return error_set(error, ERROR_CONFLICT,
                     "manifest %s: its worker still runs: mimoctl manifest stop %.8s, then mimoctl "
                     "manifest wait %.8s --for Cancelled, then delete it",
                     id, id, id);
}

int ctl_manifest_delete(struct ctl *ctl, struct error *error)
{
    (void)error; /* each failure is said as it happens */
    cleanup_json struct json_object *deleted = json_object_new_array();
    int status = ctl_each(ctl, delete_one, deleted);
    ctl_write_deleted(ctl, deleted);
    if (document_length(deleted) > 0)
        next_say(&ctl->output, NULL, "mimoctl queue");
    return status;
}
