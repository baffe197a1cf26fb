/* SPDX-License-Identifier: Apache-2.0 */
/*
 * children.h - the running workers: the supervisor's tokens and the pids that they stand for.
 *
 * Tokens are translated to pids only through this table, so a signal always goes to a worker that
 * is not reaped yet: its pid cannot belong to another process. A worker that runs programs has
 * ended only when its process group is empty; until then its row stays and keeps the worker's exit
 * status. The table has a fixed size, so the supervisor cannot make the launcher use more memory.
 */
#ifndef MIMO_LAUNCHER_CHILDREN_H
#define MIMO_LAUNCHER_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { CHILDREN_MAXIMUM = 1024 }; /* actuator.max_workers is at most 1000 */

struct child {
    uint64_t token;
    pid_t pid;
    bool runs_programs; /* its process group may contain other processes */
    bool has_ended;     /* reaped, but its process group or its cgroup is not empty */
    int wait_status;    /* then */
    uint32_t reached;   /* limits of its cgroup, as in ENDED */
    uint64_t max_rss_kib;
    uint64_t cpu_milliseconds; /* of all reaped processes */
};

struct children {
    size_t count;
    struct child table[CHILDREN_MAXIMUM]; /* the first `count`, in no order */
};

/* Pointers hold until the next children_add() or children_remove(). NULL if there is no such child.
 */
struct child *children_by_token(struct children *children, uint64_t token);
struct child *children_by_pid(struct children *children, pid_t pid);

/* There must be room. Returns the row. */
struct child *children_add(struct children *children, uint64_t token, pid_t pid);
void children_remove(struct children *children, struct child *child);

/* Sends `signal` to the child's process group, or only to the child while it has no group yet. Do
 * not call it for a child that has ended: its pid may belong to another process. */
int child_signal(const struct child *child, int signal);

/* True while there is a process in the group of a child that has ended. */
bool child_has_group(const struct child *child);

#endif
