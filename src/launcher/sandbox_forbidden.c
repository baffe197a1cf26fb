/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox_forbidden.c - says which system call a worker was ended for.
 *
 * The filter answers a denied call with SIGSYS (seccomp(2), SECCOMP_RET_TRAP). The handler writes
 * one report line made of parts prepared before, then lets SIGSYS end the process. SA_RESETHAND
 * makes that final: a second SIGSYS finds the default action, and no call that could install
 * another handler is allowed.
 */
#include "config.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launcher/sandbox.h"

enum { CALLS_MAXIMUM = 512, NAME_SIZE = 40 };

/* si_code of a SIGSYS by the filter: SYS_SECCOMP of the kernel's siginfo.h, which the C library
 * lacks. */
enum { BY_SECCOMP = 1 };

#define LINE_START "{\"type\":\"forbidden\",\"systemCall\":\""
#define LINE_END   "\"}\n"

/* A signal handler reaches nothing but what is static. Names are filled once, before any fork. */
static char names[CALLS_MAXIMUM][NAME_SIZE];
static int report;

int sandbox_prepare_names(struct error *error)
{
    for (int number = 0; number < CALLS_MAXIMUM; number++) {
        errno = 0;
        char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
        if (!name && errno == ENOMEM)
            return error_set_system(error, ENOMEM, "cannot name the system calls");
        if (name)
            snprintf(names[number], NAME_SIZE, "%s", name);
        else /* newer than libseccomp: systemd-analyze or strace know it by its number */
            snprintf(names[number], NAME_SIZE, "number %d", number);
        free(name);
    }
    return 0;
}

/* This and its caller: async-signal-safe throughout (signal-safety(7)). */
static void write_line(int call)
{
    char line[sizeof LINE_START + NAME_SIZE + sizeof LINE_END];
    const char *name = call >= 0 && call < CALLS_MAXIMUM ? names[call] : "unknown";
    size_t length = sizeof LINE_START - 1;
    memcpy(line, LINE_START, length);
    size_t name_length = strlen(name);
    memcpy(line + length, name, name_length);
    length += name_length;
    memcpy(line + length, LINE_END, sizeof LINE_END - 1);
    length += sizeof LINE_END - 1;
    /* A pipe that is gone changes nothing about the end. */
    ssize_t written = write(report, line, length);
    (void)written;
}

static void report_and_end(int number, siginfo_t *information, void *context)
{
    (void)context;
    if (information->si_code == BY_SECCOMP)
        write_line(information->si_syscall);
    syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), number);
}
int sandbox_report_forbidden(int report_fd, struct error *error)
{
    struct sigaction action = {.sa_sigaction = report_and_end,
                               .sa_flags = (int)(SA_SIGINFO | SA_RESETHAND | SA_NODEFER)};
    report = report_fd;
    if (sigaction(SIGSYS, &action, NULL) < 0)
        return error_set_system(error, errno, "cannot catch SIGSYS");
    return 0;
}
