/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_launcher_programs.c - programs as steps: what they get, how they end, what is heard of them.
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
#include <time.h>
#include <unistd.h>

#include "launcher/worker_guard.h"
#include "program_fixture.h"

static const struct programs_options usual = {0};

/* --- What a program gets --- */

static void program_has_the_descriptors_and_environment_of_the_contract(void **state)
{
    (void)state;
    struct attempt attempt;
    programs_run_script("for fd in 0 1 2 3 4 5 6 7 8 9 11 12 13; do\n" /* 10: the shell's script */
                        "    if [ -L /proc/self/fd/$fd ]; then open=\"$open $fd\"; fi\n"
                        "done\n"
                        "echo \"open:$open\"\n"
                        "env | sort | tr '\\n' ' '; echo\n"
                        "cd /; umask; pwd\n"
                        "trap\n"
                        "echo \"$0 $1 $#\" | sed 's,.*/,,'\n",
                        NULL, &attempt);
    programs_expect_result(&attempt, OUTCOME_SUCCEEDED, "");
    programs_expect_report(&attempt, "\"open: 0 1 2 3\"");
    programs_expect_report(&attempt,
                           "\"HOME=/ LANG=C.UTF-8 MIMO_ATTEMPT=1 MIMO_CLUSTER=/subscriptions/");
    programs_expect_report(&attempt,
                           "MIMO_MANIFEST_ID=12345678-1234-4234-8234-123456789abc MIMO_STEP=look "
                           "MIMO_TASK_ID=3f0c2b1e-58a4-4d2b-9a57-0d6f1f2f7c11 "
                           "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "
                           "PWD=/ TZ=UTC \"");
    programs_expect_report(&attempt, "\"0077\"");
}

static void job_is_on_standard_input_of_each_step(void **state)
{
    (void)state;
    struct attempt attempt;
    programs_task("parameters = yes\n");
    programs_script("first", "cat >/dev/null\n");
    programs_script("second", "grep -o '\"parameters\":{[^}]*}'\n");
    programs_step("first", "first", NULL);
    programs_step("second", "second", NULL);
    programs_run(&usual, &attempt);
    programs_expect_result(&attempt, OUTCOME_SUCCEEDED, "");
    programs_expect_report(&attempt, "{\\\"hello\\\":\\\"program\\\"}");
}

static void arguments_reach_the_program(void **state)
{
    (void)state;
    struct attempt attempt;
    programs_script("script", "echo \"$# $1 $2\" >&2\n");
    programs_step("look", "script --all nodes", NULL);
    programs_run(&usual, &attempt);
    programs_expect_result(&attempt, OUTCOME_SUCCEEDED, "2 --all nodes");
}

static void steps_are_reported_and_shown(void **state)
{
    (void)state;
    struct attempt attempt;
    /* $PPID is a number of the PID namespace, /proc shows those of the machine. */
    programs_script("title", "read -r pid name state parent rest </proc/self/stat\n"
                             "tr '\\0' ' ' </proc/$parent/cmdline\n");
    programs_sandbox("read = /proc\n");
    programs_step("warm up", "/bin/true", NULL);
    programs_step("look", "title", NULL);
    programs_run(&usual, &attempt);
    programs_expect_report(&attempt,
                           "{\"type\":\"step\",\"step\":1,\"steps\":2,\"name\":\"warm up\"}");
    programs_expect_report(&attempt,
                           "{\"type\":\"step\",\"step\":2,\"steps\":2,\"name\":\"look\"}");
    programs_expect_report(&attempt, "mimo-worker: Practice c1 [2/2 look] 12345678");
}

/* --- How it ends --- */

struct ending {
    const char *title;
    const char *script;
    const char *lines;
    enum outcome_kind outcome;
    const char *message;
};

