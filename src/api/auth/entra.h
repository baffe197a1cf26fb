/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entra.h - authentication by access tokens of Microsoft Entra ID.
 *
 * jwt.h checks the tokens. This module provides the keys, which its own thread fetches
 * (entra_fetch.h) when they are due (key_schedule.h), and the time. A check never waits for a fetch:
 * while there are no keys, or while the key of a token is being fetched, the verdict is "later". So
 * neither a slow authority nor a flood of tokens delays other requests.
 *
 *     entra_open()     reads files; as root, before any thread
 *     entra_start()    starts to fetch keys; after dropping privileges
 *     entra_check()    any number of times, from any thread
 *     entra_reload()   on SIGHUP: reads files, fetches keys, accepts the wall clock again
 *
 * The time is the wall clock, but it never runs slower than the monotonic clock: setting the clock
 * back does not make an expired token valid.
 */
#ifndef API_ENTRA_H
#define API_ENTRA_H

#include <sys/types.h>

#include "api/auth/actor.h"
#include "mimo/config.h"
#include "mimo/error.h"

struct entra;

enum entra_verdict {
    ENTRA_VALID,
    ENTRA_REFUSED,
    ENTRA_LATER, /* its key is being fetched */
};

/* Its files may belong to `user` too, and to nobody else but root and this user (trusted_path.h). */
int entra_open(const struct config *config, uid_t user, struct entra **ret_entra,
               struct error *error);
int entra_start(struct entra *entra, struct error *error);
int entra_reload(struct entra *entra, struct error *error);

/* Waits up to 10 s for a fetch in progress. NULL is allowed. */
void entra_close(struct entra *entra);

/* `reason` is for the log. */
enum entra_verdict entra_check(struct entra *entra, const char *token, struct actor *ret_actor,
                               struct error *reason);

/* The time, in Unix seconds, that tokens are checked against: the wall clock, or, if later, its
 * earlier reading plus the `passed` milliseconds. */
int64_t entra_time(int64_t wall, int64_t wall_before, int64_t passed);

#endif
