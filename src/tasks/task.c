/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task.c - runs the steps of a task in their order.
 */
#include "mimo/task.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/clock.h"

static void report_text(struct task_context *context, enum report_type type, int level,
                        const char *format, va_list arguments)
{
    char text[STATUS_TEXT_SIZE + 4]; /* room for a character that is cut in two */
    char clean[STATUS_TEXT_SIZE];
    vsnprintf(text, sizeof(text), format, arguments);
    status_text_copy(clean, sizeof(clean), text);
    struct report report = {.type = type, .level = level, .text = clean};
    context->report(context, &report);
}

void task_report_status(struct task_context *context, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report_text(context, REPORT_STATUS, 0, format, arguments);
    va_end(arguments);
}

void task_report_log(struct task_context *context, int level, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report_text(context, REPORT_LOG, level, format, arguments);
    va_end(arguments);
}

static void report_step(struct task_context *context, const struct task_step *step, size_t count)
{
    struct report report = {
        .type = REPORT_STEP,
        .step = (int)context->step + 1,
        .steps = (int)count,
        .text = step->name,
    };
    context->report(context, &report);
}

/* Waits until the next poll, or until the end of the step's time, when the condition is polled once
 * more. */
static void pause_between_looks(struct task_context *context, const struct task_step *step,
                                int64_t deadline)
{
    int64_t left = deadline - context->now_milliseconds(context);
    context->sleep_milliseconds(context,
                                left < step->poll_milliseconds ? left : step->poll_milliseconds);
}

/* Polls until the condition holds, fails permanently, or its timeout expires. Reports the reason
 * for waiting only when it changes, because each report changes the manifest's document. */
static struct step_result run_condition(struct task_context *context, const struct task_step *step)
{
    int64_t deadline = context->now_milliseconds(context) + step->timeout_milliseconds;
    struct step_result before = step_succeeded();
    for (;;) {
        struct step_result result = step->run(context);
        if (!result.again)
            return result;
        if (context->now_milliseconds(context) >= deadline)
            return step_transient("timeout waiting for %s: %s", step->name, result.message);
        if (strcmp(before.message, result.message) != 0)
            task_report_status(context, "%s", result.message);
        before = result;
        pause_between_looks(context, step, deadline);
    }
}

static struct step_result run_step(struct task_context *context, const struct task_step *step)
{
    if (step->poll_milliseconds > 0)
        return run_condition(context, step);
    struct step_result result = step->run(context);
    assert(!result.again); /* only conditions may wait */
    return result;
}

static struct step_result run_steps(struct task_context *context, const struct task_step *steps,
                                    size_t count)
{
    for (context->step = 0; context->step < count; context->step++) {
        const struct task_step *step = &steps[context->step];
        report_step(context, step, count);
        struct step_result result = run_step(context, step);
        if (result.outcome != OUTCOME_SUCCEEDED)
            return result;
    }
    struct step_result result = step_succeeded();
    memcpy(result.message, context->result_message, sizeof(result.message));
    return result;
}

static struct step_result plan_and_run(struct task_context *context)
{
    struct task_step *steps = NULL;
    size_t count = 0;
    struct error error = {0};
    if (context->task->plan(context, &steps, &count, &error) < 0)
        return step_failed(error.kind, "%s", error.message);
    struct step_result result = run_steps(context, steps, count);
    free(steps);
    return result;
}

struct step_result task_run(struct task_context *context)
{
    const struct task *task = context->task;
    struct step_result result = task->flags & TASK_STEPS_OF_ITS_OWN
                                    ? plan_and_run(context)
                                    : run_steps(context, task->steps, task->step_count);
    free(context->state);
    context->state = NULL;
    return result;
}
