/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity.h - an actuator's lasting UUID, and the lock that keeps a second process from using it.
 *
 * Both live in the state directory: `actuator.id` holds the UUID, made at the first start;
 * `actuator.lock` is locked (flock(2)) while the actuator runs. The lock goes with the process,
 * however it ends.
 */
#ifndef MIMO_SUPERVISOR_IDENTITY_H
#define MIMO_SUPERVISOR_IDENTITY_H

#include "mimo/error.h"
#include "mimo/privileges.h"
#include "mimo/uuid.h"

/* Makes state and runtime directory for `owner` if they are missing; only as root. */
int identity_prepare_directory(const char *path, const struct identity *owner, struct error *error);

/* Reads or makes the UUID. *ret_lock is the descriptor that holds the lock: keep it open, close it
 * at the end. */
int identity_open(const char *state_directory, char *ret_id, int *ret_lock, struct error *error);

#endif
