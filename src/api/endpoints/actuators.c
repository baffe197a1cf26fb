/* SPDX-License-Identifier: Apache-2.0 */
/* actuators.c - the actuators, from their membership records. */
#include "api/endpoints/handlers.h"
#include "api/endpoints/members.h"
#include "mimo/clock.h"
#include "mimo/document.h"

/* The record as its actuator wrote it, and whether it still counts as alive. */
static struct json_object *view_of_member(const struct api *api, const struct json_object *member,
                                          int64_t now)
{
    struct json_object *view = document_copy(member);
    bool alive = member_is_alive(member, api->config->actuator_membership_ttl / 1000, now);
    if (view && document_add(view, "alive", json_object_new_boolean(alive)) < 0) {
        json_object_put(view);
        return NULL;
    }
    return view;
}

static struct json_object *make_list(const struct api *api, const struct store_result *result)
{
    int64_t now = clock_unix_seconds();
    struct json_object *value = json_object_new_array();
    for (size_t i = 0; value && i < result->count; i++) {
        struct json_object *item = view_of_member(api, result->items[i].document, now);
        if (!item || document_append(value, item) < 0) {
            json_object_put(value);
            value = NULL;
        }
    }
    return value ? document_pack("{s:o}", "value", value) : NULL;
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
