/* SPDX-License-Identifier: Apache-2.0 */
/*
 * summary.h - counts manifests.
 *
 *     summary_begin(&summary, now);
 *     summary_count_store(&summary, store, SUMMARY_DOCUMENTS_MAXIMUM, error);
 *     answer_set_view(answer, 200, summary_view(&summary, tasks));
 *     summary_free(&summary);                 also when summary_begin() failed
 *
 * Memory grows with the number of clusters and tasks, time with the number of manifests, which is
 * therefore limited.
 */
#ifndef API_SUMMARY_H
#define API_SUMMARY_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdint.h>

#include "mimo/manifest.h"
#include "mimo/store.h"
#include "mimo/task.h"

enum { SUMMARY_DOCUMENTS_MAXIMUM = 100000 };

struct summary {
    int64_t now;
    int64_t by_state[MANIFEST_STATE_COUNT];
    int64_t dequeues[MANIFEST_ATTEMPTS_MAXIMUM + 1]; /* of the open ones; the last: or more */
    int64_t not_understood;
    size_t looked_at;
    bool truncated;              /* there were more than the store's maximum */
    struct json_object *by_task; /* {task: count} of all; owned, as those below */
    struct json_object *open_by_task;
    struct json_object *open_by_cluster;
    char oldest_id[UUID_SIZE]; /* of the runnable manifest that is due the longest; "" for none */
    char oldest_cluster[RESOURCE_ID_SIZE];
    int64_t oldest_since;
};

/* -1 when out of memory, here and below. */
int summary_begin(struct summary *summary, int64_t now);
int summary_count(struct summary *summary, struct json_object *document);

/* Counts the store's manifests, the open ones first, page by page, until `maximum` documents were
 * read. ERROR_UNAVAILABLE when the store does not answer. */
int summary_count_store(struct summary *summary, struct store *store, size_t maximum,
                        struct error *error);

void summary_free(struct summary *summary);

/* The view for the Admin API, with short names of registered tasks. New reference; NULL when out of
 * memory. */
struct json_object *summary_view(const struct summary *summary, const struct task_list *tasks);

#endif
