/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.h - what a worker may use: of the configuration, or of the task where that says so.
 */
#ifndef MIMO_SUPERVISOR_LIMITS_H
#define MIMO_SUPERVISOR_LIMITS_H

#include <stdint.h>

#include "mimo/config.h"
#include "mimo/launcher_channel.h"
#include "mimo/task.h"

/* How long its worker may run, in milliseconds; what is left of the lease may be less. */
int64_t limits_timeout(const struct config *config, const struct task *task);

/* Fills in memory, file_size, cpu_seconds, open_files, external_task and processes. Processor time
 * is never without a limit: the alarm's. */
void limits_fill(const struct config *config, const struct task *task, int64_t alarm_seconds,
                 struct launcher_launch *launch);

#endif
