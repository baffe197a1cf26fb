/* SPDX-License-Identifier: Apache-2.0 */
/* upkeep.c - recovery, expired leases and missed deadlines: query, change, conditional write. */
#include "supervisor/upkeep.h"

#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"

enum { UPKEEP_PAGE = 100, UPKEEP_PAGES = 10 };

/* The documents of one page, as far as they can be understood. */
struct page {
    struct claim *claims;
    size_t count;
    char *continuation; /* of the page behind it, or NULL */
};

/* One kind of upkeep: what is looked for, and under which rules. */
struct task {
    struct store *store;
    const struct store_query *query;
    const struct settle_rules *rules;
    int64_t now;
    struct upkeep_counts *counts;
};

static void page_free(struct page *page)
{
    for (size_t i = 0; i < page->count; i++)
        claim_free(&page->claims[i]);
    free(page->claims);
    free(page->continuation);
    *page = (struct page){0};
}

/* The query has noted the documents that cannot be understood. */
static int read_items(enum store_query_kind kind, struct store_result *result, struct page *page,
                      struct error *error)
{
    page->claims = calloc(result->count ? result->count : 1, sizeof(*page->claims));
    if (!page->claims)
        return error_set_memory(error);
    for (size_t i = 0; i < result->count; i++) {
        struct claim *claim = &page->claims[page->count];
        struct error unreadable;
        int status = kind == STORE_QUERY_LEASED_CLUSTERS
                         ? lease_read_cluster(claim, &result->items[i], &unreadable)
                         : lease_read_manifest(claim, &result->items[i], &unreadable);
        page->count += status == 0;
    }
    return 0;
}

static int query_page(const struct task *task, const char *continuation, struct page *page,
                      struct error *error)
{
    struct store_operation operation = store_query(task->query);
    operation.query.continuation = continuation;
    int status = store_run(task->store, &operation, 1, error);
    if (status == 0 && operation.result.status != STORE_DONE) {
        *error = operation.result.error;
        status = -1;
    }
    if (status == 0)
        status = read_items(task->query->kind, &operation.result, page, error);
    page->continuation = take_pointer(&operation.result.continuation);
    store_release(&operation, 1);
    return status;
}

/* Reads the cluster of each manifest, to give its lease back in the same write. A cluster that is
 * gone or cannot be understood has none to give back. */
static int read_clusters_of(const struct task *task, struct page *page, struct error *error)
{
    cleanup_free struct store_operation *reads = calloc(page->count, sizeof(*reads));
    if (!reads)
        return error_set_memory(error);
    for (size_t i = 0; i < page->count; i++)
        reads[i] = store_get(STORE_CLUSTERS, NULL, page->claims[i].manifest.cluster);
    int status = store_run(task->store, reads, page->count, error);
    for (size_t i = 0; status == 0 && i < page->count; i++) {
        struct error unreadable;
        if (reads[i].result.status == STORE_DONE)
            (void)lease_read_cluster(&page->claims[i], &reads[i].result.items[0], &unreadable);
    }
    store_release(reads, page->count);
    return status;
}

/* Ends the attempt that nobody runs any more. Its pause was served while the lease ran or the
 * actuator was away, so the next one is due at once. */
static bool return_manifest(struct claim *claim, const struct task *task,
                            struct store_operation *ret_write)
{
    struct outcome outcome;
    struct attempt_usage unknown = {0};
    struct backoff at_once = {0};
    struct lease_result result = {.outcome = &outcome, .usage = &unknown, .backoff = &at_once};
    struct error error;
    outcome_of_kind(task->query->owner ? OUTCOME_OWNER_GONE : OUTCOME_LEASE_EXPIRED, NULL,
                    &outcome);
    return lease_end(claim, &result, task->rules->mark, task->now, ret_write, &error) == 0;
}

static bool time_out(struct claim *claim, int64_t now, struct store_operation *ret_write)
{
    struct error error;
    if (manifest_time_out(&claim->manifest, now, &error) < 0)
        return false;
    *ret_write = lease_write_manifest(claim);
    return true;
}

/* Changes the documents in memory; false when there is nothing to write. */
static bool change(struct claim *claim, const struct task *task, struct store_operation *ret_write)
{
    if (task->query->kind == STORE_QUERY_LEASED_CLUSTERS)
        return lease_give_back_any(claim, task->rules->mark, ret_write);
    if (task->query->kind == STORE_QUERY_OVERDUE)
        return time_out(claim, task->now, ret_write);
    return return_manifest(claim, task, ret_write);
}

