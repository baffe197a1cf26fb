/* SPDX-License-Identifier: Apache-2.0 */
/* file_identity.h - identifies the file at a path: a replaced file is a different one. */
#ifndef MIMO_STORE_SQLITE_FILE_IDENTITY_H
#define MIMO_STORE_SQLITE_FILE_IDENTITY_H

#include <stdbool.h>
#include <sys/stat.h>

struct file_identity {
    dev_t device;
    ino_t inode;
};

static inline struct file_identity file_identity_of(const struct stat *status)
{
    return (struct file_identity){.device = status->st_dev, .inode = status->st_ino};
}

static inline bool file_identity_is_same(const struct file_identity *a,
                                         const struct file_identity *b)
{
    return a->device == b->device && a->inode == b->inode;
}

/* Whether the path names this file at present. */
static inline bool file_identity_is_at(const struct file_identity *file, const char *path)
{
    struct stat status;
    if (stat(path, &status) < 0)
        return false;
    struct file_identity now = file_identity_of(&status);
    return file_identity_is_same(&now, file);
}

#endif
