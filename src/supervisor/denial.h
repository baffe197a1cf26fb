/* SPDX-License-Identifier: Apache-2.0 */
/*
 * denial.h - the one line that says what a worker tried and may not.
 *
 *   sandbox: manifest M, cluster C, task T, attempt N, worker PID: WHAT
 *
 * at warning level, once for each attempt that the sandbox or the supervisor had to end. Those who
 * watch over a fleet alert on it (docs/security.md has the list of WHAT); the same is counted in
 * METRIC_WORKERS_DENIED. A worker can write no such line itself: what it says is logged behind
 * "manifest M: ".
 */
#ifndef MIMO_SUPERVISOR_DENIAL_H
#define MIMO_SUPERVISOR_DENIAL_H

#include <stdbool.h>
#include <stddef.h>

#include "supervisor/worker.h"

/* WHAT, from how the worker ended. False for a worker that ended by itself, or because it was
 * told to. */
bool denial_describe(const struct worker *worker, char *buffer, size_t size);

#endif
