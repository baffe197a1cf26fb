/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox_programs.c - the system calls of an external task's programs (external_task.h), and of
 * the worker that runs them.
 *
 * The list is large enough for a shell, Python and programs in Go. Landlock is their main boundary;
 * this list closes what Landlock does not cover, and the parts of the kernel that are attacked
 * most. A call has one of three results:
 *
 *   allowed     rows of `allowed`, except for the arguments in `refused`
 *   an errno    rows that name one. A call that is in no table fails with ENOSYS, as on an older
 *               kernel, which programs and their libraries can handle
 *   SIGSYS      confinement_never, without execve: calls that no honest program makes
 *
 * There are two filters, because one filter cannot allow a call and refuse some of its arguments.
 * The kernel applies the stricter result of the two.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "launcher/sandbox.h"

enum { SOCKET_FLAGS = SOCK_CLOEXEC | SOCK_NONBLOCK };

#define IS     CONFINEMENT_IS
#define LACKS  CONFINEMENT_LACKS
#define IS_BUT CONFINEMENT_IS_BUT

/* Of an argument that the kernel takes as 32 bits, whatever the upper half of the register says. */
#define IS_INT(number, value)                                                                      \
    CONFINEMENT_ARGUMENT(number, SCMP_CMP_MASKED_EQ, UINT32_MAX, .datum_b = (uint32_t)(value))

/* clang-format off */
/* TCP alone: Landlock's rules for ports see neither MPTCP nor anything else. */
#define STREAM_SOCKET(family, protocol) \
    {SCMP_SYS(socket), 3, {IS(0, family), IS_BUT(1, SOCK_STREAM, SOCKET_FLAGS), IS(2, protocol)}}

/* The descendants of a program stay where it is, and its own. (CLONE_NEWTIME is a bit of the signal here.) */
#define CLONE_ELSEWHERE \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | \
     CLONE_PARENT | CLONE_PTRACE)

