/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest_text.h - manifests for people: the columns of a table, one line of progress.
 */
#ifndef MIMO_CTL_OUTPUT_MANIFEST_TEXT_H
#define MIMO_CTL_OUTPUT_MANIFEST_TEXT_H

#include <json-c/json_object.h>

#include "ctl/output/output.h"

/* The columns of manifests; context: the registered tasks. */
extern const struct listing manifest_listing;

/* "8 Completed, 3 Failed" into `buffer`, which is returned; "" when there are none. */
const char *manifest_text_counts(const struct json_object *manifests, char *buffer, size_t size);

/* Its colour by state. */
enum colour manifest_text_colour(const char *state);

/* "[2/3] replace the certificate: waiting for health", or statusText, or "". Into `buffer`
 * (CELL_SIZE bytes), which is returned. */
const char *manifest_text_status(const struct json_object *manifest, char *buffer);

enum { MANIFEST_TEXT_WORKER_SIZE = 512 };

/* "still runs on vm0, until its lease ends in 50m at the latest", for an ended manifest whose worker runs
 * on; else "". Into `buffer` (MANIFEST_TEXT_WORKER_SIZE bytes), which is returned. */
const char *manifest_text_worker(const struct output *output, const struct json_object *manifest,
                                 char *buffer);

/* In seconds: the wait since it was created (Pending), else the duration of the present or the
 * latest attempt. */
int64_t manifest_text_elapsed(const struct json_object *manifest, int64_t now);

#endif
