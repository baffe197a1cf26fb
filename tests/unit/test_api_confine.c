/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_confine.c - what an Admin API in the hands of somebody else could still do. */
#include <sys/mman.h>

#include "api/confine.h"
#include "confine_fixture.h"
#include "expect.h"

#define WITH_ENTRA                                                                                 \
    "[api]\nauth = entra\n"                                                                        \
    "entra_tenant = 72f988bf-86f1-41af-91ab-2d7cd011db47\n"                                        \
    "entra_audience = 6f1cbe4e-3d8f-4a9b-9f0e-111111111111\n"

static int attempt_make_job(void)
{
    return memfd_create("job", MFD_CLOEXEC) < 0 ? -1 : 0;
}

static void its_work_goes_on(void **state)
{
    static const struct attempt attempts[] = {
        {.name = "thread", .attempt = attempt_thread},
        {.name = "local socket", .attempt = attempt_local_socket},
        {.name = "read what a reload reads", .attempt = attempt_read_configuration},
        {.name = "change the store", .attempt = attempt_change_store},
        {.name = "make a file beside the store", .attempt = attempt_make_file_beside_store},
    };
    (void)state;
    confine_check(confine_api, attempts, sizeof(attempts) / sizeof(attempts[0]));
}

/* There is nothing that it would have to connect to. */
static void it_reaches_the_network_only_to_fetch_keys(void **state)
{
    static const struct attempt attempts[] = {
        {.name = "TCP", .attempt = attempt_tcp_socket, .expected = NAMED, .call = "socket"},
        {.name = "TCP, with entra", .attempt = attempt_tcp_socket, .configuration = WITH_ENTRA},
        {.name = "a name, with entra",
         .attempt = attempt_look_up_name,
         .configuration = WITH_ENTRA},
        {.name = "MPTCP, with entra",
         .attempt = attempt_multipath_socket,
         .configuration = WITH_ENTRA,
         .expected = NAMED,
         .call = "socket"},
        {.name = "listen, with entra",
         .attempt = attempt_listen,
         .configuration = WITH_ENTRA,
         .expected = NAMED,
         .call = "bind"},
    };
    (void)state;
    confine_check(confine_api, attempts, sizeof(attempts) / sizeof(attempts[0]));
}

static void files_elsewhere_are_out_of_reach(void **state)
{
    (void)state;
    confine_check_files(confine_api);
}

static void code_of_somebody_else_gets_nowhere(void **state)
{
    static const struct attempt attempts[] = {
        {.name = "a job", .attempt = attempt_make_job, .expected = NAMED, .call = "memfd_create"},
    };
    (void)state;
    confine_check_hostile(confine_api);
    confine_check(confine_api, attempts, sizeof(attempts) / sizeof(attempts[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_work_goes_on),
        cmocka_unit_test(it_reaches_the_network_only_to_fetch_keys),
        cmocka_unit_test(files_elsewhere_are_out_of_reach),
        cmocka_unit_test(code_of_somebody_else_gets_nowhere),
    };
    return cmocka_run_group_tests(tests, confine_fixture_set_up, confine_fixture_tear_down);
}
