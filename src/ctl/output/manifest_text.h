/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest_text.h - manifests for people: rows of a table, one in full, one line of progress.
 */
#ifndef MIMO_CTL_OUTPUT_MANIFEST_TEXT_H
#define MIMO_CTL_OUTPUT_MANIFEST_TEXT_H

#include <json-c/json_object.h>

#include "ctl/ctl.h"

/* The columns of manifests; context: the tasks of task_names_load(). */
extern const struct listing manifest_listing;

/* Writes manifests in the form that was asked for, with names of tasks where they are shown. */
void manifest_text_list(struct ctl *ctl, const struct json_object *manifests);

/* The table of them alone, in whatever form was asked for. */
void manifest_text_table(struct ctl *ctl, const struct json_object *manifests);

/* They as data for programs, if that was asked for, as IDs or JSON; nothing for people. */
void manifest_text_data(struct ctl *ctl, const struct json_object *manifests);

/* "8 Completed, 3 Failed" into `buffer`, which is returned; "" when there are none. */
const char *manifest_text_counts(const struct json_object *manifests, char *buffer, size_t size);

/* manifest_text_list() for one, as an item of its own. */
void manifest_text_one(struct ctl *ctl, struct json_object *manifest);

/* All there is to tell about one, for people. */
void manifest_text_show(struct ctl *ctl, const struct json_object *manifest);

/* Its colour by state. */
enum colour manifest_text_colour(const char *state);

/* "[2/3] replace the certificate: waiting for health", or statusText, or "". Into `buffer`
 * (CELL_SIZE bytes), which is returned. */
const char *manifest_text_status(const struct json_object *manifest, char *buffer);

/* Seconds it waits (Pending), runs (InProgress), or took: its latest attempt, or all of its waiting
 * when there was none. */
int64_t manifest_text_elapsed(const struct json_object *manifest, int64_t now);

#endif
