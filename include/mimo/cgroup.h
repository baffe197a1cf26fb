/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup.h - control groups of version 2 in a subtree that the service manager has delegated.
 *
 * A cgroup is a directory. A process belongs to one cgroup, and so does everything that it forks.
 * The kernel can kill all processes of a cgroup at once (cgroup.kill, Linux 5.14), stopped ones
 * too, and can limit their memory and their number as a whole. The first needs nothing, the limits
 * need the controllers "memory" and "pids" in the delegated directory.
 *
 * Directories are open descriptors (O_PATH is enough), owned by the caller.
 * Threads: cgroup_make() changes the file system group of the calling thread for a moment.
 * Errors: ERROR_NOT_FOUND where this machine or this process has no such cgroup, else those of the
 * system calls.
 * Sources: cgroups(7), docs.kernel.org/admin-guide/cgroup-v2.html, systemd.resource-control(5)
 */
#ifndef MIMO_CGROUP_H
#define MIMO_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "mimo/error.h"

/* Controllers, as a set. */
enum cgroup_controller { CGROUP_MEMORY = 1, CGROUP_PIDS = 2 };

/* Writes the path of the directory of this process's cgroup. ERROR_NOT_FOUND: no hierarchy of
 * version 2 is mounted that shows it. */
int cgroup_find_own(char *buffer, size_t size, struct error *error);

/* The same from the texts of /proc/self/mountinfo and /proc/self/cgroup. */
int cgroup_find_in(const char *mounts, const char *membership, char *buffer, size_t size,
                   struct error *error);

/* True if the directory at `path` is this process's to divide: the service manager has marked it as
 * delegated (extended attribute user.delegate or trusted.delegate), or it belongs to this user,
 * who is not root, and its parent directory does not. */
bool cgroup_is_delegated(const char *path);

/* Makes the cgroup `name`, unless it exists, and opens it. Members of the group `manager` may make
 * cgroups in it and move processes between these; (gid_t)-1: only this user. The process must be in
 * that group or have CAP_SETGID. */
int cgroup_make(int parent, const char *name, gid_t manager, int *ret_directory,
                struct error *error);

/* Moves this process, and nothing that it has forked. */
int cgroup_enter(int directory, struct error *error);

/* Lets the cgroups inside of `directory` use the controllers. Returns those that they have
 * now. A cgroup with processes of its own cannot give any. */
unsigned cgroup_enable(int directory, unsigned controllers);

/* Those that the cgroups inside of `directory` have. */
unsigned cgroup_enabled(int directory);

/* Writes a text into a file of the cgroup: a limit. */
int cgroup_write(int directory, const char *file, const char *text, struct error *error);

/* The number behind `name` in a file of lines "name number"; 0 if there is no such line. */
int64_t cgroup_read_number(int directory, const char *file, const char *name);

/* True if no process is in the cgroup or in those below it. Zombies do not count. */
bool cgroup_is_empty(int directory);

/* Sends SIGKILL to all processes in the cgroup and in those below it. A kernel without
 * cgroup.kill signals each in turn, which may miss new ones: repeat until the cgroup is empty. */
int cgroup_kill(int directory, struct error *error);

/* Kills everything in the cgroup `name`, waits until it is empty, at most `milliseconds`, and
 * removes it with those below it. Succeeds if it does not exist. ERROR_BUSY: processes are left. */
int cgroup_remove(int parent, const char *name, int64_t milliseconds, struct error *error);

#endif
