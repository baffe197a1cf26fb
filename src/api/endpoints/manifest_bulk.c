/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest_bulk.c - changes many manifests with one request: deletes ended ones, or cancels those
 * of a schedule.
 *
 * Works in batches: each is a page of a query and one run of the store, so that memory and
 * transactions are bounded. The whole request is one entry in the audit trail.
 */
#include <stdio.h>
#include <stdlib.h>

#include "api/endpoints/audit.h"
#include "api/endpoints/handlers.h"
#include "api/endpoints/manifests.h"
#include "api/endpoints/running.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/log.h"

enum {
    BATCH_MAXIMUM = 200,
    CHANGES_MAXIMUM = 10000, /* of one request; a further request changes the rest */
};

struct bulk {
    struct store_query query; /* which manifests */
    /* Changes one manifest; ERROR_DENIED skips it. */
    int (*change)(struct manifest *manifest, const struct store_item *found, int64_t now,
                  struct store_operation *ret_operation, struct error *error);
    bool spares_running;                   /* skips cancelled manifests whose worker still runs */
    char resource[RESOURCE_ID_SIZE + 256]; /* for the audit trail: the request in words */
    struct audit audit;
    int64_t changed;
    int64_t errors;
    size_t left;
};

/* One batch. */
struct batch {
    struct manifest manifests[BATCH_MAXIMUM];
    struct store_operation changes[BATCH_MAXIMUM];
    size_t count;
};

static int change_to_deleted(struct manifest *manifest, const struct store_item *found, int64_t now,
                             struct store_operation *ret_operation, struct error *error)
{
    (void)now, (void)error;
    *ret_operation = store_delete(STORE_MANIFESTS, manifest->cluster, manifest->id, found->etag);
    return 0;
}

static int change_to_cancelled(struct manifest *manifest, const struct store_item *found,
                               int64_t now, struct store_operation *ret_operation,
                               struct error *error)
{
    if (manifest_cancel(manifest, now, false, error) < 0)
        return -1;
    *ret_operation = store_replace(STORE_MANIFESTS, found->etag, manifest_document(manifest));
    return 0;
}

/* Fills the batch with the changes for one page. */
static void prepare(struct bulk *bulk, const struct store_result *page, struct batch *batch)
{
    int64_t now = clock_unix_seconds();
    struct error error;
    batch->count = 0;
    bulk->errors += (int64_t)page->skipped;
    if (page->skipped)
        log_warning("skipped %zu damaged manifests; the first: %s", page->skipped,
                    page->error.message);
    for (size_t i = 0; i < page->count; i++) {
        struct manifest *manifest = &batch->manifests[batch->count];
        if (manifest_read(manifest, page->items[i].document, &error) < 0) {
            bulk->errors++;
            continue;
        }
        if (bulk->change(manifest, &page->items[i], now, &batch->changes[batch->count], &error) <
            0) {
            bulk->errors++;
            manifest_free(manifest);
            continue;
        }
        batch->count++;
    }
}

/* Removes manifests whose worker still runs from the batch: without its manifest the worker could
 * no longer be stopped. -1: 503 is in the answer. */
