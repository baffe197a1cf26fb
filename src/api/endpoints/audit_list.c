/* SPDX-License-Identifier: Apache-2.0 */
/* audit_list.c - lists the audit trail. */
#include "api/endpoints/handlers.h"
#include "api/endpoints/listing.h"
#include "mimo/clock.h"

static struct json_object *view_of_entry(struct api *api, struct json_object *entry)
{
    (void)api;
    return json_object_get(entry);
}

void audit_list(struct api *api, struct request *request, struct answer *answer)
{
    struct store_query query = {.kind = STORE_QUERY_AUDIT};
    if (request_time(request, QUERY_SINCE, &query.since, answer) == 0)
        listing_answer(api, request, &query, (struct listing_view){.document = view_of_entry},
                       answer);
}
