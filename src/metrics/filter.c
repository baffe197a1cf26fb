/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.c - the system calls that are left to mimo-metrics once everything is open.
 *
 * No file can be opened, no socket made, no program started: what the helper has when the filter
 * is loaded is all it will ever have. Killed rather than refused, for a refusal in the middle of
 * libmicrohttpd could make it spin.
 */
#include "metrics/filter.h"

#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>

#ifndef WITH_SANITIZERS

static const int allowed_calls[] = {
    /* the loop */
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(restart_syscall),
    /* channel, statsd, log */
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(read),
    SCMP_SYS(write),
    /* connections of the page */
    SCMP_SYS(accept4),
    SCMP_SYS(sendmsg),
    SCMP_SYS(writev),
    SCMP_SYS(setsockopt),
    SCMP_SYS(getsockopt),
    SCMP_SYS(fcntl),
    SCMP_SYS(shutdown),
    SCMP_SYS(close),
    /* memory */
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    /* signals, the end */
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(tgkill),
    SCMP_SYS(exit_group),
};

static int add_rules(scmp_filter_ctx filter)
{
    int failure = 0;
    for (size_t i = 0; i < sizeof(allowed_calls) / sizeof(allowed_calls[0]) && failure == 0; i++)
        failure = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed_calls[i], 0);
    /* Memory may be had, but never to execute. */
    if (failure == 0)
        failure = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                                   SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    return failure;
}

int filter_load(struct error *error)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!filter)
        return error_set_system(error, ENOMEM, "cannot make the system call filter");
    int failure = add_rules(filter);
    if (failure == 0)
        failure = seccomp_load(filter);
    seccomp_release(filter);
    if (failure < 0)
        return error_set_system(error, -failure, "cannot load the system call filter");
    return 0;
}

#else

/* The sanitizers make calls of their own; tests of the filter run in the ordinary build. */
int filter_load(struct error *error)
{
    (void)error;
    return 0;
}

#endif
