/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.h - the life of a worker: from fork to exit.
 *
 * The launcher forks and calls worker_main(), which takes the steps of the checklist worker_steps
 * (worker.c), runs the task (worker_task.c), reports its result and exits. If a step fails, the
 * worker logs why and exits with the code of its row (exit_codes.h).
 */
#ifndef MIMO_LAUNCHER_WORKER_H
#define MIMO_LAUNCHER_WORKER_H

#include <stddef.h>

#include "launcher/worker_state.h"
#include "mimo/certificate.h"
#include "mimo/error.h"

struct step_result;
struct task_context;

/* One row of the checklist. */
struct worker_step {
    const char *name; /* NULL ends the table */
    int exit_code;    /* how the worker ends when the step fails */
    int (*run)(struct worker *worker, struct error *error);
};

/* All steps in their order; tests and benchmarks use the table too. */
extern const struct worker_step worker_steps[];

/* Takes all steps. Returns the step that failed, or NULL. */
const struct worker_step *worker_enter(struct worker *worker, struct error *error);

/* The child's branch after fork. */
_Noreturn void worker_main(struct worker *worker);

/* Parses the job, runs its task, reports the result (worker_task.c). Inside the sandbox. */
_Noreturn void worker_run_task(struct worker *worker);

/* Reads the certificates of the order as the launcher's user, from the directory that the next step
 * closes (worker_certificates.c). Keeps each failure for the task, which reports it. */
void worker_read_certificates(struct worker *worker);

/* Hands a certificate of the order over to the task: `read_certificate` of its context. */
struct step_result worker_take_certificate(struct task_context *context, size_t position,
                                           struct certificate_data *ret_data);

#endif
