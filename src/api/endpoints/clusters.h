/* SPDX-License-Identifier: Apache-2.0 */
/* clusters.h - what the handlers of clusters share. */
#ifndef API_CLUSTERS_H
#define API_CLUSTERS_H

#include "api/api.h"
#include "api/http/answer.h"
#include "api/http/request.h"
#include "mimo/cluster.h"

/* The operation that reads the cluster of the request. `subscription` (UUID_SIZE bytes) must live
 * as long. */
struct store_operation cluster_read_operation(const struct request *request, char *subscription);

/* As answers show it, with leaseOwnerName and whether there is a kubeconfig. New reference, or NULL
 * without memory. */
struct json_object *cluster_answer_view(struct api *api, struct cluster *cluster);

/* Seals a kubeconfig under the certificate at `certificate_path`: its server's URL and the sealed
 * text in base64, both the caller's to free. -1 with the answer: 400 for what is no kubeconfig, 500
 * when there is nothing to seal with. */
int cluster_seal_kubeconfig(const char *certificate_path, const char *text, size_t length,
                            char **ret_url, char **ret_sealed, struct answer *answer);

#endif
