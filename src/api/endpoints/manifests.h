/* SPDX-License-Identifier: Apache-2.0 */
/* manifests.h - what the handlers of manifests share. */
#ifndef API_MANIFESTS_H
#define API_MANIFESTS_H

#include "api/api.h"
#include "mimo/manifest.h"

enum { MANIFEST_RESOURCE_SIZE = RESOURCE_ID_SIZE + 64 };

/* 404 unless the cluster of the request is in the store and not being deleted. */
int cluster_must_exist(struct api *api, const struct request *request, struct answer *answer);

/* The UUID of the task named by UUID or short name, or NULL when it is not registered. */
const struct task *task_of_request(const struct api *api, const char *name);

/* Reads the manifest that the request names, by its cluster and id: 404 when there is none. Its
 * etag is in operation->result.items[0]; the caller releases the operation, and frees the manifest
 * when 0 was returned. */
int manifest_load(struct api *api, const struct request *request,
                  struct store_operation *ret_operation, struct manifest *ret_manifest,
                  struct answer *answer);

/* olderThan: only what was created before *ret_before, as store queries take it; 0 when absent. */
int manifests_read_age(const struct request *request, int64_t *ret_before, struct answer *answer);

/* The manifest's view with leaseOwnerName. New reference, or NULL without memory. */
json_t *manifest_answer_view(struct api *api, struct manifest *manifest);

/* "<resource ID>/maintenanceManifests/<id>" into `buffer` of MANIFEST_RESOURCE_SIZE bytes, for the
 * audit trail. */
const char *manifest_resource(char *buffer, const char *cluster, const char *id);

#endif
