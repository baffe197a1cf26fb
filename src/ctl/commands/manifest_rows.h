/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest_rows.h - output of manifests, with the names of their tasks from the Admin API.
 */
#ifndef MIMO_CTL_COMMANDS_MANIFEST_ROWS_H
#define MIMO_CTL_COMMANDS_MANIFEST_ROWS_H

#include <json-c/json_object.h>

#include "ctl/ctl.h"

#define TASKS_PATH "/admin/tasks"

/* The registered tasks; a new reference. Without an answer an empty array, so that IDs are
 * shown. */
struct json_object *manifest_rows_tasks(struct ctl *ctl);

/* Writes manifests in the form of --output. */
void manifest_rows_list(struct ctl *ctl, const struct json_object *manifests);

/* Writes a table, whatever --output says. */
void manifest_rows_table(struct ctl *ctl, const struct json_object *manifests);

/* Writes the manifests as data for programs if --output is id or json; otherwise nothing. */
void manifest_rows_data(struct ctl *ctl, const struct json_object *manifests);

/* Like manifest_rows_list(), for one manifest. JSON is one object, not a list. */
void manifest_rows_one(struct ctl *ctl, struct json_object *manifest);

/* Writes all members of one manifest and its attempts, for people. */
void manifest_rows_show(struct ctl *ctl, const struct json_object *manifest);

#endif
