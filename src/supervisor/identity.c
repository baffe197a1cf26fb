/* SPDX-License-Identifier: Apache-2.0 */
/* The actuator's UUID and its lock in the state directory. */
#include "supervisor/identity.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/io.h"

enum {
    ID_FILE_SIZE = 256,
    LOCK_PATIENCE = 5000, /* milliseconds that a crashed supervisor's family gets to end */
    LOCK_PAUSE = 5,       /* milliseconds between two tries */
};

int identity_prepare_directory(const char *path, mode_t mode, const struct identity *owner,
                               struct error *error)
{
    struct stat existing;
    if (stat(path, &existing) == 0)
        return 0;
    if (io_make_directory(path, mode, error) < 0)
        return -1;
    if (chown(path, owner->uid, owner->gid) < 0)
        return error_set_system(error, errno, "cannot give %s to its user", path);
    return 0;
}

static bool has_patience(struct monotonic since)
{
    struct timespec pause = {.tv_nsec = LOCK_PAUSE * 1000 * 1000};
    nanosleep(&pause, NULL);
    return clock_elapsed(since) < LOCK_PATIENCE;
}

int identity_lock(const char *state_directory, int *ret_lock, struct error *error)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/actuator.lock", state_directory);
    /* A lock needs no more than reading, so it does not matter whose file it is. */
    int flags = O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    cleanup_fd int lock = open(path, flags, 0644);
    if (lock < 0)
        return error_set_system(error, errno, "cannot open %s", path);
    struct monotonic began = clock_monotonic();
    while (flock(lock, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK)
            return error_set_system(error, errno, "cannot lock %s", path);
        if (!has_patience(began))
            return error_set(error, ERROR_CONFLICT,
                             "another actuator uses the state directory %s: give each its own "
                             "(actuator.state_directory). If there is none, the launcher of an "
                             "earlier one hangs: fuser(1) of %s names it, kill it",
                             state_directory, path);
    }
    *ret_lock = take_fd(&lock);
    return 0;
}

static int read_id(const char *path, char *ret_id, struct error *error)
{
    cleanup_free char *text = NULL;
    size_t length;
    if (io_read_file(path, ID_FILE_SIZE, &text, &length, error) < 0)
        return -1;
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        text[--length] = '\0';
    if (!uuid_is_valid(text))
        return error_set(error, ERROR_INVALID,
                         "%s does not hold a UUID: put the right one back, or remove the file to "
                         "get a new one (then leases of the old one run out by themselves)",
                         path);
    for (size_t i = 0; i <= length; i++)
        ret_id[i] = (char)tolower((unsigned char)text[i]);
    return 0;
}

int identity_open(const char *state_directory, char *ret_id, struct error *error)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/actuator.id", state_directory);
    if (read_id(path, ret_id, error) == 0)
        return 0;
    if (error && error->kind != ERROR_NOT_FOUND)
        return -1;
    char line[UUID_SIZE + 1];
    uuid_make(ret_id);
    int length = snprintf(line, sizeof(line), "%s\n", ret_id);
    return io_replace_file(path, line, (size_t)length, 0640, error);
}
