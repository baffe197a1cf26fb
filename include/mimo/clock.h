/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h - the two clocks, and times as text.
 *
 * The wall clock (`unix_seconds`) is for times that are stored or shown: due times, leases,
 * history. It may jump. The monotonic clock (`struct monotonic`) measures how long something takes.
 * It is a struct so that the compiler refuses to mix the two. All functions may be called from any
 * thread.
 *
 * Texts: RFC 3339 (UTC, "2026-11-30T00:00:00Z"), and durations "90s", "15m", "2h", "250ms", "7d".
 */
#ifndef MIMO_CLOCK_H
#define MIMO_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "mimo/error.h"

struct monotonic {
    int64_t milliseconds;
};

enum { CLOCK_TEXT_SIZE = 40 };

/* The last second of the year 9999: later times are refused everywhere. */
#define CLOCK_MAXIMUM INT64_C(253402300799)

int64_t clock_unix_seconds(void);
int64_t clock_unix_milliseconds(void);
struct monotonic clock_monotonic(void);

/* Initializes a condition variable whose deadlines are times of CLOCK_MONOTONIC. */
void clock_make_condition(pthread_cond_t *condition);

/* When `milliseconds` (>= 0) from now are over, on CLOCK_MONOTONIC: for the functions of threads
 * that wait until a time. */
struct timespec clock_deadline(int64_t milliseconds);

/* Milliseconds since the machine started, including the time for which it was suspended. */
int64_t clock_boot_milliseconds(void);

/* Milliseconds from `since` until now, never negative. */
int64_t clock_elapsed(struct monotonic since);

/* "2026-11-30T00:00:00Z" into `buffer` (CLOCK_TEXT_SIZE bytes); returns `buffer`. */
const char *clock_format(char *buffer, int64_t unix_seconds);

/* The same with milliseconds, "2026-11-30T00:00:00.000Z". */
const char *clock_format_milliseconds(char *buffer, int64_t unix_milliseconds);

/* Reads an RFC 3339 time with any offset (fractions are cut off). */
int clock_parse(const char *text, int64_t *ret_unix_seconds, struct error *error);

/* Writes a duration as in the operators' guide: minutes and seconds from one minute on ("60m0s"),
 * else seconds ("2s"), else milliseconds ("250ms"). */
const char *clock_format_duration(char *buffer, int64_t milliseconds);

/* Reads "90", "90s", "15m", "2h", "7d", "250ms" into milliseconds; a bare number is seconds. */
int clock_parse_duration(const char *text, int64_t *ret_milliseconds, struct error *error);

#endif
