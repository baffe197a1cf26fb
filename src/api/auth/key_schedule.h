/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_schedule.h - when the keys of Entra ID are fetched, and how long they are valid.
 *
 * Keys are fetched again after a day. If that fails, the old ones stay valid for another two days
 * while the fetch is retried. After that they are not used any more, because they may contain a key
 * that was revoked. A token with an unknown key causes a fetch at once, but at most one in five
 * minutes: otherwise a client could cause any number of requests by inventing key ids.
 *
 * Pure: the caller passes the time, in milliseconds of a clock that never jumps.
 */
#ifndef API_KEY_SCHEDULE_H
#define API_KEY_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#define KEYS_FRESH          INT64_C(86400000)  /* 24 h */
#define KEYS_AGE_MAXIMUM    INT64_C(259200000) /* 72 h */
#define KEYS_ASKED_INTERVAL INT64_C(300000)    /* 5 min */
#define KEYS_RETRY_FIRST    INT64_C(10000)     /* doubled after each failure */
#define KEYS_RETRY_LAST     INT64_C(300000)

struct key_schedule {
    bool has_keys;
    bool is_wanted; /* an unknown key was requested, and no fetch has followed yet */
    bool is_urged;  /* an operator asked for a reload */
    bool was_asked; /* `asked` counts */
    int failures;   /* consecutive */
    int64_t fetched;
    int64_t tried;
    int64_t asked; /* time of the last fetch for an unknown key */
};

/* When the next fetch is due; may be in the past. */
int64_t key_schedule_due(const struct key_schedule *schedule);

/* True while the present keys may be used. */
bool key_schedule_counts(const struct key_schedule *schedule, int64_t now);

/* Requests a fetch for an unknown key. True: a fetch is due or has failed, so there is no verdict
 * yet. False: the keys were fetched recently, and the key was not among them. */
bool key_schedule_ask(struct key_schedule *schedule, int64_t now);

void key_schedule_begin(struct key_schedule *schedule, int64_t now);
void key_schedule_end(struct key_schedule *schedule, bool success, int64_t now);

#endif
