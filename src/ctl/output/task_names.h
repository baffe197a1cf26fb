/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_names.h - short names of tasks for tables.
 */
#ifndef MIMO_CTL_OUTPUT_TASK_NAMES_H
#define MIMO_CTL_OUTPUT_TASK_NAMES_H

#include <json-c/json_object.h>

/* The short name of the task with this ID, or the ID. Borrowed from one of the two. */
const char *task_names_find(const struct json_object *tasks, const char *id);

#endif
