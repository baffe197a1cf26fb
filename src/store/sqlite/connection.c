/* SPDX-License-Identifier: Apache-2.0 */
/* connection.c - one connection to the database file: opening, prepared statements, messages of
 * errors. */
#include "store/sqlite/connection.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/directory.h"

/* Messages of failures for operators, by primary result code. After some failures the connection is
 * opened again, but not after a failure of the disk: SQLite has rolled back the transaction, and
 * the next one overwrites its frames in the log. A new connection would read the log again, and
 * might treat frames as committed that are only in the kernel's memory and never reached the disk.
 */
static const struct problem {
    int code;
    bool breaks;
    enum error_kind kind;
    const char *text;
} problems[] = {
    {SQLITE_BUSY, false, ERROR_UNAVAILABLE,
     "is locked by another process for more than 5 s (fuser(1) names it)"},
    {SQLITE_FULL, false, ERROR_UNAVAILABLE, "cannot grow: make room on its disk"},
    {SQLITE_IOERR, false, ERROR_UNAVAILABLE, "cannot be read or written: check its disk"},
    {SQLITE_NOMEM, false, ERROR_MEMORY, "cannot be used: out of memory"},
    {SQLITE_CORRUPT, true, ERROR_INVALID,
     "is damaged: stop all programs that use it, then restore a backup"},
    {SQLITE_NOTADB, true, ERROR_INVALID,
     "is not an SQLite database, or is damaged: restore a backup"},
    {SQLITE_READONLY, true, ERROR_DENIED,
     "is read-only: check its mode, its owner and how its disk is mounted"},
    {SQLITE_CANTOPEN, true, ERROR_UNAVAILABLE,
     "cannot be opened: check its mode and owner and those of its directory"},
    {SQLITE_PERM, true, ERROR_DENIED, "may not be accessed: check its mode and owner"},
};
static const struct problem other_problem = {0, true, ERROR_UNAVAILABLE, "cannot be used"};

/* Says what went wrong last, and what to do about it. Returns -1. */
static int connection_error(struct connection *connection, struct error *error)
{
    int extended = sqlite3_extended_errcode(connection->db);
    int errnum = sqlite3_system_errno(connection->db);
    const struct problem *problem = &other_problem;

    for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++)
        if (problems[i].code == (extended & 0xff))
            problem = &problems[i];
    connection->broken = connection->broken || problem->breaks;
    bool system = problem->code == SQLITE_IOERR || problem->code == SQLITE_CANTOPEN;
    const char *reason =
        system && errnum != 0 ? strerrordesc_np(errnum) : sqlite3_errmsg(connection->db);
    return error_set(error, problem->kind, "store %s %s: %s (SQLite code %d)", connection->path,
                     problem->text, reason, extended);
}

static int find_file(const char *path, struct file_identity *ret_file, struct error *error)
{
    struct stat status;
    if (stat(path, &status) < 0) {
        if (errno == ENOENT)
            return error_set(
                error, ERROR_NOT_FOUND,
                "store %s does not exist; make it with: mimo-store --store sqlite:%s init", path,
                path);
        return error_set_system(error, errno, "cannot find store %s", path);
    }
    if (!S_ISREG(status.st_mode))
        return error_set(error, ERROR_INVALID, "store %s is not a regular file", path);
    *ret_file = file_identity_of(&status);
    return 0;
}

/* SQLite reports only that it cannot open a file, so the reason is checked first. */
static int check_access(const char *path, struct error *error)
{
    cleanup_free char *directory = directory_of(path);
    if (!directory)
        return error_set_memory(error);
    if (faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) < 0)
        return error_set_system(error, errno,
                                "user %u may not read and write store %s: run as its owner or as "
                                "a member of its group",
                                (unsigned)geteuid(), path);
    if (faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) < 0)
        return error_set_system(error, errno,
                                "user %u may not write directory %s, where SQLite keeps two more "
                                "files beside the store",
                                (unsigned)geteuid(), directory);
    return 0;
}

bool connection_is_current(const struct connection *connection)
{
    return file_identity_is_at(&connection->file, connection->path);
}

static const char settings[] =
    "PRAGMA synchronous = FULL;"   /* acknowledged writes survive a power cut */
    "PRAGMA cell_size_check = ON;" /* detect damage early */
    "PRAGMA trusted_schema = OFF;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA wal_autocheckpoint = 4000;" /* pages; a few hundred pages are written again and again */
    "PRAGMA journal_size_limit = 67108864;";

