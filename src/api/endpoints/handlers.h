/* SPDX-License-Identifier: Apache-2.0 */
/* handlers.h - the handlers, by the file that defines them. Each is a row in routes.c. */
#ifndef API_HANDLERS_H
#define API_HANDLERS_H

#include "api/api.h"
#include "api/http/answer.h"
#include "api/http/request.h"
#include "api/http/route.h"

/* actuators.c */
handler_f actuators_list;

/* audit_list.c */
handler_f audit_list;

/* clusters.c */
handler_f clusters_list;
handler_f cluster_show;

/* cluster_change.c */
handler_f cluster_put;
handler_f cluster_delete;

/* health.c */
handler_f health_live;
handler_f health_ready;

/* manifests.c */
handler_f manifests_of_cluster;
handler_f manifests_queued;
handler_f manifests_of_fleet;
handler_f manifest_show;
handler_f manifest_find;

/* manifests.c: not a handler, but called before one. 404 unless the cluster of the request is in
 * the store and not being deleted. */
int cluster_must_exist(struct api *api, const struct request *request, struct answer *answer);

/* manifest_bulk.c */
handler_f manifests_delete;
handler_f manifests_cancel;

/* manifest_change.c */
handler_f manifest_cancel_request;
handler_f manifest_stop;
handler_f manifest_delete;

/* manifest_create.c */
handler_f manifest_put;

/* openapi.c */
handler_f openapi_show;

/* summary.c */
handler_f manifests_summary;

/* tasks.c */
handler_f tasks_list;

#endif
