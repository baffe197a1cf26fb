/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest_create.c - creates a manifest: rules for its body, and ifOpen.
 */
#include "api/endpoints/manifest_create.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "api/endpoints/audit.h"
#include "api/endpoints/handlers.h"
#include "api/endpoints/idempotency.h"
#include "api/endpoints/manifests.h"
#include "api/http/body.h"
#include "mimo/clock.h"
#include "mimo/document.h"

static const char *const taken_members[] = {
    "maintenanceTaskID", "runAfter", "runBefore", "priority", "parameters", "icm", NULL};

/* Members of a manifest's view that the caller may not set. They are ignored, as in the existing
 * service. */
static const char *const ignored_members[] = {
    "id",         "clusterResourceID", "state",       "statusText",   "dequeues",
    "leaseOwner", "leaseOwnerName",    "leaseExpiry", "leaseExpires", "nextAttempt",
    "createdAt",  "createdBySchedule", "startedAt",   "finishedAt",   "progress",
    "attempts",   "attempt",           "bucket",      "blockers",     NULL};

static int refuse_task(const char *name, const struct task_list *tasks, struct answer *answer)
{
    char known[ERROR_MESSAGE_SIZE / 2] = "";
    const struct task *task;
    size_t used = 0;
    size_t left_off = 0;
    for (size_t i = 0; (task = task_list_at(tasks, i)); i++) {
        char one[128];
        size_t length = (size_t)snprintf(one, sizeof(one), "%s%s (%s)", used ? ", " : "", task->id,
                                         task->short_name);
        if (used + length < sizeof(known)) {
            memcpy(known + used, one, length + 1);
            used += length;
        } else {
            left_off++;
        }
    }
    if (left_off > 0)
        return answer_refuse(answer, API_INVALID_PARAMETER, "maintenanceTaskID",
                             "no task \"%.64s\" is registered; tasks are %s, and %zu more that "
                             "/admin/tasks lists",
                             name, known, left_off);
    return answer_refuse(answer, API_INVALID_PARAMETER, "maintenanceTaskID",
                         "no task \"%.64s\" is registered; tasks are %s", name, known);
}

static int read_task(const struct json_object *body, const struct task_list *tasks,
                     const struct task **ret_task, struct answer *answer)
{
    const struct json_object *value = document_get(body, "maintenanceTaskID");
    const char *name = document_text(value);
    if (!value || (name && !name[0]))
        return answer_refuse(answer, API_INVALID_PARAMETER, "maintenanceTaskID",
                             "Must be provided");
    if (!name)
        return answer_refuse(answer, API_INVALID_PARAMETER, "maintenanceTaskID",
                             "member \"maintenanceTaskID\" must be a string");
    *ret_task = task_list_find_by_name(tasks, name);
    return *ret_task ? 0 : refuse_task(name, tasks, answer);
}

/* Unix seconds, or RFC 3339. 0 when absent. */
static int read_time(const struct json_object *body, const char *name, int64_t *ret_time,
                     struct answer *answer)
{
    const struct json_object *value = document_get(body, name);
    struct error error;
    *ret_time = 0;
    if (!value)
        return 0;
    if (document_is_integer(value))
        *ret_time = document_number(value);
    else if (!document_is_string(value))
        return answer_refuse(answer, API_INVALID_PARAMETER, name,
                             "member \"%s\" must be Unix seconds, or a time such as "
                             "\"2026-11-30T00:00:00Z\"",
                             name);
    else if (clock_parse(document_text(value), ret_time, &error) < 0)
        return answer_refuse(answer, API_INVALID_PARAMETER, name, "member \"%s\": %s", name,
                             error.message);
    if (*ret_time < 0 || *ret_time > CLOCK_MAXIMUM)
        return answer_refuse(answer, API_INVALID_PARAMETER, name,
                             "member \"%s\" must be between 1970 and the end of 9999 (%lld)", name,
                             (long long)CLOCK_MAXIMUM);
    return 0;
}

static int read_priority(const struct json_object *body, int64_t *ret_priority,
                         struct answer *answer)
{
    const struct json_object *value = document_get(body, "priority");
    *ret_priority = value ? document_number(value) : 0;
    if (value && (!document_is_integer(value) || *ret_priority < 0 ||
                  *ret_priority > MANIFEST_PRIORITY_MAXIMUM))
        return answer_refuse(answer, API_INVALID_PARAMETER, "priority",
                             "member \"priority\" must be a whole number from 0 (first) to %d",
                             MANIFEST_PRIORITY_MAXIMUM);
    return 0;
}

