/* SPDX-License-Identifier: Apache-2.0 */
/* Health, for probes: no authentication, nothing told that is not asked. */
#include "api/endpoints/handlers.h"

/* An id that no document has: the store has to look, and nothing has to be read. */
#define NOBODY "00000000-0000-0000-0000-000000000000"

void health_live(struct api *api, struct request *request, struct answer *answer)
{
    (void)api;
    (void)request;
    answer_set_view(answer, 200, json_pack("{s:s}", "status", "live"));
}

void health_ready(struct api *api, struct request *request, struct answer *answer)
{
    (void)request;
    struct error error;
    struct store_operation operation = store_get(STORE_MEMBERS, NOBODY, NOBODY);
    if (store_run(api->store, &operation, 1, &error) < 0)
        answer_store_unavailable(answer, &error);
    else
        answer_set_view(answer, 200, json_pack("{s:s}", "status", "ready"));
    store_release(&operation, 1);
}
