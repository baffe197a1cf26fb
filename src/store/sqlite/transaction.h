/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transaction.h - a writing transaction, and the derived tables that it updates.
 *
 *     transaction_begin(&transaction, connection, error);
 *     ... write documents; note clusters whose head may have changed ...
 *     transaction_commit(&transaction, error);
 *     transaction_end(&transaction);     // rolls back what was not committed
 *
 * Etags increase over the whole store, and each transaction starts no lower than the clock in
 * microseconds. So no etag is used again after a document was deleted and created again, or after
 * an older copy of the file was restored.
 */
#ifndef MIMO_STORE_SQLITE_TRANSACTION_H
#define MIMO_STORE_SQLITE_TRANSACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mimo/error.h"
#include "store/sqlite/connection.h"

struct transaction {
    struct connection *connection;
    int64_t etag;           /* the last one given */
    int64_t open_manifests; /* in Pending or InProgress */
    bool changed;           /* something was written */
    char **clusters;        /* whose heads must be updated */
    size_t cluster_count;
    size_t cluster_space;
};

/* Takes the write lock; waits for other processes as long as a connection does. */
int transaction_begin(struct transaction *transaction, struct connection *connection,
                      struct error *error);

/* The etag of the next document written. */
int64_t transaction_next_etag(struct transaction *transaction);

/* Notes that the first ready manifest of a cluster, or whether it is free, may have changed. */
int transaction_note_cluster(struct transaction *transaction, const char *cluster,
                             struct error *error);

/* Updates heads and counters and commits. After 0 the transaction survives a power cut. */
int transaction_commit(struct transaction *transaction, struct error *error);

/* Releases what it holds. What was not committed is rolled back. */
void transaction_end(struct transaction *transaction);

#endif
