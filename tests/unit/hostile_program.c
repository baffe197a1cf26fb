/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostile_program.c - a step's program that is against everybody: tries the one thing that the
 * manifest's parameters name, and says on descriptor 2 how far it came.
 *
 * "denied: TEXT OF ERRNO" and exit status 1, or "it worked" and 0. Attacks that the kernel answers
 * by SIGSYS say nothing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What the attack is aimed at: a path, a port or a pid of the test's. */
static const char *target;

static int number(void)
{
    return target ? atoi(target) : 0;
}

static long read_target(void)
{
    return open(target, O_RDONLY | O_CLOEXEC);
}

static long write_target(void)
{
    return open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

static long empty_target(void)
{
    return open(target, O_RDONLY | O_TRUNC | O_CLOEXEC);
}

static long list_target(void)
{
    return open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static long make_directory(void)
{
    return mkdir(target, 0700);
}

static long remove_target(void)
{
    return unlink(target);
}

static long link_target(void)
{
    return symlink("/etc/shadow", target);
}

static long change_mode(void)
{
    return chmod(target, 0777);
}

static long run_target(void)
{
    char *arguments[] = {(char *)(uintptr_t)target, NULL};
    return execve(target, arguments, environ);
}

static long run_memory(void)
{
    return memfd_create("program", 0);
}

static long connect_to(int family, int protocol)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)number()),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, protocol);
    return fd < 0 ? fd : connect(fd, (struct sockaddr *)&address, sizeof(address));
}

static long connect_tcp(void)
{
    return connect_to(AF_INET, 0);
}

static long connect_mptcp(void)
{
    return connect_to(AF_INET, IPPROTO_MPTCP);
}

static long fast_open(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)number()),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 ? fd
                  : sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&address, sizeof(address));
}

static long fast_open_connect(void)
{
    int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)number()),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one)) < 0)
        return -1;
    return connect(fd, (struct sockaddr *)&address, sizeof(address));
}

static long listen_anywhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 ? fd : bind(fd, (struct sockaddr *)&address, sizeof(address));
}

static long udp_socket(void)
{
    return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static long raw_socket(void)
{
    return socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP);
}

static long unix_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static long netlink_socket(void)
{
    return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
}

static long vsock_socket(void)
{
    return socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* A pair of datagram sockets can be turned to any socket that has a path. */
static long datagram_pair(void)
{
    int pair[2];
    return socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
}

/* One of streams cannot. */
static long redirect_pair(void)
{
    int pair[2];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", target);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return -1;
    return connect(pair[0], (struct sockaddr *)&address, sizeof(address));
}

static long signal_target(void)
{
    return kill(number(), SIGTERM);
}

static long signal_thread(void)
{
    return syscall(SYS_tgkill, number(), number(), SIGKILL);
}

/* By way of a descriptor: SIGIO, or any other, for whoever is named. */
static long signal_by_descriptor(void)
{
    int ends[2];
    if (pipe(ends) < 0)
        return 0;
    return fcntl(ends[0], F_SETOWN, number());
}

static long signal_worker(void)
{
    return kill(getppid(), SIGSTOP);
}

/* The upper half of the register does not count for the kernel. */
static long signal_worker_in_disguise(void)
{
    return syscall(SYS_kill, (uint64_t)getppid() | UINT64_C(0x100000000), SIGSTOP);
}

static long stop_all(void)
{
    return kill(-1, SIGSTOP);
}

/* Signals of a terminal stop too. This process ignores its own, so that it can tell. */
static long suspend_group(int number)
{
    signal(number, SIG_IGN);
    return kill(0, number);
}

static long suspend_group_by_key(void)
{
    return suspend_group(SIGTSTP);
}

static long suspend_group_as_reader(void)
{
    return suspend_group(SIGTTIN);
}

static long suspend_group_as_writer(void)
{
    return suspend_group(SIGTTOU);
}

/* Stops whoever is in reach, its own worker above all, and goes on alone: by a timer whose signal
 * continues this process. */
static long outlive_worker(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGCONT};
    struct itimerspec time = {.it_value = {.tv_nsec = 50 * 1000 * 1000},
                              .it_interval = {.tv_nsec = 50 * 1000 * 1000}};
    timer_t timer;
    signal(SIGTERM, SIG_IGN);
    signal(SIGALRM, SIG_IGN);
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 ||
        timer_settime(timer, 0, &time, NULL) < 0)
        return -1;
    if (fork() == 0)
        setsid();
    kill(0, SIGSTOP);
    kill(getppid(), SIGSTOP);
    kill(-1, SIGSTOP);
    fprintf(stderr, "begun\n");
    for (;;)
        pause();
}

static long trace_worker(void)
{
    return ptrace(PTRACE_ATTACH, getppid(), 0, 0);
}

static long read_memory(void)
{
    return syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
}

/* What the call makes of a process that leads neither session nor group. */
static long by_child(long (*call)(void))
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(call() < 0 ? errno : 0);
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return -1;
    errno = WEXITSTATUS(status);
    return errno ? -1 : 0;
}

static long start_session(void)
{
    return setsid();
}

static long start_group(void)
{
    return setpgid(0, 0);
}

static long leave_session(void)
{
    return by_child(start_session);
}

static long leave_group(void)
{
    return by_child(start_group);
}

static long new_namespace(void)
{
    return unshare(CLONE_NEWUSER);
}

static long clone_namespace(void)
{
    return syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
}

