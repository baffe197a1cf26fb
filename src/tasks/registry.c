/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry.c - the one table of tasks.
 */
#include <string.h>
#include <strings.h>

#include "tasks/tasks.h"

/* clang-format off */
static const struct task *const tasks[] = {
    &tls_certificates_task,
    &operator_flags_task,
    &acr_token_task,
    &mdsd_certificate_task,
    &practice_task,
};
/* clang-format on */

enum { TASK_COUNT = sizeof tasks / sizeof tasks[0] };

static bool is_registered(const struct task *task, bool practice)
{
    return practice || !(task->flags & TASK_PRACTICE);
}

const struct task *task_at(size_t position, bool practice)
{
    for (size_t i = 0; i < TASK_COUNT; i++)
        if (is_registered(tasks[i], practice) && position-- == 0)
            return tasks[i];
    return NULL;
}

const struct task *task_find(const char *id, bool practice)
{
    for (size_t i = 0; i < TASK_COUNT; i++)
        if (is_registered(tasks[i], practice) && strcasecmp(tasks[i]->id, id) == 0)
            return tasks[i];
    return NULL;
}

const struct task *task_find_by_name(const char *name, bool practice)
{
    for (size_t i = 0; i < TASK_COUNT; i++)
        if (is_registered(tasks[i], practice) && strcmp(tasks[i]->short_name, name) == 0)
            return tasks[i];
    return task_find(name, practice);
}
