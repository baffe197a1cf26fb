/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_launcher_hostile_programs.c - a step's program that is against everybody: what it tries from
 * inside, as root's worker and as an ordinary user's, on this kernel and on older ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/worker_guard.h"
#include "mimo/confinement.h"
#include "program_fixture.h"

/* --- Targets --- */

enum target {
    NOTHING,
    SHADOW,       /* nobody may read it */
    PASSWD,       /* everybody may */
    VICTIM,       /* everybody may write to it */
    FRESH,        /* is not there, in a folder that everybody may write to */
    FOLDER,       /* that one */
    ENV,          /* a program that the task does not name */
    SOCKET,       /* a UNIX socket that everybody may connect to */
    ABSENT_PORT,  /* somebody listens, but the order does not name it */
    ALLOWED_PORT, /* somebody listens, and it does */
    THE_LAUNCHER,
    THE_SUPERVISOR, /* this test */
    INIT,
};

static struct {
    uint16_t allowed, absent;
    int listeners[3];
} servers;

static int listen_tcp(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 64) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        return -1;
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static int listen_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 8) < 0 ||
        chmod(path, 0777) < 0)
        return -1;
    return fd;
}

/* Program, victim and servers. The folder itself has to be root's alone, for the program is there;
 * FRESH is beside it, in /tmp. */
static int set_up(void **state)
{
    if (programs_set_up(state) < 0)
        return -1;
    programs_copy("hostile_program");
    programs_script("victim", "");
    if (chmod(programs_path("victim"), 0666) < 0)
        return -1;
    servers.listeners[0] = listen_tcp(&servers.allowed);
    servers.listeners[1] = listen_tcp(&servers.absent);
    servers.listeners[2] = listen_unix(programs_path("socket"));
    return servers.listeners[0] < 0 || servers.listeners[1] < 0 || servers.listeners[2] < 0;
}

static int tear_down(void **state)
{
    for (int i = 0; i < 3; i++)
        close(servers.listeners[i]);
    return programs_tear_down(state);
}

static void name_target(enum target target, pid_t launcher, char *text, size_t size)
{
    const struct {
        const char *path;
        long number;
    } targets[] = {
        [NOTHING] = {"", 0},
        [SHADOW] = {"/etc/shadow", 0},
        [PASSWD] = {"/etc/passwd", 0},
        [VICTIM] = {programs_path("victim"), 0},
        [FRESH] = {"/tmp/mimo-test-of-hostile-programs", 0},
        [FOLDER] = {"/tmp", 0},
        [ENV] = {"/usr/bin/env", 0},
        [SOCKET] = {programs_path("socket"), 0},
        [ABSENT_PORT] = {NULL, servers.absent},
        [ALLOWED_PORT] = {NULL, servers.allowed},
        [THE_LAUNCHER] = {NULL, launcher},
        [THE_SUPERVISOR] = {NULL, getpid()},
        [INIT] = {NULL, 1},
    };
    if (targets[target].path)
        snprintf(text, size, "%s", targets[target].path);
    else
        snprintf(text, size, "%ld", targets[target].number);
}

/* --- Attacks --- */

struct attack {
    const char *program; /* the argument of hostile_program */
    enum target target;
    const char *answer; /* errno, "SIGSYS", or NULL: it works */
    int since;          /* Landlock ABI that denies it, or SCOPES */
    /* In a PID namespace, if another: nobody outside of it has a number there. */
    const char *in_namespace;
};

#define IT_WORKS "it works"

