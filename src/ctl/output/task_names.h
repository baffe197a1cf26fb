/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_names.h - short names of tasks for tables; the Admin API is asked once.
 */
#ifndef MIMO_CTL_OUTPUT_TASK_NAMES_H
#define MIMO_CTL_OUTPUT_TASK_NAMES_H

#include <json-c/json_object.h>

#include "ctl/ctl.h"

/* The registered tasks; a new reference. Without an answer an empty array: then IDs are shown. */
struct json_object *task_names_load(struct ctl *ctl);

/* The short name of the task with this ID, or the ID. Borrowed from one of the two. */
const char *task_names_find(const struct json_object *tasks, const char *id);

#endif
