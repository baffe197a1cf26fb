/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write.h - runs CREATE, REPLACE, DELETE and PAIR within a transaction.
 *
 * There are two steps, so that the thread that holds the write lock has little to do:
 * writes_prepare() formats the documents and derives their columns in the caller's thread;
 * writes_apply() only runs statements. The conditions of an operation are checked before its first
 * change, so an operation that fails has nothing to undo.
 */
#ifndef MIMO_STORE_SQLITE_WRITE_H
#define MIMO_STORE_SQLITE_WRITE_H

#include <stddef.h>

#include "mimo/store.h"
#include "store/sqlite/transaction.h"

struct writes; /* those of one batch */

/* Prepares the writing operations of a batch that have not been refused, and refuses those that
 * cannot be stored. -1 when out of memory. *ret_count is the number of prepared writes; if it is
 * not 0, free *ret_writes. */
int writes_prepare(struct store_operation *operations, size_t count, struct writes **ret_writes,
                   size_t *ret_count, struct error *error);

/* Runs them and fills in their results. -1: the database failed; roll back. */
int writes_apply(struct writes *writes, struct transaction *transaction, struct error *error);

void writes_free(struct writes *writes);

static inline void cleanup_writes_function(struct writes *const *writes)
{
    writes_free(*writes);
}
#define cleanup_writes __attribute__((cleanup(cleanup_writes_function)))

#endif
