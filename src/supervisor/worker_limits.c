/* SPDX-License-Identifier: Apache-2.0 */
/* worker_limits.c - what a worker may use. */
#include "supervisor/worker_limits.h"

#include <assert.h>
#include <string.h>

#include "mimo/external_task.h"
#include "mimo/uuid.h"

static_assert((int)LAUNCH_TASK_SIZE >= (int)UUID_SIZE, "room for the UUID of a task");

/* `own`, a limit of the task, unless it is 0. */
static int64_t choose(int64_t own, int64_t otherwise)
{
    return own ? own : otherwise;
}

int64_t limits_timeout(const struct config *config, const struct task *task)
{
    return choose(task->external ? task->external->timeout_milliseconds : 0,
                  config->actuator_task_timeout);
}

void limits_fill(const struct config *config, const struct task *task, int64_t alarm_seconds,
                 struct launcher_launch *launch)
{
    static const struct external_limits none;
    const struct external_limits *own = task->external ? &task->external->limits : &none;
    int64_t cpu = choose(own->cpu_milliseconds, config->sandbox_cpu);

    launch->cpu_seconds = (uint32_t)choose((cpu + 999) / 1000, alarm_seconds);
    launch->memory = (uint64_t)choose(own->memory, config->sandbox_memory);
    launch->attempt_memory = launch->memory;
    if ((uint64_t)config->sandbox_attempt_memory > launch->memory)
        launch->attempt_memory = (uint64_t)config->sandbox_attempt_memory;
    launch->open_files = (uint32_t)choose(own->open_files, config->sandbox_open_files);
    launch->file_size = (uint64_t)choose(own->file_size, config->sandbox_file_size);
    if (task->external) {
        memcpy(launch->external_task, task->id, strlen(task->id));
        launch->processes = (uint32_t)own->processes;
    }
}
