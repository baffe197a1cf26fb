/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_launcher_start.c - how a launcher starts, as whom it and its workers run, what operators see
 * of them, and what it refuses to start with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expect.h"
#include "launcher_fixture.h"

#define SLEEP                                                                                      \
    "{\"steps\":[{\"name\":\"first\"},{\"name\":\"wait\",\"status\":\"waiting\",\"sleepMs\":"      \
    "3600000}]}"

/* The value of a line "Name:\tvalue" of /proc/PID/status. */
static void assert_status(pid_t pid, const char *name, const char *expected)
{
    char path[64], line[256];
    bool found = false;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while (!found && fgets(line, sizeof(line), file))
        found = strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':';
    fclose(file);
    assert_true(found);
    line[strcspn(line, "\n")] = '\0';
    assert_string_equal(line + strlen(name) + 2, expected);
}

static void launcher_of_root_keeps_three_capabilities_and_no_more(void **state)
{
    (void)state;
    struct launcher_process launcher;
    if (!launcher_can_be_root())
        skip();
    launcher_start(&launcher, &(struct launcher_options){0});
    assert_int_equal(launcher.ready.privileged, 1);
    const char *three = "00000000000000e0"; /* CAP_KILL, CAP_SETGID, CAP_SETUID */
    assert_status(launcher.pid, "Uid", "61184\t61184\t61184\t61184");
    assert_status(launcher.pid, "Gid", "61184\t61184\t61184\t61184");
    assert_status(launcher.pid, "CapPrm", three);
    assert_status(launcher.pid, "CapEff", three);
    assert_status(launcher.pid, "CapBnd", three);
    assert_status(launcher.pid, "CapInh", "0000000000000000");
    assert_status(launcher.pid, "CapAmb", "0000000000000000");
    assert_int_equal(launcher_stop(&launcher), 0);
}

static void launcher_is_confined_whoever_started_it(void **state)
{
    (void)state;
    for (int ordinary = 0; ordinary <= 1; ordinary++) {
        struct launcher_process launcher;
        launcher_start(&launcher, &(struct launcher_options){.ordinary_user = ordinary});
        assert_status(launcher.pid, "NoNewPrivs", "1");
        assert_status(launcher.pid, "Seccomp", "2");
        assert_status(launcher.pid, "Threads", "1");
        assert_int_equal(getsid(launcher.pid), launcher.pid);
        assert_int_equal(launcher_stop(&launcher), 0);
    }
}

static void launcher_holds_the_channel_and_no_descriptor_of_others(void **state)
{
    (void)state;
    struct launcher_process launcher;
    char path[64], target[256];
    if (!launcher_can_be_root())
        skip();
    int stray = fcntl(STDERR_FILENO, F_DUPFD, 20); /* inherited: not close-on-exec */
    assert_true(stray >= 20);
    launcher_start(&launcher, &(struct launcher_options){0});
    close(stray);
    for (int fd = 0; fd < 64; fd++) {
        snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)launcher.pid, fd);
        ssize_t length = readlink(path, target, sizeof(target) - 1);
        if (length < 0)
            continue;
        target[length] = '\0';
        assert_true(fd <= 4);
        if (fd <= 1)
            assert_string_equal(target, "/dev/null");
        if (fd == 4)
            assert_string_equal(target, "anon_inode:[signalfd]");
    }
    assert_int_equal(launcher_stop(&launcher), 0);
}

static void launcher_of_an_ordinary_user_serves_as_well(void **state)
{
    (void)state;
    struct launcher_process launcher;
    struct attempt attempt;
    launcher_start(&launcher, &(struct launcher_options){.ordinary_user = true});
    assert_int_equal(launcher.ready.privileged, 0);
    attempt_run(&launcher, &(struct attempt_request){0}, &attempt);
    assert_int_equal(attempt.wait_status, 0);
    assert_true(attempt.has_result);
    attempt_launch(&launcher, &(struct attempt_request){.parameters = SLEEP}, &attempt);
    attempt_await_report(&attempt, "waiting");
    launcher_signal(&launcher, &attempt, SIGKILL);
    attempt_finish(&launcher, &attempt);
    assert_int_equal(WTERMSIG(attempt.wait_status), SIGKILL);
    assert_int_equal(launcher_stop(&launcher), 0);
}

