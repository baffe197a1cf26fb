/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_sandbox_status.c - what the kernel shows of a worker: its user, its capabilities, its limits,
 * and what others of its user may do to it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox_fixture.h"

/* The value of a line "Name:\tvalue" of /proc/PID/FILE. */
static void read_line(pid_t pid, const char *file, const char *name, char *value, size_t size)
{
    char path[64], line[256];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    FILE *stream = fopen(path, "re");
    assert_non_null(stream);
    size_t length = strlen(name);
    bool found = false;
    while (!found && fgets(line, sizeof(line), stream)) {
        found = strncmp(line, name, length) == 0;
        if (found)
            snprintf(value, size, "%s", line + length + strspn(line + length, " \t:"));
    }
    fclose(stream);
    if (!found)
        fail_msg("%s has no line %s", path, name);
    for (size_t end = strlen(value); end > 0 && strchr(" \n", value[end - 1]); end--)
        value[end - 1] = '\0';
}

static void assert_line(pid_t pid, const char *file, const char *name, const char *expected)
{
    char value[256];
    read_line(pid, file, name, value, sizeof(value));
    assert_string_equal(value, expected);
}

/* But for the two signals that the C library keeps for itself: posix_spawn() ignores them on behalf
 * of whoever is started by it, and some versions of make start tests that way. */
static void assert_ignored_signals(pid_t pid, unsigned long expected)
{
    const unsigned long of_the_library = 3UL << 31; /* 32 and 33 */
    char value[256];
    read_line(pid, "status", "SigIgn", value, sizeof(value));
    assert_int_equal(strtoul(value, NULL, 16) & ~of_the_library, expected);
}

static void inspect_status(pid_t pid)
{
    assert_line(pid, "status", "Name", "mimo-worker");
    assert_line(pid, "status", "CapInh", "0000000000000000");
    assert_line(pid, "status", "CapPrm", "0000000000000000");
    assert_line(pid, "status", "CapEff", "0000000000000000");
    assert_line(pid, "status", "CapAmb", "0000000000000000");
    assert_line(pid, "status", "NoNewPrivs", "1");
    assert_line(pid, "status", "Seccomp", "2");
    assert_line(pid, "status", "Seccomp_filters", "2");
    assert_line(pid, "status", "Umask", "0077");
    assert_line(pid, "status", "SigBlk", "0000000000000000");
    assert_ignored_signals(pid, 0x1001000); /* SIGPIPE, SIGXFSZ */
    assert_line(pid, "status", "SigCgt", "0000000040000000");
    assert_line(pid, "status", "Threads", "1");
    assert_int_equal(getpgid(pid), pid);
    assert_int_equal(getsid(pid), pid);
}

static void inspect_root_worker(pid_t pid)
{
    inspect_status(pid);
    assert_line(pid, "status", "Uid", "61185\t61185\t61185\t61185");
    assert_line(pid, "status", "Gid", "61185\t61185\t61185\t61185");
    assert_line(pid, "status", "Groups", "");
    /* What the launcher kept, and no more; nothing can be gained from it without execve. */
    assert_line(pid, "status", "CapBnd", "00000000000000e0");
}

static void inspect_ordinary_worker(pid_t pid)
{
    inspect_status(pid);
    if (sandbox_can_be_root())
        assert_line(pid, "status", "Uid", "61186\t61186\t61186\t61186");
}

static void inspect_limits(pid_t pid)
{
    assert_line(pid, "limits", "Max cpu time", "30                   35                   seconds");
    assert_line(pid, "limits", "Max file size", "0                    0                    bytes");
    assert_line(pid, "limits", "Max core file size",
                "0                    0                    bytes");
    assert_line(pid, "limits", "Max processes",
                "0                    0                    processes");
    assert_line(pid, "limits", "Max open files", "64                   64                   files");
    assert_line(pid, "limits", "Max locked memory",
                "0                    0                    bytes");
    assert_line(pid, "limits", "Max msgqueue size",
                "0                    0                    bytes");
#ifndef WITH_SANITIZERS
    assert_line(pid, "limits", "Max address space",
                "268435456            268435456            bytes");
#endif
}

static void worker_of_root_is_an_ordinary_user_without_capabilities(void **state)
{
    (void)state;
    struct sandbox_outcome outcome;
    if (!sandbox_can_be_root())
        skip();
    sandbox_run(&(struct sandbox_run){.body = sandbox_wait, .inspect = inspect_root_worker},
                &outcome);
}

static void worker_of_an_ordinary_user_is_just_as_restricted(void **state)
{
    (void)state;
    struct sandbox_outcome outcome;
    sandbox_run(&(struct sandbox_run){.body = sandbox_wait,
                                      .inspect = inspect_ordinary_worker,
                                      .ordinary_user = true},
                &outcome);
}

static void limits_are_those_of_the_order(void **state)
{
    (void)state;
    struct sandbox_outcome outcome;
    sandbox_run(&(struct sandbox_run){.body = sandbox_wait, .inspect = inspect_limits}, &outcome);
}

/* An ordinary user's own processes: what that user may do to others it may not do to a worker. */
static void inspect_from_the_same_user(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
    pid_t prober = fork();
    assert_true(prober >= 0);
    if (prober == 0) {
        if (setresgid(FIXTURE_WORKER_USER, FIXTURE_WORKER_USER, FIXTURE_WORKER_USER) < 0 ||
            setresuid(FIXTURE_WORKER_USER, FIXTURE_WORKER_USER, FIXTURE_WORKER_USER) < 0)
            _exit(2);
        bool denied = open(path, O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES;
        denied = denied && ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0 && errno == EPERM;
        _exit(denied ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(prober, &status, 0), prober);
    assert_int_equal(status, 0);
}

static void worker_cannot_be_read_or_traced_by_its_own_user(void **state)
{
    (void)state;
    struct sandbox_outcome outcome;
    if (!sandbox_can_be_root())
        skip();
    sandbox_run(&(struct sandbox_run){.body = sandbox_wait, .inspect = inspect_from_the_same_user},
                &outcome);
}

/* Until the worker's state letter is `wanted`. */
static void wait_for_state(pid_t pid, char wanted)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    char value[64] = "";
    for (int i = 0; i < 20000 && value[0] != wanted; i++) {
        read_line(pid, "status", "State", value, sizeof(value));
        if (value[0] != wanted)
            nanosleep(&pause, NULL);
    }
    assert_int_equal(value[0], wanted);
}

static long sleep_briefly(const struct sandbox_inside *inside)
{
    (void)inside;
    struct pollfd nothing = {.fd = -1};
    return poll(&nothing, 1, 300);
}

static void stop_and_continue(pid_t pid)
{
    wait_for_state(pid, 'S');
    assert_int_equal(kill(pid, SIGSTOP), 0);
    wait_for_state(pid, 'T');
    assert_int_equal(kill(pid, SIGCONT), 0);
}

static void worker_goes_on_after_it_was_stopped(void **state)
{
    (void)state;
    struct sandbox_outcome outcome;
    sandbox_run(&(struct sandbox_run){.body = sleep_briefly, .inspect = stop_and_continue},
                &outcome);
    assert_string_equal(outcome.reported, "");
    assert_int_equal(outcome.wait_status, 0);
    assert_true(outcome.returned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worker_of_root_is_an_ordinary_user_without_capabilities),
        cmocka_unit_test(worker_of_an_ordinary_user_is_just_as_restricted),
        cmocka_unit_test(limits_are_those_of_the_order),
        cmocka_unit_test(worker_cannot_be_read_or_traced_by_its_own_user),
        cmocka_unit_test(worker_goes_on_after_it_was_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
