/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workers_text.h - the workers of a machine for people.
 */
#ifndef MIMO_CTL_OUTPUT_WORKERS_TEXT_H
#define MIMO_CTL_OUTPUT_WORKERS_TEXT_H

#include <json-c/json_object.h>

#include "ctl/output/output.h"

/* A table for each answer of "ps". A line about the actuator comes first when there are several,
 * in the wide form, and when the actuator takes no work (paused, draining, drained). */
void workers_text_write(const struct output *output, const struct json_object *answers);

#endif