static void count_change(const struct claim *claim, const struct task *task)
{
    struct upkeep_counts *counts = task->counts;
    if (task->query->kind == STORE_QUERY_LEASED_CLUSTERS) {
        counts->clusters_released++;
    } else if (task->query->kind == STORE_QUERY_OVERDUE) {
        counts->manifests_timed_out++;
    } else {
        counts->manifests_returned++;
        if (claim->manifest.state == MANIFEST_RETRIES_EXCEEDED)
            counts->manifests_exceeded++;
    }
}

/* After a conflict the next round looks again. */
static void take_result(const struct claim *claim, const struct store_operation *write,
                        const struct task *task)
{
    switch (write->result.status) {
    case STORE_DONE:
        count_change(claim, task);
        return;
    case STORE_CONFLICT:
    case STORE_NOT_FOUND:
        return;
    case STORE_REFUSED:
    case STORE_NOT_RUN:
        if (task->counts->refused.kind == ERROR_NONE)
            task->counts->refused = write->result.error;
        return;
    }
}

static int write_page(const struct task *task, struct page *page, struct error *error)
{
    cleanup_free struct store_operation *writes = calloc(page->count, sizeof(*writes));
    cleanup_free struct claim **changed = calloc(page->count, sizeof(*changed));
    if (!writes || !changed)
        return error_set_memory(error);
    size_t count = 0;
    for (size_t i = 0; i < page->count; i++)
        if (change(&page->claims[i], task, &writes[count]))
            changed[count++] = &page->claims[i];

    int status = count > 0 ? store_run(task->store, writes, count, error) : 0;
    for (size_t i = 0; status == 0 && i < count; i++)
        take_result(changed[i], &writes[i], task);
    store_release(writes, count);
    return status;
}

/* Tidies one page; *continuation is where it begins, and then where the next one does. */
static int tidy_page(const struct task *task, char **continuation, struct error *error)
{
    struct page page = {0};
    int status = query_page(task, *continuation, &page, error);
    if (status == 0 && page.count > 0 && task->query->kind == STORE_QUERY_LEASED_MANIFESTS)
        status = read_clusters_of(task, &page, error);
    if (status == 0 && page.count > 0)
        status = write_page(task, &page, error);
    free(*continuation);
    *continuation = take_pointer(&page.continuation);
    page_free(&page);
    return status;
}

/* Page after page, so that documents that cannot be changed do not hide those behind them. */
static int tidy(const struct task *task, size_t pages, struct error *error)
{
    cleanup_free char *continuation = NULL;
    do {
        if (tidy_page(task, &continuation, error) < 0)
            return -1;
    } while (continuation && --pages > 0);
    return 0;
}

int upkeep_recover_owned(struct store *store, const struct settle_rules *rules, int64_t now,
                         struct upkeep_counts *counts, struct error *error)
{
    static const enum store_query_kind kinds[] = {STORE_QUERY_LEASED_MANIFESTS,
                                                  STORE_QUERY_LEASED_CLUSTERS};
    *counts = (struct upkeep_counts){0};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct store_query query = {
            .kind = kinds[i],
            .buckets = {0, BUCKET_COUNT - 1},
            .now = now,
            .owner = rules->actuator,
            .limit = UPKEEP_PAGE,
        };
        struct task task = {store, &query, rules, now, counts};
        if (tidy(&task, SIZE_MAX, error) < 0)
            return error_prefix(error, "cannot recover what this actuator left over");
    }
    return 0;
}

int upkeep_run(struct store *store, const struct settle_rules *rules, struct bucket_range buckets,
               int64_t now, struct upkeep_counts *counts, struct error *error)
{
    static const enum store_query_kind kinds[] = {STORE_QUERY_LEASED_MANIFESTS,
                                                  STORE_QUERY_LEASED_CLUSTERS, STORE_QUERY_OVERDUE};
    *counts = (struct upkeep_counts){0};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct store_query query = {
            .kind = kinds[i], .buckets = buckets, .now = now, .limit = UPKEEP_PAGE};
        struct task task = {store, &query, rules, now, counts};
        if (tidy(&task, UPKEEP_PAGES, error) < 0)
            return error_prefix(error, "cannot tidy the queue");
    }
    return 0;
}
