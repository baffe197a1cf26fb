/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confinement_calls.h - groups of system calls that several programs' tables share.
 *
 * Usage: static const struct confinement_call calls[] = {CONFINEMENT_BASE CONFINEMENT_THREADS ...}; each group gives
 * its reason. Calls that only one program needs are in that program's table.
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

/* The two real-time signals below SIGRTMIN, which the C library keeps for itself. */
enum { CONFINEMENT_SIGCANCEL = 32, CONFINEMENT_SIGSETXID = 33 };

/* clang-format off */

/* Memory that is never executable: a library that asks for that (the dynamic linker, to load a name service) gets an
 * error, which it handles. Log and descriptors. Clocks, which are system calls if the vDSO cannot read the clock
 * source. Random numbers, which libraries mix with pid and uid. The process's own signals and exit: raise() and abort()
 * reach only itself. */
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
    {SCMP_SYS(restart_syscall)}, /* continues a sleep or poll after SIGSTOP and SIGCONT */ \
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

/* Only in builds with sanitizers, never in a release: their allocator, the stack of their handlers, their reports. */
#ifdef WITH_SANITIZERS
#define CONFINEMENT_SANITIZERS                                                                              \
    {SCMP_SYS(sigaltstack)},                                                                                \
    {SCMP_SYS(mprotect)},                                                                                   \
    {SCMP_SYS(rt_sigaction)},                                                                               \
    {SCMP_SYS(readlink)},
#else
#define CONFINEMENT_SANITIZERS
#endif

/* Threads, but no processes. No filter can see the flags of clone3, so it fails with ENOSYS, and the C library falls
 * back to clone. Stacks are reserved first and made accessible later. */
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

/* Use of open sockets. Without TCP fast open, which would bypass Landlock's rules for connect(2). */
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

/* Local sockets: wake-up datagrams, states for the service manager, a cache of names. Libraries read all IDs of their
 * process before they connect to one. */
#define CONFINEMENT_LOCAL_CLIENT                                                                            \
    {SCMP_SYS(socket), 1, {CONFINEMENT_IS(0, AF_UNIX)}},                                                    \
    {SCMP_SYS(socketpair), 1, {CONFINEMENT_IS(0, AF_UNIX)}},                                                \
    {SCMP_SYS(getgid)},                                                                                     \
    {SCMP_SYS(getegid)},                                                                                    \
    {SCMP_SYS(connect)},

/* Reading, changing, creating and removing files; Landlock decides which. */
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

/* SQLite: byte-range locks, the shared memory index of its log, fsync, files beside the database. It calls geteuid(2)
 * before it changes the owner of such a file. */
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

/* getaddrinfo(3) and TCP clients: TCP and UDP, but not MPTCP, to which Landlock's port rules do not apply. Netlink is
 * refused with the error that RestrictAddressFamilies= of a service manager causes; the C library then assumes that the
 * machine has IPv4 and IPv6. */
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
