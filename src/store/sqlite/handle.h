/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handle.h - a handle on a database file, shared by any number of threads.
 *
 * Reading: each batch borrows one of a few connections and sees one state of the file, whatever is
 * written meanwhile. Writing: one connection, and commits that callers share (commit.c).
 *
 * Before every use the path is looked up, and a connection whose file was removed or replaced is
 * closed. So when a store is restored, it is used again without a restart.
 */
#ifndef MIMO_STORE_SQLITE_HANDLE_H
#define MIMO_STORE_SQLITE_HANDLE_H

#include <pthread.h>
#include <stdint.h>

#include "store/backend.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/transaction.h"

enum { READERS_MAXIMUM = 8 };

struct commit_job;

/* Figures for tests. */
struct sqlite_statistics {
    uint64_t commits; /* transactions that wrote */
    uint64_t jobs;    /* batches in them */
    uint64_t steps;   /* of SQLite's virtual machine while reading */
};

struct sqlite_store {
    struct store base;
    char *path;

    pthread_mutex_t lock; /* protects everything below */
    pthread_cond_t reader_back;
    struct connection *idle_readers;
    unsigned readers; /* idle and borrowed */
    struct sqlite_statistics statistics;

    /* Batches that wait for the next commit, in order of arrival. */
    struct commit_job *first_job;
    struct commit_job **last_job;
    bool has_leader;

    struct connection *writer; /* used by the leader only */
};

/* Calls `apply` within a writing transaction that other callers share, and returns when it is
 * committed; `weight` is the approximate number of documents it writes. If `apply` fails, the whole
 * transaction fails. */
int sqlite_store_commit(struct sqlite_store *store,
                        int (*apply)(void *argument, struct transaction *transaction,
                                     struct error *error),
                        void *argument, size_t weight, struct error *error);

#endif
