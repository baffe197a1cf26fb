/* SPDX-License-Identifier: Apache-2.0 */
/* The actuators, from their membership records. */
#include "api/endpoints/handlers.h"
#include "api/endpoints/members.h"
#include "mimo/clock.h"
#include "mimo/document.h"

/* The record as its actuator wrote it, and whether it still counts as alive. */
static json_t *view_of_member(const struct api *api, const json_t *member, int64_t now)
{
    json_t *view = json_deep_copy(member);
    bool alive = member_is_alive(member, api->config->actuator_membership_ttl / 1000, now);
    if (view && json_object_set_new(view, "alive", json_boolean(alive)) < 0) {
        json_decref(view);
        return NULL;
    }
    return view;
}

static json_t *make_list(const struct api *api, const struct store_result *result)
{
    int64_t now = clock_unix_seconds();
    json_t *value = json_array();
    for (size_t i = 0; value && i < result->count; i++) {
        json_t *item = view_of_member(api, result->items[i].document, now);
        if (!item || json_array_append_new(value, item) < 0) {
            json_decref(value);
            value = NULL;
        }
    }
    return value ? json_pack("{s:o}", "value", value) : NULL;
}

void actuators_list(struct api *api, struct request *request, struct answer *answer)
{
    (void)request;
    struct error error;
    struct store_query query = {.kind = STORE_QUERY_MEMBERS, .limit = STORE_PAGE_MAXIMUM};
    struct store_operation operation = store_query(&query);
    if (store_run(api->store, &operation, 1, &error) < 0)
        answer_store_unavailable(answer, &error);
    else
        answer_set_view(answer, 200, make_list(api, &operation.result));
    store_release(&operation, 1);
}
