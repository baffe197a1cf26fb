/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry.c - the one list of tasks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tasks/tasks.h"

/* clang-format off */
static const struct task *const built_in[] = {
    &tls_certificates_task,
    &operator_flags_task,
    &acr_token_task,
    &mdsd_certificate_task,
    &practice_task,
};
/* clang-format on */

enum { BUILT_IN_COUNT = sizeof built_in / sizeof built_in[0] };

struct task_list {
    bool practice;
    size_t count;
    const struct task *tasks[];
};

int task_list_load(const struct config *config, struct task_list **ret_list, struct error *error)
{
    struct task_list *list = malloc(sizeof(*list) + sizeof(built_in));

    if (!list)
        return error_set_system(error, ENOMEM, "cannot list the tasks");
    *list =
        (struct task_list){.practice = config->actuator_practice_tasks, .count = BUILT_IN_COUNT};
    memcpy(list->tasks, built_in, sizeof(built_in));
    *ret_list = list;
    return 0;
}

void task_list_free(struct task_list *list)
{
    free(list);
}

void task_list_set_practice(struct task_list *list, bool registered)
{
    list->practice = registered;
}

static bool is_registered(const struct task_list *list, const struct task *task)
{
    return list->practice || !(task->flags & TASK_PRACTICE);
}

const struct task *task_list_at(const struct task_list *list, size_t position)
{
    for (size_t i = 0; i < list->count; i++)
        if (is_registered(list, list->tasks[i]) && position-- == 0)
            return list->tasks[i];
    return NULL;
}

const struct task *task_list_find(const struct task_list *list, const char *id)
{
    for (size_t i = 0; i < list->count; i++)
        if (is_registered(list, list->tasks[i]) && strcasecmp(list->tasks[i]->id, id) == 0)
            return list->tasks[i];
    return NULL;
}

const struct task *task_list_find_by_name(const struct task_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (is_registered(list, list->tasks[i]) && strcmp(list->tasks[i]->short_name, name) == 0)
            return list->tasks[i];
    return task_list_find(list, name);
}
