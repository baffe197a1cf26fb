/* SPDX-License-Identifier: Apache-2.0 */
/* verify.c - checks the whole file, and copies it. */
#include "store/sqlite/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "store/backend.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/table.h"

/* Advice for columns that differ from the documents. */
#define REWRITE                                                                                    \
    "the documents are whole: move them to a new store with mimo-store dump and mimo-store load"

/* Runs a statement whose rows are problems: -1 with the first one, of kind ERROR_INVALID. */
static int expect_no_row(struct connection *connection, const char *sql, const char *complaint,
                         struct error *error)
{
    sqlite3_stmt *statement = connection_statement(connection, sql, error);
    if (!statement)
        return -1;
    int step = sqlite3_step(statement);
    if (step == SQLITE_ROW)
        error_set(error, ERROR_INVALID, "%s %s; " REWRITE, complaint,
                  (const char *)sqlite3_column_text(statement, 0));
    return connection_finish(connection, statement, step, error) < 0 || step == SQLITE_ROW ? -1 : 0;
}

static int verify_pages(struct connection *connection, struct error *error)
{
    sqlite3_stmt *statement = connection_statement(connection, "PRAGMA integrity_check(1)", error);
    if (!statement)
        return -1;
    int step = sqlite3_step(statement);
    const char *text = (const char *)sqlite3_column_text(statement, 0);
    bool sound = step == SQLITE_ROW && text && strcmp(text, "ok") == 0;
    if (step == SQLITE_ROW && !sound)
        error_set(error, ERROR_INVALID, "store %s is damaged: %s; restore a backup",
                  connection->path, text ? text : "no answer");
    return connection_finish(connection, statement, step, error) < 0 || !sound ? -1 : 0;
}

enum { SCAN_COLUMNS = 3 }; /* id, partition and document come before the columns */

/* The first column of a row that does not follow from its document, or NULL. */
static const char *find_wrong_column(sqlite3_stmt *statement, enum store_container container,
                                     const struct columns *columns)
{
    const struct table *table = &tables[container];
    for (size_t i = 0; i < table->column_count; i++) {
        int index = SCAN_COLUMNS + (int)i;
        const struct column *column = &columns->values[i];
        /* The phase depends on the clock; the document only determines whether there is one. */
        bool equal = container == STORE_MANIFESTS && i == MANIFEST_COLUMN_PHASE
                         ? (column->type == COLUMN_NULL) ==
                               (sqlite3_column_type(statement, index) == SQLITE_NULL)
                         : table_column_equals(column, statement, index);
        if (!equal)
            return table->column_names[i];
    }
    return NULL;
}

static int verify_row(sqlite3_stmt *statement, enum store_container container, struct error *error)
{
    const char *id = (const char *)sqlite3_column_text(statement, 0);
    const char *partition = (const char *)sqlite3_column_text(statement, 1);
    struct store_name name;
    struct columns columns;
    cleanup_json struct json_object *document =
        document_parse((const char *)sqlite3_column_text(statement, 2),
                       (size_t)sqlite3_column_bytes(statement, 2), error);
    if (!document || store_name_of_document(container, document, &name, error) < 0)
        return error_prefix(error, "%s %s", store_container_name(container), id);
    tables[container].derive(document, &columns);
    const char *wrong = find_wrong_column(statement, container, &columns);
    if (strcmp(name.id, id) != 0)
        wrong = "id";
    else if (strcmp(name.partition, partition) != 0)
        wrong = "partition";
    if (wrong)
        return error_set(error, ERROR_INVALID,
                         "%s %s: column %s differs from the document; " REWRITE,
                         store_container_name(container), id, wrong);
    return 0;
}

static int verify_columns(struct connection *connection, enum store_container container,
                          struct error *error)
{
    sqlite3_stmt *statement = connection_statement(connection, tables[container].scan, error);
    if (!statement)
        return -1;
    int status = 0;
    int step = SQLITE_DONE;
    while (status == 0 && (step = sqlite3_step(statement)) == SQLITE_ROW)
        status = verify_row(statement, container, error);
    return connection_finish(connection, statement, step, error) < 0 ? -1 : status;
}

