/* SPDX-License-Identifier: Apache-2.0 */
/* manifests.h - functions that the handlers of manifests share. */
#ifndef API_MANIFESTS_H
#define API_MANIFESTS_H

#include "api/api.h"
#include "api/http/answer.h"
#include "api/http/request.h"
#include "mimo/manifest.h"

enum { MANIFEST_RESOURCE_SIZE = RESOURCE_ID_SIZE + 64 };

/* olderThan: *ret_before is the exclusive bound for store queries; 0 when absent. */
int manifests_read_age(const struct request *request, int64_t *ret_before, struct answer *answer);

/* clusterResourceID: *ret_cluster becomes `buffer` (RESOURCE_ID_SIZE bytes) with the normalized
 * resource ID; NULL when absent. */
int manifests_read_cluster(const struct request *request, char *buffer, const char **ret_cluster,
                           struct answer *answer);

/* The manifest's view with leaseOwnerName. New reference, or NULL without memory. */
struct json_object *manifest_answer_view(struct api *api, struct manifest *manifest);

/* "<resource ID>/maintenanceManifests/<id>" into `buffer` of MANIFEST_RESOURCE_SIZE bytes, for the
 * audit trail. */
const char *manifest_resource(char *buffer, const char *cluster, const char *id);

#endif