static void every_landlock_abi_is_served_and_gaps_are_logged_once(void **state)
{
    (void)state;
    for (int abi = 0; abi <= 7; abi++) {
        char number[2] = {(char)('0' + abi)};
        char log[8192];
        const char *const arguments[] = {"--landlock-abi", number, NULL};
        struct launcher_process launcher;
        struct attempt attempt;
        launcher_start(&launcher, &(struct launcher_options){.arguments = arguments});
        assert_true((int)launcher.ready.landlock_abi <= abi);
        int used = (int)launcher.ready.landlock_abi;
        for (int i = 0; i < 2; i++) {
            attempt_run(&launcher, &(struct attempt_request){.port = 9}, &attempt);
            assert_int_equal(attempt.wait_status, 0);
        }
        close(launcher.channel);
        launcher.channel = -1;
        assert_int_equal(launcher_wait(&launcher, log, sizeof(log)), 0);
        const char *line = strstr(log, "Landlock ABI is");
        assert_int_equal(line != NULL, used < 6);
        if (line)
            assert_null(strstr(line + 1, "Landlock ABI is"));
    }
}

static void slots_of_a_range_run_as_users_of_their_own(void **state)
{
    (void)state;
    static const char *const arguments[] = {"--set", "actuator.worker_uids=61300-61309", NULL};
    struct launcher_process launcher;
    struct launcher_message message;
    struct attempt attempt;
    if (!launcher_can_be_root())
        skip();
    launcher_start(&launcher, &(struct launcher_options){.arguments = arguments});
    attempt_launch(&launcher, &(struct attempt_request){.parameters = SLEEP, .slot = 7}, &attempt);
    attempt_await_report(&attempt, "waiting");
    assert_status(attempt.pid, "Uid", "61307\t61307\t61307\t61307");
    assert_status(attempt.pid, "Gid", "61307\t61307\t61307\t61307");
    launcher_signal(&launcher, &attempt, SIGKILL);
    attempt_finish(&launcher, &attempt);

    attempt_send(&launcher, &(struct attempt_request){.slot = 10}, &attempt);
    launcher_expect(&launcher, LAUNCHER_FAILED, &message);
    assert_int_equal(message.failed.token, attempt.token);
    assert_int_equal(message.failed.error_number, EUSERS);
    attempt_abandon(&attempt);
    assert_int_equal(launcher_stop(&launcher), 0);
}

static void title_of_a_worker_says_how_far_it_is(void **state)
{
    (void)state;
    struct launcher_process launcher;
    struct attempt attempt;
    char path[64], title[512] = "";
    launcher_start(&launcher, &(struct launcher_options){0});
    attempt_launch(&launcher, &(struct attempt_request){.parameters = SLEEP}, &attempt);
    attempt_await_report(&attempt, "waiting");
    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)attempt.pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_true(fread(title, 1, sizeof(title) - 1, file) > 0);
    fclose(file);
    assert_string_equal(title, "mimo-worker: Practice c1 [2/2 wait] 12345678");
    assert_status(attempt.pid, "Name", "mimo-worker");
    launcher_signal(&launcher, &attempt, SIGKILL);
    attempt_finish(&launcher, &attempt);
    assert_int_equal(launcher_stop(&launcher), 0);
}

static bool has_descriptor(pid_t pid, int fd)
{
    char path[64], target[256];
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
    return readlink(path, target, sizeof(target)) >= 0;
}

static void read_descriptor(pid_t pid, int fd, char *target, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
    ssize_t length = readlink(path, target, size - 1);
    target[length < 0 ? 0 : length] = '\0';
}

/* A worker holds the lock too, so that nobody gets it while one lives, and beside its job and its
 * report nothing else. */
static void lock_is_held_by_the_launcher_and_its_workers(void **state)
{
    (void)state;
    static const char *const arguments[] = {"--lock", "30", NULL};
    struct launcher_process launcher;
    struct attempt attempt;
    char lock[256], other[256];
    int locks = 0;
    if (!launcher_can_be_root())
        skip();
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(dup2(fileno(file), 30), 30);
    launcher_start(&launcher, &(struct launcher_options){.arguments = arguments});
    close(30);
    fclose(file);
    attempt_launch(&launcher, &(struct attempt_request){.parameters = SLEEP}, &attempt);
    attempt_await_report(&attempt, "waiting");
    assert_true(has_descriptor(launcher.pid, 30));
    read_descriptor(launcher.pid, 30, lock, sizeof(lock));
    for (int fd = 0; fd < 64; fd++) {
        if (fd <= 3)
            assert_true(has_descriptor(attempt.pid, fd));
        else if (has_descriptor(attempt.pid, fd)) {
            read_descriptor(attempt.pid, fd, other, sizeof(other));
            assert_string_equal(lock, other);
            locks++;
        }
    }
    assert_int_equal(locks, 1);
    launcher_signal(&launcher, &attempt, SIGKILL);
    attempt_finish(&launcher, &attempt);
    assert_int_equal(launcher_stop(&launcher), 0);
}

/* --- What it refuses to start with --- */

struct refused {
    const char *title;
    const char *arguments[4];
    const char *reason; /* part of the log */
    int exit_code;
    bool as_root;
};

