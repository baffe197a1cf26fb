/* SPDX-License-Identifier: Apache-2.0 */
/* schema.c - the tables and indexes of the database file, its version, and its creation. */
#include "store/sqlite/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/directory.h"
#include "store/sqlite/table.h"

enum { DATABASE_MODE = 0660 };

/* STORE_QUERY_AUDIT */
#define AUDIT_INDEX "CREATE INDEX audit_time ON audit(time, id);"
/* STORE_QUERY_CLUSTERS_BY_NAME */
#define NAMES_INDEX                                                                                \
    "CREATE INDEX IF NOT EXISTS clusters_name ON clusters(" CLUSTER_NAME_SQL ", id);"
/* removing those that have expired */
#define ANSWERS_INDEX "CREATE INDEX answers_expiry ON answers(expires_at);"

/* Each index serves the query named beside it. Partial indexes have only the rows that the query
 * needs. */
static const char indexes[] =
    /* STORE_QUERY_MANIFESTS, by its most selective filter */
    "CREATE INDEX manifests_cluster ON manifests(cluster, created_at, id);"
    "CREATE INDEX manifests_schedule ON manifests(schedule, created_at, id)"
    "  WHERE schedule IS NOT NULL;"
    "CREATE INDEX manifests_state ON manifests(state, created_at, id);"
    "CREATE INDEX manifests_task ON manifests(task, created_at, id);"
    "CREATE INDEX manifests_created ON manifests(created_at, id);"
    /* STORE_QUERY_NEXT_DUE, and what the clock moves to another phase */
    "CREATE INDEX manifests_due ON manifests(phase, due_at, bucket) WHERE phase IS NOT NULL;"
    /* STORE_QUERY_OVERDUE, and the same */
    "CREATE INDEX manifests_deadline ON manifests(phase, run_before, id) WHERE phase IS NOT NULL;"
    /* a cluster's row of heads */
    "CREATE INDEX manifests_ready ON manifests(cluster, priority, run_after, id)"
    "  WHERE phase = " PHASE_READY_SQL ";"
    "CREATE INDEX manifests_leased ON manifests(lease_expires, id)"
    "  WHERE state = 'InProgress' AND unreadable = 0;"
    "CREATE INDEX manifests_unreadable ON manifests(bucket) WHERE unreadable = 1;"
    "CREATE INDEX clusters_leased ON clusters(lease_expires, id) WHERE lease_expires IS NOT NULL;"
    "CREATE INDEX members_position ON members(position, id);" AUDIT_INDEX ANSWERS_INDEX NAMES_INDEX;

/* From version 1 to 2: the audit trail is found by its time. */
static const char upgrade_audit[] =
    "ALTER TABLE audit ADD COLUMN time INTEGER NOT NULL DEFAULT 0;"
    "UPDATE audit SET time = json_extract(document, '$.time')"
    "  WHERE CASE WHEN json_valid(document)"
    "    THEN json_type(document, '$.time') = 'integer' ELSE false END;" AUDIT_INDEX;

static const char heads[] =
    "CREATE TABLE heads("
    "  cluster TEXT PRIMARY KEY,"
    "  manifest INTEGER NOT NULL," /* its sequence */
    "  bucket INTEGER NOT NULL,"
    "  lease_expires INTEGER NOT NULL," /* of the cluster; 0: no lease */
    "  priority INTEGER NOT NULL,"
    "  run_after INTEGER NOT NULL,"
    "  id TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    /* STORE_QUERY_RUNNABLE: two kinds of clusters, so that those at work are not even passed
     * over */
    "CREATE INDEX heads_free ON heads(priority, run_after, id, bucket, manifest)"
    "  WHERE lease_expires = 0;"
    "CREATE INDEX heads_leased ON heads(lease_expires) WHERE lease_expires > 0;";

static const char meta[] = "CREATE TABLE meta("
                           "  row INTEGER PRIMARY KEY CHECK (row = 1),"
                           "  etag INTEGER NOT NULL,"
                           "  open_manifests INTEGER NOT NULL,"
                           "  identity TEXT NOT NULL DEFAULT ''"
                           ") STRICT;"
                           "INSERT INTO meta(row, etag, open_manifests) VALUES (1, 0, 0);";

