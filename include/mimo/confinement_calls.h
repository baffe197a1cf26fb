/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confinement_calls.h - groups of system calls that more than one program's table is made of.
 *
 * Usage: static const struct confinement_call calls[] = {CONFINEMENT_BASE CONFINEMENT_THREADS ...};
 * each group gives its reason. What a single program needs stands in that program's table.
 */
#ifndef MIMO_CONFINEMENT_CALLS_H
#define MIMO_CONFINEMENT_CALLS_H

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "mimo/confinement.h"

/* What SIGRTMIN does not count any more: the two of the C library. */
enum { CONFINEMENT_SIGCANCEL = 32, CONFINEMENT_SIGSETXID = 33 };

/* clang-format off */

/* Memory that is never executable; where a library asks for that all the same (the dynamic linker, for a name
 * service), it is refused, and goes on without. Log and descriptors. Clocks, which are system calls where the vDSO
 * cannot read the clock source. Random numbers, into which libraries mix who they are. Signals of its own,
 * and the end: raise() and abort() on itself only. */
#define CONFINEMENT_BASE                                                                                    \
    {SCMP_SYS(brk)},                                                                                        \
    {SCMP_SYS(mmap), 1, {CONFINEMENT_LACKS(2, PROT_EXEC)}},                                                 \
    {SCMP_SYS(mmap), 1, {CONFINEMENT_HAS(2, PROT_EXEC)}, EACCES},                                           \
    {SCMP_SYS(mremap)},                                                                                     \
    {SCMP_SYS(munmap)},                                                                                     \
    {SCMP_SYS(madvise)},                                                                                    \
    {SCMP_SYS(read)},                                                                                       \
    {SCMP_SYS(readv)},                                                                                      \
    {SCMP_SYS(write)},                                                                                      \
    {SCMP_SYS(writev)},                                                                                     \
    {SCMP_SYS(close)},                                                                                      \
    {SCMP_SYS(fstat)},                                                                                      \
    {SCMP_SYS(clock_gettime)},                                                                              \
    {SCMP_SYS(gettimeofday)},                                                                               \
    {SCMP_SYS(time)},                                                                                       \
    {SCMP_SYS(clock_nanosleep)},                                                                            \
    {SCMP_SYS(restart_syscall)}, /* how the kernel goes on with a sleep or poll after SIGSTOP and SIGCONT */ \
    {SCMP_SYS(getrandom)},                                                                                  \
    {SCMP_SYS(futex)},                                                                                      \
    {SCMP_SYS(sched_yield)},                                                                                \
    {SCMP_SYS(rt_sigreturn)},                                                                               \
    {SCMP_SYS(rt_sigprocmask)},                                                                             \
    {SCMP_SYS(getpid)},                                                                                     \
    {SCMP_SYS(getppid)},                                                                                    \
    {SCMP_SYS(getuid)},                                                                                     \
    {SCMP_SYS(gettid)},                                                                                     \
    {SCMP_SYS(tgkill), 1, {CONFINEMENT_IS(0, CONFINEMENT_OWN_PID)}},                                        \
    {SCMP_SYS(exit_group)},                                                                                 \
    CONFINEMENT_SANITIZERS

/* Only in builds with sanitizers, never in a product: their allocator, their handlers' stack, and what they write
 * when they find something. */
#ifdef WITH_SANITIZERS
#define CONFINEMENT_SANITIZERS                                                                              \
    {SCMP_SYS(sigaltstack)},                                                                                \
    {SCMP_SYS(mprotect)},                                                                                   \
    {SCMP_SYS(rt_sigaction)},                                                                               \
    {SCMP_SYS(readlink)},
#else
#define CONFINEMENT_SANITIZERS
#endif

/* Threads, but no processes: clone3 keeps its flags where no filter can see them, and the C library takes clone where
 * there is none. Stacks are reserved first and made accessible later. */
