/* SPDX-License-Identifier: Apache-2.0 */
/*
 * privileges.h - giving up privileges for good, and proving it.
 *
 * A program that was started as root calls privileges_drop() once, early, before it reads input.
 * Started by an ordinary user there is nothing to change: the identity stays, everything else of
 * the hardening still applies.
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

/* Looks up a user by name, or takes "UID" (then gid = uid) or "UID:GID" in numbers. */
int privileges_find_user(const char *name, struct identity *ret_identity, struct error *error);

/* True when this process may change its identity (started as root). */
bool privileges_can_change(void);

/* Groups, gid, uid in this order, all of real, effective and saved; then reads them back and tries
 * for the old ones: if that works it is a failure. Capabilities named in `keep` (count may be 0)
 * stay permitted and effective, all others are dropped, the bounding set is emptied (of all but
 * `keep`) and the securebits are locked, where CAP_SETPCAP still allows it. Root as the new user is
 * refused. A process that cannot change users loses its capabilities. Sources: credentials(7),
 * capabilities(7). */
int privileges_drop(const struct identity *identity, const int *keep, size_t keep_count,
                    struct error *error);

/* For a process that stays what it is: no new privileges, not dumpable, no core. */
int privileges_harden(struct error *error);

#endif
