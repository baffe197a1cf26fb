/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_sandbox.c - a worker inside its sandbox: what it tries, what the kernel shows of it, and
 * what is left of the sandbox on older kernels.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mimo/exit_codes.h"
#include "sandbox_fixture.h"

/* --- Attacks --- */

static struct sockaddr_in local(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

static long connect_to(uint16_t port)
{
    struct sockaddr_in address = local(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd < 0 ? fd : connect(fd, (struct sockaddr *)&address, sizeof(address));
}

#define ATTACK(name, expression)                                                                   \
    static long name(const struct sandbox_inside *inside)                                          \
    {                                                                                              \
        (void)inside;                                                                              \
        return (expression);                                                                       \
    }

static char *const no_arguments[] = {NULL};

ATTACK(open_file, syscall(SYS_open, "/etc/shadow", O_RDONLY))
ATTACK(openat_file, syscall(SYS_openat, AT_FDCWD, "/etc/shadow", O_RDONLY))
ATTACK(openat2_file, syscall(SYS_openat2, AT_FDCWD, "/etc/shadow", NULL, 0))
ATTACK(stat_file, syscall(SYS_newfstatat, AT_FDCWD, "/etc/shadow", NULL, 0))
ATTACK(unlink_file, syscall(SYS_unlink, "/nonexistent"))
ATTACK(execute, execve("/bin/true", no_arguments, no_arguments))
ATTACK(execute_descriptor, syscall(SYS_execveat, 0, "", no_arguments, no_arguments, AT_EMPTY_PATH))
ATTACK(mptcp_socket, socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP))
ATTACK(udp_socket, socket(AF_INET, SOCK_DGRAM, 0))
ATTACK(raw_socket, socket(AF_INET6, SOCK_RAW, IPPROTO_TCP))
ATTACK(unix_socket, socket(AF_UNIX, SOCK_STREAM, 0))
ATTACK(netlink_socket, socket(AF_NETLINK, SOCK_RAW, 0))
ATTACK(inet_socketpair, socketpair(AF_INET, SOCK_STREAM, 0, (int[2]){0}))
ATTACK(datagram_socketpair, socketpair(AF_UNIX, SOCK_DGRAM, 0, (int[2]){0}))
ATTACK(listen_socket, listen(socket(AF_INET, SOCK_STREAM, 0), 1))
ATTACK(bind_socket, bind(socket(AF_INET, SOCK_STREAM, 0), NULL, 0))
ATTACK(fast_open, sendto(socket(AF_INET, SOCK_STREAM, 0), "x", 1, MSG_FASTOPEN, NULL, 0))
ATTACK(fast_open_message,
       sendmsg(socket(AF_INET, SOCK_STREAM, 0), &(struct msghdr){0}, MSG_FASTOPEN))
ATTACK(make_ring, syscall(SYS_io_uring_setup, 1, NULL))
ATTACK(enter_ring, syscall(SYS_io_uring_enter, 3, 1, 0, 0, NULL, 0))
ATTACK(trace_launcher, syscall(SYS_ptrace, PTRACE_ATTACH, inside->launcher, 0, 0))
ATTACK(read_memory, syscall(SYS_process_vm_readv, inside->launcher, NULL, 0, NULL, 0, 0))
ATTACK(open_pidfd, syscall(SYS_pidfd_open, inside->launcher, 0))
ATTACK(new_namespace, syscall(SYS_unshare, 0x10000000))
ATTACK(fork_call, syscall(SYS_fork))
ATTACK(clone_call, syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0))
ATTACK(clone3_call, syscall(SYS_clone3, NULL, 0))
ATTACK(make_executable, syscall(SYS_mprotect, 0, 4096, PROT_READ | PROT_EXEC))
ATTACK(map_executable,
       syscall(SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
ATTACK(kill_launcher, kill(inside->launcher, SIGKILL))
ATTACK(tgkill_launcher, syscall(SYS_tgkill, inside->launcher, inside->launcher, SIGKILL))
ATTACK(join_keyring, syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL))
ATTACK(become_dumpable, prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
ATTACK(become_root, syscall(SYS_setuid, 0))
ATTACK(catch_signals, syscall(SYS_rt_sigaction, SIGSYS, NULL, NULL, 8))
ATTACK(block_signals, syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, NULL, 8))
ATTACK(redirect_signals, fcntl(WORKER_REPORT_FD, F_SETOWN, inside->launcher))
ATTACK(duplicate_descriptor, fcntl(WORKER_REPORT_FD, F_DUPFD, 0))
ATTACK(load_program, syscall(SYS_bpf, 0, NULL, 0))
ATTACK(load_filter, syscall(SYS_seccomp, 1, 0, NULL))
ATTACK(raise_limit, syscall(SYS_prlimit64, 0, 0, NULL, NULL))
ATTACK(stop_alarm, syscall(SYS_setitimer, 0, NULL, NULL))
ATTACK(unknown_call, syscall(500))
ATTACK(number_out_of_range, syscall(100000))
#ifdef __x86_64__
ATTACK(x32_call, syscall(0x40000000 + 39))

/* getpid of i386: the same kernel, another table of calls. */
static long i386_call(const struct sandbox_inside *inside)
{
    long result = 20;
    (void)inside;
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    return result;
}
#endif

/* named: the call that the report names; NULL: the worker is killed without a word. */
struct attack {
    const char *title;
    sandbox_body_f *body;
    const char *named;
};

static const struct attack attacks[] = {
    {"opening a file ends a worker", open_file, "open"},
    {"opening a file by the newer call ends a worker", openat_file, "openat"},
    {"opening a file by the newest call ends a worker", openat2_file, "openat2"},
    {"looking at a file ends a worker", stat_file, "newfstatat"},
    {"deleting a file ends a worker", unlink_file, "unlink"},
    {"running a program kills a worker", execute, NULL},
    {"running a program by descriptor kills a worker", execute_descriptor, NULL},
    {"an MPTCP socket ends a worker", mptcp_socket, "socket"},
    {"a UDP socket ends a worker", udp_socket, "socket"},
    {"a raw socket ends a worker", raw_socket, "socket"},
    {"a UNIX socket ends a worker", unix_socket, "socket"},
    {"a netlink socket ends a worker", netlink_socket, "socket"},
    {"a socket pair other than UNIX ends a worker", inet_socketpair, "socketpair"},
    {"a socket pair that can be turned to others ends a worker", datagram_socketpair, "socketpair"},
    {"listening ends a worker", listen_socket, "listen"},
    {"binding ends a worker", bind_socket, "bind"},
    {"TCP fast open ends a worker", fast_open, "sendto"},
    {"TCP fast open by message ends a worker", fast_open_message, "sendmsg"},
    {"making an io_uring kills a worker", make_ring, NULL},
    {"using an io_uring kills a worker", enter_ring, NULL},
    {"tracing the launcher kills a worker", trace_launcher, NULL},
    {"reading the launcher's memory kills a worker", read_memory, NULL},
    {"a handle to the launcher ends a worker", open_pidfd, "pidfd_open"},
    {"a namespace of its own kills a worker", new_namespace, NULL},
    {"forking kills a worker", fork_call, NULL},
    {"cloning kills a worker", clone_call, NULL},
    {"cloning by the newer call kills a worker", clone3_call, NULL},
    {"making memory executable ends a worker", make_executable, "mprotect"},
    {"mapping executable memory ends a worker", map_executable, "mmap"},
    {"killing the launcher ends a worker", kill_launcher, "kill"},
    {"killing a thread of the launcher ends a worker", tgkill_launcher, "tgkill"},
    {"joining a session keyring kills a worker", join_keyring, NULL},
    {"becoming dumpable ends a worker", become_dumpable, "prctl"},
    {"becoming root ends a worker", become_root, "setuid"},
    {"catching a signal ends a worker", catch_signals, "rt_sigaction"},
    {"blocking signals ends a worker", block_signals, "rt_sigprocmask"},
    {"directing signals at others ends a worker", redirect_signals, "fcntl"},
    {"duplicating a descriptor ends a worker", duplicate_descriptor, "fcntl"},
    {"loading a BPF program kills a worker", load_program, NULL},
    {"loading another filter ends a worker", load_filter, "seccomp"},
    {"changing limits ends a worker", raise_limit, "prlimit64"},
    {"stopping its alarm ends a worker", stop_alarm, "setitimer"},
    {"a call newer than libseccomp ends a worker by number", unknown_call, "number 500"},
    {"a call beyond all numbers ends a worker", number_out_of_range, "unknown"},
#ifdef __x86_64__
    {"the x32 entry kills a worker", x32_call, NULL},
    {"the 32-bit entry kills a worker", i386_call, NULL},
#endif
};
enum { ATTACK_COUNT = sizeof(attacks) / sizeof(*attacks) };

/* Whether the kernel serves the 32-bit entry at all: where it does not, as on confidential VMs, it
 * ends a process by SIGSEGV, in a sandbox or not. */
static bool has_i386_entry(void)
{
#ifdef __x86_64__
    int status;
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        _exit(i386_call(NULL) == getpid() ? 0 : 1);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status == 0;
#else
    return false;
#endif
}

static void attack_is_fatal(void **state)
{
    const struct attack *attack = *state;
    struct sandbox_outcome outcome;
    char expected[128] = "";
    if (strstr(attack->title, "32-bit") && !has_i386_entry())
        skip();
    sandbox_run(&(struct sandbox_run){.body = attack->body}, &outcome);
    assert_string_equal(outcome.message, "");
    assert_false(outcome.returned);
    assert_true(WIFSIGNALED(outcome.wait_status));
    assert_int_equal(WTERMSIG(outcome.wait_status), SIGSYS);
    if (attack->named)
        snprintf(expected, sizeof(expected), "{\"type\":\"forbidden\",\"systemCall\":\"%s\"}\n",
                 attack->named);
    assert_string_equal(outcome.reported, expected);
}

/* --- What works, and what is refused --- */

static int landlock_abi(void)
{
    return confinement_landlock_abi(CONFINEMENT_ABI_MAXIMUM);
}

ATTACK(connect_allowed, connect_to(inside->allowed_port))
ATTACK(connect_other, connect_to(inside->other_port))

static void port_of_the_order_is_open(void **state)
{
    (void)state;
    struct sandbox_outcome outcome;
    sandbox_run(&(struct sandbox_run){.body = connect_allowed}, &outcome);
    assert_true(outcome.returned);
    assert_true(outcome.value == 0 || outcome.error_number == EINPROGRESS);
}

static void other_ports_are_denied(void **state)
{
    (void)state;
    struct sandbox_outcome outcome;
    if (landlock_abi() < 4)
        skip();
    sandbox_run(&(struct sandbox_run){.body = connect_other}, &outcome);
    assert_true(outcome.returned);
    assert_int_equal(outcome.value, -1);
    assert_int_equal(outcome.error_number, EACCES);
}

/* A bit for each open descriptor; F_GETFL is one of the two commands of fcntl that are left. */
static long list_descriptors(const struct sandbox_inside *inside)
{
    (void)inside;
    long open = 0;
    for (int fd = 0; fd < 1024; fd++)
        if (fcntl(fd, F_GETFL) >= 0)
            open |= 1L << (fd < 62 ? fd : 62);
    return open;
}

static void only_four_descriptors_are_open(void **state)
{
    (void)state;
    struct sandbox_outcome outcome;
    sandbox_run(&(struct sandbox_run){.body = list_descriptors}, &outcome);
    assert_true(outcome.returned);
    assert_int_equal(outcome.value, 1 << 0 | 1 << 1 | 1 << 2 | 1 << WORKER_REPORT_FD);
}

static long read_environment(const struct sandbox_inside *inside)
{
    (void)inside;
    const char *zone = getenv("TZ");
    return environ[0] && !environ[1] && zone && strcmp(zone, "UTC") == 0;
}

static void environment_is_the_time_zone_alone(void **state)
{
    (void)state;
    struct sandbox_outcome outcome;
    sandbox_run(&(struct sandbox_run){.body = read_environment}, &outcome);
    assert_true(outcome.returned);
    assert_int_equal(outcome.value, 1);
}

#ifndef WITH_SANITIZERS /* their workers have no such limit */
static long exhaust_memory(const struct sandbox_inside *inside)
{
    (void)inside;
    long chunks = 0;
    while (chunks < 1024 && mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                                 -1, 0) != MAP_FAILED)
        chunks++;
    return chunks;
}