#define CONFINEMENT_THREADS                                                                                 \
    {SCMP_SYS(clone), 1, {CONFINEMENT_HAS(0, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND)}},                    \
    {SCMP_SYS(clone3), 0, {{0}}, ENOSYS},                                                                   \
    {SCMP_SYS(mprotect), 1, {CONFINEMENT_LACKS(2, PROT_EXEC)}},                                             \
    {SCMP_SYS(mprotect), 1, {CONFINEMENT_HAS(2, PROT_EXEC)}, EACCES},                                       \
    {SCMP_SYS(rt_sigaction), 1, {CONFINEMENT_IS(0, CONFINEMENT_SIGCANCEL)}},                                \
    {SCMP_SYS(rt_sigaction), 1, {CONFINEMENT_IS(0, CONFINEMENT_SIGSETXID)}},                                \
    {SCMP_SYS(set_robust_list)},                                                                            \
    {SCMP_SYS(rseq)},                                                                                       \
    {SCMP_SYS(prctl), 1, {CONFINEMENT_IS(0, PR_SET_NAME)}},                                                 \
    {SCMP_SYS(sched_getaffinity)},                                                                          \
    {SCMP_SYS(exit)},

/* An event loop. */
#define CONFINEMENT_LOOP                                                                                    \
    {SCMP_SYS(poll)},                                                                                       \
    {SCMP_SYS(ppoll)},                                                                                      \
    {SCMP_SYS(epoll_create1)},                                                                              \
    {SCMP_SYS(epoll_ctl)},                                                                                  \
    {SCMP_SYS(epoll_wait)},                                                                                 \
    {SCMP_SYS(epoll_pwait)},                                                                                \
    {SCMP_SYS(eventfd2)},                                                                                   \
    {SCMP_SYS(fcntl), 1, {CONFINEMENT_IS(1, F_GETFL)}},                                                     \
    {SCMP_SYS(fcntl), 1, {CONFINEMENT_IS(1, F_SETFL)}},                                                     \
    {SCMP_SYS(fcntl), 1, {CONFINEMENT_IS(1, F_GETFD)}},                                                     \
    {SCMP_SYS(fcntl), 1, {CONFINEMENT_IS(1, F_SETFD)}},                                                     \
    {SCMP_SYS(ioctl), 1, {CONFINEMENT_IS(1, FIONBIO)}},                                                     \
    {SCMP_SYS(ioctl), 1, {CONFINEMENT_IS(1, FIOCLEX)}},                                                     \
    {SCMP_SYS(ioctl), 1, {CONFINEMENT_IS(1, FIONREAD)}},

/* What is done with sockets once they are there. TCP fast open would connect past Landlock. */
#define CONFINEMENT_SOCKETS                                                                                 \
    {SCMP_SYS(accept4)},                                                                                    \
    {SCMP_SYS(recvfrom)},                                                                                   \
    {SCMP_SYS(recvmsg)},                                                                                    \
    {SCMP_SYS(sendto), 1, {CONFINEMENT_LACKS(3, MSG_FASTOPEN)}},                                            \
    {SCMP_SYS(sendmsg), 1, {CONFINEMENT_LACKS(2, MSG_FASTOPEN)}},                                           \
    {SCMP_SYS(getsockopt)},                                                                                 \
    {SCMP_SYS(setsockopt)},                                                                                 \
    {SCMP_SYS(getsockname)},                                                                                \
    {SCMP_SYS(getpeername)},                                                                                \
    {SCMP_SYS(shutdown)},

/* Local sockets: wake-up datagrams, the service manager's sd_notify(3), which looks at all IDs of its caller. */
#define CONFINEMENT_LOCAL_CLIENT                                                                            \
    {SCMP_SYS(socket), 1, {CONFINEMENT_IS(0, AF_UNIX)}},                                                    \
    {SCMP_SYS(socketpair), 1, {CONFINEMENT_IS(0, AF_UNIX)}},                                                \
    {SCMP_SYS(getgid)},                                                                                     \
    {SCMP_SYS(getegid)},                                                                                    \
    {SCMP_SYS(connect)},