static const struct confinement_call allowed[] = {
    /* Memory. Programs bring code along: libraries, and what interpreters make. */
    {SCMP_SYS(brk)}, {SCMP_SYS(mmap)}, {SCMP_SYS(mprotect)}, {SCMP_SYS(munmap)}, {SCMP_SYS(mremap)},
    {SCMP_SYS(madvise)}, {SCMP_SYS(mincore)}, {SCMP_SYS(msync)}, {SCMP_SYS(membarrier)},
    {SCMP_SYS(get_mempolicy)},

    /* Files, to read: which ones is for Landlock to say. No memfd_create: what is written there can be executed. */
    {SCMP_SYS(open)}, {SCMP_SYS(openat)}, {SCMP_SYS(close)}, {SCMP_SYS(close_range)}, {SCMP_SYS(read)},
    {SCMP_SYS(readv)}, {SCMP_SYS(pread64)}, {SCMP_SYS(preadv)}, {SCMP_SYS(lseek)}, {SCMP_SYS(stat)},
    {SCMP_SYS(fstat)}, {SCMP_SYS(lstat)}, {SCMP_SYS(newfstatat)}, {SCMP_SYS(statx)}, {SCMP_SYS(statfs)},
    {SCMP_SYS(fstatfs)}, {SCMP_SYS(access)}, {SCMP_SYS(faccessat)}, {SCMP_SYS(faccessat2)},
    {SCMP_SYS(readlink)}, {SCMP_SYS(readlinkat)}, {SCMP_SYS(getdents)}, {SCMP_SYS(getdents64)},
    {SCMP_SYS(getcwd)}, {SCMP_SYS(chdir)}, {SCMP_SYS(fchdir)}, {SCMP_SYS(umask)}, {SCMP_SYS(fadvise64)},
    {SCMP_SYS(flock)}, {SCMP_SYS(getxattr)}, {SCMP_SYS(lgetxattr)}, {SCMP_SYS(fgetxattr)},
    {SCMP_SYS(listxattr)}, {SCMP_SYS(llistxattr)}, {SCMP_SYS(flistxattr)},

    /* Descriptors that they hold: pipes, sockets, sealed memory. */
    {SCMP_SYS(write)}, {SCMP_SYS(writev)}, {SCMP_SYS(pwrite64)}, {SCMP_SYS(dup)}, {SCMP_SYS(dup2)},
    {SCMP_SYS(dup3)}, {SCMP_SYS(fcntl)}, {SCMP_SYS(pipe)}, {SCMP_SYS(pipe2)}, {SCMP_SYS(sendfile)},
    {SCMP_SYS(splice)}, {SCMP_SYS(tee)}, {SCMP_SYS(copy_file_range)}, {SCMP_SYS(ftruncate)},
    {SCMP_SYS(fsync)}, {SCMP_SYS(fdatasync)},
    {SCMP_SYS(ioctl), 1, {IS_INT(1, TCGETS)}}, {SCMP_SYS(ioctl), 1, {IS_INT(1, TIOCGWINSZ)}},
    {SCMP_SYS(ioctl), 1, {IS_INT(1, TIOCGPGRP)}}, {SCMP_SYS(ioctl), 1, {IS_INT(1, FIONREAD)}},
    {SCMP_SYS(ioctl), 1, {IS_INT(1, FIONBIO)}}, {SCMP_SYS(ioctl), 1, {IS_INT(1, FIOCLEX)}},
    {SCMP_SYS(ioctl), 1, {IS_INT(1, FIONCLEX)}},

    /* Waiting. */
    {SCMP_SYS(poll)}, {SCMP_SYS(ppoll)}, {SCMP_SYS(select)}, {SCMP_SYS(pselect6)}, {SCMP_SYS(epoll_create)},
    {SCMP_SYS(epoll_create1)}, {SCMP_SYS(epoll_ctl)}, {SCMP_SYS(epoll_wait)}, {SCMP_SYS(epoll_pwait)},
    {SCMP_SYS(epoll_pwait2)}, {SCMP_SYS(eventfd)}, {SCMP_SYS(eventfd2)}, {SCMP_SYS(signalfd)},
    {SCMP_SYS(signalfd4)}, {SCMP_SYS(timerfd_create)}, {SCMP_SYS(timerfd_settime)}, {SCMP_SYS(timerfd_gettime)},
    {SCMP_SYS(futex)}, {SCMP_SYS(futex_waitv)}, {SCMP_SYS(restart_syscall)},

    /* Time. */
    {SCMP_SYS(clock_gettime)}, {SCMP_SYS(clock_getres)}, {SCMP_SYS(clock_nanosleep)}, {SCMP_SYS(nanosleep)},
    {SCMP_SYS(gettimeofday)}, {SCMP_SYS(time)}, {SCMP_SYS(times)}, {SCMP_SYS(alarm)}, {SCMP_SYS(setitimer)},
    {SCMP_SYS(getitimer)}, {SCMP_SYS(timer_create)}, {SCMP_SYS(timer_settime)}, {SCMP_SYS(timer_gettime)},
    {SCMP_SYS(timer_getoverrun)}, {SCMP_SYS(timer_delete)},

    /* Processes and threads. clone3 is not there: a filter cannot see its flags. What is run is for Landlock to say. */
    {SCMP_SYS(execve)}, {SCMP_SYS(fork)}, {SCMP_SYS(vfork)}, {SCMP_SYS(clone), 1, {LACKS(0, CLONE_ELSEWHERE)}},
    {SCMP_SYS(exit)}, {SCMP_SYS(exit_group)}, {SCMP_SYS(wait4)}, {SCMP_SYS(waitid)}, {SCMP_SYS(set_tid_address)},
    {SCMP_SYS(set_robust_list)}, {SCMP_SYS(get_robust_list)}, {SCMP_SYS(rseq)}, {SCMP_SYS(arch_prctl)},
    {SCMP_SYS(sched_yield)}, {SCMP_SYS(sched_getaffinity)}, {SCMP_SYS(sched_getparam)},
    {SCMP_SYS(sched_getscheduler)}, {SCMP_SYS(sched_get_priority_max)}, {SCMP_SYS(sched_get_priority_min)},
    {SCMP_SYS(getpriority)}, {SCMP_SYS(setpriority), 2, {IS_INT(0, PRIO_PROCESS), IS_INT(1, 0)}},
    {SCMP_SYS(getcpu)}, {SCMP_SYS(getrusage)},
    {SCMP_SYS(getrlimit)}, {SCMP_SYS(setrlimit)}, {SCMP_SYS(prlimit64), 1, {IS_INT(0, 0)}},
    {SCMP_SYS(prctl), 1, {IS_INT(0, PR_SET_NAME)}}, {SCMP_SYS(prctl), 1, {IS_INT(0, PR_GET_NAME)}},
    {SCMP_SYS(prctl), 1, {IS_INT(0, PR_SET_PDEATHSIG)}}, {SCMP_SYS(prctl), 1, {IS_INT(0, PR_GET_DUMPABLE)}},
    {SCMP_SYS(prctl), 1, {IS_INT(0, PR_CAPBSET_READ)}}, {SCMP_SYS(prctl), 1, {IS_INT(0, PR_GET_NO_NEW_PRIVS)}},
    {SCMP_SYS(prctl), 1, {IS_INT(0, PR_SET_NO_NEW_PRIVS)}},

    /* Signals; sending them is below. */
    {SCMP_SYS(rt_sigaction)}, {SCMP_SYS(rt_sigprocmask)}, {SCMP_SYS(rt_sigreturn)}, {SCMP_SYS(rt_sigsuspend)},
    {SCMP_SYS(rt_sigpending)}, {SCMP_SYS(rt_sigtimedwait)}, {SCMP_SYS(sigaltstack)}, {SCMP_SYS(pause)},

    /* Who and where they are. */
    {SCMP_SYS(getpid)}, {SCMP_SYS(getppid)}, {SCMP_SYS(gettid)}, {SCMP_SYS(getpgrp)}, {SCMP_SYS(getpgid)},
    {SCMP_SYS(getsid)}, {SCMP_SYS(getuid)}, {SCMP_SYS(geteuid)}, {SCMP_SYS(getgid)}, {SCMP_SYS(getegid)},
    {SCMP_SYS(getresuid)}, {SCMP_SYS(getresgid)}, {SCMP_SYS(getgroups)}, {SCMP_SYS(capget)},
    {SCMP_SYS(uname)}, {SCMP_SYS(sysinfo)}, {SCMP_SYS(getrandom)},

    /* TCP to the cluster; which port is for Landlock to say. TCP fast open would connect past it. A pair of datagram
     * sockets could be turned to any socket that has a path. */
    STREAM_SOCKET(AF_INET, 0), STREAM_SOCKET(AF_INET, IPPROTO_TCP),
    STREAM_SOCKET(AF_INET6, 0), STREAM_SOCKET(AF_INET6, IPPROTO_TCP),
    {SCMP_SYS(socketpair), 2, {IS(0, AF_UNIX), IS_BUT(1, SOCK_STREAM, SOCKET_FLAGS)}},
    {SCMP_SYS(connect)}, {SCMP_SYS(shutdown)}, {SCMP_SYS(getpeername)}, {SCMP_SYS(getsockname)},
    {SCMP_SYS(getsockopt)}, {SCMP_SYS(setsockopt)}, {SCMP_SYS(recvfrom)}, {SCMP_SYS(recvmsg)},
    {SCMP_SYS(sendto), 1, {LACKS(3, MSG_FASTOPEN)}}, {SCMP_SYS(sendmsg), 1, {LACKS(2, MSG_FASTOPEN)}},

    /* No. These are asked for by decent programs too, which can do without: name services, daemons, editors of files. */
    {SCMP_SYS(socket), 1, {IS(0, AF_UNIX)}, .refusal = EAFNOSUPPORT},
    {SCMP_SYS(socket), 1, {IS(0, AF_NETLINK)}, .refusal = EAFNOSUPPORT},
    {SCMP_SYS(bind), .refusal = EACCES}, {SCMP_SYS(listen), .refusal = EACCES},
    {SCMP_SYS(chmod), .refusal = EPERM}, {SCMP_SYS(fchmod), .refusal = EPERM}, {SCMP_SYS(fchmodat), .refusal = EPERM},
    {SCMP_SYS(chown), .refusal = EPERM}, {SCMP_SYS(fchown), .refusal = EPERM}, {SCMP_SYS(lchown), .refusal = EPERM},
    {SCMP_SYS(fchownat), .refusal = EPERM}, {SCMP_SYS(utimensat), .refusal = EPERM},
    {SCMP_SYS(truncate), .refusal = EACCES}, {SCMP_SYS(mkdir), .refusal = EACCES}, {SCMP_SYS(mkdirat), .refusal = EACCES},
    {SCMP_SYS(unlink), .refusal = EACCES}, {SCMP_SYS(unlinkat), .refusal = EACCES}, {SCMP_SYS(rename), .refusal = EACCES},
    {SCMP_SYS(setuid), .refusal = EPERM}, {SCMP_SYS(setgid), .refusal = EPERM}, {SCMP_SYS(setgroups), .refusal = EPERM},
    {SCMP_SYS(setresuid), .refusal = EPERM}, {SCMP_SYS(setresgid), .refusal = EPERM},
};

