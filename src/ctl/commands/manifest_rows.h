/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest_rows.h - manifests as commands write them, with the names of their tasks.
 */
#ifndef MIMO_CTL_COMMANDS_MANIFEST_ROWS_H
#define MIMO_CTL_COMMANDS_MANIFEST_ROWS_H

#include <json-c/json_object.h>

#include "ctl/ctl.h"

#define TASKS_PATH "/admin/tasks"

/* The registered tasks; a new reference. Without an answer an empty array: then IDs are shown. */
struct json_object *manifest_rows_tasks(struct ctl *ctl);

/* Writes manifests in the form that was asked for. */
void manifest_rows_list(struct ctl *ctl, const struct json_object *manifests);

/* The table alone, whatever form was asked for. */
void manifest_rows_table(struct ctl *ctl, const struct json_object *manifests);

/* The manifests as data for programs, if IDs or JSON were asked for; nothing for people. */
void manifest_rows_data(struct ctl *ctl, const struct json_object *manifests);

/* manifest_rows_list() for one manifest. In JSON it is not within a list. */
void manifest_rows_one(struct ctl *ctl, struct json_object *manifest);

/* All members of one manifest and its attempts, for people. */
void manifest_rows_show(struct ctl *ctl, const struct json_object *manifest);

#endif
