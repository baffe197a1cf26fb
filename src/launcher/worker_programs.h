/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_programs.h - a worker whose steps are programs (external_task.h).
 *
 * In its checklist: worker_find_programs() while it still runs as the launcher's user, because
 * memfds cannot be made under the worker's limits. Inside the sandbox: worker_run_programs(),
 * instead of task_run(). Two memfds carry the input of a program; the first function creates them,
 * the second fills and seals them. Job and kubeconfig are untrusted, so they are not read outside
 * the sandbox.
 */
#ifndef MIMO_LAUNCHER_WORKER_PROGRAMS_H
#define MIMO_LAUNCHER_WORKER_PROGRAMS_H

#include "launcher/worker_state.h"
#include "mimo/error.h"

struct kubeconfig;
struct step_result;
struct task_context;

/* Finds the task of the order; does nothing for a built-in task. */
int worker_find_programs(struct worker *worker, struct error *error);

/* Runs the steps of an external task. `kubeconfig` is NULL for a task without a cluster; else it is
 * freed as soon as it is in sealed memory. */
struct step_result worker_run_programs(struct worker *worker, struct task_context *context,
                                       struct kubeconfig *kubeconfig);

#endif
