/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest_create.c - mimoctl manifest create.
 */
#include "ctl/commands/manifest_create.h"

#include <stdio.h>
#include <string.h>

#include "ctl/client/api.h"
#include "ctl/client/resolve.h"
#include "ctl/commands/follow.h"
#include "ctl/commands/handlers.h"
#include "ctl/commands/manifest_rows.h"
#include "ctl/commands/next.h"
#include "ctl/output/manifest_text.h"
#include "ctl/output/times.h"
#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/manifest.h"

/* Takes over `value`, which is NULL when it could not be made. */
static int add(struct json_object *body, const char *member, struct json_object *value,
               struct error *error)
{
    if (document_add(body, member, value) < 0)
        return error_set(error, ERROR_INVALID, "cannot send %s: it must be valid UTF-8", member);
    return 0;
}

/* Adds a time of the command line. A local time is written back with its zone, because "02:00"
 * alone is ambiguous. */
static int add_time(const struct ctl *ctl, enum option_id option, const char *member,
                    struct json_object *body, struct error *error)
{
    const char *text = ctl->options.values[option];
    int64_t seconds;
    bool local;
    if (!text)
        return 0;
    if (times_parse(text, ctl->output.now, &seconds, &local, error) < 0)
        return error_prefix(error, "--%s", option_descriptions[option].name);
    if (local) {
        char in_zone[TIMES_TEXT_SIZE];
        char in_utc[CLOCK_TEXT_SIZE];
        output_say("%s is %s, %s", member, times_format_local(in_zone, seconds),
                   clock_format(in_utc, seconds));
    }
    return add(body, member, json_object_new_int64(seconds), error);
}

/* The Admin API refuses these as well, in terms of its members. */
static int check_times(const struct ctl *ctl, const struct json_object *body, struct error *error)
{
    int64_t after = document_time(body, "runAfter", ctl->output.now);
    int64_t before = document_time(body, "runBefore", INT64_MAX);
    if (before < ctl->output.now)
        return error_set(error, ERROR_INVALID, "--run-before is in the past");
    if (before < after)
        return error_set(error, ERROR_INVALID, "--run-before is earlier than --run-after");
    if (before == INT64_MAX && after - ctl->output.now > MANIFEST_RUN_BEFORE_DEFAULT)
        return error_set(error, ERROR_INVALID,
                         "--run-after is more than 7 days ahead: give --run-before too, which is "
                         "in 7 days by default");
    return 0;
}

int manifest_create_add_times(const struct ctl *ctl, struct json_object *body, struct error *error)
{
    if (add_time(ctl, OPTION_RUN_AFTER, "runAfter", body, error) < 0 ||
        add_time(ctl, OPTION_RUN_BEFORE, "runBefore", body, error) < 0)
        return -1;
    return check_times(ctl, body, error);
}

static int make_body(const struct ctl *ctl, struct json_object *body, struct error *error)
{
    const char *task = ctl->options.values[OPTION_TASK];
    int64_t priority;
    struct json_object *parameters;
    if (add(body, "maintenanceTaskID", document_new_string(task), error) < 0 ||
        manifest_create_add_times(ctl, body, error) < 0 ||
        options_number(&ctl->options, OPTION_PRIORITY, 0, MANIFEST_PRIORITY_MAXIMUM, -1, &priority,
                       error) < 0 ||
        options_object(&ctl->options, OPTION_PARAMETERS, &parameters, error) < 0)
        return -1;
    if (parameters && add(body, "parameters", parameters, error) < 0)
        return -1;
    return priority < 0 ? 0 : add(body, "priority", json_object_new_int64(priority), error);
}

static int check_if_open(const char *value, struct error *error)
{
    if (value && strcmp(value, "skip") != 0 && strcmp(value, "fail") != 0)
        return error_set(error, ERROR_INVALID, "--if-open: \"%s\" is neither skip nor fail", value);
    return 0;
}

/* Names the open manifest, and the command that follows it. */
static int explain_open(struct ctl *ctl, const struct manifest_creation *creation,
                        struct error *error)
{
    cleanup_query struct query query = {0};
    cleanup_json struct json_object *open = NULL;
    struct error ignored;
    query_add(&query, "clusterResourceID", creation->cluster);
    query_add(&query, "maintenanceTaskID",
              document_string(creation->body, "maintenanceTaskID", ""));
    query_add(&query, "state", "Pending,InProgress");
    const struct api_listing listing = {
        .path = "/admin/maintenanceManifests", .query = &query, .limit = 1};
    if (api_list(ctl, &listing, &open, NULL, &ignored) < 0 || document_length(open) == 0)
        return -1;
    const struct json_object *manifest = document_item(open, 0);
    const char *id = document_string(manifest, "id", "");
    return error_set(error, ERROR_CONFLICT,
                     "manifest %s for this cluster and task is %s: mimoctl manifest watch %.8s "
                     "follows it",
                     id, document_string(manifest, "state", ""), id);
}

int manifest_create_send(struct ctl *ctl, const struct manifest_creation *creation,
                         struct json_object **ret_manifest, struct error *error)
{
    cleanup_query struct query query = {0};
    char path[RESOLVE_PATH_SIZE];
    snprintf(path, sizeof(path), "/admin%s/maintenanceManifests", creation->cluster);
    query_add(&query, "ifOpen", creation->if_open);
    const struct api_request request = {.method = "PUT",
                                        .path = path,
                                        .query = &query,
                                        .body = creation->body,
                                        .key = creation->key};
    struct api_answer answer;
    if (api_call(ctl, &request, &answer, error) < 0)
        return api_is_conflict(&answer, API_TARGET_IF_OPEN) ? explain_open(ctl, creation, error)
                                                            : -1;
    if (answer.replayed)
        output_say("this key was used before: the first answer is repeated, and nothing was "
                   "created");
    else if (answer.status == 200)
        output_say(
            "a manifest for this cluster and task is open and is shown here; none was created");
    *ret_manifest = answer.body;
    return 0;
}

int ctl_manifest_create(struct ctl *ctl, struct error *error)
{
    const char *if_open = ctl->options.values[OPTION_IF_OPEN];
    cleanup_json struct json_object *body = json_object_new_object();
    cleanup_json struct json_object *manifest = NULL;
    char cluster[RESOURCE_ID_SIZE];
    if (!ctl->options.values[OPTION_TASK])
        return error_set(error, ERROR_INVALID, "missing --task; see mimoctl task list");
    if (!ctl->options.values[OPTION_CLUSTER])
        return error_set(error, ERROR_INVALID, "missing --cluster; see mimoctl cluster list");
    if (check_if_open(if_open, error) < 0 || make_body(ctl, body, error) < 0 ||
        resolve_cluster(ctl, ctl->options.values[OPTION_CLUSTER], cluster, error) < 0)
        return -1;
    const struct manifest_creation creation = {.cluster = cluster,
                                               .body = body,
                                               .if_open = if_open,
                                               .key = ctl->options.values[OPTION_IDEMPOTENCY_KEY]};
    if (manifest_create_send(ctl, &creation, &manifest, error) < 0)
        return -1;
    if (ctl->options.values[OPTION_WATCH]) {
        int status = follow_watch(ctl, manifest, error);
        next_of_followed(&ctl->output, manifest, status);
        return status;
    }
    manifest_rows_one(ctl, manifest);
    next_say(&ctl->output, NULL, "mimoctl manifest watch %.8s",
             document_string(manifest, "id", ""));
    return CTL_OK;
}