static const struct attack attacks[] = {
    {"read_target", SHADOW, "EACCES", 1},
    {"read_target", PASSWD, "EACCES", 1},
    {"read_worker", NOTHING, "EACCES", 1},
    {"list_target", FOLDER, "EACCES", 1},
    {"write_target", VICTIM, "EACCES", 1},
    {"write_target", FRESH, "EACCES", 1},
    {"empty_target", VICTIM, "EACCES", 0},
    {"remove_target", VICTIM, "EACCES", 0},
    {"make_directory", FRESH, "EACCES", 0},
    {"link_target", FRESH, "ENOSYS", 0},
    {"change_mode", VICTIM, "EPERM", 0},
    {"run_target", ENV, "EACCES", 1},
    {"run_memory", NOTHING, "ENOSYS", 0},
    {"connect_tcp", ALLOWED_PORT, NULL, 0},
    {"connect_tcp", ABSENT_PORT, "EACCES", 4},
    {"connect_mptcp", ALLOWED_PORT, "ENOSYS", 0},
    {"fast_open", ABSENT_PORT, "ENOSYS", 0},
    {"fast_open_connect", ABSENT_PORT, "EACCES", 4},
    {"listen_anywhere", NOTHING, "EACCES", 0},
    {"udp_socket", NOTHING, "ENOSYS", 0},
    {"raw_socket", NOTHING, "ENOSYS", 0},
    {"unix_socket", NOTHING, "EAFNOSUPPORT", 0},
    {"netlink_socket", NOTHING, "EAFNOSUPPORT", 0},
    {"vsock_socket", NOTHING, "ENOSYS", 0},
    {"datagram_pair", NOTHING, "ENOSYS", 0},
    {"redirect_pair", SOCKET, "EISCONN", 0},
    {"signal_target", THE_LAUNCHER, "EPERM", 6, "ESRCH"},
    {"signal_target", THE_SUPERVISOR, "EPERM", 6, "ESRCH"},
    {"signal_target", INIT, "EPERM", 6, "EPERM"},
    {"signal_thread", THE_LAUNCHER, "EPERM", 6, "ESRCH"},
    {"signal_by_descriptor", THE_LAUNCHER, "EPERM", 0},
    {"signal_worker", NOTHING, "EPERM", 6, "EPERM"},
    {"signal_worker_in_disguise", NOTHING, "EPERM", 6, "EPERM"},
    {"stop_all", NOTHING, "EPERM", 6, "ESRCH"},
    {"suspend_group_by_key", NOTHING, "EPERM", 0, IT_WORKS},
    {"suspend_group_as_reader", NOTHING, "EPERM", 0, IT_WORKS},
    {"suspend_group_as_writer", NOTHING, "EPERM", 0, IT_WORKS},
    {"trace_worker", NOTHING, "SIGSYS", 0},
    {"read_memory", NOTHING, "SIGSYS", 0},
    {"leave_session", NOTHING, "EPERM", 0, IT_WORKS},
    {"leave_group", NOTHING, "EPERM", 0, IT_WORKS},
    {"new_namespace", NOTHING, "SIGSYS", 0},
    {"clone_namespace", NOTHING, "ENOSYS", 0},
    {"clone_by_the_newer_call", NOTHING, "ENOSYS", 0},
    {"clone_for_the_parent", NOTHING, "ENOSYS", 0},
    {"make_ring", NOTHING, "SIGSYS", 0},
    {"load_bpf", NOTHING, "SIGSYS", 0},
    {"fault_memory", NOTHING, "SIGSYS", 0},
    {"join_keyring", NOTHING, "SIGSYS", 0},
    {"mount_something", NOTHING, "SIGSYS", 0},
#ifndef WITH_SANITIZERS /* whose builds have no limit of memory */
    {"use_up_memory", NOTHING, "ENOMEM", 0},
#endif
    {"fork_bomb", NOTHING, "EAGAIN", 0},
    {"use_up_descriptors", NOTHING, "EMFILE", 0},
    {"raise_limit", NOTHING, "ENOSYS", 0},
    {"slow_down_others", NOTHING, "ENOSYS", 0},
    {"become_root", NOTHING, "EPERM", 0},
    {"write_input", NOTHING, "EPERM", 0},
    {"write_input_by_path", NOTHING, "EPERM", 0},
};
enum { SCOPES = 6 };
enum { ATTACK_COUNT = sizeof(attacks) / sizeof(*attacks) };

/* Without a PID namespace signals have another answer where no scope keeps them: then the call is not
 * there at all. */
static const char *answer_of(const struct attack *attack, int abi, bool in_namespace)
{
    if (in_namespace && attack->in_namespace)
        return strcmp(attack->in_namespace, IT_WORKS) == 0 ? NULL : attack->in_namespace;
    if (attack->since == SCOPES && abi < SCOPES)
        return "ENOSYS";
    return abi >= attack->since ? attack->answer : NULL;
}

static void expect_answer(const struct attack *attack, const char *answer,
                          const struct attempt *attempt)
{
    char message[256];
    if (!answer)
        snprintf(message, sizeof(message), "it worked");
    else if (strcmp(answer, "SIGSYS") == 0)
        snprintf(message, sizeof(message),
                 "program %s was killed by SIGSYS: it used a system call that the sandbox forbids",
                 programs_path("hostile_program"));
    else
        snprintf(message, sizeof(message), "denied: %s", answer);
    if (!attempt->has_result || strcmp(attempt->message, message) != 0)
        fail_msg("%s on %d: \"%s\", not \"%s\"; %s", attack->program, attack->target, message,
                 attempt->message, attempt->reported);
    if (answer && strcmp(answer, "SIGSYS") == 0) /* for the line that says what was tried */
        assert_non_null(strstr(attempt->reported, "{\"type\":\"forbidden\",\"systemCall\":"));
    assert_int_equal(attempt->result, answer ? OUTCOME_TERMINAL : OUTCOME_SUCCEEDED);
    assert_int_equal(kill(-attempt->pid, 0), -1); /* nothing is left of it */
    assert_int_equal(errno, ESRCH);
}

