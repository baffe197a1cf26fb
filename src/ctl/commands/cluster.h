/* SPDX-License-Identifier: Apache-2.0 */
/* cluster.h - reads one cluster, for several commands. */
#ifndef MIMO_CTL_COMMANDS_CLUSTER_H
#define MIMO_CTL_COMMANDS_CLUSTER_H

#include <json-c/json_object.h>

#include "ctl/ctl.h"

/* The cluster as the Admin API returns it; a new reference. `text` is a resource ID or a name. */
int cluster_load(struct ctl *ctl, const char *text, struct json_object **ret_cluster,
                 struct error *error);

#endif
