/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blockers.h - why a Pending manifest is not running now.
 *
 * One object a cause, each with `kind`, a `message` for people, and what belongs to the kind:
 *
 *   notDue, backoff       until
 *   overdue               since: it will be TimedOut
 *   clusterBusy           manifest and until (its lease), or provisioningState (somebody else)
 *   clusterMissing, clusterUnreadable
 *   noActuator            bucket: no live actuator has it; the message names one that is drained
 *   actuatorPaused, actuatorFull   actuator, hostname: the one that has the bucket
 *
 * No cause at all means that it starts when that actuator looks next.
 */
#ifndef API_BLOCKERS_H
#define API_BLOCKERS_H

#include <json-c/json_object.h>

#include "api/api.h"
#include "api/http/answer.h"
#include "mimo/manifest.h"
#include "mimo/text_buffer.h"

/* What the causes are found in. */
struct blockers_facts {
    const struct manifest *manifest;
    int64_t now;
    const char *mark;                 /* clusters.mark_state */
    int64_t ttl;                      /* seconds, for membership records that do not say */
    struct json_object *cluster;      /* its document; NULL: not in the store */
    const struct store_item *members; /* membership records */
    size_t member_count;
};

/* The array of causes. New reference; NULL without memory. Pure. */
struct json_object *blockers_find(const struct blockers_facts *facts);

/* Adds `,"blockers":[...]` to the view of a manifest that is Pending; leaves those of others alone.
 * The manifest's document is not asked for. */
int blockers_add(struct api *api, const struct manifest *manifest, struct text_buffer *view,
                 struct answer *answer);

#endif
