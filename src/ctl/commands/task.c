/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task.c - mimoctl task list and show.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ctl/client/api.h"
#include "ctl/commands/handlers.h"
#include "ctl/commands/manifest_rows.h"
#include "ctl/commands/next.h"
#include "mimo/clock.h"
#include "mimo/document.h"

static void fill_parameters(const struct output *output, const struct json_object *task,
                            const void *context, struct cell *cell)
{
    (void)output, (void)context;
    bool takes = document_is_true(document_get(task, "takesParameters"));
    snprintf(cell->text, sizeof(cell->text), "%s", takes ? "yes" : "no");
}

static const char *origin_of(const struct json_object *task)
{
    return document_is_true(document_get(task, "external")) ? "external" : "built in";
}

static void fill_origin(const struct output *output, const struct json_object *task,
                        const void *context, struct cell *cell)
{
    (void)output, (void)context;
    snprintf(cell->text, sizeof(cell->text), "%s", origin_of(task));
}

static const struct column columns[] = {
    {"NAME", IN_BOTH, "shortName", NULL},
    {"ID", IN_BOTH, "id", NULL},
    {"TITLE", IN_WIDE, "name", NULL},
    {"ORIGIN", IN_WIDE, NULL, fill_origin},
    {"PARAMETERS", IN_WIDE, NULL, fill_parameters},
    {"SUMMARY", IN_BOTH, "summary", NULL},
};

static const struct listing task_listing = {
    .columns = columns,
    .column_count = sizeof(columns) / sizeof(columns[0]),
    .nothing = "no task is registered",
};

int ctl_task_list(struct ctl *ctl, struct error *error)
{
    const struct api_listing all = {.path = TASKS_PATH};
    cleanup_json struct json_object *tasks = NULL;
    if (api_list(ctl, &all, &tasks, NULL, error) < 0)
        return -1;
    output_items(&ctl->output, &task_listing, tasks);
    if (document_length(tasks) > 0)
        next_say(&ctl->output, NULL, "mimoctl task show %s",
                 document_string(document_item(tasks, 0), "shortName", "TASK"));
    return CTL_OK;
}

static int find(struct ctl *ctl, const char *text, struct json_object **ret_task,
                struct error *error)
{
    const struct api_listing all = {.path = TASKS_PATH};
    cleanup_json struct json_object *tasks = NULL;
    size_t position;
    struct json_object *task;
    if (api_list(ctl, &all, &tasks, NULL, error) < 0)
        return -1;
    document_foreach_item(tasks, position, task) {
        if (strcasecmp(document_string(task, "id", ""), text) != 0 &&
            strcasecmp(document_string(task, "shortName", ""), text) != 0)
            continue;
        *ret_task = json_object_get(task);
        return 0;
    }
    return error_set(error, ERROR_NOT_FOUND, API_NO_TASK, text);
}

/* An array of strings as "a, b"; "" for a missing one. */
static void join(const struct json_object *texts, char *buffer, size_t size)
{
    size_t position, used = 0;
    struct json_object *text;

    *buffer = '\0';
    document_foreach_item(texts, position, text) {
        if (used < size)
            used += (size_t)snprintf(buffer + used, size - used, "%s%s", position > 0 ? ", " : "",
                                     document_is_string(text) ? document_text(text) : "?");
    }
}

static void show_details(const struct output *output, const struct json_object *task)
{
    struct cell cell = {.text = ""};
    int64_t timeout = document_integer(task, "timeout", 0);

    fill_parameters(output, task, NULL, &cell);
    output_field(output, "Parameters", COLOUR_NONE, "%s%s", cell.text,
                 !document_is_true(document_get(task, "takesParameters")) ? ""
                 : document_is_true(document_get(task, "external"))
                     ? ", defined by its programs"
                     : ", described in docs/writing-tasks.md");
    output_field(output, "Connects", COLOUR_NONE, "%s",
                 document_is_true(document_get(task, "cluster")) ? "to the cluster" : "");
    join(document_get(task, "steps"), cell.text, sizeof(cell.text));
    output_field(output, "Steps", COLOUR_NONE, "%s", cell.text);
    join(document_get(task, "patches"), cell.text, sizeof(cell.text));
    output_field(output, "Changes", COLOUR_NONE, "%s", cell.text);
    if (timeout > 0) {
        char text[CLOCK_TEXT_SIZE];
        output_field(output, "Timeout", COLOUR_NONE, "%s",
                     clock_format_duration(text, timeout * 1000));
    }
    output_field(output, "Origin", COLOUR_NONE, "%s%s%s", origin_of(task),
                 document_get(task, "file") ? ", " : "", document_string(task, "file", ""));
}

int ctl_task_show(struct ctl *ctl, struct error *error)
{
    const struct output *output = &ctl->output;
    cleanup_json struct json_object *task = NULL;
    if (find(ctl, ctl->options.operands[0], &task, error) < 0)
        return -1;
    if (output->form == OUTPUT_JSON) {
        output_json(task);
    } else if (output->form == OUTPUT_ID) {
        printf("%s\n", document_string(task, "id", ""));
    } else {
        output_field(output, "Name", COLOUR_NONE, "%s", document_string(task, "shortName", ""));
        output_field(output, "ID", COLOUR_NONE, "%s", document_string(task, "id", ""));
        output_field(output, "Title", COLOUR_NONE, "%s", document_string(task, "name", ""));
        output_field(output, "Summary", COLOUR_NONE, "%s", document_string(task, "summary", ""));
        show_details(output, task);
        next_say(output, "with a name that mimoctl cluster list shows",
                 "mimoctl manifest create --task %s --cluster CLUSTER --watch",
                 document_string(task, "shortName", ""));
    }
    return CTL_OK;
}
