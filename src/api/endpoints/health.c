/* SPDX-License-Identifier: Apache-2.0 */
/* health.c - health, for probes: no authentication, and never a wait. */
#include "api/endpoints/handlers.h"
#include "api/endpoints/readiness.h"
#include "mimo/document.h"

void health_live(struct api *api, struct request *request, struct answer *answer)
{
    (void)api;
    (void)request;
    answer_set_view(answer, 200, document_pack("{s:s}", "status", "live"));
}

void health_ready(struct api *api, struct request *request, struct answer *answer)
{
    (void)request;
    struct error error;
    if (readiness_check(api->readiness, &error) < 0)
        answer_refuse(answer, API_UNAVAILABLE, "store", "the store does not accept writes: %s",
                      error.message);
    else
        answer_set_view(answer, 200, document_pack("{s:s}", "status", "ready"));
}
