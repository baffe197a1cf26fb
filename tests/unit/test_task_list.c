/* SPDX-License-Identifier: Apache-2.0 */
/* test_task_list.c - the list of all tasks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "external_fixture.h"
#include "mimo/config.h"
#include "mimo/task.h"
#include "mimo/uuid.h"

#define FLAGS    "b41749fc-af26-4ab7-b5a1-e03f3ee4cba6"
#define PRACTICE "00000000-0000-4000-8000-000000000001"

static char no_directory[] = "";

#define SECOND_ID "8f1d5f0e-6a3b-4c58-9a6e-1f2a7f0a5b22"

static struct task_list *load_list(bool practice)
{
    struct config config = {.actuator_practice_tasks = practice, .tasks_directory = no_directory};
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

/* A file of the folder, with a task of these names. */
static void write_task(const char *file, const char *id, const char *short_name)
{
    char path[PRIVATE_PATH_SIZE + 32], text[512];
    snprintf(path, sizeof(path), "%s/%s", fixture.folder, file);
    snprintf(text, sizeof(text),
             "[task]\nid = %s\nname = N\nshort_name = %s\nsummary = s\n" EXTERNAL_STEP, id,
             short_name);
    write_file(path, text);
}

static struct task_list *load_folder(void)
{
    const struct config config = {.tasks_directory = fixture.folder};
    struct task_list *list;
    struct error error;
    expect_success(task_list_load(&config, &list, &error), &error);
    return list;
}

