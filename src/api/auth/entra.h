/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entra.h - logging in with access tokens of Microsoft Entra ID.
 *
 * The judgement is jwt.h's. This module brings what it needs: the keys, which a thread of its own
 * fetches (entra_fetch.h) when they are due (key_schedule.h), and the time. Asking never waits for
 * a fetch; as long as there are no keys, or while somebody is looking for a token's key, the answer
 * is "later". So neither an authority that is slow nor a flood of tokens holds up anybody else.
 *
 *     entra_open()     reads files; as root, before any thread
 *     entra_start()    begins to fetch, as who we are for good
 *     entra_check()    any number of times, from any thread
 *     entra_reload()   on SIGHUP: files again, keys at once, the clock is believed again
 *
 * The time is the wall clock, but never less than has really passed since the start: a clock that
 * is set back makes no expired token valid.
 */
#ifndef API_ENTRA_H
#define API_ENTRA_H

#include "api/auth/auth.h"

struct entra;

enum entra_verdict {
    ENTRA_VALID,
    ENTRA_REFUSED,
    ENTRA_LATER, /* its key is being looked for */
};

int entra_open(const struct config *config, struct entra **ret_entra, struct error *error);
int entra_start(struct entra *entra, struct error *error);
int entra_reload(struct entra *entra, struct error *error);

/* Waits for a fetch that is under way: at most 10 s. NULL is allowed. */
void entra_close(struct entra *entra);

/* `reason` is for the log. */
enum entra_verdict entra_check(struct entra *entra, const char *token, struct actor *ret_actor,
                               struct error *reason);

/* The time by which tokens are judged, in Unix seconds: `wall`, or what it was `passed`
 * milliseconds ago and that much later. */
int64_t entra_time(int64_t wall, int64_t wall_before, int64_t passed);

#endif
