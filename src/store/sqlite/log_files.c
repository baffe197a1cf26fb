/* SPDX-License-Identifier: Apache-2.0 */
/* log_files.c - finds a log that is left over, or was removed while in use, and saves the latter. */
#include "store/sqlite/log_files.h"

#include <limits.h>
#include <stdio.h>

static const char log_suffix[] = "-wal";
static const char index_suffix[] = "-shm";

/* stat(2) of a file beside the database. False if it is not there. */
static bool look_beside(const char *path, const char *suffix, struct stat *ret_status)
{
    char beside[PATH_MAX];
    int length = snprintf(beside, sizeof(beside), "%s%s", path, suffix);
    return length < (int)sizeof(beside) && stat(beside, ret_status) == 0;
}

int log_files_check_unused(const char *path, struct error *error)
{
    struct stat database;
    struct stat log;
    bool has_database = stat(path, &database) == 0;
    if (has_database && database.st_size > 0)
        return 0;
    if (!look_beside(path, log_suffix, &log) || log.st_size == 0)
        return 0;
    return error_set(error, ERROR_CONFLICT,
                     "store %s %s, but its log %s-wal exists and holds the latest changes: put the "
                     "database that it belongs to back; or, to make a new store, move %s-wal away",
                     path, has_database ? "is empty" : "does not exist", path, path);
}

static struct file_identity identity_beside(const char *path, const char *suffix)
{
    struct stat status;
    if (!look_beside(path, suffix, &status))
        return (struct file_identity){0};
    return file_identity_of(&status);
}

struct log_files log_files_look(const char *path)
{
    return (struct log_files){.log = identity_beside(path, log_suffix),
                              .index = identity_beside(path, index_suffix)};
}

bool log_files_are_in_place(const char *path, const struct log_files *files)
{
    if (files->log.inode == 0 || files->index.inode == 0)
        return true;
    struct log_files now = log_files_look(path);
    return file_identity_is_same(&now.log, &files->log) &&
           file_identity_is_same(&now.index, &files->index);
}

bool log_files_save(sqlite3 *db, const char *path, const struct log_files *files)
{
    struct stat status;
    struct file_identity now = identity_beside(path, log_suffix);
    if (file_identity_is_same(&now, &files->log))
        return true; /* the index alone was removed */
    if (look_beside(path, log_suffix, &status) && status.st_size > 0)
        return false;
    return sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_FULL, NULL, NULL) == SQLITE_OK;
}
