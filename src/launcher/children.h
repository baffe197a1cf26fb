/* SPDX-License-Identifier: Apache-2.0 */
/*
 * children.h - which workers there are: tokens of the supervisor and the pids they stand for.
 *
 * The table is the only place where one is turned into the other, so that a signal goes to a
 * process that is ours and not reaped yet: its pid cannot have been given to somebody else.
 * A worker that runs programs has ended when nothing is left of its process group: until then its
 * row stays, with what is known of its end.
 * Bounded: a launcher holds no memory that its supervisor can make grow.
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
    bool runs_programs; /* others may be in its process group */
    bool has_ended;     /* reaped; others of its process group are still to be */
    int wait_status;    /* then */
    uint64_t max_rss_kib;
    uint64_t cpu_milliseconds; /* of all that were reaped */
};

struct children {
    size_t count;
    struct child table[CHILDREN_MAXIMUM]; /* the first `count`, in no order */
};

/* Pointers hold until the next children_add() or children_remove(). NULL: there is none. */
struct child *children_by_token(struct children *children, uint64_t token);
struct child *children_by_pid(struct children *children, pid_t pid);

/* There must be room. Returns the row. */
struct child *children_add(struct children *children, uint64_t token, pid_t pid);
void children_remove(struct children *children, struct child *child);

/* Sends `signal` to the child's process group, or to the child alone while it has none of its own
 * yet. Not when it has ended: its pid may be somebody else's. */
int child_signal(const struct child *child, int signal);

/* True while there is a process in the group of a child that has ended. */
bool child_has_group(const struct child *child);

#endif
