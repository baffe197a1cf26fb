/* SPDX-License-Identifier: Apache-2.0 */
/* test_supervisor_confine.c - what a supervisor in the hands of somebody else could still do. */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine_fixture.h"
#include "expect.h"
#include "mimo/confinement.h"
#include "mimo/process.h"
#include "supervisor/confine.h"

static struct family family;

/* With a member of the family that does nothing. */
static int confine(const struct config *config, struct error *error)
{
    family = (struct family){.launcher_socket = -1, .metrics_socket = -1, .keeper = 1};
    pid_t self = getpid();
    family.launcher = fork();
    if (family.launcher == 0) {
        if (process_die_with_parent(self, error) == 0)
            pause();
        _exit(0);
    }
    return confine_supervisor(config, &family, error);
}

static int attempt_end_launcher(void)
{
    int status;
    if (kill(family.launcher, SIGKILL) < 0)
        return -1;
    return waitpid(family.launcher, &status, 0) == family.launcher ? 0 : -1;
}

static int attempt_stop_launcher(void)
{
    return kill(family.launcher, SIGSTOP);
}

static int attempt_make_job(void)
{
    return memfd_create("job", MFD_CLOEXEC | MFD_ALLOW_SEALING) < 0 ? -1 : 0;
}

static int attempt_netlink(void)
{
    return socket(AF_NETLINK, SOCK_RAW, 0) < 0 ? -1 : 0;
}

static void its_work_goes_on(void **state)
{
    static const struct attempt attempts[] = {
        {.name = "thread", .attempt = attempt_thread},
        {.name = "TCP socket", .attempt = attempt_tcp_socket},
        {.name = "local socket", .attempt = attempt_local_socket},
        {.name = "look up a name", .attempt = attempt_look_up_name},
        {.name = "make a job", .attempt = attempt_make_job},
        {.name = "read the configuration", .attempt = attempt_read_configuration},
        {.name = "change the store", .attempt = attempt_change_store},
        {.name = "make a file beside the store", .attempt = attempt_make_file_beside_store},
        {.name = "end the launcher", .attempt = attempt_end_launcher},
    };
    (void)state;
    confine_check(confine, attempts, sizeof(attempts) / sizeof(attempts[0]));
}

static void files_elsewhere_are_out_of_reach(void **state)
{
    (void)state;
    confine_check_files(confine);
}

static void code_of_somebody_else_gets_nowhere(void **state)
{
    static const struct attempt attempts[] = {
        {.name = "stop the launcher",
         .attempt = attempt_stop_launcher,
         .expected = NAMED,
         .call = "kill"},
        {.name = "netlink",
         .attempt = attempt_netlink,
         .expected = REFUSED,
         .error_number = EAFNOSUPPORT},
    };
    (void)state;
    confine_check_hostile(confine);
    confine_check(confine, attempts, sizeof(attempts) / sizeof(attempts[0]));
}

static int attempt_describe(void)
{
    dprintf(STDERR_FILENO, "%s\n", confinement_describe());
    return 0;
}

static void what_is_in_force_is_told(void **state)
{
    static const struct attempt attempt = {.name = "describe", .attempt = attempt_describe};
    char said[1024], abi[64];
    (void)state;
    assert_string_equal(confinement_describe(), "not confined");
    confine_run(confine, &attempt, said, sizeof(said));
    assert_non_null(strstr(said, "no capabilities, no new privileges, "));
    snprintf(abi, sizeof(abi), "Landlock ABI %d\n",
             confinement_landlock_abi(CONFINEMENT_ABI_MAXIMUM));
    assert_non_null(strstr(said, abi));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_work_goes_on),
        cmocka_unit_test(files_elsewhere_are_out_of_reach),
        cmocka_unit_test(code_of_somebody_else_gets_nowhere),
        cmocka_unit_test(what_is_in_force_is_told),
    };
    return cmocka_run_group_tests(tests, confine_fixture_set_up, confine_fixture_tear_down);
}