static int spare_running(struct api *api, struct bulk *bulk, struct batch *batch,
                         struct answer *answer)
{
    struct error error;
    char(*subscriptions)[UUID_SIZE] = calloc(batch->count + 1, sizeof(*subscriptions));
    struct store_operation *reads = calloc(batch->count + 1, sizeof(*reads));
    int result = subscriptions && reads ? 0 : answer_no_memory(answer);
    for (size_t i = 0; result == 0 && i < batch->count; i++) {
        resource_id_subscription(batch->manifests[i].cluster, subscriptions[i]);
        reads[i] = store_get(STORE_CLUSTERS, subscriptions[i], batch->manifests[i].cluster);
    }
    if (result == 0 && store_run(api->store, reads, batch->count, &error) < 0)
        result = answer_store_unavailable(answer, &error);
    size_t kept = 0;
    const int64_t now = clock_unix_seconds();
    for (size_t i = 0; result == 0 && i < batch->count; i++) {
        const struct json_object *cluster =
            reads[i].result.status == STORE_DONE ? reads[i].result.items[0].document : NULL;
        if (running_find(cluster, &batch->manifests[i], now).runs) {
            bulk->errors++;
            manifest_free(&batch->manifests[i]);
            continue;
        }
        batch->manifests[kept] = batch->manifests[i];
        batch->changes[kept] = batch->changes[i];
        batch->changes[kept].target.partition = batch->manifests[kept].cluster;
        batch->changes[kept].target.id = batch->manifests[kept].id;
        kept++;
    }
    if (reads)
        store_release(reads, batch->count);
    batch->count = result == 0 ? kept : batch->count;
    free(reads);
    free(subscriptions);
    return result;
}

static void count_results(struct bulk *bulk, const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->changes[i].result.status == STORE_DONE)
            bulk->changed++;
        else
            bulk->errors++; /* another request changed it meanwhile */
    }
}

/* The entry first has the maximum of changes, and at the end their number. */
static int run_batch(struct api *api, struct request *request, struct bulk *bulk,
                     struct batch *batch, struct answer *answer)
{
    if (batch->count == 0)
        return 0;
    if (!bulk->audit.entry)
        bulk->audit = audit_begin(request, bulk->resource);
    audit_set_count(&bulk->audit, bulk->changed + (int64_t)batch->count);
    int result = audit_run_many(api, &bulk->audit, batch->changes, batch->count, 200, answer);
    if (result == 0)
        count_results(bulk, batch);
    return result;
}

/* One page: found, changed, counted. *ret_continuation is where the next one begins. */
static int run_page(struct api *api, struct request *request, struct bulk *bulk,
                    struct batch *batch, char **ret_continuation, struct answer *answer)
{
    struct error error;
    struct store_operation page = store_query(&bulk->query);
    int result = 0;
    *ret_continuation = NULL;
    if (store_run(api->store, &page, 1, &error) < 0) {
        result = answer_store_unavailable(answer, &error);
    } else if (page.result.status != STORE_DONE) {
        result = answer_internal(answer, "cannot query the store", &page.result.error);
    } else {
        prepare(bulk, &page.result, batch);
        if (bulk->spares_running)
            result = spare_running(api, bulk, batch, answer);
        if (result == 0)
            result = run_batch(api, request, bulk, batch, answer);
        store_release(batch->changes, batch->count);
        for (size_t i = 0; i < batch->count; i++)
            manifest_free(&batch->manifests[i]);
        *ret_continuation = take_pointer(&page.result.continuation);
    }
    bulk->left -= page.result.count < bulk->left ? page.result.count : bulk->left;
    store_release(&page, 1);
    return result;
}

/* Changes all, up to the maximum of one request. *ret_more: there are more. */
static int run(struct api *api, struct request *request, struct bulk *bulk, bool *ret_more,
               struct answer *answer)
{
    cleanup_free struct batch *batch = malloc(sizeof(*batch));
    cleanup_free char *continuation = NULL;
    if (!batch)
        return answer_no_memory(answer);
    bulk->left = CHANGES_MAXIMUM;
    do {
        char *next;
        bulk->query.limit = bulk->left < BATCH_MAXIMUM ? bulk->left : BATCH_MAXIMUM;
        bulk->query.bytes = BUDGET_PAGE_MAXIMUM;
        bulk->query.continuation = continuation;
        int result = run_page(api, request, bulk, batch, &next, answer);
        free(continuation);
        continuation = next;
        if (result < 0)
            return -1;
    } while (continuation && bulk->left > 0);
    *ret_more = continuation != NULL;
    return 0;
}

/* Writes the number into the audit trail, if there is an entry. */
static void end(struct api *api, struct bulk *bulk, const struct answer *answer)
{
    if (!bulk->audit.entry)
        return;
    audit_set_count(&bulk->audit, bulk->changed);
    audit_end(api, &bulk->audit, answer->status);
}

