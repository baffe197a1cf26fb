/* SPDX-License-Identifier: Apache-2.0 */
/*
 * external_task.h - tasks of the operator's own: programs as steps, without a rebuild.
 *
 * Each file tasks.directory/NAME.conf describes one task (mimo-task(5), docs/writing-tasks.md):
 *
 *   [task]
 *   id         = 3f0c2b1e-58a4-4d2b-9a57-0d6f1f2f7c11     ; UUID, for ever the same
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
 * Keys with lists (patches, read, execute, arguments) may stand there several times.
 *
 * File and programs, and the folders on the way to them, must belong to root (or to who runs MIMO)
 * and be writable by nobody else: they decide what runs on a customer's cluster.
 *
 * A program gets: the job (job.h) as JSON on descriptor 0; with `cluster`, descriptor 4: a
 * kubeconfig as sealed memory, named by KUBECONFIG=/proc/self/fd/4 too, whose servers are addresses
 * already (nothing in a sandbox resolves names; tls-server-name keeps the check of the
 * certificate). Descriptor 3 takes reports (report.h) of the types status, log and patchCluster,
 * one JSON object a line. Lines on descriptors 1 and 2 go into the log. It ends with 0: succeeded;
 * 75 (EX_TEMPFAIL): transient; anything else, a signal included: terminal. The last line on
 * descriptor 2 is the message.
 *
 * Who uses this: task_list (task.h) loads the files; supervisor, Admin API, mimoctl and launcher
 * see an external task as a struct task whose `external` is set.
 *
 * Ownership: everything belongs to the struct external_task, which lives as long as its task_list.
 */
#ifndef MIMO_EXTERNAL_TASK_H
#define MIMO_EXTERNAL_TASK_H

#include <stdbool.h>
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
    int64_t timeout_milliseconds; /* 0: as long as the task may */
    int64_t poll_milliseconds;    /* 0: an action */
};

/* Limits of the task; 0 where the configuration's are to be taken. */
struct external_limits {
    int64_t memory;
    int64_t open_files;
    int64_t cpu_milliseconds;
    int64_t file_size;
    int64_t processes; /* never 0 */
};

struct external_task {
    struct task task; /* id, names, flags, patches; its steps are of no use */
    char *file;       /* where it was read from */
    bool takes_parameters;
    int64_t timeout_milliseconds; /* 0: actuator.task_timeout */
    struct external_limits limits;
    char **read;    /* NULL-terminated absolute paths */
    char **execute; /* the same */
    struct external_step *steps;
    size_t step_count;
};

/* Reads and checks one file. What is wrong is an error that names file, line and key. */
int external_task_read(const char *path, struct external_task **ret_task, struct error *error);
void external_task_free(struct external_task *task);

#endif
