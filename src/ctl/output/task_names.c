/* SPDX-License-Identifier: Apache-2.0 */
/* task_names.c - short names of tasks for tables. */
#include "ctl/output/task_names.h"

#include <strings.h>

#include "mimo/document.h"

const char *task_names_find(const struct json_object *tasks, const char *id)
{
    size_t position;
    struct json_object *task;
    document_foreach_item(tasks, position, task)
        if (strcasecmp(document_string(task, "id", ""), id) == 0)
            return document_string(task, "shortName", id);
    return id;
}
