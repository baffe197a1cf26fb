/* SPDX-License-Identifier: Apache-2.0 */
/*
 * still_running.h - checks whether the worker of an ended manifest still runs.
 *
 * Cancelling a manifest, or stopping it, ends the manifest before its worker ends. Until then the
 * worker's cluster is leased for that manifest.
 */
#ifndef MIMO_CTL_COMMANDS_STILL_RUNNING_H
#define MIMO_CTL_COMMANDS_STILL_RUNNING_H

#include <json-c/json_object.h>

#include "ctl/ctl.h"

/* Returns 1, with the end of the lease, when a worker of `manifest` may still run; 0 when not, also
 * when the cluster was removed; -1 when the Admin API does not answer. */
int still_running(struct ctl *ctl, const struct json_object *manifest, int64_t *ret_lease_end,
                  struct error *error);

/* The manifest `id`, with the member "running", when it has ended and its worker still runs. False,
 * and NULL, when not, or when the Admin API does not answer at once or is not configured: what is
 * asked for serves an advice only. */
bool still_running_find(struct ctl *ctl, const char *id, struct json_object **ret_manifest);

#endif
