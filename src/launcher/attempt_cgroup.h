/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attempt_cgroup.h - a cgroup for each attempt, where mimod has been given a subtree to make them in.
 *
 * The worker is forked into its cgroup (CLONE_INTO_CGROUP), so the guard, the runner and programs
 * are in it from their first instruction. The launcher alone can write to it: workers run as
 * another user, or at least without any file to write (Landlock).
 *
 *     mimod's directory (--cgroup)       controllers for those below, as far as delegated
 *      ├─ launcher                       this process
 *      └─ 00000000000000a1               an attempt, by its token in hexadecimal digits
 *
 * The kernel removes a cgroup only if no process is in it, so a removed cgroup proves that nothing
 * of the attempt is left.
 */
#ifndef MIMO_LAUNCHER_ATTEMPT_CGROUP_H
#define MIMO_LAUNCHER_ATTEMPT_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "launcher/worker_state.h"
#include "mimo/error.h"

/* Tries it once: makes a cgroup, forks into it, kills, removes. Sets workplace->cgroup_limits, or
 * closes workplace->cgroup and logs why if it does not work. After the launcher has dropped its
 * privileges and confined itself. */
void attempt_cgroup_try(struct workplace *workplace);

/* Makes the cgroup of an order and forks into it. As fork(2); on failure nothing is left. */
pid_t attempt_cgroup_fork(const struct workplace *workplace, const struct launcher_launch *order);

/* Kills everything in the cgroup of `token`. */
void attempt_cgroup_kill(const struct workplace *workplace, uint64_t token);

/* Limits that stood in the way of the attempt: LAUNCHER_CGROUP_MEMORY, LAUNCHER_CGROUP_PROCESSES. */
uint32_t attempt_cgroup_reached(const struct workplace *workplace, uint64_t token);

/* Removes the cgroup. False if a process is left in it: kill it, and try again. */
bool attempt_cgroup_remove(const struct workplace *workplace, uint64_t token);

#endif
