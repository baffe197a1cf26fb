/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_users.h - as whom workers run.
 *
 * Started as root, the launcher becomes actuator.launcher_user and its workers
 * actuator.worker_user, or, where actuator.worker_uids names a range, each worker slot a user of
 * its own, so that workers cannot even send signals to each other. Started by anybody else all stay
 * who they are.
 */
#ifndef MIMO_LAUNCHER_WORKER_USERS_H
#define MIMO_LAUNCHER_WORKER_USERS_H

#include <stdbool.h>
#include <stdint.h>

#include "mimo/config.h"
#include "mimo/error.h"
#include "mimo/privileges.h"

struct worker;

struct worker_users {
    bool privileged;          /* workers change their user */
    struct identity launcher; /* of the launcher, once it has dropped its privileges */
    struct identity first;    /* of slot 0 */
    uint32_t count; /* users that follow each other from `first`; 0: all workers share it */
};

/* ERROR_INVALID when a user is root, or one that workers and launcher would share. */
int worker_users_find(const struct config *config, struct worker_users *ret_users,
                      struct error *error);

/* The user of a slot; false when the range ends before it. */
bool worker_users_of_slot(const struct worker_users *users, uint32_t slot,
                          struct identity *ret_identity);

/* Empties all sets of capabilities. A step of worker.h; a runner takes it again in its namespace. */
int worker_drop_capabilities(struct worker *worker, struct error *error);

/* Processes and threads of this process's user, and a reserve for those that do not show: what is
 * taken of RLIMIT_NPROC, which counts by user, when workers are nobody else. */
int worker_users_count_processes(uint32_t *ret_count, struct error *error);

#endif