static const struct refused refusals[] = {
    {"launcher that would stay root is refused",
     {"--set", "actuator.launcher_user=0"},
     "actuator.launcher_user must not be root",
     2,
     true},
    {"worker that would be root is refused",
     {"--set", "actuator.worker_user=0"},
     "actuator.worker_user must not be root",
     2,
     true},
    {"range that has the launcher's user in it is refused",
     {"--set", "actuator.worker_uids=61180-61199"},
     "actuator.worker_uids and actuator.launcher_user are both 61184",
     2,
     true},
#ifndef WITH_SANITIZERS /* which need more than any limit */
    {"memory that no worker could live with is refused",
     {"--set", "sandbox.memory=32M"},
     "sandbox.memory is too small for any worker",
     2,
     false},
#endif
    {"Landlock ABI that does not exist is refused",
     {"--landlock-abi", "8"},
     "--landlock-abi: \"8\" is not a number from 0 to 7",
     2,
     false},
    {"channel that is no descriptor is refused",
     {"--channel", "x"},
     "--channel: \"x\" is not a number",
     2,
     false},
    {"channel that was not passed is refused", {"--channel", "60000"}, "60000", 2, false},
    {"lock that was not passed is refused",
     {"--lock", "60001"},
     "--lock: descriptor 60001",
     2,
     false},
    {"key without its certificate is refused",
     {"--set", "clusters.seal_key=/dev/null"},
     "cannot load the seal certificate",
     1,
     false},
};
enum { REFUSAL_COUNT = sizeof(refusals) / sizeof(*refusals) };

static void start_is_refused_with_a_reason(void **state)
{
    const struct refused *refused = *state;
    struct launcher_process launcher;
    char log[8192];
    if (refused->as_root && !launcher_can_be_root())
        skip();
    launcher_start(&launcher, &(struct launcher_options){.arguments = refused->arguments,
                                                         .expect_failure = true});
    int status = launcher_wait(&launcher, log, sizeof(log));
    if (!strstr(log, refused->reason))
        fail_msg("\"%s\" was not logged, but: %s", refused->reason, log);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), refused->exit_code);
}

#ifndef WITH_SANITIZERS
static void memory_of_a_task_that_no_worker_could_live_with_is_refused(void **state)
{
    (void)state;
    char folder[PRIVATE_PATH_SIZE], file[PRIVATE_PATH_SIZE + 16], setting[PRIVATE_PATH_SIZE + 32];
    char log[8192];
    struct launcher_process launcher;
    umask(022);
    make_private_folder(folder);
    snprintf(file, sizeof(file), "%s/small.conf", folder);
    snprintf(setting, sizeof(setting), "tasks.directory=%s", folder);
    write_file(file, "[task]\nid = 3f0c2b1e-58a4-4d2b-9a57-0d6f1f2f7c11\nname = Small\n"
                     "short_name = small\nsummary = s\n[sandbox]\nmemory = 32M\n"
                     "[step a]\nprogram = /bin/true\n");
    const char *const arguments[] = {"--set", setting, NULL};
    launcher_start(&launcher,
                   &(struct launcher_options){.arguments = arguments, .expect_failure = true});
    int status = launcher_wait(&launcher, log, sizeof(log));
    assert_non_null(strstr(log, "small.conf: [sandbox] memory is too small for any worker"));
    assert_int_equal(WEXITSTATUS(status), 2);
    remove_private_folder(folder);
}
#endif

int main(void)
{
    static struct CMUnitTest refusal_tests[REFUSAL_COUNT];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(launcher_of_root_keeps_three_capabilities_and_no_more),
        cmocka_unit_test(launcher_is_confined_whoever_started_it),
        cmocka_unit_test(launcher_holds_the_channel_and_no_descriptor_of_others),
        cmocka_unit_test(launcher_of_an_ordinary_user_serves_as_well),
        cmocka_unit_test(every_landlock_abi_is_served_and_gaps_are_logged_once),
        cmocka_unit_test(slots_of_a_range_run_as_users_of_their_own),
        cmocka_unit_test(title_of_a_worker_says_how_far_it_is),
        cmocka_unit_test(lock_is_held_by_the_launcher_and_its_workers),
#ifndef WITH_SANITIZERS
        cmocka_unit_test(memory_of_a_task_that_no_worker_could_live_with_is_refused),
#endif
    };
    for (size_t i = 0; i < REFUSAL_COUNT; i++)
        refusal_tests[i] = (struct CMUnitTest){
            .name = refusals[i].title,
            .test_func = start_is_refused_with_a_reason,
            .initial_state = (void *)(uintptr_t)&refusals[i],
        };
    int failed = cmocka_run_group_tests_name("refusals", refusal_tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("start", tests, NULL, NULL);
}
