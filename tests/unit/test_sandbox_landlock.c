/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_sandbox_landlock.c - Landlock with nothing beside it, as every ABI that this kernel can
 * play: what it denies is not to be hidden by seccomp, which would end the worker first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox_fixture.h"

static char *const no_arguments[] = {NULL};

static int landlock_abi(void)
{
    return confinement_landlock_abi(CONFINEMENT_ABI_MAXIMUM);
}

static long connect_to(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd < 0 ? fd : connect(fd, (struct sockaddr *)&address, sizeof(address));
}

#define ATTEMPT(name, expression)                                                                  \
    static long name(const struct sandbox_inside *inside)                                          \
    {                                                                                              \
        (void)inside;                                                                              \
        return (expression);                                                                       \
    }

ATTEMPT(connect_allowed, connect_to(inside->allowed_port))
ATTEMPT(connect_other, connect_to(inside->other_port))
ATTEMPT(open_shadow, open("/etc/shadow", O_RDONLY | O_CLOEXEC))
ATTEMPT(open_public, open("/etc/passwd", O_RDONLY | O_CLOEXEC))
ATTEMPT(signal_launcher, kill(inside->launcher, 0))

static void run_without_filter(sandbox_body_f *body, int abi, struct sandbox_outcome *outcome)
{
    sandbox_run(
        &(struct sandbox_run){
            .body = body, .landlock_abi = abi + 1, .ordinary_user = true, .without_filter = true},
        outcome);
    assert_string_equal(outcome->message, "");
    assert_true(outcome->returned);
}

static void landlock_denies_what_each_abi_knows(void **state)
{
    (void)state;
    struct sandbox_outcome outcome;
    for (int abi = 0; abi <= landlock_abi(); abi++) {
        run_without_filter(open_public, abi, &outcome);
        assert_int_equal(outcome.value < 0 ? outcome.error_number : 0, abi >= 1 ? EACCES : 0);
        run_without_filter(connect_other, abi, &outcome);
        assert_int_equal(outcome.error_number == EACCES, abi >= 4);
        run_without_filter(connect_allowed, abi, &outcome);
        assert_int_not_equal(outcome.error_number, EACCES);
        run_without_filter(signal_launcher, abi, &outcome);
        assert_int_equal(outcome.value < 0 ? outcome.error_number : 0, abi >= 6 ? EPERM : 0);
    }
}

/* Each in a process of its own, with nothing but the one domain around it. */
static int enter_deny_files(int abi, struct error *error)
{
    return sandbox_deny_files(abi, error);
}

static int enter_worker_domain(int abi, struct error *error)
{
    return sandbox_enter_domain(abi, NULL, 0, error);
}

static bool is_denied(long result)
{
    return result < 0 && (errno == EACCES || errno == EXDEV);
}

static _Noreturn void try_files(const char *folder, int (*enter)(int abi, struct error *error),
                                int abi)
{
    struct error error;
    char file[64], other[64];
    snprintf(file, sizeof(file), "%s/file", folder);
    snprintf(other, sizeof(other), "%s/other", folder);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || enter(abi, &error) < 0)
        _exit(100);
    const bool denied[] = {
        is_denied(open(file, O_RDONLY | O_CLOEXEC)),
        is_denied(open(file, O_WRONLY | O_CLOEXEC)),
        is_denied(open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)),
        is_denied(open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
        is_denied(unlink(file)),
        is_denied(rmdir(folder)),
        is_denied(mkdir(other, 0700)),
        is_denied(symlink("x", other)),
        is_denied(mkfifo(other, 0600)),
        is_denied(link(file, other)),
        is_denied(rename(file, other)),
        is_denied(execve("/bin/true", no_arguments, no_arguments)),
        abi < 3 || is_denied(truncate(file, 0)),
    };
    for (size_t i = 0; i < sizeof(denied); i++)
        if (!denied[i])
            _exit((int)i + 1);
    _exit(0);
}

static void both_domains_deny_every_use_of_files(void **state)
{
    (void)state;
    int (*const domains[])(int, struct error *) = {enter_deny_files, enter_worker_domain};
    char folder[] = "/tmp/mimo-test-sandbox-XXXXXX", file[64];
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof(file), "%s/file", folder);
    int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    for (int abi = 1; abi <= landlock_abi(); abi++)
        for (size_t i = 0; i < 2; i++) {
            int status;
            pid_t pid = fork();
            assert_true(pid >= 0);
            if (pid == 0)
                try_files(folder, domains[i], abi);
            assert_int_equal(waitpid(pid, &status, 0), pid);
            if (status != 0)
                fail_msg("ABI %d, domain %zu: exit status %d", abi, i, WEXITSTATUS(status));
        }
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void sandbox_closes_with_every_landlock_abi(void **state)
{
    (void)state;
    struct sandbox_outcome outcome;
    for (int abi = 0; abi <= landlock_abi(); abi++) {
        sandbox_run(&(struct sandbox_run){.body = open_shadow, .landlock_abi = abi + 1}, &outcome);
        assert_string_equal(outcome.message, "");
        assert_int_equal(WTERMSIG(outcome.wait_status), SIGSYS);
    }
}

static void abi_is_never_more_than_what_is_asked_for(void **state)
{
    (void)state;
    for (int maximum = 0; maximum <= CONFINEMENT_ABI_MAXIMUM; maximum++)
        assert_true(confinement_landlock_abi(maximum) <= maximum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(landlock_denies_what_each_abi_knows),
        cmocka_unit_test(both_domains_deny_every_use_of_files),
        cmocka_unit_test(sandbox_closes_with_every_landlock_abi),
        cmocka_unit_test(abi_is_never_more_than_what_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