static int configure(struct connection *connection, struct error *error)
{
    sqlite3 *db = connection->db;
    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, CONNECTION_BUSY_SECONDS * 1000);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    return connection_execute(connection, settings, error);
}

int connection_open(const char *path, struct connection **ret_connection, struct error *error)
{
    struct file_identity before;
    if (log_files_check_unused(path, error) < 0 || find_file(path, &before, error) < 0 ||
        check_access(path, error) < 0)
        return -1;

    cleanup_connection struct connection *connection = calloc(1, sizeof(*connection));
    if (connection)
        connection->path = strdup(path);
    if (!connection || !connection->path)
        return error_set_memory(error);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    if (sqlite3_open_v2(path, &connection->db, flags, NULL) != SQLITE_OK) {
        if (connection->db)
            return connection_error(connection, error);
        return error_set_memory(error);
    }
    if (find_file(path, &connection->file, error) < 0)
        return -1;
    if (!file_identity_is_same(&before, &connection->file))
        return error_set(error, ERROR_UNAVAILABLE, "store %s was replaced while it was opened",
                         path);
    if (configure(connection, error) < 0)
        return -1;
    *ret_connection = take_pointer(&connection);
    return 0;
}

static void forget_statements(struct connection *connection)
{
    for (size_t i = 0; i < connection->statement_count; i++)
        sqlite3_finalize(connection->statements[i].statement);
    connection->statement_count = 0;
}

void connection_close(struct connection *connection)
{
    if (!connection)
        return;
    forget_statements(connection);
    if (connection->db) {
        /* Closing the last connection removes the log. If the file or its log is gone, a log at
         * that path belongs to another file. */
        bool has_log = log_files_are_in_place(connection->path, &connection->files);
        if (!has_log)
            log_files_save(connection->db, connection->path, &connection->files);
        if (!connection_is_current(connection) || !has_log)
            sqlite3_db_config(connection->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        sqlite3_close(connection->db);
    }
    free(connection->path);
    free(connection);
}

sqlite3_stmt *connection_statement(struct connection *connection, const char *sql,
                                   struct error *error)
{
    for (size_t i = 0; i < connection->statement_count; i++)
        if (connection->statements[i].sql == sql)
            return connection->statements[i].statement;

    sqlite3_stmt *statement = NULL;
    assert(connection->statement_count < CONNECTION_STATEMENTS_MAXIMUM);
    if (sqlite3_prepare_v3(connection->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
        SQLITE_OK) {
        connection_error(connection, error);
        return NULL;
    }
    connection->statements[connection->statement_count++] =
        (struct kept_statement){.sql = sql, .statement = statement};
    return statement;
}

int connection_finish(struct connection *connection, sqlite3_stmt *statement, int step,
                      struct error *error)
{
    int status = 0;
    if (step != SQLITE_DONE && step != SQLITE_ROW)
        status = connection_error(connection, error);
    connection->steps += (uint64_t)sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 1);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return status;
}

int connection_execute(struct connection *connection, const char *sql, struct error *error)
{
    if (sqlite3_exec(connection->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return connection_error(connection, error);
    return 0;
}

int connection_run(struct connection *connection, const char *sql, struct error *error)
{
    sqlite3_stmt *statement = connection_statement(connection, sql, error);
    if (!statement)
        return -1;
    return connection_finish(connection, statement, sqlite3_step(statement), error);
}

int connection_integer(struct connection *connection, const char *sql, int64_t *ret_value,
                       struct error *error)
{
    sqlite3_stmt *statement = connection_statement(connection, sql, error);
    if (!statement)
        return -1;
    int step = sqlite3_step(statement);
    if (step == SQLITE_ROW)
        *ret_value = sqlite3_column_int64(statement, 0);
    if (connection_finish(connection, statement, step, error) < 0)
        return -1;
    if (step == SQLITE_ROW)
        return 0;
    return error_set(error, ERROR_UNAVAILABLE,
                     "store %s is damaged, a row is missing: restore a backup", connection->path);
}

void connection_rollback(struct connection *connection)
{
    static const char rollback[] = "ROLLBACK";
    struct error ignored;
    if (!sqlite3_get_autocommit(connection->db) &&
        connection_run(connection, rollback, &ignored) < 0)
        connection->broken = true;
}
