/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write.h - CREATE, REPLACE, DELETE and PAIR within a transaction.
 *
 * Two steps, so that the one thread that holds the write lock has little to do: writes_prepare()
 * makes text and columns of the documents in the thread of the caller; writes_apply() only runs
 * statements. An operation's conditions are checked before its first change, so that one that fails
 * has nothing to take back.
 */
#ifndef MIMO_STORE_SQLITE_WRITE_H
#define MIMO_STORE_SQLITE_WRITE_H

#include <stddef.h>

#include "mimo/store.h"
#include "store/sqlite/transaction.h"

struct writes; /* those of one batch */

/* Takes the writing operations of a batch that nothing has refused yet; refuses those that cannot
 * be stored. *ret_count tells how many are left; then and only then *ret_writes is to be freed. */
int writes_prepare(struct store_operation *operations, size_t count, struct writes **ret_writes,
                   size_t *ret_count, struct error *error);

/* Carries them out and fills in their results. -1: the database failed, roll back. */
int writes_apply(struct writes *writes, struct transaction *transaction, struct error *error);

void writes_free(struct writes *writes);

static inline void cleanup_writes_function(struct writes *const *writes)
{
    writes_free(*writes);
}
#define cleanup_writes __attribute__((cleanup(cleanup_writes_function)))

#endif
