/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - the documents that outlive every process: one interface for all kinds of stores.
 *
 * A caller hands over a batch of operations and waits. The operations of a batch are independent:
 * each succeeds or fails by itself, none sees another's effect, and their order is undefined. Only a
 * PAIR spans two documents, and its promise is weak (see store_pair()). The store knows no rules: a
 * caller reads a document, changes it, and replaces it on condition that it is still the one that
 * was read. store_change.h does that, with retries.
 *
 *     struct store_operation read = store_get(STORE_MANIFESTS, cluster_key, id);
 *     if (store_run(store, &read, 1, error) < 0) ...          // the store did not answer
 *     if (read.result.status != STORE_DONE) ...               // it answered: no such document
 *     ... make `changed` of read.result.items[0].document ...
 *     struct store_operation write = store_replace(STORE_MANIFESTS, read.result.items[0].etag, changed);
 *     store_run(store, &write, 1, error);        // STORE_CONFLICT: another writer was first
 *     store_release(&read, 1); store_release(&write, 1);
 *
 * Ownership: the input of an operation (texts, documents, etags) is borrowed until store_run()
 * returns. Results belong to the operation and are released by store_release(); take_pointer() takes
 * a document out of them. A document in a result belongs to the caller alone and may be changed.
 *
 * Threads: a handle may be used by any number of threads at once; store_run() blocks its own caller
 * only, so event loops call it on a thread pool. Writes of concurrent callers share one commit.
 *
 * Durability: when store_run() returned 0, every operation with status STORE_DONE survives a power
 * cut. When it returned -1 (ERROR_UNAVAILABLE) it is unknown which operations happened: read again.
 *
 * Backends (store_open() chooses by the URI's scheme):
 *   sqlite:PATH   one file, WAL, synchronous=FULL; several processes of one machine share it. A
 *                 batch is one transaction, an operation that fails takes only itself back; an
 *                 etag is a counter.
 *   cosmos:URL    Azure Cosmos DB. Each operation is a request or a few, a batch runs them
 *                 concurrently:
 *     GET       GET docs/{id} with x-ms-documentdb-partitionkey; 404 is NOT_FOUND
 *     CREATE    POST docs; 409 is CONFLICT
 *     REPLACE   PUT docs/{id} with If-Match: etag; 412 is CONFLICT, 404 NOT_FOUND
 *     DELETE    DELETE docs/{id}, with If-Match where an etag is given
 *     PAIR      CREATE or REPLACE of the first; if that went well of the second; if that fails the
 *               first is put back as it was (with the etag just got), or deleted. A crash between
 *               the two leaves the first alone done.
 *     QUERY     POST docs with isquery, a fixed text and parameters for each kind, asked of each
 *               partition key range and merged here in the order the kind promises; the
 *               continuation names range and token
 */
#ifndef MIMO_STORE_H
#define MIMO_STORE_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mimo/bucket.h"
#include "mimo/error.h"
#include "mimo/uuid.h"

/* Container, its name in dumps and in Cosmos DB, path of its partition key within a document.
 *
 * STORE_ANSWERS holds answers that clients may ask for again, each until its `expiresAt` (Unix
 * seconds). Expired answers are removed lazily; readers must check `expiresAt`. SQLite removes a few
 * whenever one is written; Cosmos DB uses their member `ttl`. */
#define STORE_CONTAINERS(CONTAINER)                                                                \
    CONTAINER(STORE_MANIFESTS, "MaintenanceManifests", "clusterResourceID")                        \
    CONTAINER(STORE_CLUSTERS, "OpenShiftClusters", "partitionKey")                                 \
    CONTAINER(STORE_SCHEDULES, "MaintenanceSchedules", "id")                                       \
    CONTAINER(STORE_MEMBERS, "PoolWorkers", "id")                                                  \
    CONTAINER(STORE_SUBSCRIPTIONS, "Subscriptions", "id")                                          \
    CONTAINER(STORE_AUDIT, "Audit", "id")                                                          \
    CONTAINER(STORE_ANSWERS, "Answers", "id")

#define STORE_CONTAINER_CONSTANT(constant, name, partition) constant,
enum store_container { STORE_CONTAINERS(STORE_CONTAINER_CONSTANT) STORE_CONTAINER_COUNT };
#undef STORE_CONTAINER_CONSTANT

const char *store_container_name(enum store_container container);
bool store_container_parse(const char *name, enum store_container *ret_container);

/* How an operation ended; the whole batch failing is store_run()'s -1. */
enum store_status {
    STORE_NOT_RUN = 0,
    STORE_DONE,
    STORE_NOT_FOUND, /* no such document */
    STORE_CONFLICT,  /* it exists already, or has another etag by now */
    STORE_REFUSED,   /* the document cannot be stored (no id, too large); see result.error */
};

/* A document in the store. Everywhere in this interface a cluster is identified by its `key` (the
 * lower-cased resource ID), and every other document by its `id`. */
struct store_item {
    char *etag;
    struct json_object *document; /* NULL where it comes as text */
    char *text;                   /* as stored, terminated; NULL where it comes as a document */
    size_t length;                /* of the text as stored, in bytes, either way */
};

struct store_result {
    enum store_status status;
    struct store_item *items; /* GET: one. QUERY: in the order of its kind */
    size_t count;
    char *continuation; /* QUERY: where the next page begins, or NULL after the last; a page may be
                           shorter than its limit and still have one */
    int64_t total;      /* QUERY kinds that count or name a time; -1 for "none" */
    char *etag;         /* CREATE, REPLACE, PAIR: the (first) document's etag from now on */
    char *second_etag;  /* PAIR */
    size_t skipped;     /* QUERY: documents left out because they cannot be understood */
    struct error error; /* STORE_REFUSED, and the first skipped document: which, and why */
};

/* One document to write, or to find. */
struct store_target {
    enum store_container container;
    const char *partition; /* GET, DELETE: value of the partition key; NULL where it follows from
                              the id, which is everywhere but for manifests */
    const char *id;        /* GET, DELETE */
    const char *etag; /* REPLACE: required. DELETE: optional. PAIR: NULL creates the document */
    struct json_object *document; /* CREATE, REPLACE, PAIR */
};

enum store_query_kind {
    /* Manifests that may be claimed now: Pending, due (runAfter, nextAttempt) and not overdue at
     * `now`, bucket in `buckets`, at most one for each cluster (the first in order of claiming),
     * none whose cluster holds a live lease or is not in the store. In order of claiming, at most
     * `limit`. Cost must not grow with the number of manifests. */
    STORE_QUERY_RUNNABLE,
    /* total: when the next Pending manifest of `buckets` that is not due at `now` becomes due; -1:
       never. */
    STORE_QUERY_NEXT_DUE,
    /* Pending manifests of `buckets` whose runBefore is before `now`. */
    STORE_QUERY_OVERDUE,
    /* InProgress manifests of `buckets` whose lease ended before `now`; with `owner` set instead:
     * all InProgress manifests leased by it, whatever the time and the bucket. */
    STORE_QUERY_LEASED_MANIFESTS,
    /* The same for clusters that hold a lease. */
    STORE_QUERY_LEASED_CLUSTERS,
    /* total: manifests in Pending or InProgress of the whole fleet. Cost must not grow with it. */
    STORE_QUERY_QUEUE_LENGTH,
    /* Manifests by `cluster`, `states`, `task`, `schedule`, `created_before` (each optional), in
     * order of (createdAt, id), in pages. */
    STORE_QUERY_MANIFESTS,
    /* The manifest with `id`, whatever its partition. */
    STORE_QUERY_MANIFEST_BY_ID,
    /* Manifests whose id begins with `id` (lower case), in order of their id, in pages. Cost must not
     * grow with the number of manifests. */
    STORE_QUERY_MANIFESTS_BY_PREFIX,
    /* Clusters in order of their key, in pages. */
    STORE_QUERY_CLUSTERS,
    /* Clusters whose key ends in the name `id` (lower case), in order of their key, in pages. Cost must
     * not grow with the number of clusters. */
    STORE_QUERY_CLUSTERS_BY_NAME,
    /* Membership records in order of (index, id). */
    STORE_QUERY_MEMBERS,
    /* Entries of the audit trail of `since` and later, in order of (time, id), in pages. */
    STORE_QUERY_AUDIT,
    /* Every document of `container`, in pages, in order of its id: for dump and check. */
    STORE_QUERY_DOCUMENTS,
};

struct store_query {
    enum store_query_kind kind;
    enum store_container container; /* DOCUMENTS */
    struct bucket_range buckets;
    int64_t now;
    const char *id;
    const char *cluster; /* normalized resource ID, or NULL for all */
    unsigned states;     /* MANIFEST_STATE_BIT()s; 0 for all */
    const char *task;
    const char *schedule;
    const char *owner;
    int64_t created_before;   /* 0 for no bound */
    int64_t since;            /* AUDIT: Unix seconds */
    size_t limit;             /* items a page at most; 1..1000 */
    size_t bytes;             /* a page ends with the item that reaches so many; 0: the backend's
                                 bound */
    const char *continuation; /* of the page before, or NULL */
};

enum store_verb { STORE_GET, STORE_CREATE, STORE_REPLACE, STORE_DELETE, STORE_PAIR, STORE_QUERY };

struct store_operation {
    enum store_verb verb;
    struct store_target target;
    struct store_target second; /* PAIR */
    struct store_query query;   /* QUERY */
    /* GET, QUERY: documents as the JSON text that is stored, for a caller that only passes them on.
     * They have not been checked, so none is left out. */
    bool as_text;
    struct store_result result; /* out */
};

enum { STORE_PAGE_MAXIMUM = 1000, STORE_DOCUMENT_SIZE_MAXIMUM = 1024 * 1024 };

/* Builders, so that a caller names only what its verb needs. */
struct store_operation store_get(enum store_container container, const char *partition,
                                 const char *id);
struct store_operation store_create(enum store_container container, struct json_object *document);
struct store_operation store_replace(enum store_container container, const char *etag,
                                     struct json_object *document);
struct store_operation store_delete(enum store_container container, const char *partition,
                                    const char *id, const char *etag);
/* Creates or replaces two documents: both, or with a conflict on either none; of a crash in the
 * middle of it a backend may leave the first alone done. STORE_CONFLICT and STORE_NOT_FOUND are of
 * either. */
struct store_operation store_pair(struct store_operation first, struct store_operation second);
struct store_operation store_query(const struct store_query *query);

struct store; /* a handle */

/* Opens the store of `uri`; it must have been initialized. ERROR_NOT_FOUND says how to do that. */
int store_open(const char *uri, struct store **ret_store, struct error *error);

/* The form of `uri` alone: what store_open() refuses without a look at the store. */
int store_check_uri(const char *uri, struct error *error);

/* The path of a store that is a file of this machine, within `uri`; NULL for any other. SQLite
 * keeps two more files beside it. */
const char *store_file(const char *uri);

/* Creates what is missing (file, tables, containers); harmless if nothing is. The file is readable and
 * writable by its owner and group only. */
int store_initialize(const char *uri, struct error *error);

void store_close(struct store *store);

/* The store's own UUID, made when it was initialized, into `ret_id` (UUID_SIZE bytes). A backup has
 * the ID of its original; documents that are loaded do not bring one along. */
int store_identify(struct store *store, char *ret_id, struct error *error);

static inline void cleanup_store_function(struct store *const *store)
{
    store_close(*store);
}
#define cleanup_store __attribute__((cleanup(cleanup_store_function)))

int store_run(struct store *store, struct store_operation *operations, size_t count,
              struct error *error);

/* Releases the results of `count` operations; they may be run again afterwards. */
void store_release(struct store_operation *operations, size_t count);

/* Checks the backend's own integrity. -1 when it cannot be read; *ret_sound false and the first
 * complaint in `error` when it is damaged. */
int store_verify_integrity(struct store *store, bool *ret_sound, struct error *error);

/* Online copy into a new file (SQLite); ERROR_INVALID for a backend that keeps its own backups. */
int store_backup(struct store *store, const char *path, struct error *error);

/* What names a document: borrowed from it, or from the target. */
struct store_name {
    const char *id;        /* `key` of a cluster */
    const char *partition; /* NULL: whichever it is in */
};

/* The name that a document carries in itself. ERROR_INVALID says which member is missing or
 * wrong. */
int store_name_of_document(enum store_container container, const struct json_object *document,
                           struct store_name *ret_name, struct error *error);

#endif
