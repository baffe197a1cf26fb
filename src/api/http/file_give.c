/* SPDX-License-Identifier: Apache-2.0 */
/* file_give.c - changes the owner of a file without following a link. */
#include "api/http/file_give.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mimo/cleanup.h"

int file_give(const char *path, const struct identity *owner, struct error *error)
{
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0)
        return error_set_system(error, errno, "cannot open %s", path);
    if (!S_ISREG(status.st_mode) || status.st_nlink != 1 || status.st_uid != geteuid())
        return error_set(error, ERROR_DENIED,
                         "%s was replaced while it was being made; check who may write to its "
                         "folder",
                         path);
    if (fchown(fd, owner->uid, owner->gid) < 0)
        return error_set_system(error, errno, "cannot give %s to user %ld", path, (long)owner->uid);
    return 0;
}
