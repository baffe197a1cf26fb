/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listeners.h - the sockets of an actuator on its machine, and who may use them.
 *
 *   actuator-N.wake      for the Admin API: the group of the supervisor's user
 *   actuator-N.control   for operators: the group of actuator.operators_group, which the Admin API's
 *                        user must not be in. Root and the supervisor's user may use it too
 *
 * They are made while mimod still has the privileges that it was started with, because giving a
 * file to another group needs them. File mode and group keep others out; listeners_check_peer()
 * asks the kernel again who a peer is (SO_PEERCRED, SO_PEERGROUPS).
 */
#ifndef MIMO_SUPERVISOR_LISTENERS_H
#define MIMO_SUPERVISOR_LISTENERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "mimo/error.h"
#include "mimo/privileges.h"

enum { LISTENERS_PATH_SIZE = 256 };

struct listeners {
    int wake;    /* -1 when not open; owned */
    int control; /* -1 when not open; owned */
    char wake_path[LISTENERS_PATH_SIZE];
    char control_path[LISTENERS_PATH_SIZE];
    bool has_operators; /* false: root and the supervisor's user alone */
    gid_t operators;
};

/* Makes both in `directory`. `group` is a name or a number, "" for none. `owner` is the user that
 * the supervisor will run as; NULL: it stays what it is. A group that does not exist, or that this
 * process may not give the file to, is not a failure: then has_operators is false and `ret_problem`
 * says why, else its kind is ERROR_NONE. */
int listeners_open(struct listeners *listeners, const char *directory, int index, const char *group,
                   const struct identity *owner, struct error *ret_problem, struct error *error);

/* Whether the peer of a connection to the control socket may use it. ERROR_DENIED says who it is
 * and who may. */
int listeners_check_peer(const struct listeners *listeners, int connection, struct error *error);

/* Closes what is open and removes the files. */
void listeners_close(struct listeners *listeners);

#endif
