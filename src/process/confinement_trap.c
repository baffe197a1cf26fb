/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confinement_trap.c - says which system call a process was ended for.
 *
 * The filter answers a denied call with SIGSYS (seccomp(2), SECCOMP_RET_TRAP). The handler writes
 * one line made of parts prepared before, then lets SIGSYS end the process. SA_RESETHAND makes that
 * final: a second SIGSYS finds the default action, and no call that could install another handler
 * for it is allowed.
 */
#include "mimo/confinement.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CALLS_MAXIMUM = 512, NAME_SIZE = 40, LINE_SIZE = 256 };

/* si_code of a SIGSYS by the filter: SYS_SECCOMP of the kernel's siginfo.h, which the C library
 * lacks. */
enum { BY_SECCOMP = 1 };

/* A signal handler reaches nothing but what is static. Names are filled once, before any fork. */
static char names[CALLS_MAXIMUM][NAME_SIZE];
static struct {
    int fd;
    const char *start;
    const char *end;
} report;

int confinement_prepare_names(struct error *error)
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

/* This and its callers: async-signal-safe throughout (signal-safety(7)). */
static size_t append(char *line, size_t length, const char *text)
{
    size_t more = strlen(text);
    if (more > LINE_SIZE - length)
        more = LINE_SIZE - length;
    memcpy(line + length, text, more);
    return length + more;
}

static void write_line(int call)
{
    char line[LINE_SIZE];
    size_t length = append(line, 0, report.start);
    length = append(line, length, call >= 0 && call < CALLS_MAXIMUM ? names[call] : "unknown");
    length = append(line, length, report.end);
    /* What reads it may be gone; that changes nothing about the end. */
    ssize_t written = write(report.fd, line, length);
    (void)written;
}

static void report_and_end(int number, siginfo_t *information, void *context)
{
    (void)context;
    if (information->si_code == BY_SECCOMP)
        write_line(information->si_syscall);
    syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), number);
}

int confinement_report(int fd, const char *start, const char *end, struct error *error)
{
    struct sigaction action = {.sa_sigaction = report_and_end,
                               .sa_flags = (int)(SA_SIGINFO | SA_RESETHAND | SA_NODEFER)};
    report.fd = fd;
    report.start = start;
    report.end = end;
    if (sigaction(SIGSYS, &action, NULL) < 0)
        return error_set_system(error, errno, "cannot catch SIGSYS");
    return 0;
}
