/* SPDX-License-Identifier: Apache-2.0 */
/*
 * family_cgroup.h - the cgroups of the family, where the service manager has delegated one.
 *
 *     the delegated cgroup                  for example that of the unit mimod.service
 *      └─ mimo-DEVICE-INODE                 of one actuator: named by the lock of its state directory
 *          ├─ supervisor                    mimod, keeper, metrics helper
 *          └─ launcher                      belongs to the launcher's group; see attempt_cgroup.h
 *              ├─ launcher
 *              └─ one for each attempt
 *
 * A cgroup that gives controllers to others may hold no processes, so each process is in a leaf.
 * All of this needs only the write access to the delegated cgroup that mimod has at its start.
 * Without a cgroup nothing fails: the family works without it.
 *
 * Threads: call these functions before the first thread and before the first fork.
 */
#ifndef MIMO_SUPERVISOR_FAMILY_CGROUP_H
#define MIMO_SUPERVISOR_FAMILY_CGROUP_H

#include <stdbool.h>
#include <sys/types.h>

#include "mimo/error.h"

struct family_cgroup {
    int place;    /* directory for the attempts' cgroups; -1: no cgroup */
    int launcher; /* directory of the cgroup that the launcher has to enter */
    int kill;     /* write "1": the kernel kills launcher and attempts; -1: Linux before 5.14 */
};

/* Kills and removes what is left of an earlier run of this actuator, creates the cgroups again and
 * moves this process into its own. `manager` is the group of the launcher, (gid_t)-1 if it keeps
 * this process's user. Without a usable cgroup all descriptors are -1, and *ret_reason says why.
 * -1: processes of an earlier life are left. */
int family_cgroup_open(int lock, gid_t manager, struct family_cgroup *ret_cgroup,
                       struct error *ret_reason, struct error *error);

/* For an actuator that does not get the lock of `state_directory`: if no supervisor of it lives,
 * kills what is left of launcher and attempts. True: it is worth trying for the lock again. */
bool family_cgroup_end_leftovers(const char *state_directory);

/* Kills launcher and attempts at once, even if they are stopped. False: no cgroup. */
bool family_cgroup_kill(const struct family_cgroup *cgroup);

void family_cgroup_close(struct family_cgroup *cgroup);

#endif
