/* SPDX-License-Identifier: Apache-2.0 */
/*
 * running.h - finds workers that still run although their manifest has ended.
 *
 * Cancelling a manifest that is InProgress does not end its worker. Until that worker ends, or its
 * lease expires, the lease of the cluster names the manifest. Answers then contain
 *
 *     "running": {"until": 1764460800, "actuator": "...", "hostname": "...", "stopping": false,
 *                 "message": "..."}
 *
 * Ownership: references returned are new. Threads: any. Units: Unix seconds.
 */
#ifndef API_RUNNING_H
#define API_RUNNING_H

#include <json-c/json_object.h>

#include "api/api.h"
#include "api/http/answer.h"
#include "mimo/manifest.h"

struct running {
    bool runs;
    bool stopping;            /* its worker was asked to end */
    int64_t until;            /* end of the lease */
    char actuator[UUID_SIZE]; /* owner of the lease; "" when it is not known */
};

/* The member of a manifest's document that asks its actuator to end the worker. */
#define RUNNING_STOP_MEMBER "stopRequested"

/* Whether the lease of `cluster` (its document, or NULL) belongs to the manifest at `now`. Leaves
 * `stopping` false. Pure. */
struct running running_find(const struct json_object *cluster, const struct manifest *manifest,
                            int64_t now);

/* The member "running" of answers. NULL without memory. */
struct json_object *running_view(struct api *api, const struct running *running);

/* Adds `,"running":{...}` to the view of an ended manifest whose worker still runs; does nothing
 * for others. `item` is what the manifest was read from, as text. -1: 503 is in the answer. */
int running_add(struct api *api, const struct manifest *manifest, const struct store_item *item,
                struct text_buffer *view, struct answer *answer);

#endif