static int read_parameters(const struct json_object *body, const struct task *task,
                           struct json_object **ret_parameters, struct answer *answer)
{
    struct json_object *value = document_get(body, "parameters");
    struct error error;
    *ret_parameters = value;
    if (!value)
        return 0;
    if (!document_is_object(value))
        return answer_refuse(answer, API_INVALID_PARAMETER, "parameters",
                             "member \"parameters\" must be an object");
    if (!task->check_parameters && document_member_count(value) > 0)
        return answer_refuse(answer, API_INVALID_PARAMETER, "parameters",
                             "task %s takes no parameters", task->short_name);
    if (manifest_check_parameters(value, &error) < 0)
        return answer_error(answer, API_INVALID_PARAMETER, "parameters", &error);
    if (task->check_parameters && task->check_parameters(value, &error) < 0)
        return answer_error(answer, API_INVALID_PARAMETER, "parameters", &error);
    return 0;
}

int manifest_request_read(struct json_object *body, const struct task_list *tasks,
                          struct manifest_request *ret_request, struct answer *answer)
{
    const struct task *task;
    *ret_request = (struct manifest_request){0};
    if (body_check_members(body, taken_members, ignored_members, answer) < 0 ||
        read_task(body, tasks, &task, answer) < 0 ||
        read_time(body, "runAfter", &ret_request->run_after, answer) < 0 ||
        read_time(body, "runBefore", &ret_request->run_before, answer) < 0 ||
        read_priority(body, &ret_request->priority, answer) < 0 ||
        read_parameters(body, task, &ret_request->parameters, answer) < 0)
        return -1;
    if (document_get(body, "runBefore") && ret_request->run_before == 0)
        return answer_refuse(answer, API_INVALID_PARAMETER, "runBefore",
                             "member \"runBefore\" is the year 1970; leave it out for seven days "
                             "from now");
    ret_request->task = task->id;
    return 0;
}

/* Values of ifOpen. */
enum if_open { IF_OPEN_CREATE, IF_OPEN_SKIP, IF_OPEN_FAIL };

static int read_if_open(const struct request *request, enum if_open *ret_choice,
                        struct answer *answer)
{
    const char *text = request->query[QUERY_IF_OPEN];
    *ret_choice = IF_OPEN_CREATE;
    if (!text)
        return 0;
    if (strcasecmp(text, "skip") == 0)
        *ret_choice = IF_OPEN_SKIP;
    else if (strcasecmp(text, "fail") == 0)
        *ret_choice = IF_OPEN_FAIL;
    else
        return answer_refuse(answer, API_INVALID_PARAMETER, "ifOpen",
                             "\"%.64s\" is neither skip nor fail", text);
    return 0;
}

/* Answers with the open manifest: 200, or 409. */
static int answer_open(struct api *api, struct json_object *document, enum if_open choice,
                       struct answer *answer)
{
    struct manifest manifest;
    struct error error;
    if (manifest_read(&manifest, document, &error) < 0)
        return answer_unreadable(answer, "manifest", document_string(document, "id", "?"), &error);
    if (choice == IF_OPEN_FAIL)
        answer_refuse(answer, API_CONFLICT, API_TARGET_IF_OPEN,
                      "manifest %s for this cluster and task is %s", manifest.id,
                      manifest_state_name(manifest.state));
    else
        answer_set_view(answer, 200, manifest_answer_view(api, &manifest));
    manifest_free(&manifest);
    return -1;
}

/* 0 without an open manifest; otherwise the answer is filled in. */
static int find_open(struct api *api, const struct manifest_request *wanted, enum if_open choice,
                     struct answer *answer)
{
    struct error error;
    struct store_query query = {.kind = STORE_QUERY_MANIFESTS,
                                .cluster = wanted->cluster,
                                .task = wanted->task,
                                .states = MANIFEST_STATES_OPEN,
                                .limit = 1};
    struct store_operation operation = store_query(&query);
    int result = 0;
    if (store_run(api->store, &operation, 1, &error) < 0)
        result = answer_store_unavailable(answer, &error);
    else if (operation.result.count > 0)
        result = answer_open(api, operation.result.items[0].document, choice, answer);
    store_release(&operation, 1);
    return result;
}

/* The creation of a manifest, which is withdrawn if the cluster is removed meanwhile. */
struct creation {
    struct api *api;
    struct request *request;
    struct idempotency *repeat;
    struct answer *answer;
    struct store_operation operation;
};