static void memory_is_limited(void **state)
{
    (void)state;
    struct sandbox_outcome outcome;
    sandbox_run(&(struct sandbox_run){.body = exhaust_memory}, &outcome);
    assert_true(outcome.returned);
    assert_in_range(outcome.value, 16, 255);
    assert_int_equal(outcome.error_number, ENOMEM);
}
#endif

static long abort_worker(const struct sandbox_inside *inside)
{
    (void)inside;
    abort();
}

static void failed_assertion_is_seen_as_what_it_is(void **state)
{
    (void)state;
    struct sandbox_outcome outcome;
    sandbox_run(&(struct sandbox_run){.body = abort_worker}, &outcome);
    assert_true(WIFSIGNALED(outcome.wait_status));
    assert_int_equal(WTERMSIG(outcome.wait_status), SIGABRT);
    assert_string_equal(outcome.reported, "");
}

#ifndef WITH_SANITIZERS /* their workers keep the log */
static long fail_assertion(const struct sandbox_inside *inside)
{
    assert(!inside && "a word for the developers");
    return 0;
}

static void failed_assertion_is_told_in_a_report(void **state)
{
    (void)state;
    struct sandbox_outcome outcome;
    sandbox_run(&(struct sandbox_run){.body = fail_assertion}, &outcome);
    assert_true(WIFSIGNALED(outcome.wait_status));
    assert_int_equal(WTERMSIG(outcome.wait_status), SIGABRT);
    assert_non_null(strstr(outcome.reported, "{\"type\":\"log\",\"level\":\"error\""));
    assert_non_null(strstr(outcome.reported, "a word for the developers"));
}

