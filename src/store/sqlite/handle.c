/* SPDX-License-Identifier: Apache-2.0 */
/* handle.c - the connections of a handle, and what becomes of them when the log is removed. */
#include "store/sqlite/handle.h"

#include "mimo/cleanup.h"
#include "store/sqlite/schema.h"

static int refuse_lost_log(const struct sqlite_store *store, bool saved, struct error *error)
{
    return error_set(error, ERROR_UNAVAILABLE,
                     "%s-wal or %s-shm was removed while the store was in use%s: stop all programs "
                     "that use the store, then start them again",
                     store->path, store->path,
                     saved ? "; nothing is lost" : "; the latest changes may be lost");
}

int sqlite_store_check_log(struct sqlite_store *store, struct connection *connection,
                           struct error *error)
{
    if (log_files_are_in_place(store->path, &connection->files))
        return 0;
    pthread_mutex_lock(&store->lock);
    if (!store->has_saved_log)
        store->has_saved_log = log_files_save(connection->db, store->path, &connection->files);
    bool saved = store->has_saved_log;
    pthread_mutex_unlock(&store->lock);
    return refuse_lost_log(store, saved, error);
}

/* Whether connections to the database are open whose log was removed: a new one would share their
 * index. To a database that replaced theirs it would not. */
static bool has_lost_log(struct sqlite_store *store, bool *ret_saved)
{
    pthread_mutex_lock(&store->lock);
    *ret_saved = store->has_saved_log;
    bool lost = store->connections > 0 && file_identity_is_at(&store->database, store->path) &&
                !log_files_are_in_place(store->path, &store->files);
    pthread_mutex_unlock(&store->lock);
    return lost;
}

int sqlite_store_connect(struct sqlite_store *store, struct connection **ret_connection,
                         struct error *error)
{
    cleanup_connection struct connection *connection = NULL;
    bool saved;
    if (has_lost_log(store, &saved))
        return refuse_lost_log(store, saved, error);
    if (schema_open(store->path, &connection, error) < 0)
        return -1;
    pthread_mutex_lock(&store->lock);
    if (!file_identity_is_same(&store->database, &connection->file))
        store->connections = 0;
    if (store->connections++ == 0) {
        store->database = connection->file;
        store->files = connection->files;
        store->has_saved_log = false;
    }
    pthread_mutex_unlock(&store->lock);
    *ret_connection = take_pointer(&connection);
    return 0;
}

void sqlite_store_disconnect(struct sqlite_store *store, struct connection *connection)
{
    if (!connection)
        return;
    pthread_mutex_lock(&store->lock);
    store->connections -= file_identity_is_same(&store->database, &connection->file);
    pthread_mutex_unlock(&store->lock);
    connection_close(connection);
}
