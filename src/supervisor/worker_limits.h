/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_limits.h - the limits of a worker, from its task or else from the configuration.
 */
#ifndef MIMO_SUPERVISOR_WORKER_LIMITS_H
#define MIMO_SUPERVISOR_WORKER_LIMITS_H

#include <stdint.h>

#include "mimo/config.h"
#include "mimo/launcher_channel.h"
#include "mimo/task.h"

/* How long a worker of the task may run, in milliseconds. The rest of its lease may be shorter. */
int64_t limits_timeout(const struct config *config, const struct task *task);

/* Fills in memory, attempt_memory, file_size, cpu_seconds, open_files, external_task and processes. Processor time
 * is always limited, if by nothing else then to the length of the alarm. */
void limits_fill(const struct config *config, const struct task *task, int64_t alarm_seconds,
                 struct launcher_launch *launch);

#endif
