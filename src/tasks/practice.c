/* SPDX-License-Identifier: Apache-2.0 */
/*
 * practice.c - the practice task: runs the steps given in its parameters, for tests, benchmarks and
 * learning.
 *
 *   "parameters": {"steps": [
 *       {"name": "warm up", "sleepMs": 500, "status": "stretching"},
 *       {"name": "run", "then": "transient", "message": "503 out of breath", "untilAttempt": 3}]}
 *
 * Each step reports `status`, sleeps, and then does what `then` says (practice_trouble.c has the
 * words). With `untilAttempt` it does so only in attempts before that one: with 3, two attempts
 * fail and the third succeeds. Without parameters it succeeds at once.
 */
#include "tasks/practice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "tasks/tasks.h"

enum {
    STEPS_MAXIMUM = 100,
    SLEEP_MAXIMUM = 24 * 60 * 60 * 1000, /* milliseconds */
    ATTEMPT_MAXIMUM = 1000,
    DISCARD_PORT = 9, /* for `connect`: where nobody listens, and no API server */
};

#define SQLITE_SCHEME "sqlite:"

static int refuse_member(const char *name, const char *const *known, struct error *error)
{
    char list[512];
    size_t used = 0;
    for (size_t i = 0; known[i] && used < sizeof(list); i++)
        used +=
            (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i > 0 ? ", " : "", known[i]);
    return error_set(error, ERROR_INVALID, "unknown member \"%.64s\"; known are %s", name, list);
}

static int refuse_unknown_members(const struct json_object *object, const char *const *known,
                                  struct error *error)
{
    const char *name;
    struct json_object *value;
    document_foreach_member(object, name, value) {
        size_t i = 0;
        while (known[i] && strcmp(known[i], name) != 0)
            i++;
        if (!known[i])
            return refuse_member(name, known, error);
    }
    return 0;
}

static int read_number(const struct json_object *object, const char *name, int64_t otherwise,
                       int64_t smallest, int64_t largest, int64_t *ret_number, struct error *error)
{
    if (document_read_integer(object, name, otherwise, ret_number, error) < 0)
        return -1;
    bool is_given = document_get(object, name) != NULL;
    if (is_given && (*ret_number < smallest || *ret_number > largest))
        return error_set(error, ERROR_INVALID, "member \"%s\" must be from %lld to %lld", name,
                         (long long)smallest, (long long)largest);
    return 0;
}

static int read_then(const struct json_object *entry, struct practice_step *step,
                     struct error *error)
{
    const char *word;
    if (document_read_string(entry, "then", "ok", &word, error) < 0)
        return -1;
    step->then = practice_find_trouble(word);
    if (step->then)
        return 0;
    char words[256];
    practice_list_troubles(words, sizeof(words));
    return error_set(error, ERROR_INVALID, "member \"then\" must be one of %s", words);
}

/* Refuses members that have no effect with this `then`: they are mistakes. */
static int refuse_idle_members(const struct json_object *entry, const struct practice_step *step,
                               struct error *error)
{
    if (step->until_attempt && strcmp(step->then->word, "ok") == 0)
        return error_set(error, ERROR_INVALID,
                         "member \"untilAttempt\" needs a \"then\" other than \"ok\"");
    if (document_get(entry, "port") && strcmp(step->then->word, "connect") != 0)
        return error_set(error, ERROR_INVALID, "member \"port\" needs \"then\" to be \"connect\"");
    return 0;
}

static int read_step(const struct json_object *entry, struct practice_step *step,
                     struct error *error)
{
    static const char *const known[] = {"name",    "sleepMs",      "status", "then",
                                        "message", "untilAttempt", "port",   NULL};
    *step = (struct practice_step){0};
    if (!document_is_object(entry))
        return error_set(error, ERROR_INVALID, "not an object");
    if (refuse_unknown_members(entry, known, error) < 0 ||
        document_read_string(entry, "status", NULL, &step->status, error) < 0 ||
        document_read_string(entry, "message", NULL, &step->message, error) < 0 ||
        read_then(entry, step, error) < 0 ||
        document_read_string(entry, "name", step->then->word, &step->name, error) < 0 ||
        read_number(entry, "sleepMs", 0, 0, SLEEP_MAXIMUM, &step->sleep_milliseconds, error) < 0 ||
        read_number(entry, "untilAttempt", 0, 1, ATTEMPT_MAXIMUM, &step->until_attempt, error) <
            0 ||
        read_number(entry, "port", DISCARD_PORT, 1, 65535, &step->port, error) < 0)
        return -1;
    return refuse_idle_members(entry, step, error);
}

