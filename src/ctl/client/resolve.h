/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolve.h - finds what an operand names: a cluster by ID or unique name, a manifest by ID or its
 * beginning.
 */
#ifndef MIMO_CTL_CLIENT_RESOLVE_H
#define MIMO_CTL_CLIENT_RESOLVE_H

#include <json-c/json_object.h>

#include "ctl/client/api.h"
#include "ctl/ctl.h"
#include "mimo/error.h"
#include "mimo/resource_id.h"

/* Shorter beginnings of IDs are refused: most fleets have several manifests for each. */
enum { RESOLVE_PREFIX_MINIMUM = 4 };

/* A path below "/admin", such as "/admin/subscriptions/.../maintenanceManifests/ID/cancel". */
enum { RESOLVE_PATH_SIZE = RESOURCE_ID_SIZE + 128 };

/* Writes the normalized resource ID of a cluster into `buffer` (RESOURCE_ID_SIZE bytes). A full ID
 * is checked for its form, but not looked up. */
int resolve_cluster(struct ctl *ctl, const char *text, char *buffer, struct error *error);

/* The manifest that `text` names; *ret_manifest is a new reference to its view. */
int resolve_manifest(struct ctl *ctl, const char *text, struct json_object **ret_manifest,
                     struct error *error);

/* The same, with what only the answer for one manifest contains: `blockers`, `running`. */
int resolve_manifest_view(struct ctl *ctl, const char *text, struct json_object **ret_manifest,
                          struct error *error);

/* Sends `request`, whose path is filled in, to the manifest of a view: below its cluster, or, if that
 * is 404, below /admin/maintenanceManifests, where the cluster need not be in the inventory. `suffix`
 * is "" or "/cancel". See api_call(). */
int resolve_call(struct ctl *ctl, const struct json_object *manifest, const char *suffix,
                 const struct api_request *request, struct api_answer *ret_answer,
                 struct error *error);

/* Reads the manifest of a view again in the same way; *ret_manifest is a new reference. */
int resolve_read(struct ctl *ctl, const struct json_object *manifest,
                 struct json_object **ret_manifest, struct error *error);

/* The path of a manifest below its cluster by its view, into `buffer` (RESOLVE_PATH_SIZE bytes);
 * `suffix` is "" or "/cancel". Returns `buffer`. */
const char *resolve_manifest_path(const struct json_object *manifest, const char *suffix,
                                  char *buffer);

/* Exposed for tests: picks from `items` the only one whose `member` begins with `text`, or with
 * `whole` equals it, in any case. NULL with ERROR_NOT_FOUND or ERROR_CONFLICT. Borrowed. */
struct json_object *resolve_pick(const char *what, const struct json_object *items,
                                 const char *member, const char *text, bool whole,
                                 struct error *error);

#endif
