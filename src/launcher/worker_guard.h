/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_guard.h - the process that makes sure that nothing of an attempt outlives it.
 *
 * A worker that runs programs is two processes. The guard is the one that the launcher forked and
 * that the supervisor knows by its pid. It reads no input. It has the alarm, and its only work is to
 * wait for the runner, to kill what is left of the attempt, and then to end as the runner did. The
 * runner, its child, goes through the rest of the checklist and runs the programs.
 *
 *     launcher ── guard ── runner ── programs
 *                 alarm    init of a PID namespace, where this machine allows it
 *
 * With a namespace: the kernel kills all of it when the runner ends, and the runner when the guard
 * ends (PR_SET_PDEATHSIG). No process inside can stop or kill the runner, or see the guard. The
 * guard ends by a timer whose signal is SIGKILL, which also reaches a process that is stopped.
 *
 * Without one: runner and programs are one process group that no program can leave. The guard's
 * alarm kills the group, even if launcher and runner are stopped; the end of the guard makes the
 * runner kill it; and seccomp keeps programs from stopping anybody.
 *
 * The namespace is made by an unprivileged user namespace, never by CAP_SYS_ADMIN. It has no user
 * map: the kernel still knows the worker's user, programs see the overflow user (nobody).
 */
#ifndef MIMO_LAUNCHER_WORKER_GUARD_H
#define MIMO_LAUNCHER_WORKER_GUARD_H

#include <stdbool.h>

#include "launcher/worker_state.h"
#include "mimo/error.h"
#include "mimo/privileges.h"

/* Milliseconds from the alarm to SIGKILL, for a worker that cannot take the alarm: a stopped one. */
enum { WORKER_ALARM_GRACE = 2000 };

/* Asks the kernel, by an attempt in a process of its own, which first becomes `identity` unless that
 * is NULL. 0: PID namespaces can be made; else the errno of the refusal. */
int worker_guard_try_namespace(const struct identity *identity);

/* The system calls that a guard needs. */
int worker_guard_build_filter(struct confinement_filter *ret_filter, struct error *error);

/* Splits a worker that runs programs: the caller goes on as the runner, in a process of its own. In
 * the guard this does not return. No-op for a task that is built in. */
int worker_start_guard(struct worker *worker, struct error *error);

/* In the runner, after its death signal is set: fails if the guard had ended before that. */
int worker_check_guard(struct worker *worker, struct error *error);

#endif
