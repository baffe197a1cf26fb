/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_find.c - which directory is this process's control group, and may it be divided.
 *
 * Version 2 is mounted at /sys/fs/cgroup, or beside version 1 at another place, or at several: a
 * unit whose cgroup is writable sees that directory as a mount of its own.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "mimo/cgroup.h"
#include "mimo/cleanup.h"
#include "mimo/io.h"

enum { PROC_FILE_SIZE_MAXIMUM = 1024 * 1024 };

/* Copies the line that begins at `text`, without its end. Returns the next line, or NULL. */
static const char *take_line(const char *text, char *buffer, size_t size)
{
    size_t length = strcspn(text, "\n");
    snprintf(buffer, size, "%.*s", (int)length, text);
    return text[length] == '\n' ? text + length + 1 : NULL;
}

/* The path behind "0::" in /proc/self/cgroup: the line of version 2. */
static bool find_membership(const char *text, char *ret_path, size_t size)
{
    char line[PATH_MAX + 64];
    for (const char *next = text; next;) {
        next = take_line(next, line, sizeof(line));
        if (strncmp(line, "0::/", 4) == 0)
            return (size_t)snprintf(ret_path, size, "%s", line + 3) < size;
    }
    return false;
}

/* What is left of `path` below `root`, or NULL if it is not below. */
static const char *below(const char *path, const char *root)
{
    size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(path, root, length) != 0 || (path[length] != '/' && path[length] != '\0'))
        return NULL;
    return strcmp(path + length, "/") == 0 ? "" : path + length;
}

/* Reads a line of mountinfo; see proc(5). True for a mount of version 2. */
static bool read_mount(const char *line, char *ret_root, char *ret_place)
{
    const char *type = strstr(line, " - ");
    return type && strncmp(type, " - cgroup2 ", strlen(" - cgroup2 ")) == 0 &&
           sscanf(line, "%*d %*d %*s %4095s %4095s ", ret_root, ret_place) == 2;
}

int cgroup_find_in(const char *mounts, const char *membership, char *buffer, size_t size,
                   struct error *error)
{
    char line[2 * PATH_MAX + 512], path[PATH_MAX], root[PATH_MAX], place[PATH_MAX];
    if (!find_membership(membership, path, sizeof(path)))
        return error_set(error, ERROR_NOT_FOUND, "this kernel has no cgroups of version 2");
    for (const char *next = mounts; next;) {
        next = take_line(next, line, sizeof(line));
        const char *rest = read_mount(line, root, place) ? below(path, root) : NULL;
        if (rest && (size_t)snprintf(buffer, size, "%s%s", place, rest) < size)
            return 0;
    }
    return error_set(error, ERROR_NOT_FOUND,
                     "the cgroup %.256s is in no mounted hierarchy of version 2", path);
}

int cgroup_find_own(char *buffer, size_t size, struct error *error)
{
    cleanup_free char *mounts = NULL;
    cleanup_free char *membership = NULL;
    if (io_read_file("/proc/self/mountinfo", PROC_FILE_SIZE_MAXIMUM, &mounts, NULL, error) < 0 ||
        io_read_file("/proc/self/cgroup", PROC_FILE_SIZE_MAXIMUM, &membership, NULL, error) < 0)
        return -1;
    return cgroup_find_in(mounts, membership, buffer, size, error);
}

static bool is_marked(const char *path, const char *attribute)
{
    char value;
    return getxattr(path, attribute, &value, sizeof(value)) == 1 && value == '1';
}

bool cgroup_is_delegated(const char *path)
{
    char parent[PATH_MAX + 4];
    struct stat own, above;
    if (is_marked(path, "user.delegate") || is_marked(path, "trusted.delegate"))
        return true;
    snprintf(parent, sizeof(parent), "%s/..", path);
    return stat(path, &own) == 0 && stat(parent, &above) == 0 && own.st_uid == geteuid() &&
           own.st_uid != 0 && above.st_uid != own.st_uid;
}
