/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry.c - the one list of tasks: those that are built in, then those of the operator's own in
 * the order of their files' names.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "mimo/cleanup.h"
#include "mimo/external_task.h"
#include "mimo/ini_file.h"
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

enum { BUILT_IN_COUNT = sizeof(built_in) / sizeof(built_in[0]) };

struct task_list {
    bool practice;
    char *directory;      /* where those of the operator's own are from */
    uint64_t fingerprint; /* of its files */
    size_t count;
    const struct task *tasks[BUILT_IN_COUNT + EXTERNAL_TASKS_MAXIMUM];
};

/* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t mix(uint64_t hash, const void *data, size_t length)
{
    const unsigned char *bytes = data;

    for (size_t i = 0; i < length; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* Another one when a file was added, taken away, written or replaced. */
static uint64_t fingerprint_of(char *const *paths)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (char *const *path = paths; *path; path++) {
        struct stat status = {0};

        hash = mix(hash, *path, strlen(*path) + 1);
        if (stat(*path, &status) < 0)
            continue;
        hash = mix(hash, &status.st_ino, sizeof(status.st_ino));
        hash = mix(hash, &status.st_size, sizeof(status.st_size));
        hash = mix(hash, &status.st_mtim, sizeof(status.st_mtim));
    }
    return hash;
}

/* "the built-in task practice", or the file. */
static const char *name_origin(const struct task *task, char *buffer, size_t size)
{
    if (task->external)
        return task->external->file;
    snprintf(buffer, size, "the built-in task %s", task->short_name);
    return buffer;
}

/* Each of the others must have another id and another short name, those that are not registered
 * now included. */
static int check_unlike(const struct task_list *list, const struct external_task *task,
                        struct error *error)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct task *other = list->tasks[i];
        const bool same_id = strcasecmp(other->id, task->task.id) == 0;
        char origin[128];

        if (same_id || strcmp(other->short_name, task->task.short_name) == 0)
            return error_set(error, ERROR_INVALID,
                             "%s: %s %s is already used by %s: each task needs its own", task->file,
                             same_id ? "id" : "short_name",
                             same_id ? task->task.id : task->task.short_name,
                             name_origin(other, origin, sizeof(origin)));
    }
    return 0;
}

static int add_external(struct task_list *list, const char *path, struct error *error)
{
    struct external_task *task;

    if (list->count == sizeof(list->tasks) / sizeof(list->tasks[0]))
        return error_set(error, ERROR_TOO_LARGE, "%s: there are more than %d tasks in this folder",
                         path, EXTERNAL_TASKS_MAXIMUM);
    if (external_task_read(path, &task, error) < 0)
        return -1;
    if (check_unlike(list, task, error) < 0) {
        external_task_free(task);
        return -1;
    }
    list->tasks[list->count++] = &task->task;
    return 0;
}

static int add_directory(struct task_list *list, const char *directory, struct error *error)
{
    cleanup_ini_file_list char **paths = ini_file_list(directory, error);

    if (!paths)
        return error_prefix(error, "tasks.directory");
    list->directory = strdup(directory);
    if (!list->directory)
        return error_set_system(error, ENOMEM, "cannot list the tasks");
    list->fingerprint = fingerprint_of(paths);
    for (char **path = paths; *path; path++)
        if (add_external(list, *path, error) < 0)
            return -1;
    return 0;
}

int task_list_load(const struct config *config, struct task_list **ret_list, struct error *error)
{
    cleanup_task_list struct task_list *list = calloc(1, sizeof(*list));

    if (!list)
        return error_set_system(error, ENOMEM, "cannot list the tasks");
    list->practice = config->actuator_practice_tasks;
    list->count = BUILT_IN_COUNT;
    memcpy(list->tasks, built_in, sizeof(built_in));
    if (add_directory(list, config->tasks_directory, error) < 0)
        return -1;
    *ret_list = take_pointer(&list);
    return 0;
}

void task_list_free(struct task_list *list)
{
    if (!list)
        return;
    for (size_t i = BUILT_IN_COUNT; i < list->count; i++)
        external_task_free((struct external_task *)(uintptr_t)list->tasks[i]->external);
    free(list->directory);
    free(list);
}

void task_list_set_practice(struct task_list *list, bool registered)
{
    list->practice = registered;
}

bool task_list_is_stale(const struct task_list *list)
{
    cleanup_ini_file_list char **paths = ini_file_list(list->directory, NULL);

    return !paths || fingerprint_of(paths) != list->fingerprint;
}

int task_list_check(const struct config *config, FILE *stream, struct error *error)
{
    cleanup_task_list struct task_list *list = NULL;

    if (task_list_load(config, &list, error) < 0)
        return -1;
    for (size_t i = BUILT_IN_COUNT; i < list->count; i++) {
        const struct external_task *task = list->tasks[i]->external;

        fprintf(stream, "task %s (%s), %zu step%s: %s\n", task->task.short_name, task->task.id,
                task->step_count, task->step_count == 1 ? "" : "s", task->file);
    }
    return 0;
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
