/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_task.c - the order of steps, conditions and their time, what is reported; and the registry.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "task_double.h"

/* What the steps below do when they are asked for the n-th time. */
struct script {
    int asked;
    int holds_at; /* the condition holds at this look */
    char trace[128];
};

static struct script script;

static void trace(const char *what)
{
    strcat(script.trace, what);
}

static struct step_result first_action(struct task_context *context)
{
    (void)context;
    trace("1");
    return step_succeeded();
}

static struct step_result second_action(struct task_context *context)
{
    trace("2");
    snprintf(context->result_message, sizeof(context->result_message), "all done");
    return step_succeeded();
}

static struct step_result transient_action(struct task_context *context)
{
    (void)context;
    trace("t");
    return step_transient("503 %s", "busy");
}

static struct step_result terminal_action(struct task_context *context)
{
    (void)context;
    trace("T");
    return step_terminal("404 gone");
}

static struct step_result condition(struct task_context *context)
{
    (void)context;
    if (++script.asked >= script.holds_at)
        return step_succeeded();
    return step_wait("%d nodes are ready", script.asked / 2);
}

static struct step_result failing_condition(struct task_context *context)
{
    (void)context;
    return ++script.asked < 3 ? step_wait("not yet") : step_terminal("404 gone while waiting");
}

static struct step_result run_steps(struct task_double *context, const struct task_step *steps,
                                    size_t count)
{
    struct task task = {.name = "Test", .steps = steps, .step_count = count};
    int holds_at = script.holds_at;
    script = (struct script){.holds_at = holds_at};
    task_double_initialize(context, &task, NULL);
    struct step_result result = task_run(&context->context);
    context->context.task = NULL;
    return result;
}

static void steps_run_in_their_order_and_the_result_has_the_message(void **state)
{
    (void)state;
    static const struct task_step steps[] = {{.name = "one", .run = first_action},
                                             {.name = "two", .run = second_action}};
    struct task_double context;
    struct step_result result = run_steps(&context, steps, 2);
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
    assert_string_equal("all done", result.message);
    assert_string_equal("12", script.trace);
    assert_string_equal("step 1/2 one\nstep 2/2 two\n", context.reports);
    assert_int_equal(0, context.sleeps);
    task_double_free(&context);
}

static void a_failing_step_ends_the_task_with_its_own_words(void **state)
{
    (void)state;
    static const struct task_step steps[] = {{.name = "one", .run = first_action},
                                             {.name = "two", .run = transient_action},
                                             {.name = "three", .run = second_action}};
    static const struct task_step terminal_steps[] = {{.name = "one", .run = terminal_action},
                                                      {.name = "two", .run = second_action}};
    struct task_double context;
    struct step_result result = run_steps(&context, steps, 3);
    assert_int_equal(OUTCOME_TRANSIENT, result.outcome);
    assert_string_equal("503 busy", result.message);
    assert_string_equal("1t", script.trace);
    task_double_free(&context);
    result = run_steps(&context, terminal_steps, 2);
    assert_int_equal(OUTCOME_TERMINAL, result.outcome);
    assert_string_equal("404 gone", result.message);
    assert_string_equal("T", script.trace);
    task_double_free(&context);
}

static const struct task_step waiting_steps[] = {
    {.name = "nodes ready",
     .run = condition,
     .poll_milliseconds = 10000,
     .timeout_milliseconds = 45000},
    {.name = "two", .run = second_action},
};

static void a_condition_is_asked_every_poll_until_it_holds(void **state)
{
    (void)state;
    struct task_double context;
    script.holds_at = 4;
    struct step_result result = run_steps(&context, waiting_steps, 2);
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
    assert_int_equal(4, script.asked);
    assert_int_equal(1000000 + 30000, context.now);
    /* the same words are reported once */
    assert_string_equal("step 1/2 nodes ready\nstatus 0 nodes are ready\nstatus 1 nodes are ready\n"
                        "step 2/2 two\n",
                        context.reports);
    task_double_free(&context);
}

static void a_condition_that_never_holds_is_a_timeout_after_a_last_look(void **state)
{
    (void)state;
    struct task_double context;
    script.holds_at = 1000;
    struct step_result result = run_steps(&context, waiting_steps, 2);
    assert_int_equal(OUTCOME_TRANSIENT, result.outcome);
    assert_false(result.again);
    assert_string_equal("timeout waiting for nodes ready: 3 nodes are ready", result.message);
    assert_int_equal(6, script.asked);
    assert_int_equal(1000000 + 45000, context.now);
    task_double_free(&context);
}

