/* SPDX-License-Identifier: Apache-2.0 */
/* summary.c - GET /admin/maintenanceManifests/summary: counts of the fleet's manifests. */
#include "api/endpoints/summary.h"

#include <stdlib.h>
#include <string.h>

#include "api/endpoints/handlers.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/task.h"

enum { CLUSTERS_SHOWN = 20 };

/* Adds one to the number that `counts` has for `name`. */
static int count_one(struct json_object *counts, const char *name)
{
    struct json_object *count = document_member(counts, name);
    if (count)
        return json_object_set_int64(count, document_number(count) + 1) ? 0 : -1;
    return document_add(counts, name, json_object_new_int64(1));
}

static int count_open(struct summary *summary, const struct manifest *manifest)
{
    int dequeues = manifest->dequeues;
    if (dequeues < 0)
        dequeues = 0;
    else if (dequeues > MANIFEST_ATTEMPTS_MAXIMUM)
        dequeues = MANIFEST_ATTEMPTS_MAXIMUM;
    summary->dequeues[dequeues]++;
    if (manifest_is_runnable(manifest, summary->now) &&
        (summary->oldest_id[0] == '\0' || manifest_due_at(manifest) < summary->oldest_since)) {
        memcpy(summary->oldest_id, manifest->id, sizeof(summary->oldest_id));
        memcpy(summary->oldest_cluster, manifest->cluster, sizeof(summary->oldest_cluster));
        summary->oldest_since = manifest_due_at(manifest);
    }
    return count_one(summary->open_by_task, manifest->task) < 0 ||
                   count_one(summary->open_by_cluster, manifest->cluster) < 0
               ? -1
               : 0;
}

int summary_begin(struct summary *summary, int64_t now)
{
    *summary = (struct summary){.now = now,
                                .by_task = json_object_new_object(),
                                .open_by_task = json_object_new_object(),
                                .open_by_cluster = json_object_new_object()};
    return summary->by_task && summary->open_by_task && summary->open_by_cluster ? 0 : -1;
}

int summary_count(struct summary *summary, struct json_object *document)
{
    struct manifest manifest;
    struct error error;
    if (manifest_read(&manifest, document, &error) < 0) {
        summary->not_understood++;
        return 0;
    }
    summary->by_state[manifest.state]++;
    int result = count_one(summary->by_task, manifest.task);
    if (result == 0 && !manifest_state_is_terminal(manifest.state))
        result = count_open(summary, &manifest);
    manifest_free(&manifest);
    return result;
}

void summary_free(struct summary *summary)
{
    json_object_put(summary->by_task);
    json_object_put(summary->open_by_task);
    json_object_put(summary->open_by_cluster);
    *summary = (struct summary){0};
}

struct counted {
    const char *name;
    int64_t count;
};