/* Who holds the log can write lines there in the name of others, without end. */
static void inspect_streams(pid_t pid)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        char path[64], target[64] = "";
        snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
        assert_true(readlink(path, target, sizeof(target) - 1) > 0);
        assert_string_equal(target, "/dev/null");
    }
}

static void worker_does_not_hold_the_log(void **state)
{
    (void)state;
    struct sandbox_outcome outcome;
    if (!sandbox_can_be_root()) /* nobody else may look */
        skip();
    sandbox_run(&(struct sandbox_run){.body = sandbox_wait, .inspect = inspect_streams}, &outcome);
}
#endif

static long write_to_nobody(const struct sandbox_inside *inside)
{
    (void)inside;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return -2;
    close(ends[1]);
    return write(ends[0], "x", 1);
}

static void peer_that_is_gone_is_an_error_not_a_signal(void **state)
{
    (void)state;
    struct sandbox_outcome outcome;
    sandbox_run(&(struct sandbox_run){.body = write_to_nobody}, &outcome);
    assert_true(outcome.returned);
    assert_int_equal(outcome.value, -1);
    assert_int_equal(outcome.error_number, EPIPE);
}

int main(void)
{
    static struct CMUnitTest attack_tests[ATTACK_COUNT];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(port_of_the_order_is_open),
        cmocka_unit_test(other_ports_are_denied),
        cmocka_unit_test(only_four_descriptors_are_open),
        cmocka_unit_test(environment_is_the_time_zone_alone),
#ifndef WITH_SANITIZERS
        cmocka_unit_test(memory_is_limited),
#endif
        cmocka_unit_test(failed_assertion_is_seen_as_what_it_is),
#ifndef WITH_SANITIZERS
        cmocka_unit_test(failed_assertion_is_told_in_a_report),
        cmocka_unit_test(worker_does_not_hold_the_log),
#endif
        cmocka_unit_test(peer_that_is_gone_is_an_error_not_a_signal),
    };
    for (size_t i = 0; i < ATTACK_COUNT; i++)
        attack_tests[i] = (struct CMUnitTest){
            .name = attacks[i].title,
            .test_func = attack_is_fatal,
            .initial_state = (void *)(uintptr_t)&attacks[i],
        };
    int failed = cmocka_run_group_tests_name("attacks from inside", attack_tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
