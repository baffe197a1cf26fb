/* SPDX-License-Identifier: Apache-2.0 */
/*
 * privileges.h - permanently drops privileges, and verifies it.
 *
 * A program that was started as root calls privileges_drop() once, early, before it reads input. If
 * an ordinary user started it, it keeps that user; the rest of the hardening still applies.
 *
 * Threads: call these functions before the first thread.
 * Errors: a failure must end the program: it would run with privileges.
 * Sources: credentials(7), capabilities(7)
 */
#ifndef MIMO_PRIVILEGES_H
#define MIMO_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "mimo/error.h"

struct identity {
    uid_t uid;
    gid_t gid;
};

/* Looks up a user by name, or reads the numbers "UID" (then gid = uid) or "UID:GID". */
int privileges_find_user(const char *name, struct identity *ret_identity, struct error *error);

/* What a start with these rights says about the user of configuration key `key`, for --check-config:
 * a process that cannot change its identity does not look it up. */
int privileges_check_user(const char *key, const char *name, struct error *error);

/* True when this process may change its identity (started as root). */
bool privileges_can_change(void);

/* Sets groups, gid and uid, in this order, each as real, effective and saved ID. Then reads them
 * back, and fails if the process can still become the old user. Capabilities in `keep` (count may
 * be 0) stay permitted and effective; all others are dropped, also from the bounding set. The
 * securebits are locked if CAP_SETPCAP still allows it. Refuses root as the new user. A process
 * that cannot change its user only loses its capabilities. */
int privileges_drop(const struct identity *identity, const int *keep, size_t keep_count,
                    struct error *error);

/* Sets no_new_privs, makes the process undumpable and disables core files. Changes no user. */
int privileges_harden(struct error *error);

#endif
