/* SPDX-License-Identifier: Apache-2.0 */
/* test_process_security.c - what /proc/PID/status says of a process, and what it does not. */
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expect.h"
#include "mimo/process_security.h"

static const char launcher[] =
    "Name:\tmimo-launcher\nPPid:\t4711\nUid:\t61184\t61185\t61186\t61187\n"
    "Gid:\t1\t2\t3\t4\nGroups:\t7 8 9 \nNoNewPrivs:\t1\n"
    "CapInh:\t0000000000000000\nCapPrm:\t00000000000000e0\n"
    "CapEff:\t00000000000000c0\nCapBnd:\t00000000000001e0\n"
    "CapAmb:\t0000000000000020\nSeccomp:\t2\nSeccomp_filters:\t3\n";

static void every_line_is_read(void **state)
{
    struct process_security security;
    struct error error;
    (void)state;
    expect_success(process_security_parse(launcher, &security, &error), &error);
    assert_int_equal(security.parent, 4711);
    assert_int_equal(security.users[0], 61184);
    assert_int_equal(security.users[1], 61185);
    assert_int_equal(security.users[2], 61186);
    assert_int_equal(security.groups[2], 3);
    assert_int_equal(security.supplementary_groups, 3);
    assert_int_equal(security.permitted, 0xe0);
    assert_int_equal(security.effective, 0xc0);
    assert_int_equal(security.bounding, 0x1e0);
    assert_int_equal(security.ambient, 0x20);
    assert_int_equal(security.no_new_privileges, 1);
    assert_int_equal(security.seccomp_mode, 2);
    assert_int_equal(security.seccomp_filters, 3);
}

static void a_kernel_that_does_not_count_filters_will_do(void **state)
{
    char text[sizeof(launcher)];
    struct process_security security;
    struct error error;
    (void)state;
    strcpy(text, launcher);
    *strstr(text, "Seccomp_filters") = '\0';
    expect_success(process_security_parse(text, &security, &error), &error);
    assert_int_equal(security.seccomp_mode, 2);
    assert_int_equal(security.seccomp_filters, 0);
}

static void what_is_no_status_is_refused(void **state)
{
    struct process_security security;
    struct error error;
    (void)state;
    assert_int_equal(process_security_parse("", &security, &error), -1);
    assert_non_null(strstr(error.message, "\"Uid\""));
    assert_int_equal(process_security_parse("Uid:\tx\n", &security, &error), -1);
    assert_int_equal(error.kind, ERROR_INVALID);
}

static void capabilities_have_names(void **state)
{
    char text[PROCESS_CAPABILITIES_SIZE];
    (void)state;
    assert_string_equal(process_capabilities_text(0, text), "none");
    assert_string_equal(process_capabilities_text(0xe0, text), "kill,setgid,setuid");
    assert_string_equal(process_capabilities_text(UINT64_C(1) << 63, text), "63");
    assert_true(strlen(process_capabilities_text(UINT64_MAX - 1, text)) <
                PROCESS_CAPABILITIES_SIZE);
}

/* Forks a child that sleeps with these powers; returns its pid. */
static pid_t start_child(int dumpable)
{
    int ends[2];
    char byte;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if ((geteuid() == 0 && (setgid(61186) < 0 || setuid(61186) < 0)) ||
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0) < 0 || write(ends[1], "!", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    close(ends[1]);
    return pid;
}

static void a_live_process_is_read(void **state)
{
    (void)state;
    for (int dumpable = 0; dumpable <= 1; dumpable++) {
        struct process_security security;
        struct error error;
        pid_t pid = start_child(dumpable);
        int result = process_security_read(pid, &security, &error);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        expect_success(result, &error);
        assert_int_equal(security.users[1], geteuid() == 0 ? 61186 : geteuid());
        assert_int_equal(security.effective, 0);
        assert_int_equal(security.no_new_privileges, 1);
        assert_int_equal(security.dumpable, dumpable ? PROCESS_DUMPABLE : PROCESS_NOT_DUMPABLE);
        assert_int_equal(process_security_read(pid, &security, &error), -1);
        assert_int_equal(error.kind, ERROR_NOT_FOUND);
    }
}

static void own_powers_are_described_as_of_the_reading(void **state)
{
    struct error error;
    char text[PROCESS_CAPABILITIES_SIZE];
    (void)state;
    int status = process_security_open(&error);
    assert_true(status >= 0);
    assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    assert_non_null(
        strstr(process_security_describe(status, text), ", no new privileges, no seccomp filter"));
    assert_int_equal(strncmp(text, "user ", 5), 0);
    close(status);
    assert_int_equal(strncmp(process_security_describe(status, text), "unknown: ", 9), 0);
}

static void gaps_are_named_where_an_abi_has_some(void **state)
{
    (void)state;
    assert_non_null(strstr(landlock_gaps(0), "files"));
    assert_string_equal(landlock_gaps(-1), landlock_gaps(0));
    assert_non_null(strstr(landlock_gaps(3), "TCP port"));
    assert_null(strstr(landlock_gaps(4), "TCP port"));
    assert_non_null(strstr(landlock_gaps(5), "signal"));
    assert_null(landlock_gaps(6));
    assert_null(landlock_gaps(70));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_is_read),
        cmocka_unit_test(a_kernel_that_does_not_count_filters_will_do),
        cmocka_unit_test(what_is_no_status_is_refused),
        cmocka_unit_test(capabilities_have_names),
        cmocka_unit_test(a_live_process_is_read),
        cmocka_unit_test(own_powers_are_described_as_of_the_reading),
        cmocka_unit_test(gaps_are_named_where_an_abi_has_some),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
