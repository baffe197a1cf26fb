/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox.h - the sandbox of a worker: resource limits, Landlock, seccomp.
 *
 * Each mechanism has its own file behind this interface. The launcher prepares once whatever it can
 * (the Landlock ABI, the compiled filter); each worker then enters the sandbox in the order of its
 * checklist (worker.c):
 *
 *     sandbox_limit_resources(&limits, error);
 *     ... change of user, empty capability sets, no new privileges ...
 *     sandbox_enter_domain(abi, ports, port_count, error);
 *     sandbox_report_forbidden(report_fd, error);
 *     confinement_load(&filter, error);
 *
 * None of it can be undone, and all of it holds for children too. Workers cannot create processes,
 * except those of a task whose steps are programs. These have their own list of system calls, a
 * second Landlock domain with the files of the task (program_files.h), and a limit on processes.
 */
#ifndef MIMO_LAUNCHER_SANDBOX_H
#define MIMO_LAUNCHER_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mimo/confinement.h"
#include "mimo/error.h"

/* --- Limits (sandbox_limits.c) --- */

struct sandbox_limits {
    uint64_t memory;    /* RLIMIT_AS, bytes */
    uint64_t file_size; /* RLIMIT_FSIZE, bytes */
    uint32_t cpu_seconds;
    uint32_t open_files;
    uint32_t processes; /* RLIMIT_NPROC, of the worker's user; 0: no new processes */
};

/* As `processes`: the limit stays as it is. One is set later, in the attempt's namespace. */
enum { SANDBOX_PROCESSES_LATER = INT32_MAX };

/* setrlimit(2), soft and hard limits: no process can raise them again. */
int sandbox_limit_resources(const struct sandbox_limits *limits, struct error *error);

/* --- Landlock (sandbox_landlock.c) --- */

/* Denies this process and its children every access to the file system by path. No-op with ABI 0.
 */
int sandbox_deny_files(int abi, struct error *error);

/* The same, except for what `paths` allow. */
int sandbox_deny_other_files(int abi, const struct confinement_path *paths, size_t count,
                             struct error *error);

/* The worker's domain: no file system, TCP connect only to `ports`, no TCP bind, signals and
 * abstract sockets only within the domain; as far as `abi` supports it. */
int sandbox_enter_domain(int abi, const uint16_t *ports, size_t port_count, struct error *error);

/* The same for a worker that runs programs, whose files another domain limits. */
int sandbox_enter_program_domain(int abi, const uint16_t *ports, size_t port_count,
                                 struct error *error);

/* --- seccomp (sandbox_seccomp.c) --- */

/* Compiles the allow list of workers. */
int sandbox_build_worker_filter(struct confinement_filter *ret_filter, struct error *error);

/* Compiles the launcher's filter, which denies what neither it nor a worker ever needs. Its workers
 * can execute programs only with `runs_programs`. */
int sandbox_build_launcher_filter(bool runs_programs, struct confinement_filter *ret_filter,
                                  struct error *error);

/* Installs the SIGSYS handler: a denied system call writes {"type":"forbidden","systemCall":NAME}
 * to `report_fd`, then ends the process by SIGSYS. */
int sandbox_report_forbidden(int report_fd, struct error *error);

/* --- Workers that run programs (sandbox_programs.c) --- */

struct sandbox_program_filters {
    struct confinement_filter refuse;
    struct confinement_filter allow;
};

/* What keeps the signals of programs from others, and so what they may be allowed. */
enum sandbox_reach {
    SANDBOX_REACH_NAMESPACE,   /* a PID namespace: all signals, groups and sessions of their own */
    SANDBOX_REACH_DESCENDANTS, /* Landlock's scopes: all signals that do not stop a process */
    SANDBOX_REACH_GROUP,       /* nothing: their own process group alone */
};

int sandbox_build_program_filters(enum sandbox_reach reach,
                                  struct sandbox_program_filters *ret_filters, struct error *error);
int sandbox_load_program_filters(struct sandbox_program_filters *filters, struct error *error);

#endif
