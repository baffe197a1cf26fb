/* SPDX-License-Identifier: Apache-2.0 */
/* test_keeper_confine.c - what a keeper, or a helper that is not confined yet, can still do. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine_fixture.h"
#include "expect.h"
#include "metrics/confine.h"
#include "mimo/privileges.h"
#include "supervisor/keeper_confine.h"

static int confine(const struct config *config, struct error *error)
{
    (void)config;
    return privileges_harden(error) < 0 ? -1 : confine_keeper(error);
}

/* As the helper is confined in the end. */
static int confine_twice(const struct config *config, struct error *error)
{
    struct statsd statsd;
    if (confine(config, error) < 0 || statsd_open(&statsd, "off", 60000, error) < 0)
        return -1;
    int result = confine_helper(&statsd, error);
    statsd_close(&statsd);
    return result;
}

static int attempt_fork_elsewhere(void)
{
    long child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
    if (child == 0)
        _exit(0);
    return child < 0 ? -1 : 0;
}

/* By a child: the filter must not name the keeper's process ID. */
static int attempt_abort(void)
{
    pid_t child = fork();
    int status;
    if (child == 0)
        abort();
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT ? 0 : -1;
}

static void what_a_helper_needs_to_start_is_left(void **state)
{
    static const struct attempt attempts[] = {
        {.name = "thread", .attempt = attempt_thread},
        {.name = "TCP socket", .attempt = attempt_tcp_socket},
        {.name = "local socket", .attempt = attempt_local_socket},
        {.name = "look up a name", .attempt = attempt_look_up_name},
        {.name = "read the configuration", .attempt = attempt_read_configuration},
        {.name = "abort", .attempt = attempt_abort},
    };
    (void)state;
    confine_check(confine, attempts, sizeof(attempts) / sizeof(attempts[0]));
}

static void everything_else_is_refused(void **state)
{
    static const struct attempt elsewhere = {
        "fork elsewhere", attempt_fork_elsewhere, REFUSED, ENOSYS, NULL, false, NULL};
    (void)state;
    confine_check_starter(confine);
    confine_check(confine, &elsewhere, 1);
}

static void the_helper_confines_itself_further(void **state)
{
    (void)state;
    confine_check_hostile(confine_twice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_helper_needs_to_start_is_left),
        cmocka_unit_test(everything_else_is_refused),
        cmocka_unit_test(the_helper_confines_itself_further),
    };
    return cmocka_run_group_tests(tests, confine_fixture_set_up, confine_fixture_tear_down);
}
