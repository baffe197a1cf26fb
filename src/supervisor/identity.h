/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity.h - who an actuator is, across its starts, and what keeps two processes from being the
 * same one.
 *
 * The state directory holds three files:
 *   actuator.id     the actuator's lasting UUID, made at the first start
 *   actuator.lock   locked (flock(2)) while the actuator runs. The launcher holds the descriptor as
 *                   well, so the lock is free only when both have ended: a process that gets it
 *                   knows that no worker of an earlier start from this directory runs any more.
 *   actuator.start  where the ID was used last: machine, store, lock file, and the latest starts
 *
 * A lock keeps a second process out of the same directory, but not out of a copy of it. So each
 * start has a random *incarnation*, and the ID is bound to its place. A directory that was copied
 * to another machine, or within one, or that is used with another store, is refused with what to
 * do. A copy that cannot be told from its original (the image of a whole machine) is found by the
 * membership record (membership.h): the incarnation in it is not listed in actuator.start, or
 * they are from before the machine started.
 */
#ifndef MIMO_SUPERVISOR_IDENTITY_H
#define MIMO_SUPERVISOR_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "mimo/error.h"
#include "mimo/privileges.h"
#include "mimo/uuid.h"

/* Makes a directory of `owner` with `mode` if it is missing; only as root. */
int identity_prepare_directory(const char *path, mode_t mode, const struct identity *owner,
                               struct error *error);

/* Takes the lock; waits a few seconds for the family of a crashed supervisor to end. *ret_lock is
 * the descriptor that holds it: give it to the launcher, keep it open, close it at the end. Needs
 * write permission on the directory alone, so root may take it before it becomes another user. */
int identity_lock(const char *state_directory, int *ret_lock, struct error *error);

enum { IDENTITY_ENDED_MAXIMUM = 8, IDENTITY_PLACE_SIZE = 64 };

/* What an ID is bound to, and by what a start of this machine is told from others. Empty texts are
 * not compared. */
struct identity_place {
    char machine[IDENTITY_PLACE_SIZE]; /* /etc/machine-id */
    char boot[IDENTITY_PLACE_SIZE];    /* /proc/sys/kernel/random/boot_id */
    char store[IDENTITY_PLACE_SIZE];   /* store_identify() */
    char lock[IDENTITY_PLACE_SIZE];    /* inode of the lock file, and when that was made */
};

/* One start of an actuator. */
struct actuator_start {
    char id[UUID_SIZE];
    char incarnation[UUID_SIZE];
    /* Earlier starts that have certainly ended with all their workers, the latest first: they held
     * the lock that is ours now, since the machine started. */
    char ended[IDENTITY_ENDED_MAXIMUM][UUID_SIZE];
    size_t ended_count;
};

/* Fills all but `store` for the machine this runs on and the lock taken by identity_lock(). What
 * the machine does not have stays empty. */
void identity_find_place(int lock, struct identity_place *ret_place);

/* Reads or makes the UUID, checks what it is bound to, and notes this start; under the lock.
 * ERROR_CONFLICT says that the directory is a copy, or belongs to another store. */
int identity_open(const char *state_directory, const struct identity_place *place,
                  struct actuator_start *ret_start, struct error *error);

/* True for an incarnation that has certainly ended. */
bool identity_has_ended(const struct actuator_start *start, const char *incarnation);

#endif