/* Deletes what the creation has written. True if the manifest has changed since then, so that it stays.
 * If the store does not answer, 503 is in the answer. */
static bool must_stay(struct creation *creation, const struct manifest *manifest)
{
    const struct store_result *written = &creation->operation.result;
    struct error error;
    struct store_operation deletions[] = {
        store_delete(STORE_MANIFESTS, manifest->cluster, manifest->id, written->etag),
        store_delete(STORE_ANSWERS, NULL, creation->repeat->id, written->second_etag),
    };
    const size_t count = creation->repeat->wanted ? 2 : 1;
    bool stays = false;
    if (store_run(creation->api->store, deletions, count, &error) < 0)
        answer_store_unavailable(creation->answer, &error);
    else
        stays = deletions[0].result.status == STORE_CONFLICT;
    store_release(deletions, count);
    return stays;
}

/* Ends a creation. The cluster was there before the manifest was written, and must be there after that:
 * a removal marks the cluster and then looks for manifests, so either it finds this manifest or the
 * mark is found here. If both happen, neither request succeeds. If an actuator has taken the manifest,
 * there was no mark then, so that the removal was taken back. */
static void confirm(struct creation *creation, const struct manifest *manifest,
                    struct json_object *view)
{
    struct answer *answer = creation->answer;
    if (cluster_must_exist(creation->api, creation->request, answer) == 0 ||
        (answer->status == 404 && must_stay(creation, manifest)))
        answer_set_view(answer, 201, json_object_get(view));
}

static void write_new(struct api *api, struct request *request, struct manifest *manifest,
                      struct idempotency *repeat, struct answer *answer)
{
    char resource[MANIFEST_RESOURCE_SIZE];
    cleanup_json struct json_object *view = manifest_answer_view(api, manifest);
    struct creation creation = {api, request, repeat, answer,
                                store_create(STORE_MANIFESTS, manifest_document(manifest))};
    struct store_operation *operation = &creation.operation;
    if (idempotency_join(repeat, operation, 201, view, answer) < 0)
        return;
    struct audit audit =
        audit_begin(request, manifest_resource(resource, request->cluster, manifest->id));
    if (audit_run(api, &audit, operation, 201, answer) < 0) {
        /* 503 is in the answer */
    } else if (operation->result.status == STORE_DONE) {
        confirm(&creation, manifest, view);
    } else if (repeat->wanted && operation->result.status != STORE_REFUSED) {
        idempotency_refuse_race(answer);
    } else {
        answer_internal(answer, "cannot write the manifest", &operation->result.error);
    }
    store_release(operation, 1);
    audit_end(api, &audit, answer->status);
}

static void create(struct api *api, struct request *request, const struct manifest_request *wanted,
                   struct idempotency *repeat, struct answer *answer)
{
    struct manifest manifest;
    struct error error;
    if (manifest_create(&manifest, wanted, clock_unix_seconds(), &error) < 0) {
        /* manifest_request_read() checked each member; here the only possible error is a runBefore
         * before runAfter. */
        answer_error(answer, API_INVALID_PARAMETER, "runBefore", &error);
        return;
    }
    write_new(api, request, &manifest, repeat, answer);
    manifest_free(&manifest);
}

/* Makes check and creation atomic for requests with ifOpen. Such requests are few, so one lock
 * suffices. It works within this process: two Admin APIs on one store can still create one manifest
 * each. */
static pthread_mutex_t if_open_lock = PTHREAD_MUTEX_INITIALIZER;

static void put(struct api *api, struct request *request, struct idempotency *repeat,
                struct answer *answer)
{
    struct manifest_request wanted;
    enum if_open choice;
    if (read_if_open(request, &choice, answer) < 0 ||
        manifest_request_read(request->body, api->tasks, &wanted, answer) < 0)
        return;
    wanted.cluster = request->cluster;
    if (choice == IF_OPEN_CREATE) {
        create(api, request, &wanted, repeat, answer);
        return;
    }
    pthread_mutex_lock(&if_open_lock);
    if (find_open(api, &wanted, choice, answer) == 0)
        create(api, request, &wanted, repeat, answer);
    else if (answer->status == 200)
        idempotency_keep(api, repeat, answer);
    pthread_mutex_unlock(&if_open_lock);
}

void manifest_put(struct api *api, struct request *request, struct answer *answer)
{
    struct idempotency repeat;
    if (idempotency_begin(api, request, &repeat, answer) == 0)
        put(api, request, &repeat, answer);
    idempotency_end(&repeat);
}
