/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox_seccomp.c - which system calls a worker may make (seccomp(2), libseccomp).
 *
 * The tables below are the whole policy, in three bands: what a worker needs, some of it only with
 * certain arguments; what ends launcher and worker alike, at once (KILL_PROCESS); and everything
 * else, which ends the worker too, but by a SIGSYS that confinement_trap.c catches once to say
 * which call it was. Nothing is refused with an errno: a library that goes on after an unexpected
 * EPERM may hang (libcurl does, when fcntl fails). Calls of another architecture (32-bit entry,
 * x32) are killed.
 *
 * libseccomp compiles the tables once, in the launcher (confinement.h); a worker only copies the
 * program into the kernel.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "launcher/sandbox.h"

enum { SOCKET_FLAGS = SOCK_CLOEXEC | SOCK_NONBLOCK };

#define IS     CONFINEMENT_IS
#define LACKS  CONFINEMENT_LACKS
#define IS_BUT CONFINEMENT_IS_BUT

/* TCP over IPv4 or IPv6; no MPTCP, which Landlock's port rules do not see, no UDP, no raw, no other
 * family. */
#define STREAM_SOCKET(family, protocol)                                                            \
    {                                                                                              \
        SCMP_SYS(socket), 3,                                                                       \
        {                                                                                          \
            IS(0, family), IS_BUT(1, SOCK_STREAM, SOCKET_FLAGS), IS(2, protocol)                   \
        }                                                                                          \
    }

/* clang-format off */
static const struct confinement_call allowed[] = {
    /* Memory: malloc. Never executable; no mprotect, so nothing becomes so later. */
    {SCMP_SYS(brk)},
    {SCMP_SYS(mmap), 1, {LACKS(2, PROT_EXEC)}},
    {SCMP_SYS(mremap)},
    {SCMP_SYS(munmap)},

    /* Time and sleep. The clocks are system calls where the vDSO cannot read the clock source. */
    {SCMP_SYS(clock_gettime)},
    {SCMP_SYS(gettimeofday)},
    {SCMP_SYS(clock_nanosleep)},
    {SCMP_SYS(restart_syscall)}, /* how the kernel goes on with a sleep or poll after SIGSTOP and SIGCONT */

    /* Reports, log, and descriptors that it holds already. */
    {SCMP_SYS(write)},
    {SCMP_SYS(close)},
    {SCMP_SYS(poll)},
    {SCMP_SYS(fcntl), 1, {IS(1, F_GETFL)}},
    {SCMP_SYS(fcntl), 1, {IS(1, F_SETFL)}},
    {SCMP_SYS(prctl), 1, {IS(0, PR_SET_NAME)}}, /* its title, which shows how far it is */

    /* One HTTPS client. TCP fast open would connect past Landlock. */
    STREAM_SOCKET(AF_INET, 0),
    STREAM_SOCKET(AF_INET, IPPROTO_TCP),
    STREAM_SOCKET(AF_INET6, 0),
    STREAM_SOCKET(AF_INET6, IPPROTO_TCP),
    /* libcurl wakes itself up. Never a datagram pair: those can be turned to any socket that has a path. */
    {SCMP_SYS(socketpair), 2, {IS(0, AF_UNIX), IS_BUT(1, SOCK_STREAM, SOCKET_FLAGS)}},
    {SCMP_SYS(connect)},
    {SCMP_SYS(getpeername)},
    {SCMP_SYS(getsockname)},
    {SCMP_SYS(getsockopt)},
    {SCMP_SYS(setsockopt)},
    {SCMP_SYS(recvfrom)},
    {SCMP_SYS(recvmsg)},
    {SCMP_SYS(sendto), 1, {LACKS(3, MSG_FASTOPEN)}},
    {SCMP_SYS(sendmsg), 1, {LACKS(2, MSG_FASTOPEN)}},

    /* OpenSSL: reseeding after fork, and asking whether it was forked. */
    {SCMP_SYS(getrandom)},
    {SCMP_SYS(getpid)},

    /* Ending: return from the SIGSYS handler, raise() and abort() on itself only, exit. */
    {SCMP_SYS(rt_sigreturn)},
    {SCMP_SYS(rt_sigprocmask), 1, {IS(0, SIG_UNBLOCK)}},
    {SCMP_SYS(gettid)},
    {SCMP_SYS(tgkill), 1, {IS(0, CONFINEMENT_OWN_PID)}},
    {SCMP_SYS(rt_sigaction), 1, {IS(0, SIGTERM)}}, /* a task may need to finish; SIGKILL follows */
    {SCMP_SYS(futex)},
    {SCMP_SYS(exit_group)},

#ifdef WITH_SANITIZERS
    /* Only in builds with sanitizers, never in a product: their allocator, and their handlers' stack at exit. */
    {SCMP_SYS(madvise)},
    {SCMP_SYS(sched_yield)},
    {SCMP_SYS(sigaltstack)},
#endif
};

/* What the launcher needs and no worker: processes, and a last look at the closed session keyring. */
static const int never_in_worker[] = {
    SCMP_SYS(clone), SCMP_SYS(clone3), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(keyctl),
};
/* clang-format on */

static void release(scmp_filter_ctx *context)
{
    seccomp_release(*context);
}
#define cleanup_context __attribute__((cleanup(release)))

int sandbox_build_worker_filter(struct confinement_filter *ret_filter, struct error *error)
{
    cleanup_context scmp_filter_ctx context = NULL;
    if (confinement_start(&context, SCMP_ACT_TRAP, error) < 0 ||
        confinement_allow(context, allowed, sizeof(allowed) / sizeof(*allowed), error) < 0 ||
        confinement_kill(context, confinement_never, confinement_never_count, error) < 0 ||
        confinement_kill(context, never_in_worker,
                         sizeof(never_in_worker) / sizeof(*never_in_worker), error) < 0)
        return -1;
    return confinement_compile(context, ret_filter, error);
}

int sandbox_build_launcher_filter(bool runs_programs, struct confinement_filter *ret_filter,
                                  struct error *error)
{
    cleanup_context scmp_filter_ctx context = NULL;
    if (confinement_start(&context, SCMP_ACT_ALLOW, error) < 0 ||
        confinement_kill_all_but_execution(context, error) < 0)
        return -1;
    if (!runs_programs && confinement_kill(context, (int[]){SCMP_SYS(execve)}, 1, error) < 0)
        return -1;
    return confinement_compile(context, ret_filter, error);
}

int sandbox_report_forbidden(int report_fd, struct error *error)
{
    return confinement_report(report_fd, "{\"type\":\"forbidden\",\"systemCall\":\"", "\"}\n",
                              error);
}
