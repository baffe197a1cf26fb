/* SPDX-License-Identifier: Apache-2.0 */
/*
 * denial.h - the log line about a worker that tried what it must not do.
 *
 *   sandbox: manifest M, cluster C, task T, attempt N, worker PID: WHAT
 *
 * The line has level warning and comes once for each attempt that the sandbox or the supervisor had
 * to end. Operators alert on it; docs/security.md lists every WHAT. METRIC_WORKERS_DENIED counts the
 * same attempts. A worker cannot forge the line: its own messages are logged behind "manifest M: ".
 */
#ifndef MIMO_SUPERVISOR_DENIAL_H
#define MIMO_SUPERVISOR_DENIAL_H

#include <stdbool.h>
#include <stddef.h>

#include "supervisor/worker.h"

/* Writes WHAT. False, and nothing written, for a worker that ended by itself or was told to end by
 * an operator or a drain: a forbidden system call is reported even then. */
bool denial_describe(const struct worker *worker, char *buffer, size_t size);

#endif
