/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery, expired leases and missed deadlines: query, change, conditional write. */
#include "supervisor/upkeep.h"

#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"

enum { UPKEEP_PAGE = 100 };

/* The documents of one page, as far as they can be read. */
struct page {
    struct claim *claims;
    size_t count;
};

static void page_free(struct page *page)
{
    for (size_t i = 0; i < page->count; i++)
        claim_free(&page->claims[i]);
    free(page->claims);
    *page = (struct page){0};
}

static int read_item(enum store_query_kind kind, struct store_item *item, struct claim *claim)
{
    struct error unreadable;
    if (kind == STORE_QUERY_LEASED_CLUSTERS) {
        if (cluster_read(&claim->cluster, item->document, &unreadable) < 0)
            return -1;
        claim->cluster_etag = take_pointer(&item->etag);
        return 0;
    }
    if (manifest_read(&claim->manifest, item->document, &unreadable) < 0)
        return -1;
    claim->manifest_etag = take_pointer(&item->etag);
    return 0;
}

static int query_page(struct store *store, const struct store_query *query, struct page *page,
                      struct error *error)
{
    struct store_operation operation = store_query(query);
    int status = store_run(store, &operation, 1, error);
    if (status == 0) {
        page->claims =
            calloc(operation.result.count ? operation.result.count : 1, sizeof(*page->claims));
        if (!page->claims)
            status = error_set_memory(error);
    }
    for (size_t i = 0; status == 0 && i < operation.result.count; i++)
        if (read_item(query->kind, &operation.result.items[i], &page->claims[page->count]) == 0)
            page->count++;
    store_release(&operation, 1);
    return status;
}

/* Reads the cluster of each manifest, to give its lease back in the same write. */
static int read_clusters_of(struct store *store, struct page *page, struct error *error)
{
    cleanup_free struct store_operation *reads = calloc(page->count, sizeof(*reads));
    if (!reads)
        return error_set_memory(error);
    for (size_t i = 0; i < page->count; i++)
        reads[i] = store_get(STORE_CLUSTERS, NULL, page->claims[i].manifest.cluster);
    int status = store_run(store, reads, page->count, error);
    for (size_t i = 0; status == 0 && i < page->count; i++) {
        struct claim *claim = &page->claims[i];
        struct error unreadable;
        if (reads[i].result.status == STORE_DONE &&
            cluster_read(&claim->cluster, reads[i].result.items[0].document, &unreadable) == 0)
            claim->cluster_etag = take_pointer(&reads[i].result.items[0].etag);
    }
    store_release(reads, page->count);
    return status;
}

/* Ends the attempt that nobody runs any more, and gives its cluster back. */
static bool return_manifest(struct claim *claim, enum outcome_kind kind,
                            const struct settle_rules *rules, int64_t now,
                            struct store_operation *ret_write)
{
    struct manifest *manifest = &claim->manifest;
    char owner[UUID_SIZE];
    memcpy(owner, manifest->lease_owner, sizeof(owner));

    struct outcome outcome;
    struct attempt_usage unknown = {0};
    struct error error;
    outcome_of_kind(kind, NULL, &outcome);
    /* The pause was served while the lease ran or the actuator was away: due at once. */
    struct backoff at_once = {0};
    if (manifest_end_attempt(manifest, &outcome, &unknown, &at_once, now, 0, &error) < 0)
        return false;
    *ret_write = store_replace(STORE_MANIFESTS, claim->manifest_etag, manifest_document(manifest));
    if (claim->cluster_etag &&
        cluster_release_lease(&claim->cluster, owner, manifest->id, rules->mark))
        *ret_write = store_pair(*ret_write, store_replace(STORE_CLUSTERS, claim->cluster_etag,
                                                          cluster_document(&claim->cluster)));
    return true;
}