static int read_states(const struct request *request, unsigned *ret_states, struct answer *answer)
{
    if (!request->query[QUERY_STATE])
        return answer_refuse(answer, API_INVALID_PARAMETER, "state", "Parameter is missing");
    return request_states(request, ret_states, answer);
}

/* Manifests must have ended, unless they are Pending and their cluster is not in the inventory, so that
 * they cannot run. */
static int check_states(struct api *api, const struct store_query *query, struct answer *answer)
{
    char subscription[UUID_SIZE];
    struct error error;
    int result = 0;
    const unsigned open = query->states & MANIFEST_STATES_OPEN;
    if (!open)
        return 0;
    if (query->cluster && open == MANIFEST_STATE_BIT(MANIFEST_PENDING)) {
        resource_id_subscription(query->cluster, subscription);
        struct store_operation read = store_get(STORE_CLUSTERS, subscription, query->cluster);
        bool missing = false;
        if (store_run(api->store, &read, 1, &error) < 0)
            result = answer_store_unavailable(answer, &error);
        else
            missing = read.result.status == STORE_NOT_FOUND;
        store_release(&read, 1);
        if (result < 0 || missing)
            return result;
    }
    return answer_refuse(answer, API_INVALID_PARAMETER, "state",
                         "only manifests that have ended can be deleted together, and Pending ones "
                         "of a clusterResourceID that is not in the inventory; cancel those that "
                         "are Pending, stop those that are InProgress");
}

void manifests_delete(struct api *api, struct request *request, struct answer *answer)
{
    struct bulk bulk = {.query = {.kind = STORE_QUERY_MANIFESTS},
                        .change = change_to_deleted,
                        .spares_running = true};
    const char *age = request->query[QUERY_OLDER_THAN];
    char cluster[RESOURCE_ID_SIZE];
    bool more;
    if (read_states(request, &bulk.query.states, answer) < 0 ||
        manifests_read_cluster(request, cluster, &bulk.query.cluster, answer) < 0 ||
        check_states(api, &bulk.query, answer) < 0 ||
        manifests_read_age(request, &bulk.query.created_before, answer) < 0)
        return;
    snprintf(bulk.resource, sizeof(bulk.resource), "%s/maintenanceManifests?state=%s%s%s",
             bulk.query.cluster ? cluster : "", request->query[QUERY_STATE],
             age ? "&olderThan=" : "", age ? age : "");
    if (run(api, request, &bulk, &more, answer) == 0)
        answer_set_view(answer, 200,
                        document_pack("{s:I, s:I, s:b}", "deleted", bulk.changed, "errors",
                                      bulk.errors, "more", (int)more));
    end(api, &bulk, answer);
}

void manifests_cancel(struct api *api, struct request *request, struct answer *answer)
{
    const char *wanted = request->query[QUERY_SCHEDULE_ID];
    char schedule[UUID_SIZE];
    bool more;
    if (!wanted || !wanted[0]) {
        answer_refuse(answer, API_INVALID_PARAMETER, "scheduleID", "Parameter is missing");
        return;
    }
    if (request_uuid(request, QUERY_SCHEDULE_ID, schedule, answer) < 0)
        return;
    struct bulk bulk = {.query = {.kind = STORE_QUERY_MANIFESTS,
                                  .schedule = schedule,
                                  .states = MANIFEST_STATE_BIT(MANIFEST_PENDING)},
                        .change = change_to_cancelled};
    snprintf(bulk.resource, sizeof(bulk.resource), "/maintenanceManifests?scheduleID=%s", schedule);
    if (run(api, request, &bulk, &more, answer) == 0)
        answer_set_view(answer, 200,
                        document_pack("{s:I, s:I, s:b}", "cancelled", bulk.changed, "errors",
                                      bulk.errors, "more", (int)more));
    end(api, &bulk, answer);
}
