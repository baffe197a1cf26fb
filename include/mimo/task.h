/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task.h - tasks, their steps, and the list of tasks.
 *
 * A task is a list of steps that one worker runs in order. An action succeeds or fails. A condition
 * is polled every `poll_milliseconds` until it holds or its timeout is over, which is a transient
 * failure ("timeout"). Steps run again after a retry: each must be safe to repeat after any partial
 * run, and must change nothing when there is nothing to change.
 *
 * A step gets everything from its task_context: the job, opened credentials, the Kubernetes client,
 * clock, sleep and reports. Tests replace the function pointers.
 *
 * Each task has its own file. A task_list (registry.c) holds all of them: the built-in tasks and
 * the operator's own (external_task.h). docs/writing-tasks.md walks through a new task.
 *
 * Ownership: the list owns its tasks; pointers into it are valid until task_list_free().
 * Threads: each program loads the list once, at its start; afterwards it is read-only and may be
 * shared.
 */
#ifndef MIMO_TASK_H
#define MIMO_TASK_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "mimo/config.h"
#include "mimo/error.h"
#include "mimo/job.h"
#include "mimo/outcome.h"
#include "mimo/report.h"
#include "mimo/step.h"

struct certificate_data; /* certificate.h */
struct external_task;    /* external_task.h */
struct kube_client;      /* kube.h */
struct task_context;

struct task_step {
    const char *name;
    struct step_result (*run)(struct task_context *context);
    int64_t poll_milliseconds;    /* conditions: pause between two polls; 0 for an action */
    int64_t timeout_milliseconds; /* conditions: how long to poll at most */
};

enum task_flags {
    TASK_NEEDS_CLUSTER = 1 << 0,    /* gets the cluster's credentials, may connect to its server */
    TASK_PRACTICE = 1 << 1,         /* registered only with actuator.practice_tasks = yes */
    TASK_STEPS_OF_ITS_OWN = 1 << 2, /* makes its list of steps from its parameters (`plan`) */
};

struct task {
    const char *id;         /* UUID */
    const char *name;       /* "Operator Flags Update" */
    const char *short_name; /* "operator-flags-update" */
    const char *summary;    /* one line for task lists */
    unsigned flags;
    const struct task_step *steps;
    size_t step_count;
    /* With TASK_STEPS_OF_ITS_OWN: makes the steps, in memory that task_run() frees. A failure ends the attempt as terminal. */
    int (*plan)(struct task_context *context, struct task_step **ret_steps, size_t *ret_count,
                struct error *error);
    /* Checks a manifest's parameters when it is created; NULL: the task takes none. */
    int (*check_parameters)(struct json_object *parameters, struct error *error);
    /* Paths of the cluster document (within openShiftCluster) that patchCluster may touch;
     * NULL-terminated, or NULL. */
    const char *const *patches;
    /* Names of the certificates that its steps read (launch_certificate_is_valid()), in an array of
     * at most LAUNCH_CERTIFICATES_MAXIMUM; they become the job's settings.certificates. `cluster`
     * is the cluster's whole document. NULL for none. New reference; NULL only without memory. */
    struct json_object *(*certificates)(const struct config *config,
                                        const struct json_object *cluster);
    /* The job's settings, made from the configuration; NULL if the task needs none. New reference. */
    struct json_object *(*settings)(const struct config *config);
    /* Set for a task of the operator's own; NULL for a built-in one. */
    const struct external_task *external;
};

/* Given to every step. */
struct task_context {
    const struct job *job;
    const struct task *task;
    struct kube_client *kube; /* NULL unless TASK_NEEDS_CLUSTER */
    size_t step;              /* index of the step that runs */
    void *state;              /* the task's own, freed with free() at the end; NULL at first */
    /* The message of the result when all steps are done; "" at first. */
    char result_message[STATUS_TEXT_SIZE];
    int64_t (*now_milliseconds)(struct task_context *context); /* monotonic */
    void (*sleep_milliseconds)(struct task_context *context, int64_t milliseconds);
    void (*report)(struct task_context *context, const struct report *report);
    /* Writes raw bytes to the result pipe. Only for the practice task, which sends invalid reports with it. */
    void (*report_bytes)(struct task_context *context, const void *bytes, size_t length);
    /* Hands over the certificate at `position` of those that the task declared, as its source stores it; works once for each position. The caller wipes it. Steps call certificate_read() (tasks.h). */
    struct step_result (*read_certificate)(struct task_context *context, size_t position,
                                           struct certificate_data *ret_data);
    void *environment; /* private to the creator of the context */
};

/* Convenience for steps. */
void task_report_status(struct task_context *context, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void task_report_log(struct task_context *context, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Runs all steps and reports each. Returns the result without reporting it. Never exits. */
struct step_result task_run(struct task_context *context);

/* Loads all tasks: the built-in ones, and one from each file of tasks.directory. Practice tasks are
 * registered if actuator.practice_tasks is set. Errors name the file; if two tasks share an id or a
 * short name, the error names both. The list owns its tasks; task_list_free(). */
struct task_list;
int task_list_load(const struct config *config, struct task_list **ret_list, struct error *error);
void task_list_free(struct task_list *list);

/* Registers or unregisters the practice tasks. */
void task_list_set_practice(struct task_list *list, bool registered);

/* True when task files were added, removed or written since the list was loaded: a restart would
 * load them. */
bool task_list_is_stale(const struct task_list *list);

/* For --check-config: loads the list and prints a line for each external task. */
int task_list_check(const struct config *config, FILE *stream, struct error *error);

/* NULL when there is no such task. */
const struct task *task_list_at(const struct task_list *list, size_t position);
const struct task *task_list_find(const struct task_list *list, const char *id);
const struct task *task_list_find_by_name(const struct task_list *list,
                                          const char *name); /* UUID or short name */

static inline void cleanup_task_list_function(struct task_list *const *list)
{
    task_list_free(*list);
}
#define cleanup_task_list __attribute__((cleanup(cleanup_task_list_function)))

#endif