static bool release_cluster(struct claim *claim, const struct settle_rules *rules,
                            struct store_operation *ret_write)
{
    struct cluster *cluster = &claim->cluster;
    char owner[UUID_SIZE];
    memcpy(owner, cluster->lease_owner, sizeof(owner));
    if (!cluster_release_lease(cluster, owner, NULL, rules->mark))
        return false;
    *ret_write = store_replace(STORE_CLUSTERS, claim->cluster_etag, cluster_document(cluster));
    return true;
}

static bool time_out(struct claim *claim, int64_t now, struct store_operation *ret_write)
{
    struct error error;
    if (manifest_time_out(&claim->manifest, now, &error) < 0)
        return false;
    *ret_write =
        store_replace(STORE_MANIFESTS, claim->manifest_etag, manifest_document(&claim->manifest));
    return true;
}

static bool change(struct claim *claim, const struct store_query *query,
                   const struct settle_rules *rules, int64_t now, struct store_operation *ret_write)
{
    if (query->kind == STORE_QUERY_LEASED_CLUSTERS)
        return release_cluster(claim, rules, ret_write);
    if (query->kind == STORE_QUERY_OVERDUE)
        return time_out(claim, now, ret_write);
    return return_manifest(claim, query->owner ? OUTCOME_OWNER_GONE : OUTCOME_LEASE_EXPIRED, rules,
                           now, ret_write);
}

static void count_change(const struct claim *claim, enum store_query_kind kind,
                         struct upkeep_counts *counts)
{
    if (kind == STORE_QUERY_LEASED_CLUSTERS) {
        counts->clusters_released++;
    } else if (kind == STORE_QUERY_OVERDUE) {
        counts->manifests_timed_out++;
    } else {
        counts->manifests_returned++;
        if (claim->manifest.state == MANIFEST_RETRIES_EXCEEDED)
            counts->manifests_exceeded++;
    }
}

/* Writes the changes of a page; *ret_changed tells how many went through. */
static int write_page(struct store *store, struct page *page, const struct store_query *query,
                      const struct settle_rules *rules, int64_t now, struct upkeep_counts *counts,
                      size_t *ret_changed, struct error *error)
{
    cleanup_free struct store_operation *writes = calloc(page->count, sizeof(*writes));
    cleanup_free struct claim **changed = calloc(page->count, sizeof(*changed));
    if (!writes || !changed)
        return error_set_memory(error);
    size_t count = 0;
    for (size_t i = 0; i < page->count; i++)
        if (change(&page->claims[i], query, rules, now, &writes[count]))
            changed[count++] = &page->claims[i];

    int status = count > 0 ? store_run(store, writes, count, error) : 0;
    for (size_t i = 0; status == 0 && i < count; i++) {
        if (writes[i].result.status != STORE_DONE)
            continue;
        count_change(changed[i], query->kind, counts);
        ++*ret_changed;
    }
    store_release(writes, count);
    return status;
}

/* One page of one kind of query. */
static int tidy(struct store *store, const struct store_query *query,
                const struct settle_rules *rules, int64_t now, struct upkeep_counts *counts,
                size_t *ret_changed, struct error *error)
{
    struct page page = {0};
    *ret_changed = 0;
    int status = query_page(store, query, &page, error);
    if (status == 0 && page.count > 0 && query->kind == STORE_QUERY_LEASED_MANIFESTS)
        status = read_clusters_of(store, &page, error);
    if (status == 0 && page.count > 0)
        status = write_page(store, &page, query, rules, now, counts, ret_changed, error);
    page_free(&page);
    return status;
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
        size_t changed;
        do {
            if (tidy(store, &query, rules, now, counts, &changed, error) < 0)
                return error_prefix(error, "cannot recover what this actuator left over");
        } while (changed >
                 0); /* what was changed is no longer found: each page is a new first one */
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
        size_t changed;
        if (tidy(store, &query, rules, now, counts, &changed, error) < 0)
            return error_prefix(error, "cannot tidy the queue");
    }
    return 0;
}
