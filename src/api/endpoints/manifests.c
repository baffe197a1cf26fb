/* SPDX-License-Identifier: Apache-2.0 */
/* manifests.c - lists and shows manifests. */
#include "api/endpoints/manifests.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "api/endpoints/blockers.h"
#include "api/endpoints/handlers.h"
#include "api/endpoints/listing.h"
#include "api/endpoints/members.h"
#include "api/endpoints/running.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/cluster.h"
#include "mimo/document.h"
#include "mimo/log.h"
#include "mimo/task.h"

int cluster_must_exist(struct api *api, const struct request *request, struct answer *answer)
{
    char subscription[UUID_SIZE];
    struct error error;
    resource_id_subscription(request->cluster, subscription);
    struct store_operation operation = store_get(STORE_CLUSTERS, subscription, request->cluster);
    int result = 0;
    if (store_run(api->store, &operation, 1, &error) < 0) {
        result = answer_store_unavailable(answer, &error);
    } else if (operation.result.status != STORE_DONE) {
        result =
            answer_refuse(answer, API_NOT_FOUND, NULL, "cluster not found: %s", request->cluster);
    } else if (cluster_is_deleting(operation.result.items[0].document)) {
        result = answer_refuse(answer, API_NOT_FOUND, NULL, "cluster being deleted");
    }
    store_release(&operation, 1);
    return result;
}

/* The task named by UUID or short name, or NULL when it is not registered. */
static const struct task *task_of_request(const struct api *api, const char *name)
{
    return task_list_find_by_name(api->tasks, name);
}

const char *manifest_resource(char *buffer, const char *cluster, const char *id)
{
    snprintf(buffer, MANIFEST_RESOURCE_SIZE, "%s/maintenanceManifests/%s", cluster, id);
    return buffer;
}

struct json_object *manifest_answer_view(struct api *api, struct manifest *manifest)
{
    struct json_object *view = manifest_view(manifest);
    if (view)
        members_name_owner(api->members, view);
    return view;
}

/* Adds the view, without closing brace, of a document in another form than this program writes. */
static int add_view_of_document(const struct store_item *item, struct manifest *ret_manifest,
                                struct text_buffer *view, struct error *error)
{
    cleanup_json struct json_object *document = document_parse(item->text, item->length, error);
    struct manifest manifest;
    if (!document || manifest_read(&manifest, document, error) < 0)
        return -1;
    cleanup_json struct json_object *shown = manifest_view(&manifest);
    cleanup_free char *text = shown ? document_format(shown) : NULL;
    if (text)
        text_buffer_add_bytes(view, text, strlen(text) - 1);
    view->failed = view->failed || !text;
    *ret_manifest = manifest;
    ret_manifest->document = NULL;
    manifest_free(&manifest);
    return 0;
}

/* Adds the view of a stored document without closing brace, and fills in the manifest, which gets
 * no document and owns nothing. -1: the document is damaged. */
static int add_view(struct api *api, const struct store_item *item, struct manifest *ret_manifest,
                    struct text_buffer *view, struct error *error)
{
    char host[MEMBERS_HOST_SIZE];
    if (!manifest_view_text(item->text, item->length, ret_manifest, view) &&
        add_view_of_document(item, ret_manifest, view, error) < 0)
        return -1;
    if (ret_manifest->lease_owner[0] &&
        members_find_host(api->members, ret_manifest->lease_owner, host, sizeof(host))) {
        text_buffer_add(view, ",\"leaseOwnerName\":");
        text_buffer_add_json_string(view, host);
    }
    return 0;
}

/* listing_text_f */
static void add_listed(struct api *api, const struct store_item *item, struct text_buffer *page)
{
    struct manifest manifest;
    struct error error;
    if (add_view(api, item, &manifest, page, &error) == 0)
        text_buffer_add(page, "}");
    else
        log_warning("a damaged manifest is not listed: %s: %.200s", error.message, item->text);
}

static const struct listing_view manifest_listing = {.text = add_listed};

/* Runs `operation`, which should find one manifest. */
static int find_one(struct api *api, const struct request *request,
                    struct store_operation *operation, struct answer *answer)
{
    struct error error;
    if (store_run(api->store, operation, 1, &error) < 0)
        return answer_store_unavailable(answer, &error);
    if (operation->result.status != STORE_DONE || operation->result.count == 0)
        return answer_refuse(answer, API_NOT_FOUND, NULL, "manifest not found: %s", request->id);
    return 0;
}

/* Shows the one manifest that `operation` finds. */
static void show_one(struct api *api, const struct request *request,
                     struct store_operation operation, struct answer *answer)
{
    cleanup_text_buffer struct text_buffer view = {0};
    struct manifest manifest;
    struct error error;
    operation.as_text = true;
    if (find_one(api, request, &operation, answer) < 0) {
        /* 404 or 503 is in the answer */
    } else if (add_view(api, &operation.result.items[0], &manifest, &view, &error) < 0) {
        answer_unreadable(answer, "manifest", request->id, &error);
    } else if (blockers_add(api, &manifest, &view, answer) == 0 &&
               running_add(api, &manifest, &operation.result.items[0], &view, answer) == 0) {
        text_buffer_add(&view, "}");
        answer_set_text(answer, 200, &view);
    }
    store_release(&operation, 1);
}

void manifest_show(struct api *api, struct request *request, struct answer *answer)
{
    show_one(api, request, store_get(STORE_MANIFESTS, request->cluster, request->id), answer);
}

void manifest_find(struct api *api, struct request *request, struct answer *answer)
{
    struct store_query query = {.kind = STORE_QUERY_MANIFEST_BY_ID, .id = request->id, .limit = 1};
    show_one(api, request, store_query(&query), answer);
}