/* By reach. Without a PID namespace the attempt is ended as one process group, so nobody may leave it. */
static const struct confinement_call allowed_in_namespace[] = {
    {SCMP_SYS(kill)}, {SCMP_SYS(tkill)}, {SCMP_SYS(tgkill)}, {SCMP_SYS(setsid)}, {SCMP_SYS(setpgid)},
};
static const struct confinement_call allowed_to_descendants[] = {
    {SCMP_SYS(kill)}, {SCMP_SYS(tkill)}, {SCMP_SYS(tgkill)},
    {SCMP_SYS(setsid), .refusal = EPERM}, {SCMP_SYS(setpgid), .refusal = EPERM},
};

/* Runtimes that signal their own threads (Go, to make them yield) get by without. */
static const struct confinement_call allowed_in_group[] = {
    {SCMP_SYS(kill), 1, {IS_INT(0, 0)}},
    {SCMP_SYS(setsid), .refusal = EPERM}, {SCMP_SYS(setpgid), .refusal = EPERM},
};

/* Arguments of calls that are allowed otherwise. */
static const struct confinement_call refused[] = {
    /* Emptying a file that was opened to be read: Landlock knows of it since ABI 3. */
    {SCMP_SYS(open), 1, {IS_BUT(1, O_TRUNC | O_RDONLY, ~(uint64_t)(O_TRUNC | O_ACCMODE))}, .refusal = EACCES},
    {SCMP_SYS(openat), 1, {IS_BUT(2, O_TRUNC | O_RDONLY, ~(uint64_t)(O_TRUNC | O_ACCMODE))}, .refusal = EACCES},
    /* Signals by way of a descriptor, which Landlock knows of since ABI 6. */
    {SCMP_SYS(fcntl), 1, {IS_INT(1, F_SETOWN)}, .refusal = EPERM},
    {SCMP_SYS(fcntl), 1, {IS_INT(1, F_SETOWN_EX)}, .refusal = EPERM},
    {SCMP_SYS(fcntl), 1, {IS_INT(1, F_SETSIG)}, .refusal = EPERM},
    {SCMP_SYS(fcntl), 1, {IS_INT(1, F_SETLEASE)}, .refusal = EPERM},
    {SCMP_SYS(fcntl), 1, {IS_INT(1, F_NOTIFY)}, .refusal = EPERM},
    /* The runner itself: while it lives, it ends with its guard all that it has started. */
    {SCMP_SYS(kill), 1, {IS_INT(0, CONFINEMENT_OWN_PID)}, .refusal = EPERM},
    {SCMP_SYS(tkill), 1, {IS_INT(0, CONFINEMENT_OWN_PID)}, .refusal = EPERM},
    {SCMP_SYS(tgkill), 1, {IS_INT(0, CONFINEMENT_OWN_PID)}, .refusal = EPERM},
};

