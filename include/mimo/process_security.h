/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_security.h - what a process may do, as the kernel reports it: /proc/PID/status (proc(5)).
 *
 * Any user may read the file of any process, unless proc is mounted so that it hides processes
 * (hidepid, ProtectProc=). The file does not show a process's Landlock domain; only the process
 * that entered the domain knows it.
 */
#ifndef MIMO_PROCESS_SECURITY_H
#define MIMO_PROCESS_SECURITY_H

#include <stddef.h>
#include <stdint.h>

#include "mimo/error.h"

enum process_dumpable {
    PROCESS_DUMPABLE_UNKNOWN, /* it runs as root: the file does not show it */
    PROCESS_DUMPABLE,         /* its user may trace it and read its memory */
    PROCESS_NOT_DUMPABLE,
};

struct process_security {
    unsigned parent;   /* process ID */
    unsigned users[3]; /* real, effective, saved */
    unsigned groups[3];
    size_t supplementary_groups;
    uint64_t permitted, effective, ambient, bounding; /* capabilities: bit n is capability n */
    unsigned no_new_privileges;
    unsigned seccomp_mode;    /* 0 off, 1 strict, 2 filter */
    unsigned seccomp_filters; /* how many; 0 also for kernels before 5.9, which do not report it */
    enum process_dumpable dumpable;
};

/* ERROR_NOT_FOUND: the process does not exist, or is hidden from this one. */
int process_security_read(int64_t pid, struct process_security *ret_security, struct error *error);

/* Parses the text of a status file. ERROR_INVALID names the missing or malformed line. */
int process_security_parse(const char *text, struct process_security *ret_security,
                           struct error *error);

/* Describes what is in force in this process, for a line that the program logs once it is up. In
 * two steps, because a confined process can open no files:
 *
 *     cleanup_fd int status = process_security_open(error);      // early
 *     ... change of user, filters, Landlock ...
 *     log_info("in force: %s", process_security_describe(status, text));
 *
 * process_security_describe() only needs read(2). It returns, for example, "user 997, group 997,
 * capabilities none, no new privileges, a seccomp filter"; or the reason why the file cannot be
 * read. Returns `buffer`, which has PROCESS_CAPABILITIES_SIZE bytes. */
int process_security_open(struct error *error);
const char *process_security_describe(int status, char *buffer);

enum { PROCESS_CAPABILITIES_SIZE = 1024 };

/* "kill,setgid,setuid", or "none"; "all" for every capability that this kernel has. Returns
 * `buffer`, which has PROCESS_CAPABILITIES_SIZE bytes. */
const char *process_capabilities_text(uint64_t capabilities, char *buffer);

/* What workers can do because `abi` is not newer, as text for operators; NULL when nothing is
 * missing. */
const char *landlock_gaps(int abi);

#endif
