/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_schedule.h - when the keys of Entra ID are fetched, and how long they count.
 *
 * Fresh keys are fetched again after a day. When that fails the old ones go on for another two
 * days, while it is tried again and again; then they are no longer believed, for a key that was
 * taken back would live on in them. A token whose key is not known makes somebody look at once, but
 * at most once in five minutes: else whoever invents key ids would make us send as many requests.
 *
 * Pure: the caller brings the time, milliseconds of a clock that never jumps.
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
    bool is_wanted; /* a key that is not known was asked for, and nobody has looked since */
    bool is_urged;  /* an operator wants it now */
    bool was_asked; /* `asked` counts */
    int failures;   /* in a row */
    int64_t fetched;
    int64_t tried;
    int64_t asked; /* when was last looked for a key that was not known */
};

/* When the next fetch is due; may be in the past. */
int64_t key_schedule_due(const struct key_schedule *schedule);

/* True while the keys that are there may be used. */
bool key_schedule_counts(const struct key_schedule *schedule, int64_t now);

/* A token came whose key is not known. True: the keys will be looked at again for it, or could not
 * be; nothing can be said of it yet. False: they were, and its key was not among them. */
bool key_schedule_ask(struct key_schedule *schedule, int64_t now);

void key_schedule_begin(struct key_schedule *schedule, int64_t now);
void key_schedule_end(struct key_schedule *schedule, bool success, int64_t now);

#endif