static void attack_by_all_means(const struct programs_options *options, int abi)
{
    struct launcher_process launcher;
    struct attempt attempt;
    char target[160], parameters[320];
    struct programs_options order = *options;
    bool in_namespace = !options->without_namespaces && worker_guard_try_namespace(NULL) == 0;
    programs_sandbox_only("read = /usr\n");
    programs_task("parameters = yes\n");
    programs_step("attack", "hostile_program", "timeout = 50s\n");
    order.port = servers.allowed;
    order.parameters = parameters;
    programs_start(options, &launcher);
    for (size_t i = 0; i < ATTACK_COUNT; i++) {
        name_target(attacks[i].target, launcher.pid, target, sizeof(target));
        snprintf(parameters, sizeof(parameters), "{\"attack\":\"%s\",\"target\":\"%s\"}",
                 attacks[i].program, target);
        programs_launch(&launcher, &order, &attempt);
        attempt_finish(&launcher, &attempt);
        expect_answer(&attacks[i], answer_of(&attacks[i], abi, in_namespace), &attempt);
    }
    /* After all of them the launcher serves as before. */
    attempt_run(&launcher, &(struct attempt_request){0}, &attempt);
    assert_true(attempt.has_result);
    assert_int_equal(attempt.result, OUTCOME_SUCCEEDED);
    assert_int_equal(launcher_stop(&launcher), 0);
}

static int newest(void)
{
    return confinement_landlock_abi(CONFINEMENT_ABI_MAXIMUM);
}

static void worker_of_root_s_launcher_is_denied(void **state)
{
    (void)state;
    if (!launcher_can_be_root() || newest() == 0)
        skip();
    attack_by_all_means(&(struct programs_options){0}, newest());
}

static void worker_without_a_namespace_is_denied(void **state)
{
    if (newest() == 0)
        skip();
    if (launcher_can_be_root())
        attack_by_all_means(&(struct programs_options){.without_namespaces = true}, newest());
    tear_down(state);
    set_up(state);
    attack_by_all_means(
        &(struct programs_options){.ordinary_user = true, .without_namespaces = true}, newest());
}

static void worker_of_an_ordinary_user_is_denied(void **state)
{
    (void)state;
    if (newest() == 0)
        skip();
    attack_by_all_means(&(struct programs_options){.ordinary_user = true}, newest());
}

static void worker_with_a_user_for_each_slot_is_denied(void **state)
{
    (void)state;
    static const char *const settings[] = {"--set=actuator.worker_uids=61200-61299",
                                           "--set=actuator.max_workers=10", NULL};
    if (!launcher_can_be_root() || newest() < 6)
        skip();
    attack_by_all_means(&(struct programs_options){.settings = settings}, newest());
}

/* What an older kernel's Landlock cannot deny is what the log says at the start. */
static void older_kernels_deny_what_they_can(void **state)
{
    (void)state;
    for (int abi = 1; abi < newest(); abi++) {
        attack_by_all_means(&(struct programs_options){.ordinary_user = true,
                                                       .landlock_abi = abi + 1,
                                                       .without_namespaces = true},
                            abi);
        tear_down(state);
        set_up(state);
    }
}

static void nothing_is_run_without_landlock(void **state)
{
    (void)state;
    struct attempt attempt;
    programs_step("attack", "hostile_program", NULL);
    programs_run(&(struct programs_options){.landlock_abi = 1}, &attempt);
    assert_string_equal(attempt.message,
                        "programs of tasks are not run on this machine: its kernel has no "
                        "Landlock, and nothing else keeps them from files");
    assert_int_equal(attempt.result, OUTCOME_TERMINAL);
}

/* Whatever tasks of the operator's own may, those that are built in may not. */
static void task_that_is_built_in_is_as_closed_as_ever(void **state)
{
    (void)state;
    struct launcher_process launcher;
    struct attempt attempt;
    programs_sandbox_only("read = /usr /etc\nexecute = /usr/bin\n");
    programs_step("attack", "hostile_program", NULL);
    programs_start(&(struct programs_options){0}, &launcher);
    attempt_run(&launcher,
                &(struct attempt_request){.parameters = "{\"steps\":[{\"then\":\"open\"}]}"},
                &attempt);
    assert_true(WIFSIGNALED(attempt.wait_status));
    assert_int_equal(WTERMSIG(attempt.wait_status), SIGSYS);
    assert_non_null(strstr(attempt.reported, "{\"type\":\"forbidden\",\"systemCall\":\"open"));
    assert_int_equal(launcher_stop(&launcher), 0);
}

#define HOSTILE_TEST(test)                                                                         \
    {                                                                                              \
#test, test, set_up, tear_down, NULL                                                       \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOSTILE_TEST(worker_of_root_s_launcher_is_denied),
        HOSTILE_TEST(worker_of_an_ordinary_user_is_denied),
        HOSTILE_TEST(worker_without_a_namespace_is_denied),
        HOSTILE_TEST(worker_with_a_user_for_each_slot_is_denied),
        HOSTILE_TEST(older_kernels_deny_what_they_can),
        HOSTILE_TEST(nothing_is_run_without_landlock),
        HOSTILE_TEST(task_that_is_built_in_is_as_closed_as_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
