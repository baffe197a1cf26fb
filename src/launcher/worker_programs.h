/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_programs.h - a worker whose steps are programs (external_task.h).
 *
 * In its checklist: worker_find_programs() while it is still the launcher's user, before limits
 * keep it from making memory of a certain size. Inside the sandbox: worker_run_programs(), in the
 * place of task_run(). What a program may be given stands in two memfds, made empty by the first
 * and filled and sealed by the second; the job and the kubeconfig are untrusted, and are not read
 * outside.
 */
#ifndef MIMO_LAUNCHER_WORKER_PROGRAMS_H
#define MIMO_LAUNCHER_WORKER_PROGRAMS_H

#include "launcher/worker_state.h"
#include "mimo/error.h"

struct kubeconfig;
struct step_result;
struct task_context;

/* Finds the task of the order; no-op for one that is built in. */
int worker_find_programs(struct worker *worker, struct error *error);

/* Runs the steps of an external task. `kubeconfig` is NULL for a task without a cluster; else it is
 * freed as soon as it stands in sealed memory. */
struct step_result worker_run_programs(struct worker *worker, struct task_context *context,
                                       struct kubeconfig *kubeconfig);

#endif
