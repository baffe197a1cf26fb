/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fleet.h - the state of the fleet: counts by state, and the manifests of the queue.
 *
 * Manifests of the queue (Pending and InProgress) are listed; the others are only counted, by the
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

/* The number of all manifests, and of those in any of `states`. */
int64_t fleet_total(const struct fleet *fleet);
int64_t fleet_count(const struct fleet *fleet, unsigned states);

/* The number of seconds for which a Pending manifest has been due; -1 when it is not due, or not
 * Pending. */
int64_t fleet_waited(const struct json_object *manifest, int64_t now);

#endif