static const struct ending endings[] = {
    {"exit status 0 succeeds with the last line of standard error", "echo one >&2; echo two >&2",
     NULL, OUTCOME_SUCCEEDED, "two"},
    {"lines without words are no message",
     "echo words >&2; echo >&2; echo '   ' >&2; printf '\\r\\n' >&2; printf '\\033[0m\\n' >&2; "
     "printf '\\033[1;31m\\r\\n\\t' >&2; exit 3",
     NULL, OUTCOME_TERMINAL, "words"},
    {"exit status 75 is transient", "echo 503 not yet >&2; exit 75", NULL, OUTCOME_TRANSIENT,
     "503 not yet"},
    {"any other exit status is terminal", "printf '404 gone' >&2; exit 3", NULL, OUTCOME_TERMINAL,
     "404 gone"},
    {"control characters do not get into the message",
     "printf 'a\\033[2Jb\\000c\\n\\n' >&2; exit 1", NULL, OUTCOME_TERMINAL, "a?[2Jb?c"},
    {"signal is terminal", "echo working >&2; kill -SEGV $$", NULL, OUTCOME_TERMINAL,
     "program %s was killed by SIGSEGV: working"},
    {"silent failure names program and status", "exit 4", NULL, OUTCOME_TERMINAL,
     "program %s ended with exit status 4 and wrote nothing to descriptor 2"},
    {"result on descriptor 3 is terminal",
     "echo '{\"type\":\"result\",\"outcome\":\"succeeded\"}' >&3; sleep 100", NULL,
     OUTCOME_TERMINAL,
     "program %s wrote an invalid report to descriptor 3: a result, which is for the exit "
     "status to say"},
    {"step on descriptor 3 is terminal",
     "echo '{\"type\":\"step\",\"step\":1,\"steps\":1,\"name\":\"x\"}' >&3", NULL, OUTCOME_TERMINAL,
     "program %s wrote an invalid report to descriptor 3: a step, which is for the worker "
     "to "
     "report"},
    {"forbidden call on descriptor 3 is terminal",
     "echo '{\"type\":\"forbidden\",\"systemCall\":\"open\"}' >&3", NULL, OUTCOME_TERMINAL,
     "program %s wrote an invalid report to descriptor 3: a forbidden call, which is for "
     "the "
     "worker to report"},
    {"half a line on descriptor 3 is terminal", "printf '{\"type\":' >&3", NULL, OUTCOME_TERMINAL,
     "program %s wrote an invalid report to descriptor 3: the last line is not finished"},
    {"step that takes too long is transient, SIGTERM first",
     "trap 'echo had to stop >&2; exit 0' TERM; sleep 100 & wait", "timeout = 1s\n",
     OUTCOME_TRANSIENT, "timeout: step look was ended after 1s: had to stop"},
    {"step that ignores SIGTERM is killed", "trap '' TERM; sleep 100", "timeout = 1s\n",
     OUTCOME_TRANSIENT, "timeout: step look was ended after 1s"},
    {"condition that never holds is transient", "echo 2 of 3 nodes >&2; exit 75",
     "timeout = 1s\npoll = 200ms\n", OUTCOME_TRANSIENT, "timeout waiting for look: 2 of 3 nodes"},
    {"condition is asked again until it holds", "[ $(date +%%s) -ge \"$1\" ] || exit 75",
     "timeout = 60s\npoll = 100ms\n", OUTCOME_SUCCEEDED, ""},
    {"program that is killed for what it calls says so", "kill -SYS $$", NULL, OUTCOME_TERMINAL,
     "program %s was killed by SIGSYS: it used a system call that the sandbox forbids"},
};
enum { ENDING_COUNT = sizeof(endings) / sizeof(*endings) };

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void program_ends_as_the_table_says(void **state)
{
    const struct ending *ending = *state;
    struct attempt attempt;
    char script[1024], command[64], message[512];
    snprintf(script, sizeof(script), ending->script, 0);
    snprintf(command, sizeof(command), "script %lld", (long long)time(NULL) + 2);
    programs_script("script", script);
    programs_step("look", command, ending->lines);
    programs_run(&usual, &attempt);
    snprintf(message, sizeof(message), ending->message, programs_path("script"));
    programs_expect_result(&attempt, ending->outcome, message);
}
#pragma GCC diagnostic pop

