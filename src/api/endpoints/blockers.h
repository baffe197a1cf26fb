/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blockers.h - finds what keeps a Pending manifest from running.
 *
 * One object for each cause, with `kind`, a `message` for people, and members of that kind:
 *
 *   notDue, backoff       until
 *   overdue               since: it will be TimedOut
 *   clusterBusy           manifest and until (its lease), or provisioningState (a change by others)
 *   clusterMissing, clusterUnreadable
 *   noActuator            bucket: no live actuator owns it; the message names one that is drained
 *   actuatorPaused, actuatorFull   actuator, hostname: the one that owns the bucket
 *
 * Without a cause it starts at the next poll of that actuator.
 */
#ifndef API_BLOCKERS_H
#define API_BLOCKERS_H

#include <json-c/json_object.h>

#include "api/api.h"
#include "api/http/answer.h"
#include "mimo/manifest.h"
#include "mimo/text_buffer.h"

/* The data in which causes are found. */
struct blockers_facts {
    const struct manifest *manifest;
    int64_t now;
    const char *mark;                 /* clusters.mark_state */
    int64_t ttl;                      /* seconds, for membership records without one */
    struct json_object *cluster;      /* its document; NULL: not in the store */
    const struct store_item *members; /* membership records */
    size_t member_count;
};

/* The array of causes. New reference; NULL without memory. Pure. */
struct json_object *blockers_find(const struct blockers_facts *facts);

/* Adds `,"blockers":[...]` to the view of a manifest that is Pending; leaves those of others alone.
 * The manifest's document is not read. */
int blockers_add(struct api *api, const struct manifest *manifest, struct text_buffer *view,
                 struct answer *answer);

#endif