__attribute__((format(printf, 2, 3))) static void expect_refused(enum error_kind kind,
                                                                 const char *format, ...)
{
    const struct config config = {.tasks_directory = fixture.folder};
    struct task_list *list;
    struct error error;
    char expected[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(expected, sizeof(expected), format, arguments);
    va_end(arguments);
    expect_failure(task_list_load(&config, &list, &error), &error, kind, expected);
}

static void tasks_of_the_operators_own_stand_behind_those_built_in(void **state)
{
    (void)state;
    cleanup_task_list struct task_list *none = load_list(false);
    write_task("b.conf", EXTERNAL_ID, "first-named");
    write_task("a.conf", SECOND_ID, "second-named");
    write_task("c.conf.off", EXTERNAL_ID, "not-read");
    cleanup_task_list struct task_list *list = load_folder();
    assert_int_equal(count(list), count(none) + 2);
    const struct task *first = task_list_at(list, count(none));
    assert_string_equal(first->id, SECOND_ID); /* by the name of the file */
    assert_ptr_equal(task_list_find(list, SECOND_ID), first);
    assert_ptr_equal(task_list_find_by_name(list, "second-named"), first);
    assert_non_null(task_list_find_by_name(list, EXTERNAL_ID)->external);
    assert_null(task_list_find_by_name(list, "not-read"));
}

static void two_tasks_with_one_name_are_an_error_that_names_both(void **state)
{
    (void)state;
    write_task("a.conf", EXTERNAL_ID, "one");
    write_task("b.conf", EXTERNAL_ID, "other");
    expect_refused(ERROR_INVALID,
                   "%s/b.conf: id " EXTERNAL_ID
                   " is already used by %s/a.conf: each task needs its own",
                   fixture.folder, fixture.folder);
    write_task("b.conf", SECOND_ID, "one");
    expect_refused(
        ERROR_INVALID,
        "%s/b.conf: short_name one is already used by %s/a.conf: each task needs its own",
        fixture.folder, fixture.folder);
}

static void names_of_built_in_tasks_are_taken_whether_registered_or_not(void **state)
{
    (void)state;
    write_task("a.conf", FLAGS, "one");
    expect_refused(ERROR_INVALID,
                   "%s/a.conf: id " FLAGS
                   " is already used by the built-in task operator-flags-update",
                   fixture.folder);
    write_task("a.conf", EXTERNAL_ID, "acr-token-checker");
    expect_refused(ERROR_INVALID,
                   "%s/a.conf: short_name acr-token-checker is already used by the built-in task "
                   "acr-token-checker",
                   fixture.folder);
    write_task("a.conf", PRACTICE, "one");
    expect_refused(ERROR_INVALID,
                   "%s/a.conf: id " PRACTICE " is already used by the built-in task practice",
                   fixture.folder);
}

static void one_wrong_file_is_an_error(void **state)
{
    (void)state;
    write_task("a.conf", EXTERNAL_ID, "one");
    write_task("b.conf", "7", "other");
    expect_refused(ERROR_INVALID, "%s/b.conf:2: [task] id: \"7\" is not a UUID", fixture.folder);
}

static void there_is_an_end_to_how_many_there_may_be(void **state)
{
    (void)state;
    for (int i = 0; i <= 256; i++) {
        char file[32], id[64], name[32];
        snprintf(file, sizeof(file), "%03d.conf", i);
        snprintf(id, sizeof(id), "3f0c2b1e-58a4-4d2b-9a57-%012d", i);
        snprintf(name, sizeof(name), "task-%d", i);
        write_task(file, id, name);
    }
    expect_refused(ERROR_TOO_LARGE, "%s/256.conf: there are more than 256 tasks in this folder",
                   fixture.folder);
}

static void no_folder_is_no_tasks_but_a_file_in_its_place_is_an_error(void **state)
{
    (void)state;
    char path[PRIVATE_PATH_SIZE + 32];
    struct task_list *list;
    struct error error;
    snprintf(path, sizeof(path), "%s/missing", fixture.folder);
    const struct config config = {.tasks_directory = path};
    expect_success(task_list_load(&config, &list, &error), &error);
    task_list_free(list);
    write_file(path, "");
    expect_failure(task_list_load(&config, &list, &error), &error, ERROR_SYSTEM,
                   "tasks.directory: cannot read ");
}

static void a_list_knows_when_files_have_changed_since(void **state)
{
    (void)state;
    write_task("a.conf", EXTERNAL_ID, "one");
    {
        cleanup_task_list struct task_list *list = load_folder();
        assert_false(task_list_is_stale(list));
        write_task("a.conf", EXTERNAL_ID, "longer");
        assert_true(task_list_is_stale(list));
    }
    {
        cleanup_task_list struct task_list *list = load_folder();
        write_task("b.conf", SECOND_ID, "two");
        assert_true(task_list_is_stale(list));
        assert_int_equal(unlink(fixture.path), 0);
        assert_true(task_list_is_stale(list));
    }
    cleanup_task_list struct task_list *none = load_list(false);
    assert_false(task_list_is_stale(none));
}

static void the_check_lists_what_it_found(void **state)
{
    (void)state;
    const struct config config = {.tasks_directory = fixture.folder};
    char expected[256], *text = NULL;
    size_t size;
    struct error error;
    write_task("a.conf", EXTERNAL_ID, "one");
    FILE *stream = open_memstream(&text, &size);
    expect_success(task_list_check(&config, stream, &error), &error);
    fclose(stream);
    snprintf(expected, sizeof(expected), "task one (" EXTERNAL_ID "), 1 step: %s/a.conf\n",
             fixture.folder);
    assert_string_equal(text, expected);
    free(text);
    write_task("a.conf", "", "one");
    expect_failure(task_list_check(&config, stdout, &error), &error, ERROR_INVALID,
                   "a.conf:2: [task] id: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_are_found_by_uuid_and_by_short_name),
        cmocka_unit_test(the_practice_task_is_registered_only_on_demand),
        cmocka_unit_test(every_task_is_whole_and_unlike_the_others),
        WITH_FOLDER(tasks_of_the_operators_own_stand_behind_those_built_in),
        WITH_FOLDER(two_tasks_with_one_name_are_an_error_that_names_both),
        WITH_FOLDER(names_of_built_in_tasks_are_taken_whether_registered_or_not),
        WITH_FOLDER(one_wrong_file_is_an_error),
        WITH_FOLDER(there_is_an_end_to_how_many_there_may_be),
        WITH_FOLDER(no_folder_is_no_tasks_but_a_file_in_its_place_is_an_error),
        WITH_FOLDER(a_list_knows_when_files_have_changed_since),
        WITH_FOLDER(the_check_lists_what_it_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