/* Landlock decides about paths; what is read, changed, made and removed there. */
#define CONFINEMENT_FILES                                                                                   \
    {SCMP_SYS(open)},                                                                                       \
    {SCMP_SYS(openat)},                                                                                     \
    {SCMP_SYS(stat)},                                                                                       \
    {SCMP_SYS(lstat)},                                                                                      \
    {SCMP_SYS(newfstatat)},                                                                                 \
    {SCMP_SYS(statx)},                                                                                      \
    {SCMP_SYS(statfs)},                                                                                     \
    {SCMP_SYS(fstatfs)},                                                                                    \
    {SCMP_SYS(access)},                                                                                     \
    {SCMP_SYS(faccessat)},                                                                                  \
    {SCMP_SYS(faccessat2)},                                                                                 \
    {SCMP_SYS(readlink)},                                                                                   \
    {SCMP_SYS(readlinkat)},                                                                                 \
    {SCMP_SYS(getcwd)},                                                                                     \
    {SCMP_SYS(getdents64)},                                                                                 \
    {SCMP_SYS(lseek)},                                                                                      \
    {SCMP_SYS(pread64)},

/* SQLite: locks by range, a shared index of the log, writes that reach the disk, files beside the database; it asks
 * who it is before it would give such a file to its owner. */
#define CONFINEMENT_SQLITE                                                                                  \
    {SCMP_SYS(pwrite64)},                                                                                   \
    {SCMP_SYS(ftruncate)},                                                                                  \
    {SCMP_SYS(fallocate)},                                                                                  \
    {SCMP_SYS(fsync)},                                                                                      \
    {SCMP_SYS(fdatasync)},                                                                                  \
    {SCMP_SYS(fcntl), 1, {CONFINEMENT_IS(1, F_GETLK)}},                                                     \
    {SCMP_SYS(fcntl), 1, {CONFINEMENT_IS(1, F_SETLK)}},                                                     \
    {SCMP_SYS(fcntl), 1, {CONFINEMENT_IS(1, F_SETLKW)}},                                                    \
    {SCMP_SYS(fcntl), 1, {CONFINEMENT_IS(1, F_DUPFD_CLOEXEC)}},                                             \
    {SCMP_SYS(fchmod)},                                                                                     \
    {SCMP_SYS(unlink)},                                                                                     \
    {SCMP_SYS(geteuid)},                                                                                    \
    {SCMP_SYS(sysinfo)},

/* getaddrinfo(3) and TCP clients: TCP and UDP, no MPTCP, which Landlock's port rules do not see. Netlink is refused as
 * a service manager's RestrictAddressFamilies= does; the C library then takes it that IPv4 and IPv6 are there. */
#define CONFINEMENT_NAMES                                                                                   \
    CONFINEMENT_SOCKET(AF_INET, SOCK_DGRAM, 0),                                                             \
    CONFINEMENT_SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_UDP),                                                   \
    CONFINEMENT_SOCKET(AF_INET, SOCK_STREAM, 0),                                                            \
    CONFINEMENT_SOCKET(AF_INET, SOCK_STREAM, IPPROTO_TCP),                                                  \
    CONFINEMENT_SOCKET(AF_INET6, SOCK_DGRAM, 0),                                                            \
    CONFINEMENT_SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_UDP),                                                  \
    CONFINEMENT_SOCKET(AF_INET6, SOCK_STREAM, 0),                                                           \
    CONFINEMENT_SOCKET(AF_INET6, SOCK_STREAM, IPPROTO_TCP),                                                 \
    {SCMP_SYS(socket), 1, {CONFINEMENT_IS(0, AF_NETLINK)}, EAFNOSUPPORT},                                   \
    {SCMP_SYS(sendmmsg), 1, {CONFINEMENT_LACKS(3, MSG_FASTOPEN)}},                                          \
    {SCMP_SYS(recvmmsg)},                                                                                   \
    {SCMP_SYS(uname)},                                                                                      \
    {SCMP_SYS(sysinfo)},

#define CONFINEMENT_SOCKET(family, type, protocol)                                                          \
    {SCMP_SYS(socket), 3, {CONFINEMENT_IS(0, family),                                                       \
                           CONFINEMENT_IS_BUT(1, type, SOCK_CLOEXEC | SOCK_NONBLOCK),                       \
                           CONFINEMENT_IS(2, protocol)}}

/* clang-format on */

#endif
