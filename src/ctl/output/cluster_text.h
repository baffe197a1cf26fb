/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_text.h - clusters for people.
 */
#ifndef MIMO_CTL_OUTPUT_CLUSTER_TEXT_H
#define MIMO_CTL_OUTPUT_CLUSTER_TEXT_H

#include <json-c/json_object.h>

#include "ctl/output/output.h"

/* The columns of clusters. */
extern const struct listing cluster_listing;

/* "manifest 2b65ac7b, ends in 55m", or "" when nothing runs on it. Into `buffer` of `size`
 * bytes. */
const char *cluster_text_lease(const struct output *output, const struct json_object *cluster,
                               char *buffer, size_t size);

/* Its colour by provisioning state. */
enum colour cluster_text_colour(const char *state);

#endif
