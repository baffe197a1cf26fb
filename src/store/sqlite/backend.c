/* SPDX-License-Identifier: Apache-2.0 */
/* backend.c - the embedded store: handles, connections for reading, and the run of a batch. */
#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "store/sqlite/handle.h"
#include "store/sqlite/phase.h"
#include "store/sqlite/query.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/verify.h"
#include "store/sqlite/write.h"

static struct sqlite_store *sqlite_store_of(struct store *store)
{
    return (struct sqlite_store *)store; /* base is the first member */
}

static void sqlite_close(struct store *base)
{
    struct sqlite_store *store = sqlite_store_of(base);
    while (store->idle_readers) {
        struct connection *reader = store->idle_readers;
        store->idle_readers = reader->next;
        sqlite_store_disconnect(store, reader);
    }
    sqlite_store_disconnect(store, store->writer);
    pthread_cond_destroy(&store->reader_back);
    pthread_mutex_destroy(&store->lock);
    free(store->path);
    free(store);
}

static int sqlite_open(const char *path, struct store **ret_store, struct error *error)
{
    struct sqlite_store *store = calloc(1, sizeof(*store));
    char *copy = strdup(path);
    if (!store || !copy) {
        free(store);
        free(copy);
        return error_set_memory(error);
    }
    *store = (struct sqlite_store){.base.backend = &sqlite_backend, .path = copy};
    store->last_job = &store->first_job;
    pthread_mutex_init(&store->lock, NULL);
    pthread_cond_init(&store->reader_back, NULL);
    if (sqlite_store_connect(store, &store->writer, error) < 0) {
        sqlite_close(&store->base);
        return -1;
    }
    *ret_store = &store->base;
    return 0;
}

/* Borrows an idle connection, or NULL if the caller may open a new one; both count as borrowed. */
static struct connection *borrow_reader(struct sqlite_store *store)
{
    pthread_mutex_lock(&store->lock);
    while (!store->idle_readers && store->readers == READERS_MAXIMUM)
        pthread_cond_wait(&store->reader_back, &store->lock);
    struct connection *reader = store->idle_readers;
    if (reader)
        store->idle_readers = reader->next;
    else
        store->readers++;
    pthread_mutex_unlock(&store->lock);
    return reader;
}

/* Returns a borrowed connection, or NULL if opening it failed. */
static void return_reader(struct sqlite_store *store, struct connection *reader)
{
    if (reader && reader->broken) {
        sqlite_store_disconnect(store, reader);
        reader = NULL;
    }
    pthread_mutex_lock(&store->lock);
    if (reader) {
        store->statistics.steps += reader->steps;
        reader->steps = 0;
        reader->next = store->idle_readers;
        store->idle_readers = reader;
    } else {
        store->readers--;
    }
    pthread_cond_signal(&store->reader_back);
    pthread_mutex_unlock(&store->lock);
}

/* The manifests of a page are all over the file; SQLite's default cache is too small for several
 * pages. */
static int open_reader(struct sqlite_store *store, struct connection **ret_reader,
                       struct error *error)
{
    if (sqlite_store_connect(store, ret_reader, error) < 0)
        return -1;
    return connection_execute(*ret_reader, "PRAGMA cache_size = -8192", error);
}

/* Borrows a connection for reading, within a transaction of its own. */
static int begin_reading(struct sqlite_store *store, struct connection **ret_connection,
                         struct error *error)
{
    static const char begin[] = "BEGIN";
    struct connection *reader = borrow_reader(store);
    if (reader && !connection_is_current(reader)) {
        sqlite_store_disconnect(store, reader);
        reader = NULL;
    }
    if ((!reader && open_reader(store, &reader, error) < 0) ||
        sqlite_store_check_log(store, reader, error) < 0 ||
        connection_run(reader, begin, error) < 0) {
        return_reader(store, reader);
        return -1;
    }
    *ret_connection = reader;
    return 0;
}

/* Gives it back. */
static void end_reading(struct sqlite_store *store, struct connection *connection)
{
    connection_rollback(connection);
    return_reader(store, connection);
}

static bool is_to_read(const struct store_operation *operation)
{
    return operation->result.status == STORE_NOT_RUN &&
           (operation->verb == STORE_GET || operation->verb == STORE_QUERY);
}

static bool asks_the_clock(const struct store_operation *operation)
{
    return is_to_read(operation) && operation->verb == STORE_QUERY &&
           operation->query.kind == STORE_QUERY_RUNNABLE;
}