/* The expected content of heads, from the documents' columns alone. */
#define EXPECTED_HEADS                                                                             \
    "SELECT c.id AS cluster, m.sequence, m.bucket, coalesce(c.lease_expires, 0), m.priority,"      \
    "  m.run_after, m.id FROM clusters c CROSS JOIN manifests m"                                   \
    " WHERE c.unreadable = 0 AND m.sequence = (SELECT sequence FROM manifests"                     \
    "   WHERE phase = " PHASE_READY_SQL " AND cluster = c.id"                                      \
    "   ORDER BY priority, run_after, id LIMIT 1)"
#define HEADS "SELECT cluster, manifest, bucket, lease_expires, priority, run_after, id FROM heads"

static const struct {
    const char *sql;
    const char *complaint;
} expectations[] = {
    {"SELECT open_manifests FROM meta WHERE open_manifests <>"
     " (SELECT count(*) FROM manifests WHERE state IN ('Pending', 'InProgress'))",
     "the counter of open manifests is wrong: it is"},
    {"SELECT id FROM manifests WHERE etag > (SELECT etag FROM meta)",
     "the counter of etags is behind that of manifest"},
    {"SELECT id FROM clusters WHERE etag > (SELECT etag FROM meta)",
     "the counter of etags is behind that of cluster"},
    {"SELECT cluster FROM (" EXPECTED_HEADS " EXCEPT " HEADS ")",
     "the first runnable manifest is not noted for cluster"},
    {"SELECT cluster FROM (" HEADS " EXCEPT " EXPECTED_HEADS ")",
     "a manifest is noted as the first runnable one, and is not, for cluster"},
};

static int verify_all(struct connection *connection, struct error *error)
{
    if (verify_pages(connection, error) < 0)
        return -1;
    for (int i = 0; i < STORE_CONTAINER_COUNT; i++)
        if (verify_columns(connection, (enum store_container)i, error) < 0)
            return -1;
    for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++)
        if (expect_no_row(connection, expectations[i].sql, expectations[i].complaint, error) < 0)
            return -1;
    return 0;
}

int verify_database(struct connection *connection, bool *ret_sound, struct error *error)
{
    struct error complaint;
    if (verify_all(connection, &complaint) == 0) {
        *ret_sound = true;
        return 0;
    }
    if (error)
        *error = complaint;
    *ret_sound = false;
    /* A page that SQLite refuses to read is damage; a disk that does not answer is not. */
    return complaint.kind == ERROR_INVALID || complaint.kind == ERROR_TOO_LARGE ? 0 : -1;
}

static int copy_pages(struct connection *from, sqlite3 *to, const char *path, struct error *error)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from->db, "main");
    if (!backup)
        return error_set(error, ERROR_UNAVAILABLE, "cannot copy to %s: %s", path,
                         sqlite3_errmsg(to));
    int step = sqlite3_backup_step(backup, -1);
    int result = sqlite3_backup_finish(backup);
    if (step == SQLITE_DONE && result == SQLITE_OK)
        return 0;
    return error_set(error, ERROR_UNAVAILABLE, "cannot copy to %s: %s", path,
                     sqlite3_errstr(result != SQLITE_OK ? result : step));
}

/* Fills the new file at `path`, and leaves it without a write-ahead log: one file that anybody can
 * copy. */
static int fill_copy(struct connection *connection, const char *path, struct error *error)
{
    sqlite3 *copy = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    int status = -1;
    if (sqlite3_open_v2(path, &copy, flags, NULL) != SQLITE_OK)
        error_set(error, ERROR_UNAVAILABLE, "cannot open %s: %s", path,
                  copy ? sqlite3_errmsg(copy) : "out of memory");
    else if (copy_pages(connection, copy, path, error) == 0)
        status = 0;
    if (status == 0 &&
        sqlite3_exec(copy, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL) != SQLITE_OK)
        status =
            error_set(error, ERROR_UNAVAILABLE, "cannot finish %s: %s", path, sqlite3_errmsg(copy));
    sqlite3_close(copy);
    return status;
}

static int sync_file(const char *path, struct error *error)
{
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return error_set_system(error, errno, "cannot write %s to disk", path);
    return 0;
}

int copy_database(struct connection *connection, const char *path, struct error *error)
{
    if (schema_create_file(path, error) < 0)
        return error_prefix(error, "cannot create a backup");
    if (fill_copy(connection, path, error) == 0 && sync_file(path, error) == 0)
        return 0;
    unlink(path); /* remove an incomplete copy */
    return -1;
}
