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
#include <time.h>
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

/* --- What the kernel shows --- */

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
        cmocka_unit_test(worker_of_root_is_an_ordinary_user_without_capabilities),
        cmocka_unit_test(worker_of_an_ordinary_user_is_just_as_restricted),
        cmocka_unit_test(limits_are_those_of_the_order),
        cmocka_unit_test(worker_cannot_be_read_or_traced_by_its_own_user),
        cmocka_unit_test(worker_goes_on_after_it_was_stopped),
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
