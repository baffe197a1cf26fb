/* SPDX-License-Identifier: Apache-2.0 */
/*
 * times.h - times as operators write and read them.
 *
 * Written: RFC 3339 ("2026-12-01T02:00:00Z"), from now on ("+2h"), local ("2026-12-01 02:00",
 * "2026-12-01 02:00:30", "2026-12-01"), or Unix seconds.
 */
#ifndef MIMO_CTL_OUTPUT_TIMES_H
#define MIMO_CTL_OUTPUT_TIMES_H

#include <stdbool.h>
#include <stdint.h>

#include "mimo/error.h"

enum { TIMES_TEXT_SIZE = 64 };

/* Reads any of these forms. *ret_local is true if the text had no zone and was read as local time;
 * the caller should then show the result with its zone. */
int times_parse(const char *text, int64_t now, int64_t *ret_unix_seconds, bool *ret_local,
                struct error *error);

/* The same for past times: a bare duration ("2h", "7d") is that long ago. */
int times_parse_past(const char *text, int64_t now, int64_t *ret_unix_seconds, struct error *error);

/* All of these write into `buffer` (TIMES_TEXT_SIZE bytes) and return it. */

/* "2026-12-01 02:00:00 CET (+0100)" */
const char *times_format_local(char *buffer, int64_t unix_seconds);

/* "02:00:00", local */
const char *times_format_clock(char *buffer, int64_t unix_seconds);

/* "in 5m", "in 1h40m", "3h ago", "now": future times are rounded to the nearest unit, past ones
 * down */
const char *times_format_relative(char *buffer, int64_t unix_seconds, int64_t now);

/* "42s", "5m", "3h", "12d": one unit, rounded down */
const char *times_format_span(char *buffer, int64_t seconds);

/* "42s", "5m07s", "3h05m", "2d04h": two units */
const char *times_format_elapsed(char *buffer, int64_t seconds);

#endif
