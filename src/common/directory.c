/* SPDX-License-Identifier: Apache-2.0 */
/* directory.c - the directory that a file is in. */
#include "mimo/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <unistd.h>

#include "mimo/cleanup.h"

char *directory_of(const char *path)
{
    cleanup_free char *copy = strdup(path);
    return copy ? strdup(dirname(copy)) : NULL;
}

int directory_sync_of(const char *path, struct error *error)
{
    cleanup_free char *directory = directory_of(path);
    if (!directory)
        return error_set_memory(error);
    cleanup_fd int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return error_set_system(error, errno, "cannot write directory %s to disk", directory);
    return 0;
}
