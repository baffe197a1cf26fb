/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_on_cluster.h - runs a task as a worker does, against a practice cluster.
 *
 *     const struct task_run run = {
 *         .practice = &practice,
 *         .task = &some_task,
 *         .job = "{'cluster': {'id': 'x', 'properties': {}}}",
 *     };
 *     struct step_result result = task_on_cluster(&run);
 */
#ifndef MIMO_UNIT_TASK_ON_CLUSTER_H
#define MIMO_UNIT_TASK_ON_CLUSTER_H

#include "practice_server.h"
#include "task_double.h"

struct task_run {
    const struct practice_server *practice;
    const struct task *task;
    const char *job;             /* as task_double_initialize() takes it */
    const char *certificates[2]; /* PEM bundles by position, or NULL: not found */
    const char *reports;         /* what must be reported, or NULL */
    long timeout;                /* of a request, milliseconds; 0: the usual one */
};

/* Each time on a connection of its own. */
struct step_result task_on_cluster(const struct task_run *run);

#endif