/* From version 3 to 4: the store has an identity. */
static const char upgrade_meta[] = "ALTER TABLE meta ADD COLUMN identity TEXT NOT NULL DEFAULT '';";

static int make_identity(struct connection *connection, struct error *error)
{
    char id[UUID_SIZE];
    uuid_make(id);
    char *sql = sqlite3_mprintf("UPDATE meta SET identity = %Q", id);
    int status = sql ? connection_execute(connection, sql, error) : error_set_memory(error);
    sqlite3_free(sql);
    return status;
}

static int create_tables(struct connection *connection, struct error *error)
{
    char *versions = sqlite3_mprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;",
                                     SCHEMA_APPLICATION_ID, SCHEMA_VERSION);
    if (!versions)
        return error_set_memory(error);
    int status = 0;
    for (int i = 0; status == 0 && i < STORE_CONTAINER_COUNT; i++)
        status = connection_execute(connection, tables[i].create, error);
    if (status == 0)
        status = connection_execute(connection, indexes, error);
    if (status == 0)
        status = connection_execute(connection, heads, error);
    if (status == 0)
        status = connection_execute(connection, meta, error);
    if (status == 0)
        status = make_identity(connection, error);
    if (status == 0)
        status = connection_execute(connection, versions, error);
    sqlite3_free(versions);
    return status;
}

struct marks {
    int64_t application_id;
    int64_t version;
    int64_t table_count;
};

static int read_marks(struct connection *connection, struct marks *marks, struct error *error)
{
    if (connection_integer(connection, "PRAGMA application_id", &marks->application_id, error) <
            0 ||
        connection_integer(connection, "PRAGMA user_version", &marks->version, error) < 0 ||
        connection_integer(connection, "SELECT count(*) FROM sqlite_schema", &marks->table_count,
                           error) < 0)
        return -1;
    return 0;
}

static bool is_empty(const struct marks *marks)
{
    return marks->application_id == 0 && marks->table_count == 0;
}

/* Refuses a database of another program or of a newer version. Accepts an empty one. */
static int check_marks(const char *path, const struct marks *marks, struct error *error)
{
    if (is_empty(marks))
        return 0;
    if (marks->application_id != SCHEMA_APPLICATION_ID)
        return error_set(error, ERROR_INVALID,
                         "%s is a database of another program; choose another file for the store",
                         path);
    if (marks->version != SCHEMA_VERSION)
        return error_set(error, ERROR_INVALID,
                         "store %s has layout %lld, but this program supports %d: use the version "
                         "of MIMO that wrote it, or move the documents with mimo-store dump and "
                         "load",
                         path, (long long)marks->version, SCHEMA_VERSION);
    return 0;
}

static bool is_older(const struct marks *marks)
{
    return marks->application_id == SCHEMA_APPLICATION_ID && marks->version >= 1 &&
           marks->version < SCHEMA_VERSION;
}

/* Upgrades step by step from the file's version, within a transaction. */
static int upgrade_steps(struct connection *connection, int64_t version, struct error *error)
{
    if (version < 2 && connection_execute(connection, upgrade_audit, error) < 0)
        return -1;
    /* Version 3 added the container of answers. */
    if (version < 3 && (connection_execute(connection, tables[STORE_ANSWERS].create, error) < 0 ||
                        connection_execute(connection, ANSWERS_INDEX, error) < 0))
        return -1;
    if (version < 4 && (connection_execute(connection, upgrade_meta, error) < 0 ||
                        make_identity(connection, error) < 0))
        return -1;
    if (version < 5 && connection_execute(connection, NAMES_INDEX, error) < 0)
        return -1;
    char *mark = sqlite3_mprintf("PRAGMA user_version = %d", SCHEMA_VERSION);
    if (!mark)
        return error_set_memory(error);
    int status = connection_execute(connection, mark, error);
    sqlite3_free(mark);
    return status;
}

/* If several programs open an old file at once, one upgrades it, and the others find it
 * upgraded. */
