/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_files.h - the two files that SQLite keeps beside the database while it is in use: the
 * write-ahead log (-wal) and its index (-shm). See https://www.sqlite.org/walformat.html.
 *
 * What was committed last is in the log alone. Two mistakes of operators would lose it, and SQLite
 * does not report them:
 *
 * - The database is moved away, and an empty one is made in its place: SQLite deletes the log of an
 *   empty database. log_files_check_unused() refuses that.
 * - The log is removed while programs use it: they would go on writing to a file without a name.
 *   handle.h says what is done then.
 */
#ifndef MIMO_STORE_SQLITE_LOG_FILES_H
#define MIMO_STORE_SQLITE_LOG_FILES_H

#include <sqlite3.h>
#include <stdbool.h>

#include "mimo/error.h"
#include "store/sqlite/file_identity.h"

struct log_files {
    struct file_identity log;
    struct file_identity index;
};

/* 0 unless there is a log with content beside `path`, and no database at `path` or an empty one:
 * then -1, ERROR_CONFLICT, and what to do. */
int log_files_check_unused(const char *path, struct error *error);

/* Looks which files are beside the database at `path`; inode 0 for one that is missing. */
struct log_files log_files_look(const char *path);

/* Whether `files`, as they were seen, are still beside `path`. True if one was missing then: the
 * database was not in WAL mode yet. */
bool log_files_are_in_place(const char *path, const struct log_files *files);

/* Writes what the removed log, which `db` has open, holds to the database. False if that failed, or
 * if somebody has written to a new log since: its pages would be newer. */
bool log_files_save(sqlite3 *db, const char *path, const struct log_files *files);

#endif
