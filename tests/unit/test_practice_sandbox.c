/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_practice_sandbox.c - what becomes of the practice task's trouble in a worker's real sandbox.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/exit_codes.h"
#include "mimo/io.h"
#include "patience.h"
#include "sandbox_fixture.h"
#include "task_double.h"
#include "tasks/tasks.h"

enum { DEADLINE = 30 * 1000, SIGTERM_BIT = 1 << (SIGTERM - 1) };

/* Runs a task of one step in the sandbox; its message goes over the report pipe. */
static long run_step(const char *step)
{
    static struct task_double context;
    char job[256];
    snprintf(job, sizeof(job),
             "{'settings': {'storePath': '/nonexistent'}, 'parameters': {'steps': [%s]}}", step);
    task_double_initialize(&context, &practice_task, job);
    struct step_result result = task_run(&context.context);
    if (write(WORKER_REPORT_FD, result.message, strlen(result.message)) < 0)
        _exit(1);
    task_double_free(&context);
    return result.outcome;
}

static long forbidden(const struct sandbox_inside *inside)
{
    (void)inside;
    return run_step("{'then': 'forbidden'}");
}

static long open_files(const struct sandbox_inside *inside)
{
    (void)inside;
    return run_step("{'then': 'open'}");
}

static long connect_elsewhere(const struct sandbox_inside *inside)
{
    char step[64];
    snprintf(step, sizeof(step), "{'then': 'connect', 'port': %d}", inside->other_port);
    return run_step(step);
}

static long crash(const struct sandbox_inside *inside)
{
    (void)inside;
    return run_step("{'then': 'crash'}");
}

static long allocate(const struct sandbox_inside *inside)
{
    (void)inside;
    return run_step("{'then': 'oom'}");
}

static void sleep_for_real(struct task_context *context, int64_t milliseconds)
{
    struct timespec time = {.tv_sec = milliseconds / 1000};
    (void)context;
    clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

static long hang(const struct sandbox_inside *inside)
{
    static struct task_double context;
    (void)inside;
    task_double_initialize(&context, &practice_task,
                           "{'parameters': {'steps': [{'then': 'hang'}]}}");
    context.context.sleep_milliseconds = sleep_for_real;
    return (long)task_run(&context.context).outcome;
}

static void forbidden_calls_end_the_worker_and_are_named(void **state)
{
    (void)state;
    struct sandbox_outcome outcome;
    sandbox_run(&(struct sandbox_run){.body = forbidden}, &outcome);
    assert_true(WIFSIGNALED(outcome.wait_status));
    assert_int_equal(SIGSYS, WTERMSIG(outcome.wait_status));
    assert_non_null(strstr(outcome.reported, "\"uname\""));
    sandbox_run(&(struct sandbox_run){.body = open_files}, &outcome);
    assert_true(WIFSIGNALED(outcome.wait_status));
    assert_int_equal(SIGSYS, WTERMSIG(outcome.wait_status));
    assert_non_null(strstr(outcome.reported, "\"openat\""));
}

static void other_ports_are_denied_and_that_is_terminal(void **state)
{
    (void)state;
    struct sandbox_outcome outcome;
    if (confinement_landlock_abi(CONFINEMENT_ABI_MAXIMUM) < 4)
        skip();
    sandbox_run(&(struct sandbox_run){.body = connect_elsewhere}, &outcome);
    assert_true(outcome.returned);
    assert_int_equal(OUTCOME_TERMINAL, outcome.value);
    assert_int_equal(0, strncmp("forbidden: 127.0.0.1 port ", outcome.reported,
                                strlen("forbidden: 127.0.0.1 port ")));
    assert_non_null(strstr(outcome.reported, "Permission denied"));
}

static void a_crash_is_a_segmentation_fault(void **state)
{
    (void)state;
    struct sandbox_outcome outcome;
    sandbox_run(&(struct sandbox_run){.body = crash}, &outcome);
    assert_true(WIFSIGNALED(outcome.wait_status));
    assert_int_equal(SIGSEGV, WTERMSIG(outcome.wait_status));
}

static void memory_ends_at_the_limit(void **state)
{
    (void)state;
#ifdef WITH_SANITIZERS
    skip(); /* sanitizers need address space without a bound */
#endif
    struct sandbox_outcome outcome;
    sandbox_run(&(struct sandbox_run){.body = allocate}, &outcome);
    assert_true(WIFEXITED(outcome.wait_status));
    assert_int_equal(EXIT_WORKER_MEMORY, WEXITSTATUS(outcome.wait_status));
}

/* The mask of ignored signals as proc(5) shows it. */
static unsigned long ignored_signals(pid_t pid)
{
    char path[64];
    char line[256];
    unsigned long mask = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    cleanup_file FILE *status = fopen(path, "re");
    while (status && fgets(line, sizeof(line), status))
        if (strncmp(line, "SigIgn:", strlen("SigIgn:")) == 0)
            mask = strtoul(line + strlen("SigIgn:"), NULL, 16);
    return mask;
}

/* Once SIGTERM is ignored it is sent; of two pending signals the lower number would end the worker.
 */
static void send_sigterm(pid_t worker)
{
    struct monotonic start = clock_monotonic();
    while (!(ignored_signals(worker) & SIGTERM_BIT)) {
        struct timespec pause = {.tv_nsec = 1000 * 1000};
        assert_true(clock_elapsed(start) < patient_milliseconds(DEADLINE));
        nanosleep(&pause, NULL);
    }
    assert_int_equal(0, kill(worker, SIGTERM));
    assert_int_equal(0, kill(worker, SIGVTALRM));
}

static void hanging_ignores_sigterm(void **state)
{
    (void)state;
    struct sandbox_outcome outcome;
    sandbox_run(&(struct sandbox_run){.body = hang, .inspect = send_sigterm}, &outcome);
    assert_true(WIFSIGNALED(outcome.wait_status));
    assert_int_equal(SIGVTALRM, WTERMSIG(outcome.wait_status));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forbidden_calls_end_the_worker_and_are_named),
        cmocka_unit_test(other_ports_are_denied_and_that_is_terminal),
        cmocka_unit_test(a_crash_is_a_segmentation_fault),
        cmocka_unit_test(memory_ends_at_the_limit),
        cmocka_unit_test(hanging_ignores_sigterm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
