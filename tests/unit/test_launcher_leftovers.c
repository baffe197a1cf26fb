/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_launcher_leftovers.c - nothing of the programs of an attempt outlives it, and what they used
 * is counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/worker_guard.h"
#include "program_fixture.h"

static const struct programs_options usual = {0};

/* No process of the worker's group, and none of the user of workers where they have one. */
static void expect_nothing_left(const struct attempt *attempt)
{
    assert_int_equal(kill(-attempt->pid, 0), -1);
    assert_int_equal(errno, ESRCH);
}

static void leftovers_are_gone_before_the_next_step(void **state)
{
    (void)state;
    struct attempt attempt;
    char leave[32], count[32];
    snprintf(leave, sizeof(leave), "leave %d", (int)getpid());
    snprintf(count, sizeof(count), "count %d", (int)getpid());
    programs_script("leave", "sleep 1000.$1 &\n(sleep 1000.$1 & sleep 1000.$1 &) &\n");
    programs_script("count",
                    "for process in /proc/[0-9]*; do\n"
                    "    grep -qsa \"^sleep.1000\\.$1\" $process/cmdline && echo $process >&2\n"
                    "done\nexit 0\n");
    programs_sandbox("read = /proc\n");
    programs_step("leave", leave, NULL);
    programs_step("count", count, NULL);
    programs_run(&usual, &attempt);
    expect_nothing_left(&attempt);
    programs_expect_result(&attempt, OUTCOME_SUCCEEDED, "");
}

/* --- Where the worker cannot signal one program without harm to others: no scopes, one user --- */

static const struct programs_options without_scopes = {.landlock_abi = 5 + 1,
                                                       .without_namespaces = true};

static void leftovers_make_a_step_the_last_where_they_cannot_be_ended(void **state)
{
    (void)state;
    struct attempt attempt;
    char message[256];
    programs_script("leave", "sleep 1000 &\n");
    programs_step("leave", "leave", NULL);
    programs_step("next", "/bin/true", NULL);
    programs_run(&without_scopes, &attempt);
    snprintf(message, sizeof(message),
             "program %s left processes running, which this machine (no user namespaces, Landlock "
             "ABI below 6) can only end with the attempt: let it wait for them, or allow user "
             "namespaces",
             programs_path("leave"));
    programs_expect_result(&attempt, OUTCOME_TERMINAL, message);
    expect_nothing_left(&attempt);
}

static void leftovers_of_the_last_step_end_with_the_attempt(void **state)
{
    (void)state;
    struct attempt attempt;
    programs_script("leave", "sleep 1000 & echo left >&2\n");
    programs_step("first", "/bin/true", NULL);
    programs_step("leave", "leave", NULL);
    programs_run(&without_scopes, &attempt);
    programs_expect_result(&attempt, OUTCOME_SUCCEEDED, "left");
    expect_nothing_left(&attempt);
}

static void step_that_takes_too_long_ends_with_the_attempt(void **state)
{
    (void)state;
    struct attempt attempt;
    programs_script("script", "trap '' TERM; sleep 1000\n");
    programs_step("look", "script", "timeout = 1s\n");
    programs_run(&without_scopes, &attempt);
    programs_expect_result(&attempt, OUTCOME_TRANSIENT, "timeout: step look was ended after 1s");
    expect_nothing_left(&attempt);
}

static void forged_result_ends_with_the_attempt(void **state)
{
    (void)state;
    struct attempt attempt;
    char message[256];
    programs_script("script", "echo '{\"type\":\"result\",\"outcome\":\"succeeded\"}' >&3\n"
                              "sleep 1000\n");
    programs_step("look", "script", NULL);
    programs_run(&without_scopes, &attempt);
    snprintf(message, sizeof(message),
             "program %s wrote an invalid report to descriptor 3: a result, which is for the "
             "exit status to say",
             programs_path("script"));
    programs_expect_result(&attempt, OUTCOME_TERMINAL, message);
    expect_nothing_left(&attempt);
}

static void namespace_does_for_scopes(void **state)
{
    (void)state;
    struct attempt attempt;
    if (worker_guard_try_namespace(NULL) != 0)
        skip();
    programs_script("leave", "sleep 1000 &\n");
    programs_script("next", "echo next >&2\n");
    programs_step("leave", "leave", NULL);
    programs_step("next", "next", NULL);
    programs_run(&(struct programs_options){.landlock_abi = 5 + 1}, &attempt);
    programs_expect_result(&attempt, OUTCOME_SUCCEEDED, "next");
    expect_nothing_left(&attempt);
}

static void daemon_is_gone_with_the_attempt(void **state)
{
    (void)state;
    struct attempt attempt;
    programs_run_script("(setsid sleep 1000 || sleep 1000) </dev/null >/dev/null 2>&1 3>&1 &\n"
                        "set -m 2>/dev/null; sleep 1000 &\n",
                        NULL, &attempt);
    assert_int_equal(attempt.result, OUTCOME_SUCCEEDED);
    expect_nothing_left(&attempt);
}

static void alarm_ends_programs_too(void **state)
{
    (void)state;
    struct attempt attempt;
    struct programs_options options = {.alarm_seconds = 1};
    programs_script("script", "trap '' TERM ALRM; sleep 1000 & wait\n");
    programs_step("look", "script", NULL);
    programs_run(&options, &attempt);
    assert_true(WIFSIGNALED(attempt.wait_status));
    assert_int_equal(WTERMSIG(attempt.wait_status), SIGALRM);
    expect_nothing_left(&attempt);
}

