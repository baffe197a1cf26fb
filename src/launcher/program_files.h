/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program_files.h - the files that the programs of a task may read and run. The launcher finds and
 * opens them and makes the Landlock domains once, before it drops its privileges.
 *
 * A task (external_task.h) may
 *
 *   read      what is beneath its `read` paths
 *   execute   and read its programs, what is at or beneath its `execute` paths, the interpreters
 *             that scripts among them name (#!), and the ELF loaders of all these
 *   also      read /dev/null, /dev/zero, /dev/random, /dev/urandom, and write to the first
 *
 * and write nothing. The rules are for the files that exist at the start; restart mimod after
 * replacing one. A file to be executed must belong to root or to the user who started the launcher,
 * and must not be writable by anybody else.
 *
 * Children cannot regain rights that the launcher has dropped. So the launcher's own domain allows
 * the files of all tasks (`paths`), and each worker then enters the domain of its own task.
 */
#ifndef MIMO_LAUNCHER_PROGRAM_FILES_H
#define MIMO_LAUNCHER_PROGRAM_FILES_H

#include <stddef.h>

#include "mimo/confinement.h"
#include "mimo/error.h"
#include "mimo/external_task.h"
#include "mimo/task.h"

/* The directories of PATH, in which programs named without a directory are looked for. */
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

/* Logs files that are missing or must not be executed, which is no error here: the task fails when
 * it needs one. */
int program_files_open(const struct task_list *tasks, int landlock_abi,
                       struct program_files *ret_files, struct error *error);

/* Closes and frees `paths`; the domains remain. */
void program_files_close_paths(struct program_files *files);

/* The domain of a task; NULL if it is not an external task. */
const struct program_domain *program_files_find(const struct program_files *files,
                                                const char *task_id);

#endif
