/* SPDX-License-Identifier: Apache-2.0 */
/*
 * times.c - times as operators write and read them.
 */
#include "ctl/output/times.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mimo/clock.h"

static const int64_t minute = 60;
static const int64_t hour = 3600;
static const int64_t day = 86400;

static int read_unix(const char *text, int64_t *ret_unix_seconds, struct error *error)
{
    /* Twelve digits reach beyond the year 9999. */
    int64_t seconds = strlen(text) <= 12 ? strtoll(text, NULL, 10) : INT64_MAX;
    if (seconds > CLOCK_MAXIMUM)
        return error_set(error, ERROR_INVALID, "\"%s\" is beyond the year 9999", text);
    *ret_unix_seconds = seconds;
    return 0;
}

static int read_offset(const char *text, int64_t now, int64_t *ret_unix_seconds,
                       struct error *error)
{
    int64_t milliseconds;
    if (clock_parse_duration(text + 1, &milliseconds, error) < 0)
        return error_prefix(error, "\"%s\"", text);
    if (milliseconds / 1000 > CLOCK_MAXIMUM - now)
        return error_set(error, ERROR_INVALID, "\"%s\" is beyond the year 9999", text);
    *ret_unix_seconds = now + milliseconds / 1000;
    return 0;
}

/* True when `text` is all of `format` (strptime(3)). */
static bool matches(const char *text, const char *format, struct tm *ret_fields)
{
    *ret_fields = (struct tm){.tm_isdst = -1};
    const char *end = strptime(text, format, ret_fields);
    return end && *end == '\0';
}

static bool read_fields(const char *text, struct tm *ret_fields)
{
    static const char *const formats[] = {"%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M",
                                          "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"};
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (matches(text, formats[i], ret_fields))
            return true;
    return false;
}

static int read_local(const char *text, int64_t *ret_unix_seconds, struct error *error)
{
    struct tm asked;
    if (!read_fields(text, &asked))
        return error_set(error, ERROR_INVALID,
                         "\"%s\" is not a time: write +2h, \"2026-12-01 02:00\" (local), "
                         "2026-12-01T02:00:00Z or Unix seconds",
                         text);
    struct tm found = asked;
    int64_t seconds = mktime(&found);
    if (found.tm_mday != asked.tm_mday || found.tm_hour != asked.tm_hour ||
        found.tm_min != asked.tm_min)
        return error_set(error, ERROR_INVALID,
                         "\"%s\" does not exist in the local time zone: no such day, or the clock "
                         "skips it when it is put forward",
                         text);
    if (seconds < 0 || seconds > CLOCK_MAXIMUM)
        return error_set(error, ERROR_INVALID, "\"%s\" is outside of 1970 to 9999", text);
    *ret_unix_seconds = seconds;
    return 0;
}

int times_parse(const char *text, int64_t now, int64_t *ret_unix_seconds, bool *ret_local,
                struct error *error)
{
    *ret_local = false;
    if (text[0] == '+')
        return read_offset(text, now, ret_unix_seconds, error);
    if (text[0] != '\0' && text[strspn(text, "0123456789")] == '\0')
        return read_unix(text, ret_unix_seconds, error);
    if (clock_parse(text, ret_unix_seconds, NULL) == 0)
        return 0;
    *ret_local = true;
    return read_local(text, ret_unix_seconds, error);
}

int times_parse_past(const char *text, int64_t now, int64_t *ret_unix_seconds, struct error *error)
{
    int64_t milliseconds;
    bool local;
    bool number = text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
    if (number || clock_parse_duration(text, &milliseconds, NULL) < 0) {
        if (times_parse(text, now, ret_unix_seconds, &local, error) == 0)
            return 0;
        return error_set(error, ERROR_INVALID,
                         "\"%s\" is not a time in the past: write 2h or 7d (ago), \"2026-11-29 "
                         "02:00\" (local), 2026-11-29T02:00:00Z or Unix seconds",
                         text);
    }
    *ret_unix_seconds = milliseconds / 1000 < now ? now - milliseconds / 1000 : 0;
    return 0;
}

