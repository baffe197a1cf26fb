/* SPDX-License-Identifier: Apache-2.0 */
/* handle.c - the connections of a handle, and what becomes of them when the log is removed. */
#include "store/sqlite/handle.h"

#include <sys/stat.h>

#include "mimo/cleanup.h"
#include "store/sqlite/schema.h"

/* Whether the path still names the database that is open: of another one the files differ. */
static bool is_same_database(const struct sqlite_store *store)
{
    struct stat status;
    if (stat(store->path, &status) < 0)
        return false;
    struct file_identity now = {.device = status.st_dev, .inode = status.st_ino};
    return log_files_is_same(&now, &store->database);
}

/* With the lock. */
static bool has_lost_log(struct sqlite_store *store)
{
    if (store->connections > 0 && is_same_database(store) &&
        !log_files_are_in_place(store->path, &store->files))
        store->has_lost_log = true;
    return store->has_lost_log;
}

int sqlite_store_check_log(struct sqlite_store *store, struct connection *connection,
                           struct error *error)
{
    pthread_mutex_lock(&store->lock);
    bool lost = has_lost_log(store);
    bool saved = store->has_saved_log;
    pthread_mutex_unlock(&store->lock);
    if (!lost)
        return 0;
    if (!saved && connection) {
        saved = log_files_save(connection->db, connection->path, &connection->files);
        pthread_mutex_lock(&store->lock);
        store->has_saved_log = store->has_saved_log || saved;
        pthread_mutex_unlock(&store->lock);
    }
    return error_set(error, ERROR_UNAVAILABLE,
                     "%s-wal or %s-shm was removed while the store was in use%s: stop all programs "
                     "that use the store, then start them again",
                     store->path, store->path,
                     saved ? "; nothing is lost" : "; the latest changes may be lost");
}

int sqlite_store_connect(struct sqlite_store *store, struct connection **ret_connection,
                         struct error *error)
{
    cleanup_connection struct connection *connection = NULL;
    if (sqlite_store_check_log(store, NULL, error) < 0 ||
        schema_open(store->path, &connection, error) < 0)
        return -1;
    pthread_mutex_lock(&store->lock);
    if (store->connections == 0 || !log_files_is_same(&store->database, &connection->file)) {
        store->database = connection->file;
        store->files = connection->files;
        store->connections = 0;
    }
    store->connections++;
    pthread_mutex_unlock(&store->lock);
    *ret_connection = take_pointer(&connection);
    return 0;
}

void sqlite_store_disconnect(struct sqlite_store *store, struct connection *connection)
{
    if (!connection)
        return;
    pthread_mutex_lock(&store->lock);
    store->connections -= log_files_is_same(&store->database, &connection->file);
    pthread_mutex_unlock(&store->lock);
    connection_close(connection);
}
