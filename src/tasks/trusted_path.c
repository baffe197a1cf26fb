/* SPDX-License-Identifier: Apache-2.0 */
/* trusted_path.c - files that decide what runs. */
#include "tasks/trusted_path.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mimo/cleanup.h"

static int check_one(const char *path, struct error *error)
{
    struct stat status;

    if (stat(path, &status) < 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? error_set(error, ERROR_NOT_FOUND, "there is no %s", path)
                   : error_set_system(error, errno, "cannot look at %s", path);
    if (status.st_uid != 0 && status.st_uid != geteuid())
        return error_set(error, ERROR_DENIED,
                         "%s belongs to user %u and could be changed by them: chown root %s", path,
                         (unsigned)status.st_uid, path);
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) &&
        !(S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX)))
        return error_set(error, ERROR_DENIED,
                         "%s can be written by others than its owner: chmod go-w %s", path, path);
    return 0;
}

/* Each folder from the root on, then the path itself. */
static int check_each(const char *path, struct error *error)
{
    char part[PATH_MAX];
    size_t length = strlen(path);

    if (length >= sizeof(part))
        return error_set(error, ERROR_INVALID, "the path is too long");
    for (size_t end = 1; end <= length; end++) {
        if (path[end] != '/' && path[end] != '\0' && end > 1)
            continue;
        snprintf(part, sizeof(part), "%.*s", (int)end, path);
        if (check_one(part, error) < 0)
            return -1;
    }
    return 0;
}

int trusted_path_check(const char *path, struct error *error)
{
    cleanup_free char *real = NULL;

    if (*path != '/')
        return error_set(error, ERROR_INVALID, "the path must begin with /");
    if (check_each(path, error) < 0)
        return -1;
    real = realpath(path, NULL);
    if (!real)
        return error_set_system(error, errno, "cannot resolve %s", path);
    if (strcmp(real, path) == 0)
        return 0;
    return check_each(real, error) < 0 ? error_prefix(error, "%s", path) : 0;
}
