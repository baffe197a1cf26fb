/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handle.h - a handle on a database file, shared by any number of threads.
 *
 * Reading: each batch borrows one of a few connections and sees one state of the file, whatever is
 * written meanwhile. Writing: one connection, and commits that callers share (commit.c).
 *
 * Before every use the path is looked up, and a connection whose file was removed or replaced is
 * closed. So when a store is restored, it is used again without a restart.
 *
 * Not so when only the files beside it are removed (log_files.h): within one process SQLite shares the
 * index among all connections to a database, so a new connection would be wrong as well. What the log
 * holds is written to the database, and nothing is read or written from then on, until all programs
 * have been started again.
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

    /* The database that was opened last, the files beside it, and how many connections use them. */
    struct file_identity database;
    struct log_files files;
    unsigned connections;
    bool has_saved_log;

    struct connection *writer; /* used by the leader only */
};

/* Opens a connection to the file that the path names at present. The caller gives it back. */
int sqlite_store_connect(struct sqlite_store *store, struct connection **ret_connection,
                         struct error *error);
void sqlite_store_disconnect(struct sqlite_store *store, struct connection *connection);

/* -1, ERROR_UNAVAILABLE, once the log of the connection was removed while it was in use: saves what the
 * log holds. Not within a transaction. */
int sqlite_store_check_log(struct sqlite_store *store, struct connection *connection,
                           struct error *error);

/* Calls `apply` within a writing transaction that other callers share, and returns when it is
 * committed; `weight` is the approximate number of documents it writes. If `apply` fails, the whole
 * transaction fails. */
int sqlite_store_commit(struct sqlite_store *store,
                        int (*apply)(void *argument, struct transaction *transaction,
                                     struct error *error),
                        void *argument, size_t weight, struct error *error);

#endif
