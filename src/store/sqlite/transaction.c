/* SPDX-License-Identifier: Apache-2.0 */
/* transaction.c - a writing transaction: etags, the counter of open manifests, and the heads of
 * clusters. */
#include "store/sqlite/transaction.h"

#include <stdlib.h>
#include <string.h>

#include "mimo/clock.h"
#include "store/sqlite/table.h"

static int read_meta(struct transaction *transaction, struct error *error)
{
    static const char sql[] = "SELECT etag, open_manifests FROM meta";
    struct connection *connection = transaction->connection;
    sqlite3_stmt *statement = connection_statement(connection, sql, error);
    if (!statement)
        return -1;
    int step = sqlite3_step(statement);
    int64_t clock = clock_unix_milliseconds() * 1000;
    int64_t etag = sqlite3_column_int64(statement, 0);
    transaction->etag = etag > clock ? etag : clock;
    transaction->open_manifests = sqlite3_column_int64(statement, 1);
    if (connection_finish(connection, statement, step, error) < 0)
        return -1;
    if (step == SQLITE_ROW)
        return 0;
    return error_set(error, ERROR_INVALID,
                     "store %s is damaged, its meta row is gone: restore a backup",
                     connection->path);
}

int transaction_begin(struct transaction *transaction, struct connection *connection,
                      struct error *error)
{
    static const char begin[] = "BEGIN IMMEDIATE";
    *transaction = (struct transaction){.connection = connection};
    if (connection_run(connection, begin, error) < 0 || read_meta(transaction, error) < 0) {
        transaction_end(transaction);
        return -1;
    }
    return 0;
}

int64_t transaction_next_etag(struct transaction *transaction)
{
    transaction->changed = true;
    return ++transaction->etag;
}

int transaction_note_cluster(struct transaction *transaction, const char *cluster,
                             struct error *error)
{
    if (transaction->cluster_count == transaction->cluster_space) {
        size_t space = transaction->cluster_space ? 2 * transaction->cluster_space : 64;
        char **clusters = reallocarray(transaction->clusters, space, sizeof(*clusters));
        if (!clusters)
            return error_set_memory(error);
        transaction->clusters = clusters;
        transaction->cluster_space = space;
    }
    char *copy = strdup(cluster);
    if (!copy)
        return error_set_memory(error);
    transaction->clusters[transaction->cluster_count++] = copy;
    return 0;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One seek in manifests_ready and one for the cluster, however many manifests wait. */
static int refresh_head(struct connection *connection, const char *cluster, struct error *error)
{
    static const char put[] =
        "INSERT INTO heads"
        "  SELECT c.id, m.sequence, m.bucket, coalesce(c.lease_expires, 0),"
        "         m.priority, m.run_after, m.id"
        "  FROM clusters c CROSS JOIN manifests m"
        "  WHERE c.id = ?1 AND c.unreadable = 0 AND m.sequence ="
        "    (SELECT sequence FROM manifests INDEXED BY manifests_ready"
        "     WHERE phase = " PHASE_READY_SQL " AND cluster = ?1"
        "     ORDER BY priority, run_after, id LIMIT 1)"
        "  ON CONFLICT(cluster) DO UPDATE SET manifest = excluded.manifest,"
        "    bucket = excluded.bucket, lease_expires = excluded.lease_expires,"
        "    priority = excluded.priority, run_after = excluded.run_after, id = excluded.id"
        "  RETURNING 1";
    static const char remove[] = "DELETE FROM heads WHERE cluster = ?1";

    sqlite3_stmt *statement = connection_statement(connection, put, error);
    if (!statement)
        return -1;
    sqlite3_bind_text(statement, 1, cluster, -1, SQLITE_STATIC);
    int step = sqlite3_step(statement);
    bool has_head = step == SQLITE_ROW;
    if (has_head)
        step = sqlite3_step(statement);
    if (connection_finish(connection, statement, step, error) < 0)
        return -1;
    if (has_head)
        return 0;

    statement = connection_statement(connection, remove, error);
    if (!statement)
        return -1;
    sqlite3_bind_text(statement, 1, cluster, -1, SQLITE_STATIC);
    return connection_finish(connection, statement, sqlite3_step(statement), error);
}

static int refresh_heads(struct transaction *transaction, struct error *error)
{
    if (transaction->cluster_count > 1) /* qsort(3) does not allow NULL, even for no elements */
        qsort(transaction->clusters, transaction->cluster_count, sizeof(*transaction->clusters),
              compare_texts);
    for (size_t i = 0; i < transaction->cluster_count; i++) {
        if (i > 0 && strcmp(transaction->clusters[i - 1], transaction->clusters[i]) == 0)
            continue;
        if (refresh_head(transaction->connection, transaction->clusters[i], error) < 0)
            return -1;
    }
    return 0;
}

static int write_meta(struct transaction *transaction, struct error *error)
{
    static const char sql[] = "UPDATE meta SET etag = ?1, open_manifests = ?2";
    sqlite3_stmt *statement = connection_statement(transaction->connection, sql, error);
    if (!statement)
        return -1;
    sqlite3_bind_int64(statement, 1, transaction->etag);
    sqlite3_bind_int64(statement, 2, transaction->open_manifests);
    return connection_finish(transaction->connection, statement, sqlite3_step(statement), error);
}

int transaction_commit(struct transaction *transaction, struct error *error)
{
    static const char commit[] = "COMMIT";
    if (transaction->changed &&
        (refresh_heads(transaction, error) < 0 || write_meta(transaction, error) < 0))
        return -1;
    return connection_run(transaction->connection, commit, error);
}

void transaction_end(struct transaction *transaction)
{
    connection_rollback(transaction->connection);
    for (size_t i = 0; i < transaction->cluster_count; i++)
        free(transaction->clusters[i]);
    free(transaction->clusters);
    *transaction = (struct transaction){0};
}
