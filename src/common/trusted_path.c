/* SPDX-License-Identifier: Apache-2.0 */
/* trusted_path.c - reads security-critical files. */
#include "mimo/trusted_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/io.h"

enum { LINKS_MAXIMUM = 40 }; /* as the kernel */

/* The part of the path that was judged, and the rest. */
struct walk {
    int directory;        /* judged; owned */
    char shown[PATH_MAX]; /* its path, without a slash at the end: for messages */
    char rest[PATH_MAX];  /* not looked at yet */
    char name[NAME_MAX + 1];
    int links;
    uid_t user;             /* trusted too */
    bool is_own_descriptor; /* the path led to one */
};

static void end_walk(struct walk *walk)
{
    if (walk->directory >= 0)
        close(walk->directory);
}
#define cleanup_walk __attribute__((cleanup(end_walk)))

static int judge(const char *path, const struct stat *status, uid_t user, struct error *error)
{
    /* First, because a change of its owner or mode would not help, and may break the machine. */
    if (S_ISCHR(status->st_mode) || S_ISBLK(status->st_mode))
        return error_set(error, ERROR_INVALID, "%s is a device, not a regular file", path);
    if (status->st_uid != 0 && status->st_uid != geteuid() && status->st_uid != user)
        return error_set(error, ERROR_DENIED,
                         "%s belongs to user %u and could be changed by them: chown%s root %s",
                         path, (unsigned)status->st_uid, S_ISLNK(status->st_mode) ? " -h" : "",
                         path);
    if (S_ISLNK(status->st_mode)) /* has no mode of its own */
        return 0;
    if ((status->st_mode & (S_IWGRP | S_IWOTH)) &&
        !(S_ISDIR(status->st_mode) && (status->st_mode & S_ISVTX)))
        return error_set(error, ERROR_DENIED,
                         "%s is writable by users other than its owner: chmod go-w %s", path, path);
    return 0;
}

static int fail_to_open(const char *path, struct error *error)
{
    return errno == ENOTDIR
               ? error_set(error, ERROR_NOT_FOUND, "cannot open %s: Not a directory", path)
               : error_set_system(error, errno, "cannot open %s", path);
}

/* Opens and judges one name below an open directory. */
static int open_part(int directory, const char *name, const char *path, uid_t user,
                     int *ret_descriptor, struct stat *ret_status, struct error *error)
{
    cleanup_fd int part = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (part < 0)
        return fail_to_open(path, error);
    if (fstat(part, ret_status) < 0)
        return error_set_system(error, errno, "cannot stat %s", path);
    if (judge(path, ret_status, user, error) < 0)
        return -1;
    *ret_descriptor = take_fd(&part);
    return 0;
}

static int start_at_root(struct walk *walk, struct error *error)
{
    struct stat status;
    end_walk(walk);
    walk->directory = -1;
    walk->shown[0] = '\0';
    return open_part(AT_FDCWD, "/", "/", walk->user, &walk->directory, &status, error);
}

/* Takes the next name off `rest`; false when `rest` is empty. */
static bool take_name(struct walk *walk)
{
    const char *start = walk->rest + strspn(walk->rest, "/");
    size_t length = strcspn(start, "/");
    if (length == 0 || length >= sizeof(walk->name))
        return false;
    memcpy(walk->name, start, length);
    walk->name[length] = '\0';
    memmove(walk->rest, start + length, strlen(start + length) + 1);
    return true;
}

/* Puts what a link says in front of the rest. */
static int follow(struct walk *walk, int link, const char *path, struct error *error)
{
    char target[PATH_MAX], joined[2 * PATH_MAX];
    ssize_t length = readlinkat(link, "", target, sizeof(target) - 1);
    if (length < 0)
        return error_set_system(error, errno, "cannot read the link %s", path);
    target[length] = '\0';
    if (++walk->links > LINKS_MAXIMUM)
        return error_set(error, ERROR_INVALID, "too many symbolic links, the last is %s", path);
    int needed = snprintf(joined, sizeof(joined), "%s%s", target, walk->rest);
    if (needed < 0 || (size_t)needed >= sizeof(walk->rest))
        return error_set(error, ERROR_INVALID, "the link %s leads to a path that is too long",
                         path);
    memcpy(walk->rest, joined, (size_t)needed + 1);
    return *target == '/' ? start_at_root(walk, error) : 0;
}

static bool is_last(const struct walk *walk)
{
    return walk->rest[strspn(walk->rest, "/")] == '\0';
}

/* Whether the last name is a descriptor of this process, as in "/dev/fd/3". The kernel keeps its
 * link in a directory that nobody can change, and opens what the descriptor stands for. */
