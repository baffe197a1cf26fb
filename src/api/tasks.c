/* SPDX-License-Identifier: Apache-2.0 */
/* The registered tasks. */
#include "api/handlers.h"
#include "mimo/task.h"

void tasks_list(struct api *api, struct request *request, struct answer *answer)
{
    (void)request;
    json_t *value = json_array();
    const struct task *task;
    for (size_t i = 0; value && (task = task_list_at(api->tasks, i)); i++) {
        json_t *item = json_pack("{s:s, s:s, s:s, s:s, s:b, s:b}", "id", task->id, "name",
                                 task->name, "shortName", task->short_name, "summary",
                                 task->summary, "takesParameters", task->check_parameters != NULL,
                                 "practice", (task->flags & TASK_PRACTICE) != 0);
        if (!item || json_array_append_new(value, item) < 0) {
            json_decref(value);
            value = NULL;
        }
    }
    answer_set_view(answer, 200, value ? json_pack("{s:o}", "value", value) : NULL);
}
