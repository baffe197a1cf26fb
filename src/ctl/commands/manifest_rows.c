/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest_rows.c - output of manifests, with the names of their tasks from the Admin API.
 */
#include "ctl/commands/manifest_rows.h"

#include "ctl/client/api.h"
#include "ctl/output/manifest_text.h"
#include "mimo/document.h"

struct json_object *manifest_rows_tasks(struct ctl *ctl)
{
    const struct api_listing listing = {.path = TASKS_PATH};
    struct json_object *tasks;
    return api_list(ctl, &listing, &tasks, NULL, NULL) < 0 ? json_object_new_array() : tasks;
}

void manifest_rows_list(struct ctl *ctl, const struct json_object *manifests)
{
    bool names = ctl->output.form == OUTPUT_TABLE || ctl->output.form == OUTPUT_WIDE;
    cleanup_json struct json_object *tasks =
        names && document_length(manifests) > 0 ? manifest_rows_tasks(ctl) : NULL;
    struct listing listing = manifest_listing;
    listing.context = tasks;
    output_items(&ctl->output, &listing, manifests);
}

void manifest_rows_table(struct ctl *ctl, const struct json_object *manifests)
{
    cleanup_json struct json_object *tasks = manifest_rows_tasks(ctl);
    struct listing listing = manifest_listing;
    listing.context = tasks;
    output_table(&ctl->output, &listing, manifests);
}

void manifest_rows_data(struct ctl *ctl, const struct json_object *manifests)
{
    if (ctl->output.form == OUTPUT_JSON || ctl->output.form == OUTPUT_ID)
        output_items(&ctl->output, &manifest_listing, manifests);
}

void manifest_rows_one(struct ctl *ctl, struct json_object *manifest)
{
    if (ctl->output.form == OUTPUT_JSON) {
        output_json(manifest);
        return;
    }
    cleanup_json struct json_object *only = document_pack("[O]", manifest);
    manifest_rows_list(ctl, only);
}
