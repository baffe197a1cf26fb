/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_launcher_cgroup.c - each attempt has a cgroup of its own, by which it can be ended and limited.
 *
 * Where this machine lets the test make no cgroup, the tests hold what is promised then: attempts run
 * as ever, and the launcher says that they have none. The same goes for the controllers of the limits.
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "launcher/worker_guard.h"
#include "mimo/cgroup.h"
#include "mimo/clock.h"
#include "patience.h"
#include "program_fixture.h"

static const struct programs_options places[] = {
    {.with_cgroup = true},
    {.with_cgroup = true, .without_namespaces = true},
    {.with_cgroup = true, .ordinary_user = true},
    {.with_cgroup = true, .ordinary_user = true, .without_namespaces = true},
};
#define PLACE_COUNT (sizeof(places) / sizeof(*places))

static bool has_cgroup(const struct launcher_process *launcher)
{
    bool expected = launcher->cgroup.parent >= 0;
    assert_int_equal(launcher->ready.cgroup & LAUNCHER_CGROUP_USED, expected);
    return expected;
}

static void expect_attempt_removed(const struct launcher_process *launcher,
                                   const struct attempt *attempt)
{
    char path[CGROUP_FIXTURE_PATH + 32];
    snprintf(path, sizeof(path), "%s/%016llx", launcher->cgroup.path,
             (unsigned long long)attempt->token);
    assert_int_equal(access(path, F_OK), -1);
}

/* --- Every process of the attempt, and only until its end --- */

static void expect_in_cgroup(const struct launcher_process *launcher, const struct attempt *attempt,
                             pid_t pid)
{
    char own[512], expected[128];
    cgroup_fixture_of(pid, own, sizeof(own));
    snprintf(expected, sizeof(expected), "/%s/%016llx", launcher->cgroup.name,
             (unsigned long long)attempt->token);
    assert_string_equal(own, expected);
}

static void run_and_look(const struct programs_options *options)
{
    struct launcher_process launcher;
    struct attempt attempt;
    char found[64], own[512];
    programs_script("script", "grep ^0:: /proc/self/cgroup >&2; echo begun >&2\n"
                              "read line </dev/zero; sleep 1000\n");
    programs_sandbox("read = /proc\n");
    programs_step("look", "script", NULL);
    programs_start(options, &launcher);
    programs_launch(&launcher, options, &attempt);
    attempt_await_report(&attempt, "begun");
    if (has_cgroup(&launcher)) {
        expect_in_cgroup(&launcher, &attempt, attempt.pid);
        snprintf(found, sizeof(found), "/%016llx\"", (unsigned long long)attempt.token);
        programs_expect_report(&attempt, found);
        cgroup_fixture_of(launcher.pid, own, sizeof(own));
        assert_non_null(strstr(own, "/launcher"));
    }
    launcher_signal(&launcher, &attempt, SIGKILL);
    attempt_finish(&launcher, &attempt);
    assert_true(WIFSIGNALED(attempt.wait_status));
    assert_int_equal(attempt.ended.reached, 0);
    expect_attempt_removed(&launcher, &attempt);
    assert_int_equal(launcher_stop(&launcher), 0);
}

static void an_attempt_is_in_its_cgroup_until_its_end(void **state)
{
    for (size_t i = 0; i < PLACE_COUNT; i++) {
        run_and_look(&places[i]);
        programs_tear_down(state);
        programs_set_up(state);
    }
}

static void a_built_in_task_has_a_cgroup_too(void **state)
{
    (void)state;
    struct launcher_process launcher;
    struct attempt attempt;
    launcher_start(&launcher, &(struct launcher_options){.with_cgroup = true});
    attempt_launch(&launcher,
                   &(struct attempt_request){
                       .parameters = "{\"steps\":[{\"name\":\"wait\",\"sleepMs\":3600000}]}"},
                   &attempt);
    attempt_await_report(&attempt, "\"step\"");
    if (has_cgroup(&launcher))
        expect_in_cgroup(&launcher, &attempt, attempt.pid);
    launcher_signal(&launcher, &attempt, SIGTERM);
    attempt_finish(&launcher, &attempt);
    expect_attempt_removed(&launcher, &attempt);
    attempt_run(&launcher, &(struct attempt_request){.parameters = "{\"steps\":[]}"}, &attempt);
    expect_attempt_removed(&launcher, &attempt);
    assert_int_equal(launcher_stop(&launcher), 0);
}

