/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection.h - one connection to the database file, with its prepared statements.
 *
 * One thread at a time uses a connection. Statements are identified by their text, which must be a
 * constant, and cached:
 *
 *     sqlite3_stmt *statement =
 *         connection_statement(connection, "SELECT ... WHERE id = ?1", error);
 *     if (!statement)
 *         return -1;
 *     sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC);
 *     while ((step = sqlite3_step(statement)) == SQLITE_ROW)
 *         ...
 *     return connection_finish(connection, statement, step, error);
 *
 * After an error that may have left it in an undefined state the connection is `broken`: its owner
 * closes it and opens another.
 */
#ifndef MIMO_STORE_SQLITE_CONNECTION_H
#define MIMO_STORE_SQLITE_CONNECTION_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mimo/error.h"
#include "store/sqlite/log_files.h"

/* How long to wait for a lock of another process. */
enum { CONNECTION_BUSY_SECONDS = 5 };

enum { CONNECTION_STATEMENTS_MAXIMUM = 128 };

struct connection {
    sqlite3 *db;
    char *path;
    struct file_identity file;
    struct log_files files;
    bool broken;
    uint64_t
        steps; /* of SQLite's virtual machine, over all statements; tests measure cost by them */
    struct kept_statement {
        const char *sql;
        sqlite3_stmt *statement;
    } statements[CONNECTION_STATEMENTS_MAXIMUM];
    size_t statement_count;
    struct connection *next; /* for the owner's list of connections */
};

/* Opens an existing database for reading and writing. Does not check its content. */
int connection_open(const char *path, struct connection **ret_connection, struct error *error);

/* Closes it. If its file is no longer at the path, the files at the path are not touched. */
void connection_close(struct connection *connection);

static inline void cleanup_connection_function(struct connection *const *connection)
{
    connection_close(*connection);
}
#define cleanup_connection __attribute__((cleanup(cleanup_connection_function)))

/* True while the file at the connection's path is the one it has open. */
bool connection_is_current(const struct connection *connection);

/* The prepared statement with this constant text, ready to bind. Borrowed; give it back with
 * connection_finish(). NULL on failure. */
sqlite3_stmt *connection_statement(struct connection *connection, const char *sql,
                                   struct error *error);

/* Resets a statement after its last step; -1 unless `step` is SQLITE_DONE or SQLITE_ROW. */
int connection_finish(struct connection *connection, sqlite3_stmt *statement, int step,
                      struct error *error);

/* Runs statements without parameters and ignores their rows. */
int connection_execute(struct connection *connection, const char *sql, struct error *error);

/* The same for one statement that is run often; it is cached as by connection_statement(). */
int connection_run(struct connection *connection, const char *sql, struct error *error);

/* Runs a query without parameters that returns one integer. */
int connection_integer(struct connection *connection, const char *sql, int64_t *ret_value,
                       struct error *error);

/* Rolls an open transaction back, if there is one. */
void connection_rollback(struct connection *connection);

#endif
