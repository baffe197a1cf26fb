/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_double.h - a task context whose clock only moves when somebody sleeps, and which remembers
 * every report.
 *
 *     struct task_double context;
 *     task_double_initialize(&context, &some_task, "{'attempt': 2, 'parameters': {...}}");
 *     struct step_result result = task_run(&context.context);
 *     assert_string_equal("step 1/1 wait\nstatus waiting\n", context.reports);
 *     task_double_free(&context);
 */
#ifndef MIMO_UNIT_TASK_DOUBLE_H
#define MIMO_UNIT_TASK_DOUBLE_H

#include <stdint.h>

#include "mimo/task.h"

enum { TASK_DOUBLE_REPORTS_SIZE = 64 * 1024 };

struct task_double {
    struct task_context context;
    struct job job;
    int64_t now;                            /* milliseconds */
    int sleeps;                             /* how often somebody slept */
    char reports[TASK_DOUBLE_REPORTS_SIZE]; /* a line each */
    size_t reports_length;
    size_t report_bytes;         /* of all reports as they would go over the pipe */
    char raw[256];               /* what was written past the reports */
    const char *certificates[2]; /* PEM bundles by position, borrowed; NULL: not found */
};

/* `job` is JSON with single quotes in place of double ones: attempt, parameters, cluster, settings;
 * or NULL. */
void task_double_initialize(struct task_double *context, const struct task *task, const char *job);
void task_double_free(struct task_double *context);

#endif