/* --- Nothing inside can leave it --- */

static void try_to_leave(const struct programs_options *options)
{
    struct launcher_process launcher;
    struct attempt attempt;
    char sandbox[512], root[CGROUP_FIXTURE_PATH];
    cgroup_fixture_open(&launcher.cgroup, (gid_t)-1); /* for the path alone */
    snprintf(root, sizeof(root), "%s", launcher.cgroup.path);
    cgroup_fixture_close(&launcher.cgroup);
    if (*root)
        *strrchr(root, '/') = '\0';
    programs_script(
        "script",
        "own=$(sed -n 's/^0:://p' /proc/self/cgroup)\n"
        "for place in \"$1$own\" \"$1${own%/*}\" \"$1\"; do\n"
        "    ls \"$place\" >/dev/null || echo unseen >&2\n"
        "    for file in cgroup.procs cgroup.kill cgroup.freeze pids.max memory.max; do\n"
        "        (echo 0 >\"$place/$file\") 2>/dev/null && echo \"wrote $place/$file\" >&2\n"
        "    done\n"
        "    mkdir \"$place/mine\" 2>/dev/null && echo \"made $place/mine\" >&2\n"
        "    rmdir \"$place\" 2>/dev/null && echo \"removed $place\" >&2\n"
        "done\n"
        "echo done >&2\n");
    snprintf(sandbox, sizeof(sandbox), "read = /proc %s\n", *root ? root : "/usr");
    programs_sandbox(sandbox);
    char command[CGROUP_FIXTURE_PATH + 16];
    snprintf(command, sizeof(command), "script %s", *root ? root : "/usr");
    programs_step("leave", command, NULL);
    programs_start(options, &launcher);
    programs_launch(&launcher, options, &attempt);
    attempt_finish(&launcher, &attempt);
    programs_expect_report(&attempt, "done");
    static const char *const deeds[] = {"wrote ", "made ", "removed "};
    for (size_t i = 0; i < sizeof(deeds) / sizeof(*deeds); i++)
        if (strstr(attempt.reported, deeds[i]))
            fail_msg("a program changed a cgroup: %s", attempt.reported);
    if (has_cgroup(&launcher) && options->ordinary_user && strstr(attempt.reported, "unseen"))
        fail_msg("the program did not even see its cgroup: %s", attempt.reported);
    assert_int_equal(launcher_stop(&launcher), 0);
}

static void a_program_cannot_write_to_any_cgroup(void **state)
{
    for (size_t i = 0; i < PLACE_COUNT; i++) {
        try_to_leave(&places[i]);
        programs_tear_down(state);
        programs_set_up(state);
    }
}

/* --- What only the cgroup can end: no namespace, and every process of the family stopped --- */

static bool is_empty_soon(int place)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    int64_t deadline = clock_monotonic().milliseconds + patient_milliseconds(5000);
    while (!cgroup_is_empty(place) && clock_monotonic().milliseconds < deadline)
        nanosleep(&pause, NULL);
    return cgroup_is_empty(place);
}

/* Ends the family without its cgroup: what is stopped would hold the pipes of the test for ever. */
static void end_family(const struct launcher_process *launcher, const struct attempt *attempt)
{
    kill(launcher->pid, SIGKILL);
    kill(attempt->pid, SIGKILL);
    kill(-attempt->pid, SIGKILL);
}

