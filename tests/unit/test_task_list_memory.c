/* SPDX-License-Identifier: Apache-2.0 */
/* test_task_list_memory.c - whichever allocation fails, the list of tasks is refused as a whole. */
#include "external_fixture.h"
#include "mimo/task.h"
#include "out_of_memory.h"

static int load_list(void)
{
    const struct config config = {.tasks_directory = fixture.folder};
    struct task_list *list;
    struct error error = {0};

    if (task_list_load(&config, &list, &error) < 0) {
        assert_int_not_equal(error.kind, ERROR_NONE);
        return -1;
    }
    task_list_free(list);
    return 0;
}

static void wherever_memory_runs_out_no_task_is_left_out(void **state)
{
    (void)state;
    write_file(fixture.path, EXTERNAL_TASK
               "patches = properties.a properties.b\n[sandbox]\nread = /usr\nexecute = /bin/true\n"
               "[step one]\nprogram = /bin/true a\narguments = b\n" EXTERNAL_STEP);
    exhaust(load_list, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(wherever_memory_runs_out_no_task_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