static void failed_step_is_the_last(void **state)
{
    (void)state;
    struct attempt attempt;
    programs_script("good", "echo fine >&2\n");
    programs_script("bad", "exit 75\n");
    programs_step("one", "good", NULL);
    programs_step("two", "bad", NULL);
    programs_step("three", "good", NULL);
    programs_run(&usual, &attempt);
    assert_int_equal(attempt.result, OUTCOME_TRANSIENT);
    programs_expect_report(&attempt, "\"two\"");
    assert_null(strstr(attempt.reported, "\"three\""));
}

/* --- Programs that cannot be run --- */

static void run_after(void (*change)(void), struct attempt *attempt)
{
    struct launcher_process launcher;
    programs_script("script", "exit 0\n");
    programs_step("look", "script", NULL);
    programs_start(&usual, &launcher);
    change();
    programs_launch(&launcher, &usual, attempt);
    attempt_finish(&launcher, attempt);
    assert_int_equal(launcher_stop(&launcher), 0);
}

static void remove_script(void)
{
    assert_int_equal(unlink(programs_path("script")), 0);
}

static void replace_script(void)
{
    programs_script("new", "exit 0\n");
    assert_int_equal(rename(programs_path("new"), programs_path("script")), 0);
}

static void spoil_script(void)
{
    FILE *file = fopen(programs_path("script"), "we");
    assert_non_null(file);
    assert_true(fputs("no program\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void program_that_is_gone_is_terminal(void **state)
{
    (void)state;
    struct attempt attempt;
    char message[256];
    run_after(remove_script, &attempt);
    snprintf(
        message, sizeof(message),
        "cannot run %s: No such file or directory: check that it exists, and the interpreter in "
        "its first line",
        programs_path("script"));
    programs_expect_result(&attempt, OUTCOME_TERMINAL, message);
}

static void program_that_was_replaced_is_not_run(void **state)
{
    (void)state;
    struct attempt attempt;
    char message[256];
    run_after(replace_script, &attempt);
    snprintf(
        message, sizeof(message),
        "cannot run %s: Permission denied: check that the worker's user may execute it; if it was "
        "replaced, restart mimod",
        programs_path("script"));
    programs_expect_result(&attempt, OUTCOME_TERMINAL, message);
}

static void file_that_is_no_program_is_terminal(void **state)
{
    (void)state;
    struct attempt attempt;
    char message[256];
    run_after(spoil_script, &attempt);
    snprintf(message, sizeof(message),
             "cannot run %s: Exec format error: a script begins with #! and the path of its "
             "interpreter",
             programs_path("script"));
    programs_expect_result(&attempt, OUTCOME_TERMINAL, message);
}

/* --- What a program needs beside itself --- */

/* Without an `execute`. */
static void run_alone(const char *first_line, const char *script, struct attempt *attempt)
{
    programs_file("script", first_line, script);
    programs_sandbox_only("read = /usr\n");
    programs_step("look", "script", NULL);
    programs_run(&usual, attempt);
}

static void interpreter_that_env_looks_for_is_run(void **state)
{
    (void)state;
    struct attempt attempt;
    run_alone("#!/usr/bin/env python3", "import sys; sys.exit('hello from python')", &attempt);
    programs_expect_result(&attempt, OUTCOME_TERMINAL, "hello from python");
}

static void script_is_the_interpreter_of_a_script(void **state)
{
    (void)state;
    struct attempt attempt;
    char first_line[128];
    programs_script("outer", "echo \"outer runs $(basename \"$1\")\" >&2; echo ${1##*/} >&2\n");
    snprintf(first_line, sizeof(first_line), "#! %s", programs_path("outer"));
    run_alone(first_line, "nothing\n", &attempt);
    programs_expect_result(&attempt, OUTCOME_SUCCEEDED, "script");
}

static void program_that_is_not_named_is_not_run(void **state)
{
    (void)state;
    struct attempt attempt;
    run_alone("#!/bin/sh", "exec /usr/bin/env\n", &attempt);
    assert_int_equal(attempt.result, OUTCOME_TERMINAL);
    assert_non_null(strstr(attempt.message, "Permission denied"));
}

/* Who may change the interpreter decides what runs. */
static void interpreter_of_somebody_else_is_not_run(void **state)
{
    (void)state;
    struct launcher_process launcher;
    struct attempt attempt;
    char first_line[128], log[4096], warning[256];
    if (!launcher_can_be_root())
        skip();
    programs_script("outer", "exit 0\n");
    assert_int_equal(chown(programs_path("outer"), FIXTURE_ORDINARY_USER, (gid_t)-1), 0);
    snprintf(first_line, sizeof(first_line), "#! %s", programs_path("outer"));
    programs_file("script", first_line, "nothing\n");
    programs_step("look", "script", NULL);
    programs_start(&usual, &launcher);
    programs_launch(&launcher, &usual, &attempt);
    attempt_finish(&launcher, &attempt);
    close(launcher.channel);
    launcher.channel = -1;
    assert_int_equal(launcher_wait(&launcher, log, sizeof(log)), 0);
    assert_int_equal(attempt.result, OUTCOME_TERMINAL);
    assert_non_null(strstr(attempt.message, "Permission denied"));
    snprintf(warning, sizeof(warning), "%s will not be executed: %s belongs to user %d",
             programs_path("outer"), programs_path("outer"), FIXTURE_ORDINARY_USER);
    if (!strstr(log, warning))
        fail_msg("\"%s\" was not logged, but: %s", warning, log);
}

/* --- What is heard of it --- */

static void reports_and_lines_are_passed_on(void **state)
{
    (void)state;
    struct attempt attempt;
    programs_run_script(
        "echo '{\"type\":\"status\",\"text\":\"waiting\"}' >&3\n"
        "echo '{\"type\":\"log\",\"level\":\"warning\",\"text\":\"odd\"}' >&3\n"
        "echo '{\"type\":\"patchCluster\",\"patch\":{\"properties\":{\"x\":1}}}' >&3\n"
        "echo to the log\n"
        "echo to the log too >&2\n",
        NULL, &attempt);
    programs_expect_result(&attempt, OUTCOME_SUCCEEDED, "to the log too");
    programs_expect_report(&attempt, "{\"type\":\"status\",\"text\":\"waiting\"}");
    programs_expect_report(&attempt, "{\"type\":\"log\",\"level\":\"warning\",\"text\":\"odd\"}");
    programs_expect_report(&attempt,
                           "{\"type\":\"patchCluster\",\"patch\":{\"properties\":{\"x\":1}}}");
    programs_expect_report(&attempt,
                           "{\"type\":\"log\",\"level\":\"info\",\"text\":\"to the log\"}");
    programs_expect_report(&attempt,
                           "{\"type\":\"log\",\"level\":\"notice\",\"text\":\"to the log too\"}");
}

static void flood_of_output_is_cut(void **state)
{
    (void)state;
    struct attempt attempt;
    programs_run_script("yes 'a line of text that is not short at all' | head -c 1000000000\n"
                        "echo still here >&2\n",
                        NULL, &attempt);
    programs_expect_result(&attempt, OUTCOME_SUCCEEDED, "still here");
    assert_true(attempt.reported_length > 256 * 1024);
    assert_true(attempt.reported_length < 768 * 1024);
}

static void line_without_an_end_is_cut(void **state)
{
    (void)state;
    struct attempt attempt;
    programs_run_script("head -c 10000000 /dev/zero >&2; exit 1\n", NULL, &attempt);
    assert_int_equal(attempt.result, OUTCOME_TERMINAL);
    assert_int_equal(strlen(attempt.message), STATUS_TEXT_SIZE - 1);
    assert_int_equal(strspn(attempt.message, "?"), STATUS_TEXT_SIZE - 1);
}

static void flood_of_reports_is_terminal(void **state)
{
    (void)state;
    struct attempt attempt;
    char message[256];
    programs_run_script(
        "yes '{\"type\":\"status\",\"text\":\"one of many many many many reports\"}' >&3\n", NULL,
        &attempt);
    snprintf(message, sizeof(message),
             "program %s wrote an invalid report to descriptor 3: reports of more than "
             "1048576 bytes",
             programs_path("script"));
    programs_expect_result(&attempt, OUTCOME_TERMINAL, message);
    assert_true(attempt.reported_length < 768 * 1024);
}

static void many_reports_are_terminal(void **state)
{
    (void)state;
    struct attempt attempt;
    char message[256];
    programs_run_script(
        "yes '{\"type\":\"status\",\"text\":\"one of many many many many reports\"}' |\n"
        "    head -n 10000 >&3\n",
        NULL, &attempt);
    snprintf(message, sizeof(message), "program %s reported more than 512 KiB on descriptor 3",
             programs_path("script"));
    programs_expect_result(&attempt, OUTCOME_TERMINAL, message);
}

/* Each makes as many processes as it may, and keeps them. */
static void limits_of_two_launchers_are_not_one(void **state)
{
    static const char program[] = "import os, sys, time\n"
                                  "made = 0\n"
                                  "try:\n"
                                  "    while True:\n"
                                  "        if os.fork() == 0: time.sleep(1000)\n"
                                  "        made += 1\n"
                                  "except OSError: pass\n"
                                  "sys.stderr.write('made %d\\n' % made)\n"
                                  "time.sleep(1000)\n";
    static const char *const settings[] = {"--set=actuator.worker_uids=61200-61299",
                                           "--set=actuator.max_workers=10", NULL};
    const struct programs_options options = {.settings = settings, .processes = 8};
    struct launcher_process launchers[2];
    struct attempt attempts[2];
    (void)state;
    if (!launcher_can_be_root() || worker_guard_try_namespace(NULL) != 0)
        skip();
    programs_file("script", "#!/usr/bin/python3", program);
    programs_step("fork", "script", NULL);
    for (int i = 0; i < 2; i++) {
        programs_start(&options, &launchers[i]);
        programs_launch(&launchers[i], &options, &attempts[i]);
        attempt_await_report(&attempts[i], "made 7");
    }
    for (int i = 0; i < 2; i++) {
        launcher_signal(&launchers[i], &attempts[i], SIGKILL);
        attempt_finish(&launchers[i], &attempts[i]);
        assert_int_equal(launcher_stop(&launchers[i]), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROGRAM_TEST(program_has_the_descriptors_and_environment_of_the_contract),
        PROGRAM_TEST(job_is_on_standard_input_of_each_step),
        PROGRAM_TEST(arguments_reach_the_program),
        PROGRAM_TEST(steps_are_reported_and_shown),
        PROGRAM_TEST(failed_step_is_the_last),
        PROGRAM_TEST(program_that_is_gone_is_terminal),
        PROGRAM_TEST(program_that_was_replaced_is_not_run),
        PROGRAM_TEST(file_that_is_no_program_is_terminal),
        PROGRAM_TEST(interpreter_that_env_looks_for_is_run),
        PROGRAM_TEST(script_is_the_interpreter_of_a_script),
        PROGRAM_TEST(program_that_is_not_named_is_not_run),
        PROGRAM_TEST(interpreter_of_somebody_else_is_not_run),
        PROGRAM_TEST(reports_and_lines_are_passed_on),
        PROGRAM_TEST(flood_of_output_is_cut),
        PROGRAM_TEST(line_without_an_end_is_cut),
        PROGRAM_TEST(flood_of_reports_is_terminal),
        PROGRAM_TEST(many_reports_are_terminal),
        PROGRAM_TEST(limits_of_two_launchers_are_not_one),
    };
    struct CMUnitTest table[ENDING_COUNT];
    for (size_t i = 0; i < ENDING_COUNT; i++)
        table[i] = (struct CMUnitTest){.name = endings[i].title,
                                       .test_func = program_ends_as_the_table_says,
                                       .setup_func = programs_set_up,
                                       .teardown_func = programs_tear_down,
                                       .initial_state = (void *)(uintptr_t)&endings[i]};
    return cmocka_run_group_tests_name("how a program ends", table, NULL, NULL) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
