/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_security.h - what a process may do, as the kernel tells it: /proc/PID/status (proc(5)).
 *
 * Anybody may read that of any process, unless proc is mounted to hide it (hidepid, ProtectProc=).
 * What the kernel does not tell is a process's Landlock domain: who entered it has to say.
 */
#ifndef MIMO_PROCESS_SECURITY_H
#define MIMO_PROCESS_SECURITY_H

#include <stddef.h>
#include <stdint.h>

#include "mimo/error.h"

enum process_dumpable {
    PROCESS_DUMPABLE_UNKNOWN, /* it runs as root: both look the same */
    PROCESS_DUMPABLE,         /* its user may trace it and read its memory */
    PROCESS_NOT_DUMPABLE,
};

struct process_security {
    unsigned users[3]; /* real, effective, saved */
    unsigned groups[3];
    size_t supplementary_groups;
    uint64_t permitted, effective, ambient, bounding; /* capabilities: bit n is that of number n */
    unsigned no_new_privileges;
    unsigned seccomp_mode;    /* 0 off, 1 strict, 2 filter */
    unsigned seccomp_filters; /* how many; 0 also where the kernel does not tell (before 5.9) */
    enum process_dumpable dumpable;
};

/* ERROR_NOT_FOUND: there is no such process, or it is hidden from us. */
int process_security_read(int64_t pid, struct process_security *ret_security, struct error *error);

/* The text of a status file. ERROR_INVALID names the line that is missing or odd. */
int process_security_parse(const char *text, struct process_security *ret_security,
                           struct error *error);

/* What is in force in this process, for the line that a program logs once it is up. In two steps,
 * for who is confined opens no file any more:
 *
 *     cleanup_fd int status = process_security_open(error);      // early
 *     ... change of user, filters, Landlock ...
 *     log_info("in force: %s", process_security_describe(status, text));
 *
 * describe() asks the kernel for read(2) alone. "user 997, group 997, capabilities none, no new
 * privileges, a seccomp filter"; a reason where the file cannot be read. Returns `buffer`, which
 * has PROCESS_CAPABILITIES_SIZE bytes. */
int process_security_open(struct error *error);
const char *process_security_describe(int status, char *buffer);

enum { PROCESS_CAPABILITIES_SIZE = 1024 };

/* "kill,setgid,setuid", or "none"; "all" for every capability that this kernel has. Returns
 * `buffer`, which has PROCESS_CAPABILITIES_SIZE bytes. */
const char *process_capabilities_text(uint64_t capabilities, char *buffer);

/* What a worker could do for want of a newer Landlock ABI than this, for people; NULL when nothing
 * is missing. An ABI that is newer than we know lacks nothing. */
const char *landlock_gaps(int abi);

#endif