/* Updates the phases of manifests if an operation depends on them. To do so it returns *connection
 * and borrows another, which sees the change; after -1 *connection is NULL. */
static int follow_clock(struct sqlite_store *store, const struct store_operation *operations,
                        size_t count, struct connection **connection, struct error *error)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < count; i++) {
        int64_t now = operations[i].query.now;
        bool behind = false;
        if (!asks_the_clock(&operations[i]))
            continue;
        status = phase_is_behind(*connection, now, &behind, error);
        if (status == 0 && !behind)
            continue;
        end_reading(store, *connection);
        if (status < 0 || phase_follow_clock(store, now, error) < 0 ||
            begin_reading(store, connection, error) < 0)
            return -1;
    }
    return status;
}

static int run_reads(struct sqlite_store *store, struct store_operation *operations, size_t count,
                     struct error *error)
{
    bool any = false;
    for (size_t i = 0; i < count; i++)
        any = any || is_to_read(&operations[i]);
    struct connection *connection;
    if (!any)
        return 0;
    if (begin_reading(store, &connection, error) < 0 ||
        follow_clock(store, operations, count, &connection, error) < 0)
        return -1;
    int status = 0;
    for (size_t i = 0; status == 0 && i < count; i++)
        if (is_to_read(&operations[i]))
            status = query_run(connection, &operations[i], error);
    end_reading(store, connection);
    return status;
}

static int apply_writes(void *argument, struct transaction *transaction, struct error *error)
{
    return writes_apply(argument, transaction, error);
}

static int run_writes(struct sqlite_store *store, struct store_operation *operations, size_t count,
                      struct error *error)
{
    cleanup_writes struct writes *writes = NULL;
    size_t left;
    if (writes_prepare(operations, count, &writes, &left, error) < 0)
        return -1;
    return left == 0 ? 0 : sqlite_store_commit(store, apply_writes, writes, left, error);
}

/* Reads run first, so no operation of a batch sees the effect of another. */
static int sqlite_run(struct store *base, struct store_operation *operations, size_t count,
                      struct error *error)
{
    struct sqlite_store *store = sqlite_store_of(base);
    struct error failure = {0};
    if (run_reads(store, operations, count, &failure) == 0 &&
        run_writes(store, operations, count, &failure) == 0)
        return 0;
    /* Any failure means that the store does not answer at present; it may pass. */
    return error_set(error, ERROR_UNAVAILABLE, "%s", failure.message);
}

static int sqlite_initialize(const char *path, struct error *error)
{
    return schema_initialize(path, error);
}

static int read_identity(struct connection *connection, char *ret_id, struct error *error)
{
    static const char sql[] = "SELECT identity FROM meta";
    sqlite3_stmt *statement = connection_statement(connection, sql, error);
    if (!statement)
        return -1;
    int step = sqlite3_step(statement);
    const char *id = step == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    bool valid = id && uuid_is_valid(id);
    if (valid)
        memcpy(ret_id, id, UUID_SIZE);
    if (connection_finish(connection, statement, step, error) < 0)
        return -1;
    if (!valid)
        return error_set(error, ERROR_INVALID,
                         "store %s is damaged, it has no identity: restore a backup",
                         connection->path);
    return 0;
}

static int sqlite_identify(struct store *base, char *ret_id, struct error *error)
{
    struct sqlite_store *store = sqlite_store_of(base);
    struct connection *connection;
    if (begin_reading(store, &connection, error) < 0)
        return -1;
    int status = read_identity(connection, ret_id, error);
    end_reading(store, connection);
    return status;
}

static int sqlite_verify_integrity(struct store *base, bool *ret_sound, struct error *error)
{
    struct sqlite_store *store = sqlite_store_of(base);
    struct connection *connection;
    if (begin_reading(store, &connection, error) < 0)
        return -1;
    int status = verify_database(connection, ret_sound, error);
    end_reading(store, connection);
    return status;
}

static int sqlite_backup(struct store *base, const char *path, struct error *error)
{
    struct sqlite_store *store = sqlite_store_of(base);
    struct connection *connection;
    if (begin_reading(store, &connection, error) < 0)
        return -1;
    int status = copy_database(connection, path, error);
    end_reading(store, connection);
    return status;
}

const struct store_backend sqlite_backend = {
    .scheme = "sqlite",
    .location = "PATH",
    .open = sqlite_open,
    .initialize = sqlite_initialize,
    .close = sqlite_close,
    .run = sqlite_run,
    .identify = sqlite_identify,
    .verify_integrity = sqlite_verify_integrity,
    .backup = sqlite_backup,
};
