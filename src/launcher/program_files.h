/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program_files.h - which files the programs of a task may read and run: found, opened and made
 * into Landlock domains once, by the launcher, before it gives up its privileges.
 *
 * A task (external_task.h) may
 *
 *   read      what is beneath its `read` paths
 *   execute   and read its programs, what is at or beneath its `execute` paths, the interpreters
 *             that scripts among them name (#!), and the ELF loaders of all these
 *   also      read /dev/null, /dev/zero, /dev/random, /dev/urandom, and write to the first
 *
 * and write nothing. Rules are for the files that were there at the start: who puts another file in
 * the place of one restarts mimod. A file to be executed must belong to root, or to who started the
 * launcher, and be writable by nobody else.
 *
 * What the launcher itself gives up its children can never get back. So its own domain allows what
 * any task may (`paths`), and each worker enters that of its own task.
 */
#ifndef MIMO_LAUNCHER_PROGRAM_FILES_H
#define MIMO_LAUNCHER_PROGRAM_FILES_H

#include <stddef.h>

#include "mimo/confinement.h"
#include "mimo/error.h"
#include "mimo/external_task.h"
#include "mimo/task.h"

/* Where programs are looked for that are named without a directory; PATH is made of them. */
#define PROGRAM_DIRECTORIES                                                                        \
    "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"
#define PROGRAM_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct program_domain {
    const struct external_task *task;
    int descriptor; /* of its Landlock domain; -1: this kernel has no Landlock */
};

struct program_files {
    struct program_domain *domains; /* one for each external task */
    size_t domain_count;
    struct confinement_path *paths; /* of all of them, by descriptor */
    size_t path_count;
};

/* Logs what is not there or may not be executed: the task finds out when it needs it. */
int program_files_open(const struct task_list *tasks, int landlock_abi,
                       struct program_files *ret_files, struct error *error);

/* Closes and forgets `paths`; the domains stay. */
void program_files_close_paths(struct program_files *files);

/* The domain of a task; NULL: there is no such external task. */
const struct program_domain *program_files_find(const struct program_files *files,
                                                const char *task_id);

#endif