/* Without a PID namespace: a runner that is stopped ends nothing. So nobody may be stopped. */
#define REFUSE_TO_STOP(signal) \
    {SCMP_SYS(kill), 1, {IS_INT(1, signal)}, .refusal = EPERM}, \
    {SCMP_SYS(tkill), 1, {IS_INT(1, signal)}, .refusal = EPERM}, \
    {SCMP_SYS(tgkill), 1, {IS_INT(2, signal)}, .refusal = EPERM}
static const struct confinement_call refused_without_namespace[] = {
    REFUSE_TO_STOP(SIGSTOP), REFUSE_TO_STOP(SIGTSTP), REFUSE_TO_STOP(SIGTTIN), REFUSE_TO_STOP(SIGTTOU),
};
/* clang-format on */

static void release(scmp_filter_ctx *context)
{
    seccomp_release(*context);
}
#define cleanup_context __attribute__((cleanup(release)))

#define TABLE(rows)                                                                                \
    {                                                                                              \
        rows, sizeof(rows) / sizeof(*(rows))                                                       \
    }
struct table {
    const struct confinement_call *rows;
    size_t count;
};

static int build_allow(enum sandbox_reach reach, struct confinement_filter *ret_filter,
                       struct error *error)
{
    static const struct table by_reach[] = {
        [SANDBOX_REACH_NAMESPACE] = TABLE(allowed_in_namespace),
        [SANDBOX_REACH_DESCENDANTS] = TABLE(allowed_to_descendants),
        [SANDBOX_REACH_GROUP] = TABLE(allowed_in_group),
    };
    static const int keys[] = {SCMP_SYS(keyctl)};
    cleanup_context scmp_filter_ctx context = NULL;
    if (confinement_start(&context, SCMP_ACT_ERRNO(ENOSYS), error) < 0 ||
        confinement_allow(context, allowed, sizeof(allowed) / sizeof(*allowed), error) < 0 ||
        confinement_allow(context, by_reach[reach].rows, by_reach[reach].count, error) < 0 ||
        confinement_kill_all_but_execution(context, error) < 0 ||
        confinement_kill(context, keys, 1, error) < 0)
        return -1;
    return confinement_compile(context, ret_filter, error);
}

