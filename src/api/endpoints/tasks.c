/* SPDX-License-Identifier: Apache-2.0 */
/* tasks.c - the registered tasks: built-in and external ones. */
#include "api/endpoints/handlers.h"
#include "mimo/document.h"
#include "mimo/external_task.h"

/* New reference; NULL without memory. */
static struct json_object *view_of_steps(const struct task *task)
{
    const struct external_task *external = task->external;
    size_t count = external ? external->step_count : task->step_count;
    cleanup_json struct json_object *names = json_object_new_array();

    for (size_t i = 0; names && i < count; i++)
        if (document_append(names, document_new_string(external ? external->steps[i].name
                                                                : task->steps[i].name)) < 0)
            return NULL;
    return json_object_get(names);
}

static struct json_object *view_of_texts(const char *const *texts)
{
    cleanup_json struct json_object *view = json_object_new_array();

    for (; view && *texts; texts++)
        if (document_append(view, document_new_string(*texts)) < 0)
            return NULL;
    return json_object_get(view);
}

/* What only external tasks have. -1 without memory. */
static int add_external(struct json_object *view, const struct external_task *task)
{
    if (document_add(view, "file", document_new_string(task->file)) < 0)
        return -1;
    return task->timeout_milliseconds == 0
               ? 0
               : document_add(view, "timeout",
                              json_object_new_int64((task->timeout_milliseconds + 999) / 1000));
}

static struct json_object *view_of_task(const struct task *task)
{
    cleanup_json struct json_object *view = document_pack(
        "{s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:b}", "id", task->id, "name", task->name, "shortName",
        task->short_name, "summary", task->summary, "takesParameters",
        task->check_parameters != NULL, "practice", (task->flags & TASK_PRACTICE) != 0, "external",
        task->external != NULL, "cluster", (task->flags & TASK_NEEDS_CLUSTER) != 0);

    if (!view ||
        (!(task->flags & TASK_STEPS_OF_ITS_OWN) &&
         document_add(view, "steps", view_of_steps(task)) < 0) ||
        (task->patches && *task->patches &&
         document_add(view, "patches", view_of_texts(task->patches)) < 0) ||
        (task->external && add_external(view, task->external) < 0))
        return NULL;
    return json_object_get(view);
}

void tasks_list(struct api *api, struct request *request, struct answer *answer)
{
    cleanup_json struct json_object *value = json_object_new_array();
    const struct task *task;

    (void)request;
    for (size_t i = 0; value && (task = task_list_at(api->tasks, i)); i++) {
        if (document_append(value, view_of_task(task)) < 0) {
            answer_set_view(answer, 200, NULL);
            return;
        }
    }
    answer_set_view(answer, 200, value ? document_pack("{s:O}", "value", value) : NULL);
}
