/* SPDX-License-Identifier: Apache-2.0 */
/* clusters.h - functions that the handlers of clusters share. */
#ifndef API_CLUSTERS_H
#define API_CLUSTERS_H

#include "api/api.h"
#include "api/http/answer.h"
#include "api/http/request.h"
#include "mimo/cluster.h"

/* The operation that reads the cluster of the request. `subscription` (UUID_SIZE bytes) must live
 * as long. */
struct store_operation cluster_read_operation(const struct request *request, char *subscription);

/* The view of a cluster in answers, with leaseOwnerName and hasKubeconfig. New reference, or NULL
 * when out of memory. */
struct json_object *cluster_answer_view(struct api *api, struct cluster *cluster);

/* Seals a kubeconfig under the certificate at `certificate_path`: its server's URL and the sealed
 * text in base64, which the caller frees. -1 with the answer: 400 for an invalid kubeconfig, 500 if
 * the certificate cannot be used. */
int cluster_seal_kubeconfig(const char *certificate_path, const char *text, size_t length,
                            char **ret_url, char **ret_sealed, struct answer *answer);

#endif
