/* SPDX-License-Identifier: Apache-2.0 */
/* test_supervisor_limits.c - what a worker may use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mimo/external_task.h"
#include "supervisor/worker_limits.h"

#define TASK_ID "3f0c2b1e-58a4-4d2b-9a57-0d6f1f2f7c11"

static const struct config config = {
    .actuator_task_timeout = 60000,
    .sandbox_memory = 256 * MIB,
    .sandbox_attempt_memory = 512 * MIB,
    .sandbox_open_files = 64,
    .sandbox_file_size = 5,
};
static const struct task built_in = {.id = TASK_ID};

static struct external_task external(void)
{
    return (struct external_task){.task = {.id = TASK_ID}, .limits = {.processes = 32}};
}

static void a_built_in_task_has_those_of_the_configuration(void **state)
{
    (void)state;
    struct launcher_launch launch = {0};
    limits_fill(&config, &built_in, 7, &launch);
    assert_int_equal(launch.memory, 256 * MIB);
    assert_int_equal(launch.attempt_memory, 512 * MIB);
    assert_int_equal(launch.open_files, 64);
    assert_int_equal(launch.file_size, 5);
    assert_int_equal(launch.cpu_seconds, 7);
    assert_string_equal(launch.external_task, "");
    assert_int_equal(launch.processes, 0);
    assert_int_equal(limits_timeout(&config, &built_in), 60000);
}

static void a_task_of_the_operators_own_names_itself_and_its_limits(void **state)
{
    (void)state;
    struct launcher_launch launch = {0};
    struct external_task own = external();
    own.limits = (struct external_limits){.memory = GIB,
                                          .open_files = 100,
                                          .cpu_milliseconds = 1500,
                                          .file_size = 10,
                                          .processes = 3};
    own.timeout_milliseconds = 90000;
    own.task.external = &own;
    limits_fill(&config, &own.task, 90, &launch);
    assert_int_equal(launch.memory, GIB);
    assert_int_equal(launch.attempt_memory, GIB); /* one process may have it all */
    assert_int_equal(launch.open_files, 100);
    assert_int_equal(launch.file_size, 10);
    assert_int_equal(launch.cpu_seconds, 2);
    assert_string_equal(launch.external_task, TASK_ID);
    assert_int_equal(launch.processes, 3);
    assert_int_equal(limits_timeout(&config, &own.task), 90000);
}

static void what_it_does_not_name_is_the_configurations(void **state)
{
    (void)state;
    struct launcher_launch launch = {0};
    struct config bounded = config;
    struct external_task own = external();
    own.task.external = &own;
    bounded.sandbox_cpu = 3000;
    limits_fill(&bounded, &own.task, 90, &launch);
    assert_int_equal(launch.memory, 256 * MIB);
    assert_int_equal(launch.open_files, 64);
    assert_int_equal(launch.file_size, 5);
    assert_int_equal(launch.cpu_seconds, 3);
    assert_int_equal(launch.processes, 32);
    assert_int_equal(limits_timeout(&bounded, &own.task), 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_built_in_task_has_those_of_the_configuration),
        cmocka_unit_test(a_task_of_the_operators_own_names_itself_and_its_limits),
        cmocka_unit_test(what_it_does_not_name_is_the_configurations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
