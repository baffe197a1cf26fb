/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_users.h - the users that workers run as.
 *
 * If root started it, the launcher runs as actuator.launcher_user and its workers as
 * actuator.worker_user. If actuator.worker_uids names a range, each worker slot has its own user,
 * so that workers cannot even send signals to each other. If another user started it, all processes
 * run as that user.
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
    struct identity launcher; /* the launcher's user, once it has dropped its privileges */
    struct identity first;    /* of slot 0 */
    uint32_t count;           /* consecutive users from `first` on; 0: all workers run as `first` */
};

/* ERROR_INVALID if a user is root, or if workers and launcher would share one. */
int worker_users_find(const struct config *config, struct worker_users *ret_users,
                      struct error *error);

/* The user of a slot; false when the range ends before it. */
bool worker_users_of_slot(const struct worker_users *users, uint32_t slot,
                          struct identity *ret_identity);

/* Empties all sets of capabilities. A step of worker.h; a runner takes it again in its namespace. */
int worker_drop_capabilities(struct worker *worker, struct error *error);

/* Counts the processes and threads of this process's user, and adds a reserve for hidden ones.
 * RLIMIT_NPROC, which counts by user, must be raised by this number if workers run as the same
 * user. */
int worker_users_count_processes(uint32_t *ret_count, struct error *error);

#endif
