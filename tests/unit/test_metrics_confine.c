/* SPDX-License-Identifier: Apache-2.0 */
/* test_metrics_confine.c - what a compromised metrics helper can still do, and that a program with
 * threads is not confined by half. */
#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine_fixture.h"
#include "expect.h"
#include "metrics/confine.h"
#include "mimo/confinement.h"
#include "mimo/confinement_calls.h"

static int confine_for(const char *address, struct error *error)
{
    struct statsd statsd;
    if (statsd_open(&statsd, address, 60000, error) < 0)
        return -1;
    int result = confine_helper(&statsd, error);
    statsd_close(&statsd);
    return result;
}

static int confine(const struct config *config, struct error *error)
{
    (void)config;
    return confine_for("off", error);
}

static int confine_for_a_socket(const struct config *config, struct error *error)
{
    (void)config;
    return confine_for("unix:/run/agent", error);
}

static int confine_for_an_address(const struct config *config, struct error *error)
{
    (void)config;
    return confine_for("udp:127.0.0.1:8125", error);
}

static int confine_for_a_name(const struct config *config, struct error *error)
{
    (void)config;
    return confine_for("udp:localhost:8125", error);
}

static int attempt_write(void)
{
    return write(STDERR_FILENO, "alive\n", 6) == 6 ? 0 : -1;
}

static void nothing_is_left_but_what_is_open(void **state)
{
    static const struct attempt attempts[] = {
        {.name = "write", .attempt = attempt_write},
        {.name = "TCP", .attempt = attempt_tcp_socket, .expected = NAMED, .call = "socket"},
        {.name = "local", .attempt = attempt_local_socket, .expected = NAMED, .call = "socket"},
        {.name = "read",
         .attempt = attempt_read_configuration,
         .expected = NAMED,
         .call = "openat"},
    };
    (void)state;
    confine_check_hostile(confine);
    confine_check(confine, attempts, sizeof(attempts) / sizeof(attempts[0]));
}

static void sockets_are_left_for_the_agent_alone(void **state)
{
    static const struct attempt of_a_socket[] = {
        {.name = "local", .attempt = attempt_local_socket},
        {.name = "TCP", .attempt = attempt_tcp_socket, .expected = NAMED, .call = "socket"},
#ifndef WITH_SANITIZERS /* they may change signal actions */
        {.name = "thread", .attempt = attempt_thread, .expected = NAMED, .call = "rt_sigaction"},
#endif
        {.name = "read",
         .attempt = attempt_read_configuration,
         .expected = NAMED,
         .call = "openat"},
    };
    static const struct attempt of_an_address[] = {
        {.name = "local", .attempt = attempt_local_socket, .expected = NAMED, .call = "socket"},
        {.name = "TCP", .attempt = attempt_tcp_socket, .expected = NAMED, .call = "socket"},
        {.name = "read",
         .attempt = attempt_read_configuration,
         .expected = NAMED,
         .call = "openat"},
    };
    static const struct attempt of_a_name[] = {
        {.name = "look up", .attempt = attempt_look_up_name},
        {.name = "thread", .attempt = attempt_thread},
        {.name = "listen", .attempt = attempt_listen, .expected = NAMED, .call = "bind"},
        {.name = "read",
         .attempt = attempt_read_configuration,
         .expected = REFUSED,
         .error_number = EACCES,
         .needs_landlock = true},
        {.name = "change store",
         .attempt = attempt_change_store,
         .expected = REFUSED,
         .error_number = EACCES,
         .needs_landlock = true},
    };
    (void)state;
    confine_check(confine_for_a_socket, of_a_socket, sizeof(of_a_socket) / sizeof(of_a_socket[0]));
    confine_check(confine_for_an_address, of_an_address,
                  sizeof(of_an_address) / sizeof(of_an_address[0]));
    confine_check(confine_for_a_name, of_a_name, sizeof(of_a_name) / sizeof(of_a_name[0]));
    confine_check_hostile(confine_for_a_socket);
    confine_check_hostile(confine_for_a_name);
}

static int confine_on_an_old_kernel(const struct config *config, struct error *error)
{
    static const struct confinement_call calls[] = {CONFINEMENT_BASE CONFINEMENT_FILES};
    const struct confinement confinement = {.calls = calls,
                                            .call_count = sizeof(calls) / sizeof(calls[0])};
    (void)config;
    return confinement_enter(&confinement, 0, error);
}

static int attempt_describe(void)
{
    return strstr(confinement_describe(), "no Landlock in this kernel") ? 0 : -1;
}

static void a_kernel_without_landlock_still_filters(void **state)
{
    static const struct attempt attempts[] = {
        {.name = "read", .attempt = attempt_read_other_file},
        {.name = "TCP", .attempt = attempt_tcp_socket, .expected = NAMED, .call = "socket"},
        {.name = "describe", .attempt = attempt_describe},
    };
    (void)state;
    confine_check(confine_on_an_old_kernel, attempts, sizeof(attempts) / sizeof(attempts[0]));
}

static void *wait_for_ever(void *argument)
{
    pause();
    return argument;
}

static int confine_with_a_thread(const struct config *config, struct error *error)
{
    pthread_t thread;
    pthread_create(&thread, NULL, wait_for_ever, NULL);
    return confine(config, error);
}

static void a_program_with_threads_is_refused(void **state)
{
    static const struct attempt attempt = {.name = "nothing", .attempt = attempt_write};
    char said[512];
    (void)state;
    int status = confine_run(confine_with_a_thread, &attempt, said, sizeof(said));
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 100);
    assert_non_null(strstr(said, "2 threads are there already"));
}

static void directories_of_a_file_and_of_its_target_are_places(void **state)
{
    cleanup_confinement_places struct confinement_places places = {.count = 0};
    char link[256];
    struct error error;
    (void)state;
    snprintf(link, sizeof(link), "%s", confine_path("etc/link"));
    assert_int_equal(symlink(confine_path("other/file"), link), 0);
    expect_success(confinement_place_of(&places, "", CONFINEMENT_READ, &error), &error);
    assert_int_equal(places.count, 0);
    expect_success(confinement_place_of(&places, link, CONFINEMENT_READ, &error), &error);
    assert_int_equal(places.count, 2);
    assert_string_equal(places.paths[0].path, confine_path("etc"));
    assert_string_equal(places.paths[1].path, confine_path("other"));
    while (places.count < CONFINEMENT_PLACES_MAXIMUM)
        expect_success(confinement_place(&places, "/a", CONFINEMENT_READ, &error), &error);
    expect_failure(confinement_place(&places, "/b", CONFINEMENT_READ, &error), &error,
                   ERROR_TOO_LARGE, "too many places to allow, from /b on");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_left_but_what_is_open),
        cmocka_unit_test(sockets_are_left_for_the_agent_alone),
        cmocka_unit_test(a_kernel_without_landlock_still_filters),
        cmocka_unit_test(a_program_with_threads_is_refused),
        cmocka_unit_test(directories_of_a_file_and_of_its_target_are_places),
    };
    return cmocka_run_group_tests(tests, confine_fixture_set_up, confine_fixture_tear_down);
}