static void a_condition_that_holds_at_the_last_look_is_in_time(void **state)
{
    (void)state;
    struct task_double context;
    script.holds_at = 6;
    struct step_result result = run_steps(&context, waiting_steps, 2);
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
    task_double_free(&context);
}

static void a_condition_that_fails_ends_the_waiting(void **state)
{
    (void)state;
    static const struct task_step steps[] = {{.name = "nodes ready",
                                              .run = failing_condition,
                                              .poll_milliseconds = 10,
                                              .timeout_milliseconds = 1000}};
    struct task_double context;
    struct step_result result = run_steps(&context, steps, 1);
    assert_int_equal(OUTCOME_TERMINAL, result.outcome);
    assert_string_equal("404 gone while waiting", result.message);
    task_double_free(&context);
}

/* ---- tasks that plan their own steps ---- */

static struct step_result look_at_state(struct task_context *context)
{
    const char *words = context->state;
    snprintf(context->result_message, sizeof(context->result_message), "%s %zu", words,
             context->step);
    return step_succeeded();
}

static int plan(struct task_context *context, struct task_step **ret_steps, size_t *ret_count,
                struct error *error)
{
    if (context->job->attempt == 9)
        return error_set(error, ERROR_INVALID, "no plan for %d", context->job->attempt);
    context->state = strdup("planned"); /* the run frees both */
    *ret_steps = calloc(2, sizeof(**ret_steps));
    assert_non_null(*ret_steps);
    (*ret_steps)[0] = (struct task_step){.name = "a", .run = look_at_state};
    (*ret_steps)[1] = (struct task_step){.name = "b", .run = look_at_state};
    *ret_count = 2;
    return 0;
}

static void a_task_may_plan_its_steps(void **state)
{
    (void)state;
    struct task task = {.flags = TASK_STEPS_OF_ITS_OWN, .plan = plan};
    struct task_double context;
    task_double_initialize(&context, &task, NULL);
    struct step_result result = task_run(&context.context);
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
    assert_string_equal("planned 1", result.message);
    assert_string_equal("step 1/2 a\nstep 2/2 b\n", context.reports);
    assert_null(context.context.state);
    task_double_free(&context);
}

static void a_plan_that_fails_is_terminal(void **state)
{
    (void)state;
    struct task task = {.flags = TASK_STEPS_OF_ITS_OWN, .plan = plan};
    struct task_double context;
    task_double_initialize(&context, &task, "{'attempt': 9}");
    struct step_result result = task_run(&context.context);
    assert_int_equal(OUTCOME_TERMINAL, result.outcome);
    assert_string_equal("no plan for 9", result.message);
    assert_string_equal("", context.reports);
    task_double_free(&context);
}

static void texts_of_reports_are_whole_characters(void **state)
{
    (void)state;
    struct task task = {0};
    struct task_double context;
    char text[STATUS_TEXT_SIZE + 100];
    memset(text, 'a', sizeof(text));
    memcpy(text + STATUS_TEXT_SIZE - 2, "\xe2\x82\xac", 3);
    text[sizeof(text) - 1] = '\0';
    task_double_initialize(&context, &task, NULL);
    task_report_status(&context.context, "%s", text);
    assert_int_equal(strlen("status \n") + STATUS_TEXT_SIZE - 2, context.reports_length);
    task_report_log(&context.context, 4, "line\nbreak");
    assert_non_null(strstr(context.reports, "log 4 line?break\n"));
    task_double_free(&context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_run_in_their_order_and_the_result_has_the_message),
        cmocka_unit_test(a_failing_step_ends_the_task_with_its_own_words),
        cmocka_unit_test(a_condition_is_asked_every_poll_until_it_holds),
        cmocka_unit_test(a_condition_that_never_holds_is_a_timeout_after_a_last_look),
        cmocka_unit_test(a_condition_that_holds_at_the_last_look_is_in_time),
        cmocka_unit_test(a_condition_that_fails_ends_the_waiting),
        cmocka_unit_test(a_task_may_plan_its_steps),
        cmocka_unit_test(a_plan_that_fails_is_terminal),
        cmocka_unit_test(texts_of_reports_are_whole_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
