/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest_recreate.c - mimoctl manifest recreate: the guide's Recovery 3, "Recreate Failed
 * Manifest".
 */
#include <stdio.h>

#include "ctl/client/api.h"
#include "ctl/client/resolve.h"
#include "ctl/commands/follow.h"
#include "ctl/commands/handlers.h"
#include "ctl/commands/manifest_change.h"
#include "ctl/commands/manifest_create.h"
#include "ctl/commands/manifest_rows.h"
#include "ctl/commands/next.h"
#include "ctl/output/manifest_text.h"
#include "ctl/output/states.h"
#include "mimo/document.h"

/* States of manifests that ended without doing their work. */
#define RECREATABLE                                                                                \
    (MANIFEST_STATE_BIT(MANIFEST_FAILED) | MANIFEST_STATE_BIT(MANIFEST_RETRIES_EXCEEDED) |         \
     MANIFEST_STATE_BIT(MANIFEST_TIMED_OUT) | MANIFEST_STATE_BIT(MANIFEST_CANCELLED))

static int check_state(const struct json_object *manifest, struct error *error)
{
    const char *id = document_string(manifest, "id", "");
    const char *state = document_string(manifest, "state", "");
    unsigned bit = states_bit(state);
    if (bit & RECREATABLE)
        return 0;
    if (bit & MANIFEST_STATES_OPEN)
        return error_set(error, ERROR_DENIED,
                         "manifest %s is %s: it has not ended yet; mimoctl manifest explain %.8s "
                         "shows what it waits for",
                         id, state, id);
    return error_set(error, ERROR_DENIED,
                     "manifest %s is %s: it did not fail; to run the task again, use mimoctl "
                     "manifest create",
                     id, state);
}

/* Copies task, priority and parameters. Times are not copied: those of the old manifest have
 * passed. */
static int make_body(const struct ctl *ctl, const struct json_object *old, struct json_object *body,
                     struct error *error)
{
    static const char *const carried[] = {"maintenanceTaskID", "priority", "parameters"};
    for (size_t i = 0; i < sizeof(carried) / sizeof(carried[0]); i++) {
        struct json_object *value = document_get(old, carried[i]);
        if (value && document_add(body, carried[i], json_object_get(value)) < 0)
            return error_set(error, ERROR_SYSTEM, "out of memory for a request");
    }
    return manifest_create_add_times(ctl, body, error);
}

/* *ret_manifest is a new reference to the new manifest. ERROR_CONFLICT if another one for the same
 * task and cluster is open, because that one does the same work. */
static int create_like(struct ctl *ctl, const struct json_object *old,
                       struct json_object **ret_manifest, struct error *error)
{
    cleanup_json struct json_object *body = json_object_new_object();
    if (make_body(ctl, old, body, error) < 0)
        return -1;
    struct manifest_creation creation = {
        .cluster = document_string(old, "clusterResourceID", ""), .body = body, .if_open = "fail"};
    if (manifest_create_send(ctl, &creation, ret_manifest, error) < 0)
        return error_prefix(error, "manifest %s", document_string(old, "id", ""));
    return 0;
}

static void say_what_was_done(const struct json_object *old, const struct json_object *manifest)
{
    char status[CELL_SIZE];
    manifest_text_status(old, status);
    output_say("manifest %s was %s%s%s", document_string(old, "id", ""),
               document_string(old, "state", ""), status[0] ? ": " : "", status);
    output_say("created %s in its place%s", document_string(manifest, "id", ""),
               document_get(manifest, "parameters") ? ", with the same parameters" : "");
}

/* Deletes the old manifest if --delete-old is given, with --watch only if the new one succeeded. */
static int finish(struct ctl *ctl, const struct json_object *old, int status, struct error *error)
{
    const char *id = document_string(old, "id", "");
    if (!ctl->options.values[OPTION_DELETE_OLD])
        return status;
    if (status != CTL_OK) {
        output_say("the old one, %s, was kept", id);
        return status;
    }
    if (manifest_delete(ctl, old, error) < 0)
        return -1;
    output_say("deleted %s", id);
    return status;
}

static int recreate_one(struct ctl *ctl, const char *id, struct json_object *created,
                        struct error *error)
{
    cleanup_json struct json_object *old = NULL;
    cleanup_json struct json_object *manifest = NULL;
    if (resolve_manifest(ctl, id, &old, error) < 0 || check_state(old, error) < 0 ||
        create_like(ctl, old, &manifest, error) < 0)
        return -1;
    say_what_was_done(old, manifest);
    int status = CTL_OK;
    if (ctl->options.values[OPTION_WATCH])
        status = follow_watch(ctl, manifest, error);
    else
        document_append(created, json_object_get(manifest));
    status = status < 0 ? -1 : finish(ctl, old, status, error);
    if (ctl->options.values[OPTION_WATCH])
        next_of_followed(&ctl->output, manifest, status);
    return status;
}

int ctl_manifest_recreate(struct ctl *ctl, struct error *error)
{
    cleanup_json struct json_object *created = json_object_new_array();
    if (ctl->options.values[OPTION_WATCH] && ctl->options.operand_count > 1)
        return error_set(error, ERROR_INVALID, "--watch follows one manifest, not %d",
                         ctl->options.operand_count);
    int status = ctl_each(ctl, recreate_one, created);
    if (document_length(created) == 0)
        return status;
    manifest_rows_list(ctl, created);
    if (document_length(created) > 1)
        next_say(&ctl->output, NULL, "mimoctl manifest list --state Pending,InProgress");
    else
        next_say(&ctl->output, NULL, "mimoctl manifest watch %.8s",
                 document_string(document_item(created, 0), "id", ""));
    return status;
}
