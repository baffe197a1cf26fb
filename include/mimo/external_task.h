/* SPDX-License-Identifier: Apache-2.0 */
/*
 * external_task.h - tasks of the operator's own: programs as steps, without a rebuild.
 *
 * Each file tasks.directory/NAME.conf describes one task (mimo-task(5), docs/writing-tasks.md):
 *
 *   [task]
 *   id         = 3f0c2b1e-58a4-4d2b-9a57-0d6f1f2f7c11     ; UUID, never changes
 *   name       = Node Report
 *   short_name = node-report
 *   summary    = reports the nodes that are not ready
 *   cluster    = yes             ; connects to the cluster's API server and gets its kubeconfig
 *   parameters = no              ; whether manifests may carry parameters
 *   patches    =                 ; paths of the cluster document that patchCluster may touch
 *   timeout    = 10m             ; alarm of the worker; never longer than the lease
 *   [sandbox]
 *   read       = /usr /lib /lib64 /etc/ssl   ; what programs may read, beside themselves
 *   execute    = /usr/bin/kubectl            ; what they may run, beside themselves
 *   memory     = 1G              ; of each process; as in sandbox.* of mimo.conf, and its default
 *   open_files = 64
 *   cpu        = 0
 *   file_size  = 0
 *   processes  = 32              ; processes and threads that the worker's user may have
 *   [step look at nodes]
 *   program    = /etc/mimo/tasks.d/node-report.sh --all  ; absolute path, arguments split at blanks
 *   arguments  = --more          ; further ones, for lines end after 197 characters
 *   timeout    = 5m              ; 0: the task's
 *   poll       = 0               ; a condition: exit 75 means "ask again after this long"
 *
 * Keys whose values are lists (patches, read, execute, arguments) may be given several times.
 *
 * The file, the programs and the directories of their paths must belong to root or to the user who
 * runs MIMO, and must not be writable by anybody else: they decide what runs on a customer's
 * cluster.
 *
 * A program reads the job (job.h) as JSON from descriptor 0. With `cluster`, descriptor 4 is a
 * kubeconfig in sealed memory, and KUBECONFIG is /proc/self/fd/4. Its servers are IP addresses,
 * because names cannot be resolved in the sandbox; tls-server-name holds the name that the
 * certificate must have. The program may write reports (report.h) of the types status, log and
 * patchCluster to descriptor 3, one JSON object a line. Lines on descriptors 1 and 2 go into the
 * log. Exit status 0 means succeeded, 75 (EX_TEMPFAIL) transient; any other status, and a signal,
 * means terminal. The last line on descriptor 2 is the message.
 *
 * task_list (task.h) loads the files. For supervisor, Admin API, mimoctl and launcher an external
 * task is a struct task whose `external` is set.
 *
 * Ownership: struct external_task owns everything in it, and lives as long as its task_list. It is
 * read-only once it was read, and may be shared between threads.
 */
#ifndef MIMO_EXTERNAL_TASK_H
#define MIMO_EXTERNAL_TASK_H

#include <stddef.h>
#include <stdint.h>

#include "mimo/config.h"
#include "mimo/error.h"
#include "mimo/task.h"

enum {
    EXTERNAL_TASKS_MAXIMUM = 256, /* files in the directory */
    EXTERNAL_STEPS_MAXIMUM = 100,
    EXTERNAL_ARGUMENTS_MAXIMUM = 64,
    EXTERNAL_PATHS_MAXIMUM = 64, /* of each of `read` and `execute` */
};

/* Descriptors of a program, beside the three that every one has. */
enum { EXTERNAL_REPORT_FD = 3, EXTERNAL_KUBECONFIG_FD = 4 };

enum { EXTERNAL_EXIT_TRANSIENT = 75 }; /* EX_TEMPFAIL of sysexits.h */

struct external_step {
    char *name;
    char **arguments;             /* NULL-terminated; the first is the program's absolute path */
    int64_t timeout_milliseconds; /* 0: that of the task */
    int64_t poll_milliseconds;    /* 0: an action */
};

/* Limits of the task; 0: as configured in sandbox.*. */
struct external_limits {
    int64_t memory;
    int64_t open_files;
    int64_t cpu_milliseconds;
    int64_t file_size;
    int64_t processes; /* never 0 */
};

struct external_task {
    struct task task;             /* id, names, flags, patches, parameters; has no steps */
    char *file;                   /* path of the file */
    int64_t timeout_milliseconds; /* 0: actuator.task_timeout */
    struct external_limits limits;
    char **read;    /* NULL-terminated absolute paths */
    char **execute; /* the same */
    struct external_step *steps;
    size_t step_count;
};

/* Reads and checks one file. Errors name file, line and key. */
int external_task_read(const char *path, struct external_task **ret_task, struct error *error);
void external_task_free(struct external_task *task);

#endif
