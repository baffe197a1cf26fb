/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_external_task.c - the file of a task of the operator's own. */
#include "fuzz.h"

#include <unistd.h>

#include "mimo/external_task.h"
#include "mimo/uuid.h"

static char path[] = "/dev/shm/mimo-fuzz-XXXXXX"; /* a real file: whose it is is looked at too */
static int file;

static void remove_file(void)
{
    unlink(path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    file = mkstemp(path);
    PROMISE(file >= 0 && atexit(remove_file) == 0);
    return 0;
}

static void promise_list(char *const *words, size_t maximum, const char *beginning)
{
    size_t count = 0;
    PROMISE(words);
    for (; words[count]; count++)
        PROMISE(strncmp(words[count], beginning, strlen(beginning)) == 0);
    PROMISE(count <= maximum);
}

static void promise_step(const struct external_task *task, const struct external_step *step)
{
    PROMISE(step->name[0] && strlen(step->name) <= 44 && text_is_clean(step->name));
    PROMISE(step->arguments && step->arguments[0] && step->arguments[0][0] == '/');
    promise_list(step->arguments, EXTERNAL_ARGUMENTS_MAXIMUM, "");
    PROMISE(step->timeout_milliseconds >= 0 && step->poll_milliseconds >= 0);
    PROMISE(task->timeout_milliseconds == 0 ||
            step->timeout_milliseconds <= task->timeout_milliseconds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct external_task *task;
    struct error error;
    PROMISE(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);
    if (external_task_read(path, &task, &error) < 0) {
        promise_error(&error);
        return 0;
    }
    PROMISE(uuid_is_valid(task->task.id) && !uuid_is_valid(task->task.short_name));
    PROMISE(task->task.name[0] && task->task.summary[0] && task->task.external == task);
    PROMISE(task->limits.processes >= 1 && task->limits.processes <= 4096);
    promise_list(task->read, EXTERNAL_PATHS_MAXIMUM, "/");
    promise_list(task->execute, EXTERNAL_PATHS_MAXIMUM, "/");
    for (const char *const *patch = task->task.patches; patch && *patch; patch++)
        PROMISE(strncmp(*patch, "properties.", 11) == 0);
    PROMISE(task->step_count >= 1 && task->step_count <= EXTERNAL_STEPS_MAXIMUM);
    for (size_t i = 0; i < task->step_count; i++)
        promise_step(task, &task->steps[i]);
    external_task_free(task);
    return 0;
}