static int build_refuse(enum sandbox_reach reach, struct confinement_filter *ret_filter,
                        struct error *error)
{
    static const struct table stops = TABLE(refused_without_namespace);
    cleanup_context scmp_filter_ctx context = NULL;
    if (confinement_start(&context, SCMP_ACT_ALLOW, error) < 0 ||
        confinement_allow(context, refused, sizeof(refused) / sizeof(*refused), error) < 0)
        return -1;
    if (reach != SANDBOX_REACH_NAMESPACE &&
        confinement_allow(context, stops.rows, stops.count, error) < 0)
        return -1;
    return confinement_compile(context, ret_filter, error);
}

static void free_filters(struct sandbox_program_filters *filters)
{
    confinement_free(&filters->refuse);
    confinement_free(&filters->allow);
}

int sandbox_build_program_filters(enum sandbox_reach reach,
                                  struct sandbox_program_filters *ret_filters, struct error *error)
{
    struct sandbox_program_filters filters = {0};
    if (build_refuse(reach, &filters.refuse, error) < 0 ||
        build_allow(reach, &filters.allow, error) < 0) {
        free_filters(&filters);
        return -1;
    }
    *ret_filters = filters;
    return 0;
}

/* The list last: with it, there is no seccomp(2) any more. */
int sandbox_load_program_filters(struct sandbox_program_filters *filters, struct error *error)
{
    if (confinement_load(&filters->refuse, error) < 0)
        return -1;
    return confinement_load(&filters->allow, error);
}
