/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fleet.h - how the fleet stands: all counts by state, and each manifest of the queue.
 *
 * The queue, that is Pending and InProgress, is listed; what has ended is only counted, by the
 * Admin API's summary.
 */
#ifndef MIMO_CTL_COMMANDS_FLEET_H
#define MIMO_CTL_COMMANDS_FLEET_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/ctl.h"
#include "mimo/manifest_state.h"

struct fleet {
    int64_t counts[MANIFEST_STATE_COUNT]; /* by state */
    struct json_object *queue;            /* views, oldest first; owned */
    int64_t now;
};

int fleet_load(struct ctl *ctl, struct fleet *fleet, struct error *error);
void fleet_free(struct fleet *fleet);

static inline void cleanup_fleet_function(struct fleet *fleet)
{
    fleet_free(fleet);
}
#define cleanup_fleet __attribute__((cleanup(cleanup_fleet_function)))

/* All manifests there are, and those in any of `states`. */
int64_t fleet_total(const struct fleet *fleet);
int64_t fleet_count(const struct fleet *fleet, unsigned states);

/* Seconds that a Pending manifest is due and was not started; -1 when it is not due, or not
 * Pending. */
int64_t fleet_waited(const struct json_object *manifest, int64_t now);

#endif
