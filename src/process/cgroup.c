/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup.c - making, killing and removing control groups. */
#include "mimo/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/io.h"

enum {
    FILE_SIZE_MAXIMUM = 1024 * 1024, /* cgroup.procs of thousands of processes */
    PAUSE = 2,                       /* milliseconds between two looks at a cgroup */
};

/* --- Files of a cgroup --- */

int cgroup_write(int directory, const char *file, const char *text, struct error *error)
{
    cleanup_fd int fd = openat(directory, file, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        return error_set_system(error, errno, "cannot write \"%s\" to %s", text, file);
    return 0;
}

/* The caller frees the text; NULL: it cannot be read. */
static char *read_text(int directory, const char *file)
{
    char *text = NULL;
    return io_read_file_at(directory, file, FILE_SIZE_MAXIMUM, &text, NULL, NULL) < 0 ? NULL : text;
}

int64_t cgroup_read_number(int directory, const char *file, const char *name)
{
    cleanup_free char *text = read_text(directory, file);
    size_t length = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ' ')
            return strtoll(line + length, NULL, 10);
    }
    return 0;
}

/* --- Controllers --- */

static const struct {
    enum cgroup_controller controller;
    const char *name;
    const char *enable;
} controllers[] = {
    {CGROUP_MEMORY, "memory", "+memory"},
    {CGROUP_PIDS, "pids", "+pids"},
};
enum { CONTROLLER_COUNT = sizeof(controllers) / sizeof(*controllers) };

static bool has_word(const char *text, const char *word)
{
    size_t length = strlen(word);
    for (const char *place = text; (place = strstr(place, word)); place += length)
        if ((place == text || place[-1] == ' ') && strchr(" \n", place[length]))
            return true;
    return false;
}

unsigned cgroup_enabled(int directory)
{
    cleanup_free char *text = read_text(directory, "cgroup.subtree_control");
    unsigned enabled = 0;
    for (size_t i = 0; text && i < CONTROLLER_COUNT; i++)
        if (has_word(text, controllers[i].name))
            enabled |= controllers[i].controller;
    return enabled;
}

unsigned cgroup_enable(int directory, unsigned wanted)
{
    struct error ignored;
    for (size_t i = 0; i < CONTROLLER_COUNT; i++)
        if (wanted & controllers[i].controller)
            cgroup_write(directory, "cgroup.subtree_control", controllers[i].enable, &ignored);
    return cgroup_enabled(directory) & wanted;
}

/* --- Making and entering --- */

/* The kernel gives a cgroup to the file system user and group of its maker. A group of choice needs
 * no CAP_CHOWN in this way. */
static int make_directory(int parent, const char *name, gid_t group)
{
    if (group == (gid_t)-1)
        return mkdirat(parent, name, 0755);
    int before = setfsgid(group);
    if (setfsgid(group) != (int)group) { /* the second call tells whether the first had an effect */
        errno = EPERM;
        return -1;
    }
    int result = mkdirat(parent, name, 0755);
    int reason = errno;
    setfsgid((gid_t)before);
    errno = reason;
    return result;
}

int cgroup_make(int parent, const char *name, gid_t manager, int *ret_directory,
                struct error *error)
{
    if (make_directory(parent, name, manager) < 0 && errno != EEXIST)
        return error_set_system(error, errno, "cannot create the cgroup %s", name);
    cleanup_fd int directory = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory < 0)
        return error_set_system(error, errno, "cannot open the cgroup %s", name);
    if (manager != (gid_t)-1 &&
        (fchmodat(parent, name, 0775, 0) < 0 || fchmodat(directory, "cgroup.procs", 0664, 0) < 0))
        return error_set_system(error, errno, "cannot give the cgroup %s to group %u", name,
                                (unsigned)manager);
    *ret_directory = take_fd(&directory);
    return 0;
}

int cgroup_enter(int directory, struct error *error)
{
    return cgroup_write(directory, "cgroup.procs", "0", error);
}

/* --- Killing --- */

bool cgroup_is_empty(int directory)
{
    return cgroup_read_number(directory, "cgroup.events", "populated") == 0;
}

static void kill_members(int directory)
{
    cleanup_free char *text = read_text(directory, "cgroup.procs");
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        pid_t pid = (pid_t)strtol(line, NULL, 10);
        if (pid > 0)
            kill(pid, SIGKILL);
    }
}

/* Calls `visit` with each cgroup inside of `directory`. */
static void visit_inside(int directory, void (*visit)(int parent, const char *name))
{
    int readable = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = readable < 0 ? NULL : fdopendir(readable);
    if (!list && readable >= 0)
        close(readable);
    for (const struct dirent *entry; list && (entry = readdir(list));)
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            visit(directory, entry->d_name);
    if (list)
        closedir(list);
}

static void kill_inside(int parent, const char *name);

static void kill_tree(int directory)
{
    kill_members(directory);
    visit_inside(directory, kill_inside);
}

static void kill_inside(int parent, const char *name)
{
    cleanup_fd int directory = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory >= 0)
        kill_tree(directory);
}

int cgroup_kill(int directory, struct error *error)
{
    cleanup_fd int file = openat(directory, "cgroup.kill", O_WRONLY | O_CLOEXEC);
    if (file >= 0 && write(file, "1", 1) == 1)
        return 0;
    if (errno != ENOENT)
        return error_set_system(error, errno, "cannot write cgroup.kill");
    kill_tree(directory);
    return 0;
}

/* --- Removing --- */

static void remove_inside(int parent, const char *name)
{
    cleanup_fd int directory = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory >= 0)
        visit_inside(directory, remove_inside);
    unlinkat(parent, name, AT_REMOVEDIR);
}

int cgroup_remove(int parent, const char *name, int64_t milliseconds, struct error *error)
{
    const struct timespec pause = {.tv_nsec = PAUSE * 1000 * 1000};
    struct monotonic began = clock_monotonic();
    cleanup_fd int directory = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory < 0)
        return errno == ENOENT ? 0
                               : error_set_system(error, errno, "cannot open the cgroup %s", name);
    while (!cgroup_is_empty(directory)) {
        if (cgroup_kill(directory, error) < 0)
            return -1;
        if (clock_elapsed(began) >= milliseconds)
            return error_set(error, ERROR_BUSY,
                             "processes in the cgroup %s do not end although they were killed",
                             name);
        nanosleep(&pause, NULL);
    }
    visit_inside(directory, remove_inside);
    if (unlinkat(parent, name, AT_REMOVEDIR) < 0)
        return error_set_system(error, errno, "cannot remove the cgroup %s", name);
    return 0;
}