static void program_may_finish_after_sigterm(void **state)
{
    (void)state;
    struct launcher_process launcher;
    struct attempt attempt;
    programs_script("script", "trap 'echo cleaning up; exit 0' TERM\n"
                              "sleep 1000 & echo begun; wait\n");
    programs_step("look", "script", NULL);
    programs_start(&usual, &launcher);
    programs_launch(&launcher, &usual, &attempt);
    attempt_await_report(&attempt, "begun");
    launcher_signal(&launcher, &attempt, SIGTERM);
    attempt_finish(&launcher, &attempt);
    programs_expect_report(&attempt, "cleaning up");
    assert_false(attempt.has_result);
    assert_true(WIFSIGNALED(attempt.wait_status));
    assert_int_equal(WTERMSIG(attempt.wait_status), SIGTERM);
    expect_nothing_left(&attempt);
    assert_int_equal(launcher_stop(&launcher), 0);
}

static void sigkill_ends_programs_that_are_stopped_too(void **state)
{
    (void)state;
    struct launcher_process launcher;
    struct attempt attempt;
    programs_script("script", "sleep 1000 & kill -STOP $!\n(trap '' TERM; sleep 1000) &\n"
                              "echo begun; kill -STOP $$\n");
    programs_step("look", "script", NULL);
    programs_start(&usual, &launcher);
    programs_launch(&launcher, &usual, &attempt);
    attempt_await_report(&attempt, "begun");
    launcher_signal(&launcher, &attempt, SIGKILL);
    attempt_finish(&launcher, &attempt);
    assert_int_equal(WTERMSIG(attempt.wait_status), SIGKILL);
    expect_nothing_left(&attempt);
    assert_int_equal(launcher_stop(&launcher), 0);
}

/* The test is the subreaper of what the launcher leaves. */
static void programs_end_with_the_launcher(void **state)
{
    (void)state;
    struct launcher_process launcher;
    struct attempt attempt;
    programs_script("script", "(sleep 1000 & sleep 1000) & (trap '' TERM HUP; sleep 1000) &\n"
                              "echo begun; wait\n");
    programs_step("look", "script", NULL);
    programs_start(&usual, &launcher);
    programs_launch(&launcher, &usual, &attempt);
    attempt_await_report(&attempt, "begun");
    assert_int_equal(kill(launcher.pid, SIGKILL), 0);
    int status = launcher_wait(&launcher, NULL, 0);
    assert_int_equal(WTERMSIG(status), SIGKILL);
    status = fixture_reap(attempt.pid);
    assert_true(WIFSIGNALED(status));
    expect_nothing_left(&attempt);
    attempt_abandon(&attempt);
}

static void usage_of_programs_is_counted(void **state)
{
    (void)state;
    struct attempt attempt;
    programs_run_script("(i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done)\n"
                        "dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null\n",
                        NULL, &attempt);
    assert_int_equal(attempt.result, OUTCOME_SUCCEEDED);
    assert_true(attempt.ended.cpu_milliseconds >= 50);
    assert_true(attempt.ended.max_rss_kib >= 64 * 1024);
}

static void other_attempts_go_on_beside_a_fork_bomb(void **state)
{
    (void)state;
    struct launcher_process launcher;
    struct attempt bomb, neighbour, practice;
    struct programs_options options = {.processes = 64};
    programs_script("script", "case \"$(cat)\" in *neighbour*) echo well; exit 0;; esac\n"
                              "bomb() { bomb | bomb & }\n"
                              "bomb; echo begun; sleep 1000\n");
    programs_step("look", "script", "timeout = 30s\n");
    programs_start(&options, &launcher);
    programs_launch(&launcher, &options, &bomb);
    attempt_await_report(&bomb, "begun");
    attempt_run(&launcher, &(struct attempt_request){0}, &practice);
    assert_true(practice.has_result);
    assert_int_equal(practice.result, OUTCOME_SUCCEEDED);
    launcher_signal(&launcher, &bomb, SIGKILL);
    attempt_finish(&launcher, &bomb);
    expect_nothing_left(&bomb);
    programs_launch(&launcher, &options, &neighbour);
    attempt_await_report(&neighbour, "begun");
    launcher_signal(&launcher, &neighbour, SIGKILL);
    attempt_finish(&launcher, &neighbour);
    assert_int_equal(launcher_stop(&launcher), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROGRAM_TEST(leftovers_are_gone_before_the_next_step),
        PROGRAM_TEST(leftovers_make_a_step_the_last_where_they_cannot_be_ended),
        PROGRAM_TEST(leftovers_of_the_last_step_end_with_the_attempt),
        PROGRAM_TEST(step_that_takes_too_long_ends_with_the_attempt),
        PROGRAM_TEST(forged_result_ends_with_the_attempt),
        PROGRAM_TEST(namespace_does_for_scopes),
        PROGRAM_TEST(daemon_is_gone_with_the_attempt),
        PROGRAM_TEST(alarm_ends_programs_too),
        PROGRAM_TEST(program_may_finish_after_sigterm),
        PROGRAM_TEST(sigkill_ends_programs_that_are_stopped_too),
        PROGRAM_TEST(programs_end_with_the_launcher),
        PROGRAM_TEST(usage_of_programs_is_counted),
        PROGRAM_TEST(other_attempts_go_on_beside_a_fork_bomb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