static void a_stopped_family_is_ended_by_its_cgroup(void **state)
{
    struct launcher_process launcher;
    struct attempt attempt;
    struct error error;
    const struct programs_options *options = &places[1];
    (void)state;
    programs_script("script", "sleep 1000 & sleep 1000 & echo begun >&2; wait\n");
    programs_step("wait", "script", NULL);
    programs_start(options, &launcher);
    programs_launch(&launcher, options, &attempt);
    attempt_await_report(&attempt, "begun");
    if (has_cgroup(&launcher)) {
        assert_int_equal(kill(launcher.pid, SIGSTOP), 0);
        assert_int_equal(kill(-attempt.pid, SIGSTOP), 0); /* runner and programs */
        assert_int_equal(kill(attempt.pid, SIGSTOP), 0);  /* the guard */
        int killed = cgroup_kill(launcher.cgroup.place, &error);
        bool empty = is_empty_soon(launcher.cgroup.place);
        end_family(&launcher, &attempt);
        assert_int_equal(killed, 0);
        assert_true(empty);
    } else {
        assert_int_equal(kill(launcher.pid, SIGKILL), 0);
    }
    int status = launcher_wait(&launcher, NULL, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    attempt_abandon(&attempt);
}

/* --- Limits of the attempt as a whole --- */

static void run_limited(const struct programs_options *options, const char *program,
                        struct launcher_process *launcher, struct attempt *attempt)
{
    programs_file("script", "#!/usr/bin/python3", program);
    programs_step("use", "script", NULL);
    programs_start(options, launcher);
    programs_launch(launcher, options, attempt);
    attempt_finish(launcher, attempt);
    has_cgroup(launcher);
    expect_attempt_removed(launcher, attempt);
}

/* No process has more than 256 MiB, all of them together would have 600. */
static const char greedy[] = "import os, sys\n"
                             "ends = os.pipe()\n"
                             "for i in range(4):\n"
                             "    if os.fork() == 0:\n"
                             "        memory = bytearray(b'x') * (150 << 20)\n"
                             "        os.write(ends[1], b'!')\n"
                             "        os.read(os.pipe()[0], 1)\n"
                             "for i in range(4): os.read(ends[0], 1)\n"
                             "sys.stderr.write('has it all\\n')\n"
                             "os._exit(0)\n";

static void memory_is_limited_for_the_attempt_as_a_whole(void **state)
{
    struct launcher_process launcher;
    struct attempt attempt;
    struct programs_options options = places[0];
    (void)state;
    options.attempt_memory = UINT64_C(300) << 20;
    run_limited(&options, greedy, &launcher, &attempt);
    if (launcher.ready.cgroup & LAUNCHER_CGROUP_MEMORY) {
        assert_int_equal(attempt.ended.reached, LAUNCHER_CGROUP_MEMORY);
        assert_true(WIFSIGNALED(attempt.wait_status) && WTERMSIG(attempt.wait_status) == SIGKILL);
    } else {
        assert_int_equal(attempt.ended.reached, 0);
        programs_expect_report(&attempt, "has it all");
    }
    assert_int_equal(launcher_stop(&launcher), 0);
}

static const char fertile[] = "import os, sys\n"
                              "made = 0\n"
                              "try:\n"
                              "    while made < 100:\n"
                              "        if os.fork() == 0: os.read(os.pipe()[0], 1)\n"
                              "        made += 1\n"
                              "except OSError: pass\n"
                              "sys.stderr.write('made %d\\n' % made)\n"
                              "os._exit(1)\n";

static void processes_are_limited_for_the_attempt_as_a_whole(void **state)
{
    for (size_t i = 0; i < PLACE_COUNT; i++) {
        struct launcher_process launcher;
        struct attempt attempt;
        struct programs_options options = places[i];
        options.processes = 8;
        run_limited(&options, fertile, &launcher, &attempt);
        bool is_limited = launcher.ready.cgroup & LAUNCHER_CGROUP_PROCESSES;
        assert_int_equal(attempt.ended.reached, is_limited ? LAUNCHER_CGROUP_PROCESSES : 0);
        bool has_namespace = !options.without_namespaces && worker_guard_try_namespace(NULL) == 0;
        if (is_limited || has_namespace)
            programs_expect_report(&attempt, "made 7"); /* and the program itself */
        assert_int_equal(launcher_stop(&launcher), 0);
        programs_tear_down(state);
        programs_set_up(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROGRAM_TEST(an_attempt_is_in_its_cgroup_until_its_end),
        PROGRAM_TEST(a_built_in_task_has_a_cgroup_too),
        PROGRAM_TEST(a_program_cannot_write_to_any_cgroup),
        PROGRAM_TEST(a_stopped_family_is_ended_by_its_cgroup),
        PROGRAM_TEST(memory_is_limited_for_the_attempt_as_a_whole),
        PROGRAM_TEST(processes_are_limited_for_the_attempt_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