static int upgrade(struct connection *connection, struct marks *marks, struct error *error)
{
    if (!is_older(marks))
        return 0;
    int status = connection_execute(connection, "BEGIN IMMEDIATE", error);
    if (status == 0)
        status = read_marks(connection, marks, error);
    if (status == 0 && is_older(marks))
        status = upgrade_steps(connection, marks->version, error);
    if (status == 0)
        status = connection_execute(connection, "COMMIT", error);
    if (status == 0)
        status = read_marks(connection, marks, error);
    connection_rollback(connection);
    return status == 0 ? 0
                       : error_prefix(error, "cannot bring store %s to layout %d", connection->path,
                                      SCHEMA_VERSION);
}

static int follow_directory_owner(int fd, const char *path, struct error *error)
{
    struct stat status;
    cleanup_free char *directory = directory_of(path);
    if (!directory)
        return error_set_memory(error);
    if (stat(directory, &status) < 0 || fchown(fd, status.st_uid, status.st_gid) < 0)
        return error_set_system(error, errno, "cannot give %s to the owner of its directory", path);
    return 0;
}

int schema_create_file(const char *path, struct error *error)
{
    if (log_files_check_unused(path, error) < 0)
        return -1;
    cleanup_fd int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, DATABASE_MODE);
    if (fd < 0) {
        if (errno == ENOENT)
            return error_set(
                error, ERROR_NOT_FOUND,
                "cannot create %s: its directory does not exist; make it and give it to "
                "the user that the programs run as",
                path);
        return error_set_system(error, errno, "cannot create %s", path);
    }
    if (geteuid() == 0 && follow_directory_owner(fd, path, error) < 0)
        return -1;
    if (fchmod(fd, DATABASE_MODE) < 0)
        return error_set_system(error, errno, "cannot set the mode of %s", path);
    return directory_sync_of(path, error);
}

static int use_write_ahead_log(struct connection *connection, struct error *error)
{
    static const char sql[] = "PRAGMA journal_mode = WAL";
    sqlite3_stmt *statement = connection_statement(connection, sql, error);
    if (!statement)
        return -1;
    int step = sqlite3_step(statement);
    bool on = step == SQLITE_ROW &&
              sqlite3_stricmp((const char *)sqlite3_column_text(statement, 0), "wal") == 0;
    if (connection_finish(connection, statement, step, error) < 0)
        return -1;
    if (!on)
        return error_set(
            error, ERROR_INVALID,
            "store %s cannot keep a write-ahead log: its file system lacks shared memory; "
            "use a local disk",
            connection->path);
    return 0;
}

static int fill_database(struct connection *connection, struct error *error)
{
    struct marks marks;
    if (connection_execute(connection, "BEGIN IMMEDIATE", error) < 0 ||
        read_marks(connection, &marks, error) < 0 ||
        check_marks(connection->path, &marks, error) < 0)
        return -1;
    if (is_empty(&marks) && create_tables(connection, error) < 0)
        return -1;
    return connection_execute(connection, "COMMIT", error);
}

int schema_initialize(const char *path, struct error *error)
{
    struct error exists;
    if (schema_create_file(path, &exists) < 0 && exists.kind != ERROR_CONFLICT) {
        if (error)
            *error = exists;
        return -1;
    }
    cleanup_connection struct connection *connection = NULL;
    struct marks marks;
    if (connection_open(path, &connection, error) < 0 ||
        read_marks(connection, &marks, error) < 0 || upgrade(connection, &marks, error) < 0 ||
        check_marks(path, &marks, error) < 0 || use_write_ahead_log(connection, error) < 0)
        return -1;
    int status = fill_database(connection, error);
    connection_rollback(connection);
    return status;
}

int schema_open(const char *path, struct connection **ret_connection, struct error *error)
{
    cleanup_connection struct connection *connection = NULL;
    struct marks marks;
    if (connection_open(path, &connection, error) < 0 ||
        read_marks(connection, &marks, error) < 0 || upgrade(connection, &marks, error) < 0 ||
        check_marks(path, &marks, error) < 0)
        return -1;
    if (is_empty(&marks))
        return error_set(error, ERROR_NOT_FOUND,
                         "store %s is empty; make it with: mimo-store --store sqlite:%s init", path,
                         path);
    if (use_write_ahead_log(connection, error) < 0)
        return -1;
    connection->files = log_files_look(path);
    *ret_connection = take_pointer(&connection);
    return 0;
}
