/* SPDX-License-Identifier: Apache-2.0 */
/* test_task_list.c - the list of all tasks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "expect.h"
#include "mimo/config.h"
#include "mimo/task.h"
#include "mimo/uuid.h"

#define FLAGS    "b41749fc-af26-4ab7-b5a1-e03f3ee4cba6"
#define PRACTICE "00000000-0000-4000-8000-000000000001"

static struct task_list *load_list(bool practice)
{
    const struct config config = {.actuator_practice_tasks = practice};
    struct task_list *list;
    struct error error;
    expect_success(task_list_load(&config, &list, &error), &error);
    return list;
}

static size_t count(const struct task_list *list)
{
    size_t number = 0;
    while (task_list_at(list, number))
        number++;
    return number;
}

static void tasks_are_found_by_uuid_and_by_short_name(void **state)
{
    (void)state;
    cleanup_task_list struct task_list *list = load_list(false);
    const struct task *flags = task_list_find(list, FLAGS);
    assert_non_null(flags);
    assert_string_equal("Operator Flags Update", flags->name);
    assert_ptr_equal(flags, task_list_find(list, "B41749FC-AF26-4AB7-B5A1-E03F3EE4CBA6"));
    assert_ptr_equal(flags, task_list_find_by_name(list, "operator-flags-update"));
    assert_ptr_equal(flags, task_list_find_by_name(list, FLAGS));
    assert_non_null(task_list_find(list, "082978ce-3700-4972-835f-53d48658d291"));
    assert_non_null(task_list_find_by_name(list, "acr-token-checker"));
    assert_null(task_list_find(list, "operator-flags-update"));
    assert_null(task_list_find(list, ""));
    assert_null(task_list_find_by_name(list, ""));
}

static void the_practice_task_is_registered_only_on_demand(void **state)
{
    (void)state;
    cleanup_task_list struct task_list *list = load_list(false);
    cleanup_task_list struct task_list *with = load_list(true);
    assert_null(task_list_find(list, PRACTICE));
    assert_null(task_list_find_by_name(list, "practice"));
    assert_non_null(task_list_find(with, PRACTICE));
    assert_non_null(task_list_find_by_name(with, "practice"));
    assert_int_equal(count(list) + 1, count(with));
    task_list_set_practice(with, false);
    assert_null(task_list_find(with, PRACTICE));
    assert_int_equal(count(list), count(with));
    task_list_set_practice(list, true);
    assert_non_null(task_list_find(list, PRACTICE));
}

static void every_task_is_whole_and_unlike_the_others(void **state)
{
    (void)state;
    cleanup_task_list struct task_list *list = load_list(true);
    const struct task *task;
    for (size_t i = 0; (task = task_list_at(list, i)); i++) {
        assert_true(uuid_is_valid(task->id));
        assert_true(task->name[0] && task->short_name[0] && task->summary[0]);
        assert_int_equal(!(task->flags & TASK_STEPS_OF_ITS_OWN), task->plan == NULL);
        assert_int_equal(!(task->flags & TASK_STEPS_OF_ITS_OWN), task->step_count > 0);
        assert_ptr_equal(task, task_list_find(list, task->id));
        assert_ptr_equal(task, task_list_find_by_name(list, task->short_name));
        for (size_t step = 0; step < task->step_count; step++) {
            assert_non_null(task->steps[step].run);
            assert_true(task->steps[step].name[0]);
            assert_int_equal(task->steps[step].poll_milliseconds > 0,
                             task->steps[step].timeout_milliseconds > 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_are_found_by_uuid_and_by_short_name),
        cmocka_unit_test(the_practice_task_is_registered_only_on_demand),
        cmocka_unit_test(every_task_is_whole_and_unlike_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