/* Largest first, equal ones by name. */
static int compare_counted(const void *left, const void *right)
{
    const struct counted *a = left;
    const struct counted *b = right;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* The names of `counts` in order; the caller frees. NULL without memory. */
static struct counted *sort_counts(struct json_object *counts, size_t *ret_size)
{
    struct counted *sorted = calloc(document_member_count(counts) + 1, sizeof(*sorted));
    const char *name;
    struct json_object *count;
    *ret_size = 0;
    if (!sorted)
        return NULL;
    document_foreach_member(counts, name, count) {
        sorted[(*ret_size)++] = (struct counted){name, document_number(count)};
    }
    qsort(sorted, *ret_size, sizeof(*sorted), compare_counted);
    return sorted;
}

static struct json_object *view_of_states(const struct summary *summary)
{
    struct json_object *view = json_object_new_object();
    for (int state = 0; view && state < MANIFEST_STATE_COUNT; state++)
        if (document_add(view, manifest_state_name((enum manifest_state)state),
                         json_object_new_int64(summary->by_state[state])) < 0) {
            json_object_put(view);
            return NULL;
        }
    return view;
}

/* Tasks that are not registered any more have no short name. */
static struct json_object *view_of_task(const struct summary *summary,
                                        const struct task_list *tasks,
                                        const struct counted *counted)
{
    const struct task *task = task_list_find(tasks, counted->name);
    int64_t open = document_number(document_member(summary->open_by_task, counted->name));
    return document_pack("{s:s, s:s*, s:I, s:I}", "maintenanceTaskID", counted->name, "shortName",
                         task ? task->short_name : NULL, "open", open, "total", counted->count);
}

static struct json_object *view_of_tasks(const struct summary *summary,
                                         const struct task_list *tasks)
{
    size_t size;
    cleanup_free struct counted *sorted = sort_counts(summary->by_task, &size);
    cleanup_json struct json_object *view = sorted ? json_object_new_array() : NULL;
    for (size_t i = 0; view && i < size; i++)
        if (document_append(view, view_of_task(summary, tasks, &sorted[i])) < 0)
            return NULL;
    return json_object_get(view);
}

static struct json_object *view_of_clusters(const struct summary *summary)
{
    size_t size;
    cleanup_free struct counted *sorted = sort_counts(summary->open_by_cluster, &size);
    cleanup_json struct json_object *view = sorted ? json_object_new_array() : NULL;
    for (size_t i = 0; view && i < size && i < CLUSTERS_SHOWN; i++)
        if (document_append(view, document_pack("{s:s, s:I}", "clusterResourceID", sorted[i].name,
                                                "open", sorted[i].count)) < 0)
            return NULL;
    return json_object_get(view);
}

static struct json_object *view_of_dequeues(const struct summary *summary)
{
    struct json_object *view = json_object_new_array();
    for (int i = 0; view && i <= MANIFEST_ATTEMPTS_MAXIMUM; i++)
        if (document_append(view, json_object_new_int64(summary->dequeues[i])) < 0) {
            json_object_put(view);
            return NULL;
        }
    return view;
}

struct json_object *summary_view(const struct summary *summary, const struct task_list *tasks)
{
    struct json_object *view = document_pack(
        "{s:I, s:b, s:I, s:o, s:o, s:o, s:o}", "time", (int64_t)summary->now, "truncated",
        (int)summary->truncated, "notUnderstood", summary->not_understood, "byState",
        view_of_states(summary), "byTask", view_of_tasks(summary, tasks), "byCluster",
        view_of_clusters(summary), "dequeues", view_of_dequeues(summary));
    if (view && summary->oldest_id[0] &&
        document_add(view, "oldestRunnable",
                     document_pack("{s:s, s:s, s:I}", "id", summary->oldest_id, "clusterResourceID",
                                   summary->oldest_cluster, "since",
                                   (int64_t)summary->oldest_since)) < 0) {
        json_object_put(view);
        return NULL;
    }
    return view;
}

/* Counts one page; *ret_continuation is where the next one begins. */
static int count_page(struct summary *summary, struct store *store, struct store_query *query,
                      char **ret_continuation, struct error *error)
{
    struct store_operation page = store_query(query);
    int result = store_run(store, &page, 1, error);
    if (result == 0 && page.result.status != STORE_DONE)
        result = error_set(error, ERROR_UNAVAILABLE, "%s", page.result.error.message);
    for (size_t i = 0; result == 0 && i < page.result.count; i++)
        if (summary_count(summary, page.result.items[i].document) < 0)
            result = error_set_memory(error);
    summary->looked_at += page.result.count + page.result.skipped;
    summary->not_understood += (int64_t)page.result.skipped;
    *ret_continuation = take_pointer(&page.result.continuation);
    store_release(&page, 1);
    return result;
}

static int count_states(struct summary *summary, struct store *store, unsigned states,
                        size_t maximum, struct error *error)
{
    cleanup_free char *continuation = NULL;
    do {
        if (summary->looked_at >= maximum) {
            summary->truncated = true;
            return 0;
        }
        size_t left = maximum - summary->looked_at;
        struct store_query query = {.kind = STORE_QUERY_MANIFESTS,
                                    .states = states,
                                    .limit = left < STORE_PAGE_MAXIMUM ? left : STORE_PAGE_MAXIMUM,
                                    .bytes = BUDGET_PAGE_MAXIMUM,
                                    .continuation = continuation};
        char *next;
        int result = count_page(summary, store, &query, &next, error);
        free(continuation);
        continuation = next;
        if (result < 0)
            return -1;
    } while (continuation);
    return 0;
}

/* Open manifests first: they are few, and most important. */
int summary_count_store(struct summary *summary, struct store *store, size_t maximum,
                        struct error *error)
{
    if (count_states(summary, store, MANIFEST_STATES_OPEN, maximum, error) < 0)
        return -1;
    return count_states(summary, store, MANIFEST_STATES_ALL & ~MANIFEST_STATES_OPEN, maximum,
                        error);
}

void manifests_summary(struct api *api, struct request *request, struct answer *answer)
{
    (void)request;
    struct summary summary;
    struct error error;
    if (summary_begin(&summary, clock_unix_seconds()) < 0)
        answer_no_memory(answer);
    else if (summary_count_store(&summary, api->store, SUMMARY_DOCUMENTS_MAXIMUM, &error) < 0)
        answer_store_unavailable(answer, &error);
    else
        answer_set_view(answer, 200, summary_view(&summary, api->tasks));
    summary_free(&summary);
}