static long clone_by_the_newer_call(void)
{
    struct clone_args arguments = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
    return syscall(SYS_clone3, &arguments, sizeof(arguments));
}

static long clone_for_the_parent(void)
{
    return syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
}

static long make_ring(void)
{
    return syscall(SYS_io_uring_setup, 1, NULL);
}

static long load_bpf(void)
{
    return syscall(SYS_bpf, 0, NULL, 0);
}

static long fault_memory(void)
{
    return syscall(SYS_userfaultfd, 0);
}

static long join_keyring(void)
{
    return syscall(SYS_keyctl, 1, NULL);
}

static long mount_something(void)
{
    return syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL);
}

static long use_up_memory(void)
{
    for (size_t total = 0; total < (size_t)64 << 30; total += (size_t)64 << 20) {
        void *map = mmap(NULL, (size_t)64 << 20, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (map == MAP_FAILED)
            return -1;
    }
    return 0;
}

/* Children of children, none of which ends. The first failure is told by the shared page. */
static long fork_bomb(void)
{
    int *failure = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (failure == MAP_FAILED)
        return 0;
    pid_t first = getpid();
    for (int i = 0; *failure == 0; i++) {
        pid_t pid = fork();
        if (pid < 0)
            *failure = errno;
        if (pid == 0 && i % 2)
            pause();
    }
    if (getpid() != first)
        for (;;)
            pause();
    errno = *failure;
    return -1;
}

static long use_up_descriptors(void)
{
    for (int i = 0; i < 100000; i++)
        if (dup(0) < 0)
            return -1;
    return 0;
}

static long raise_limit(void)
{
    return syscall(SYS_prlimit64, getppid(), 7, NULL, NULL);
}

/* All processes of this user: other workers, where they have the same. */
static long slow_down_others(void)
{
    return setpriority(PRIO_USER, 0, 19);
}

static long become_root(void)
{
    return setuid(0);
}

static long write_input(void)
{
    return write(0, "x", 1);
}

static long write_input_by_path(void)
{
    int fd = open("/proc/self/fd/0", O_WRONLY | O_CLOEXEC);
    return fd < 0 ? fd : write(fd, "x", 1);
}

static long read_worker(void)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/mem", (int)getppid());
    return open(path, O_RDONLY | O_CLOEXEC);
}

#define ATTACK(name)                                                                               \
    {                                                                                              \
#name, name                                                                                \
    }
static const struct {
    const char *name;
    long (*run)(void);
} attacks[] = {
    ATTACK(read_target),
    ATTACK(write_target),
    ATTACK(empty_target),
    ATTACK(list_target),
    ATTACK(make_directory),
    ATTACK(remove_target),
    ATTACK(link_target),
    ATTACK(change_mode),
    ATTACK(run_target),
    ATTACK(run_memory),
    ATTACK(connect_tcp),
    ATTACK(connect_mptcp),
    ATTACK(fast_open),
    ATTACK(fast_open_connect),
    ATTACK(listen_anywhere),
    ATTACK(udp_socket),
    ATTACK(raw_socket),
    ATTACK(unix_socket),
    ATTACK(netlink_socket),
    ATTACK(vsock_socket),
    ATTACK(datagram_pair),
    ATTACK(redirect_pair),
    ATTACK(signal_target),
    ATTACK(signal_thread),
    ATTACK(signal_by_descriptor),
    ATTACK(signal_worker),
    ATTACK(signal_worker_in_disguise),
    ATTACK(stop_all),
    ATTACK(suspend_group_by_key),
    ATTACK(suspend_group_as_reader),
    ATTACK(suspend_group_as_writer),
    ATTACK(outlive_worker),
    ATTACK(trace_worker),
    ATTACK(read_memory),
    ATTACK(leave_session),
    ATTACK(leave_group),
    ATTACK(new_namespace),
    ATTACK(clone_namespace),
    ATTACK(clone_by_the_newer_call),
    ATTACK(clone_for_the_parent),
    ATTACK(make_ring),
    ATTACK(load_bpf),
    ATTACK(fault_memory),
    ATTACK(join_keyring),
    ATTACK(mount_something),
    ATTACK(use_up_memory),
    ATTACK(fork_bomb),
    ATTACK(use_up_descriptors),
    ATTACK(raise_limit),
    ATTACK(slow_down_others),
    ATTACK(become_root),
    ATTACK(write_input),
    ATTACK(write_input_by_path),
    ATTACK(read_worker),
};

/* The text of a member of the job, as the test has written it there: without escapes. */
static char *find_parameter(const char *job, const char *member)
{
    char key[64];
    snprintf(key, sizeof(key), "\"%s\":\"", member);
    const char *value = strstr(job, key);
    return value ? strndup(value + strlen(key), strcspn(value + strlen(key), "\"")) : NULL;
}

int main(void)
{
    static char job[65536];
    if (read(STDIN_FILENO, job, sizeof(job) - 1) <= 0)
        return 2;
    const char *attack = find_parameter(job, "attack");
    target = find_parameter(job, "target");
    for (size_t i = 0; attack && i < sizeof(attacks) / sizeof(*attacks); i++) {
        if (strcmp(attacks[i].name, attack) != 0)
            continue;
        bool worked = attacks[i].run() >= 0;
        if (worked)
            fprintf(stderr, "it worked\n");
        else
            fprintf(stderr, "denied: %s\n", strerrorname_np(errno));
        return worked ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    fprintf(stderr, "there is no such attack\n");
    return 2;
}
