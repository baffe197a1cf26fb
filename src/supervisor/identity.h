/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity.h - an actuator's lasting UUID, and the lock that keeps a second process from using it.
 *
 * Both live in the state directory: `actuator.id` holds the UUID, made at the first start;
 * `actuator.lock` is locked (flock(2)) while the actuator runs. The launcher holds the descriptor
 * as well, so the lock goes when both have ended, however they end: whoever gets it knows that no
 * worker of an earlier life runs any more, and may return what that life left over at once.
 */
#ifndef MIMO_SUPERVISOR_IDENTITY_H
#define MIMO_SUPERVISOR_IDENTITY_H

#include <sys/types.h>

#include "mimo/error.h"
#include "mimo/privileges.h"
#include "mimo/uuid.h"

/* Makes a directory of `owner` with `mode` if it is missing; only as root. */
int identity_prepare_directory(const char *path, mode_t mode, const struct identity *owner,
                               struct error *error);

/* Takes the lock; waits a few seconds for the family of a crashed supervisor to end. *ret_lock is
 * the descriptor that holds it: give it to the launcher, keep it open, close it at the end. Needs
 * no right to write but in the directory: root may take it for whoever it becomes. */
int identity_lock(const char *state_directory, int *ret_lock, struct error *error);

/* Reads or makes the UUID; under the lock. */
int identity_open(const char *state_directory, char *ret_id, struct error *error);

#endif