void manifests_of_cluster(struct api *api, struct request *request, struct answer *answer)
{
    struct store_query query = {.kind = STORE_QUERY_MANIFESTS, .cluster = request->cluster};
    if (request_states(request, &query.states, answer) == 0)
        listing_answer(api, request, &query, manifest_listing, answer);
}

void manifests_queued(struct api *api, struct request *request, struct answer *answer)
{
    struct store_query query = {.kind = STORE_QUERY_MANIFESTS,
                                .states = MANIFEST_STATE_BIT(MANIFEST_PENDING)};
    listing_answer(api, request, &query, manifest_listing, answer);
}

int manifests_read_age(const struct request *request, int64_t *ret_before, struct answer *answer)
{
    const char *age = request->query[QUERY_OLDER_THAN];
    int64_t milliseconds;
    struct error error;
    *ret_before = 0;
    if (!age)
        return 0;
    if (clock_parse_duration(age, &milliseconds, &error) == 0)
        *ret_before = clock_unix_seconds() - milliseconds / 1000 + 1; /* the store's bound is
        exclusive */
    else if (clock_parse(age, ret_before, &error) < 0)
        return answer_refuse(
            answer, API_INVALID_PARAMETER, "olderThan",
            "\"%.64s\" is neither a duration such as 90s, 2h or 7d nor a time such "
            "as 2026-11-30T00:00:00Z",
            age);
    if (*ret_before < 1)
        *ret_before = 1; /* 0 means no bound */
    return 0;
}

int manifests_read_cluster(const struct request *request, char *buffer, const char **ret_cluster,
                           struct answer *answer)
{
    struct error error;
    *ret_cluster = NULL;
    if (!request->query[QUERY_CLUSTER])
        return 0;
    if (resource_id_normalize(request->query[QUERY_CLUSTER], buffer, &error) < 0)
        return answer_error(answer, API_INVALID_PARAMETER, "clusterResourceID", &error);
    *ret_cluster = buffer;
    return 0;
}

/* Texts that the global query points into. */
struct filters {
    char cluster[RESOURCE_ID_SIZE];
    char task[UUID_SIZE];
    char schedule[UUID_SIZE];
};

/* A registered task by UUID or short name; manifests of other tasks can be selected by UUID. */
static int read_task_filter(const struct api *api, const struct request *request,
                            struct filters *filters, struct answer *answer)
{
    const char *name = request->query[QUERY_TASK];
    const struct task *task = name ? task_of_request(api, name) : NULL;
    if (task) {
        snprintf(filters->task, sizeof(filters->task), "%s", task->id);
        return 0;
    }
    if (name && !uuid_is_valid(name))
        return answer_refuse(answer, API_INVALID_PARAMETER, "maintenanceTaskID",
                             "\"%.64s\" is neither a task's UUID nor its short name", name);
    return request_uuid(request, QUERY_TASK, filters->task, answer);
}

static int read_filters(const struct api *api, const struct request *request,
                        struct store_query *query, struct filters *filters, struct answer *answer)
{
    if (request_states(request, &query->states, answer) < 0 ||
        manifests_read_cluster(request, filters->cluster, &query->cluster, answer) < 0 ||
        read_task_filter(api, request, filters, answer) < 0 ||
        request_uuid(request, QUERY_SCHEDULE, filters->schedule, answer) < 0)
        return -1;
    query->task = filters->task[0] ? filters->task : NULL;
    query->schedule = filters->schedule[0] ? filters->schedule : NULL;
    return manifests_read_age(request, &query->created_before, answer);
}

enum { PREFIX_MINIMUM = 4 };

/* The beginning of an id, in lower case. It uses an index of its own, so it cannot be combined with
 * filters. */
static int read_prefix(const struct request *request, char *buffer, struct answer *answer)
{
    static const enum query_parameter filters[] = {QUERY_STATE, QUERY_CLUSTER, QUERY_TASK,
                                                   QUERY_SCHEDULE, QUERY_OLDER_THAN};
    const char *text = request->query[QUERY_ID_PREFIX];
    const size_t length = strlen(text);
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
        if (request->query[filters[i]])
            return answer_refuse(answer, API_INVALID_PARAMETER, "idPrefix",
                                 "idPrefix and %s cannot be used together",
                                 query_parameter_name(filters[i]));
    if (length < PREFIX_MINIMUM || length >= UUID_SIZE ||
        strspn(text, "0123456789abcdefABCDEF-") != length)
        return answer_refuse(answer, API_INVALID_PARAMETER, "idPrefix",
                             "\"%.64s\" is not the beginning of a UUID; give %d to %d characters",
                             text, PREFIX_MINIMUM, UUID_SIZE - 1);
    for (size_t i = 0; i <= length; i++)
        buffer[i] = (char)tolower((unsigned char)text[i]);
    return 0;
}

static void list_by_prefix(struct api *api, struct request *request, struct answer *answer)
{
    char prefix[UUID_SIZE];
    struct store_query query = {.kind = STORE_QUERY_MANIFESTS_BY_PREFIX, .id = prefix};
    if (read_prefix(request, prefix, answer) == 0)
        listing_answer(api, request, &query, manifest_listing, answer);
}

void manifests_of_fleet(struct api *api, struct request *request, struct answer *answer)
{
    struct filters filters;
    struct store_query query = {.kind = STORE_QUERY_MANIFESTS};
    if (request->query[QUERY_ID_PREFIX]) {
        list_by_prefix(api, request, answer);
        return;
    }
    if (read_filters(api, request, &query, &filters, answer) < 0)
        return;
    listing_answer(api, request, &query, manifest_listing, answer);
}