static bool is_own_descriptor(const struct walk *walk)
{
    static const char proc[] = "/proc/";
    char own[sizeof(proc) + 32];
    if (strncmp(walk->shown, proc, strlen(proc)) != 0 || !is_last(walk))
        return false;
    snprintf(own, sizeof(own), "%s%d/fd", proc, (int)getpid());
    return strcmp(walk->shown, own) == 0;
}

static int open_own_descriptor(struct walk *walk, const char *path, int *ret_descriptor,
                               struct error *error)
{
    walk->is_own_descriptor = true;
    *ret_descriptor = openat(walk->directory, walk->name, O_PATH | O_CLOEXEC);
    return *ret_descriptor < 0 ? fail_to_open(path, error) : 1;
}

/* One name further. 1: it was the last, and is open as *ret_descriptor. */
static int step(struct walk *walk, int *ret_descriptor, struct error *error)
{
    char path[PATH_MAX + NAME_MAX + 2];
    struct stat status;
    cleanup_fd int part = -1;
    snprintf(path, sizeof(path), "%s/%s", walk->shown, walk->name);
    if (open_part(walk->directory, walk->name, path, walk->user, &part, &status, error) < 0)
        return -1;
    if (S_ISLNK(status.st_mode))
        return is_own_descriptor(walk) ? open_own_descriptor(walk, path, ret_descriptor, error)
                                       : follow(walk, part, path, error);
    if (is_last(walk)) {
        *ret_descriptor = take_fd(&part);
        return 1;
    }
    if (strlen(path) >= sizeof(walk->shown))
        return error_set(error, ERROR_INVALID, "the path is too long");
    strcpy(walk->shown, path);
    close(walk->directory);
    walk->directory = take_fd(&part);
    return 0;
}

/* Puts the path into `rest`; a relative one behind the current directory. */
static int begin_walk(struct walk *walk, const char *path, struct error *error)
{
    int length = 0;
    if (*path != '/') {
        if (!getcwd(walk->rest, sizeof(walk->rest)))
            return error_set_system(error, errno, "cannot find the current directory for %s", path);
        length = (int)strlen(walk->rest);
    }
    size_t room = sizeof(walk->rest) - (size_t)length;
    if ((size_t)snprintf(walk->rest + length, room, "%s%s", *path == '/' ? "" : "/", path) >= room)
        return error_set(error, ERROR_INVALID, "the path is too long");
    return start_at_root(walk, error);
}

/* Goes along the path. `walk` is left in the directory of the file, whose name is walk->name. */
static int walk_to_end(struct walk *walk, const char *path, int *ret_descriptor,
                       struct error *error)
{
    int result = 0;
    if (begin_walk(walk, path, error) < 0)
        return -1;
    while (result == 0 && take_name(walk))
        result = step(walk, ret_descriptor, error);
    if (result != 0) /* a part that only a link led to is not in the path that is known */
        return result < 0 ? (walk->links > 0 ? error_prefix(error, "%s", path) : -1) : 0;
    strcpy(walk->name, "."); /* the root, or a link to a directory that ends in a slash */
    *ret_descriptor = fcntl(walk->directory, F_DUPFD_CLOEXEC, 0);
    return *ret_descriptor < 0 ? error_set_system(error, errno, "cannot open %s", path) : 0;
}

int trusted_path_open(const char *path, int *ret_descriptor, struct error *error)
{
    cleanup_walk struct walk walk = {.directory = -1};
    return walk_to_end(&walk, path, ret_descriptor, error);
}

int trusted_path_check(const char *path, struct error *error)
{
    cleanup_fd int descriptor = -1;
    return trusted_path_open(path, &descriptor, error);
}

/* Opened once more, to be read: in a directory that nobody else may change, unless it is sticky. So
 * the descriptor is judged as well. */
int trusted_path_open_file(const char *path, uid_t user, int *ret_descriptor, struct error *error)
{
    cleanup_walk struct walk walk = {.directory = -1, .user = user};
    cleanup_fd int judged = -1, file = -1;
    struct stat status;
    if (walk_to_end(&walk, path, &judged, error) < 0)
        return -1;
    int no_link = walk.is_own_descriptor ? 0 : O_NOFOLLOW;
    file =
        openat(walk.directory, walk.name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | no_link);
    if (file < 0)
        return error_set_system(error, errno, "cannot open %s", path);
    if (fstat(file, &status) < 0)
        return error_set_system(error, errno, "cannot stat %s", path);
    if (!walk.is_own_descriptor && judge(path, &status, user, error) < 0)
        return -1;
    *ret_descriptor = take_fd(&file);
    return 0;
}

int trusted_path_read(const char *path, uid_t user, size_t maximum, char **ret_data,
                      size_t *ret_length, struct error *error)
{
    cleanup_fd int file = -1;
    if (trusted_path_open_file(path, user, &file, error) < 0)
        return -1;
    return io_read_descriptor(file, path, maximum, ret_data, ret_length, error);
}