/* Finds parameters.steps, NULL when there are none. */
static int find_steps(const struct json_object *parameters, const struct json_object **ret_list,
                      struct error *error)
{
    static const char *const known[] = {"steps", NULL};
    const struct json_object *list = document_get(parameters, "steps");
    if (parameters && refuse_unknown_members(parameters, known, error) < 0)
        return -1;
    if (list && !document_is_array(list))
        return error_set(error, ERROR_INVALID, "parameters.steps must be an array");
    if (document_length(list) > STEPS_MAXIMUM)
        return error_set(error, ERROR_INVALID, "parameters.steps has %zu entries; at most %d",
                         document_length(list), STEPS_MAXIMUM);
    *ret_list = list;
    return 0;
}

static int read_entry(const struct json_object *list, size_t index, struct practice_step *step,
                      struct error *error)
{
    if (read_step(document_item(list, index), step, error) < 0)
        return error_prefix(error, "parameters.steps[%zu]", index);
    return 0;
}

static int check_parameters(struct json_object *parameters, struct error *error)
{
    const struct json_object *list;
    if (find_steps(parameters, &list, error) < 0)
        return -1;
    for (size_t i = 0; i < document_length(list); i++) {
        struct practice_step step;
        if (read_entry(list, i, &step, error) < 0)
            return -1;
    }
    return 0;
}

static struct step_result run_practice_step(struct task_context *context)
{
    const struct practice_step *all = context->state;
    const struct practice_step *step = &all[context->step];
    if (step->status)
        task_report_status(context, "%s", step->status);
    if (step->sleep_milliseconds > 0)
        context->sleep_milliseconds(context, step->sleep_milliseconds);
    if (step->until_attempt && context->job->attempt >= step->until_attempt)
        return step_succeeded();
    return step->then->make(context, step);
}

/* The steps as task_run() wants them; what each is to do goes into the context's state. */
static int plan(struct task_context *context, struct task_step **ret_steps, size_t *ret_count,
                struct error *error)
{
    const struct json_object *list;
    if (find_steps(context->job->parameters, &list, error) < 0)
        return -1;
    size_t count = document_length(list);
    cleanup_free struct practice_step *own = calloc(count + 1, sizeof(*own));
    cleanup_free struct task_step *steps = calloc(count + 1, sizeof(*steps));
    if (!own || !steps)
        return error_set_memory(error);
    for (size_t i = 0; i < count; i++) {
        if (read_entry(list, i, &own[i], error) < 0)
            return -1;
        steps[i] = (struct task_step){.name = own[i].name, .run = run_practice_step};
    }
    context->state = take_pointer(&own);
    *ret_steps = take_pointer(&steps);
    *ret_count = count;
    return 0;
}

/* `open` tries the store's file: the worker would not know where that is. */
static struct json_object *settings(const struct config *config)
{
    const char *uri = config->store_uri;
    if (strncmp(uri, SQLITE_SCHEME, strlen(SQLITE_SCHEME)) != 0)
        return json_object_new_object();
    return document_pack("{s:s}", "storePath", uri + strlen(SQLITE_SCHEME));
}

const struct task practice_task = {
    .id = "00000000-0000-4000-8000-000000000001",
    .name = "Practice",
    .short_name = "practice",
    .summary = "runs the steps given in its parameters, including failures; for tests and learning",
    .flags = TASK_PRACTICE | TASK_STEPS_OF_ITS_OWN,
    .plan = plan,
    .check_parameters = check_parameters,
    .settings = settings,
};