const char *times_format_local(char *buffer, int64_t unix_seconds)
{
    time_t seconds = (time_t)unix_seconds;
    struct tm fields;
    if (!localtime_r(&seconds, &fields) ||
        strftime(buffer, TIMES_TEXT_SIZE, "%Y-%m-%d %H:%M:%S %Z (%z)", &fields) == 0)
        snprintf(buffer, TIMES_TEXT_SIZE, "%" PRId64, unix_seconds);
    return buffer;
}

const char *times_format_clock(char *buffer, int64_t unix_seconds)
{
    time_t seconds = (time_t)unix_seconds;
    struct tm fields;
    if (!localtime_r(&seconds, &fields) ||
        strftime(buffer, TIMES_TEXT_SIZE, "%H:%M:%S", &fields) == 0)
        snprintf(buffer, TIMES_TEXT_SIZE, "%" PRId64, unix_seconds);
    return buffer;
}

const char *times_format_span(char *buffer, int64_t seconds)
{
    if (seconds < minute)
        snprintf(buffer, TIMES_TEXT_SIZE, "%" PRId64 "s", seconds);
    else if (seconds < hour)
        snprintf(buffer, TIMES_TEXT_SIZE, "%" PRId64 "m", seconds / minute);
    else if (seconds < 2 * day)
        snprintf(buffer, TIMES_TEXT_SIZE, "%" PRId64 "h", seconds / hour);
    else
        snprintf(buffer, TIMES_TEXT_SIZE, "%" PRId64 "d", seconds / day);
    return buffer;
}

/* Rounded to the nearest minute or hour, so that "+2h" is still shown as "2h" some seconds later:
 * "42s", "5m", "2h", "1h40m", "7d", "2d04h". */
static const char *format_until(char *buffer, int64_t seconds)
{
    int64_t minutes = (seconds + minute / 2) / minute;
    int64_t hours = (seconds + hour / 2) / hour;
    if (seconds < minute)
        snprintf(buffer, TIMES_TEXT_SIZE, "%" PRId64 "s", seconds);
    else if (minutes < 60)
        snprintf(buffer, TIMES_TEXT_SIZE, "%" PRId64 "m", minutes);
    else if (minutes < 48 * 60 && minutes % 60 > 0)
        snprintf(buffer, TIMES_TEXT_SIZE, "%" PRId64 "h%02" PRId64 "m", minutes / 60, minutes % 60);
    else if (minutes < 48 * 60)
        snprintf(buffer, TIMES_TEXT_SIZE, "%" PRId64 "h", minutes / 60);
    else if (hours % 24 > 0)
        snprintf(buffer, TIMES_TEXT_SIZE, "%" PRId64 "d%02" PRId64 "h", hours / 24, hours % 24);
    else
        snprintf(buffer, TIMES_TEXT_SIZE, "%" PRId64 "d", hours / 24);
    return buffer;
}

const char *times_format_relative(char *buffer, int64_t unix_seconds, int64_t now)
{
    char span[TIMES_TEXT_SIZE];
    if (unix_seconds > now)
        snprintf(buffer, TIMES_TEXT_SIZE, "in %.32s", format_until(span, unix_seconds - now));
    else if (unix_seconds < now)
        snprintf(buffer, TIMES_TEXT_SIZE, "%.32s ago", times_format_span(span, now - unix_seconds));
    else
        snprintf(buffer, TIMES_TEXT_SIZE, "now");
    return buffer;
}

const char *times_format_elapsed(char *buffer, int64_t seconds)
{
    if (seconds < minute)
        snprintf(buffer, TIMES_TEXT_SIZE, "%" PRId64 "s", seconds);
    else if (seconds < hour)
        snprintf(buffer, TIMES_TEXT_SIZE, "%" PRId64 "m%02" PRId64 "s", seconds / minute,
                 seconds % minute);
    else if (seconds < 2 * day)
        snprintf(buffer, TIMES_TEXT_SIZE, "%" PRId64 "h%02" PRId64 "m", seconds / hour,
                 seconds % hour / minute);
    else
        snprintf(buffer, TIMES_TEXT_SIZE, "%" PRId64 "d%02" PRId64 "h", seconds / day,
                 seconds % day / hour);
    return buffer;
}
