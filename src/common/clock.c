/* SPDX-License-Identifier: Apache-2.0 */
/* clock.c - the two clocks, and times as text. */
#include "mimo/clock.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LEAP_SECOND = 60, SECONDS_PER_DAY = 24 * 60 * 60 };

static int64_t read_milliseconds(clockid_t clock)
{
    struct timespec now;
    int result = clock_gettime(clock, &now);

    assert(result == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_unix_milliseconds(void)
{
    return read_milliseconds(CLOCK_REALTIME);
}

int64_t clock_unix_seconds(void)
{
    return clock_unix_milliseconds() / 1000;
}

struct monotonic clock_monotonic(void)
{
    return (struct monotonic){.milliseconds = read_milliseconds(CLOCK_MONOTONIC)};
}

int64_t clock_boot_milliseconds(void)
{
    return read_milliseconds(CLOCK_BOOTTIME);
}

struct timespec clock_deadline(int64_t milliseconds)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    int64_t nanoseconds = time.tv_nsec + milliseconds % 1000 * 1000000;
    time.tv_sec += milliseconds / 1000 + nanoseconds / 1000000000;
    time.tv_nsec = nanoseconds % 1000000000;
    return time;
}

int64_t clock_elapsed(struct monotonic since)
{
    int64_t elapsed = clock_monotonic().milliseconds - since.milliseconds;

    return elapsed > 0 ? elapsed : 0;
}

const char *clock_format(char *buffer, int64_t unix_seconds)
{
    time_t seconds = (time_t)unix_seconds;
    struct tm fields;

    /* No year of four digits: shown as systemd does, so that a wrong time is still seen as one. */
    if (unix_seconds < 0 || unix_seconds > CLOCK_MAXIMUM || !gmtime_r(&seconds, &fields))
        snprintf(buffer, CLOCK_TEXT_SIZE, "@%" PRId64, unix_seconds);
    else
        strftime(buffer, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &fields);
    return buffer;
}

const char *clock_format_milliseconds(char *buffer, int64_t unix_milliseconds)
{
    clock_format(buffer, unix_milliseconds / 1000);
    if (*buffer != '@') {
        size_t length = strlen(buffer) - 1; /* over the Z */

        snprintf(buffer + length, CLOCK_TEXT_SIZE - length, ".%03dZ",
                 (int)(unix_milliseconds % 1000));
    }
    return buffer;
}

/* Reads exactly `digits` digits within bounds; moves *text behind them. */
static bool read_number(const char **text, int digits, int low, int high, int *ret_number)
{
    int number = 0;

    for (int i = 0; i < digits; i++) {
        if (!isdigit((unsigned char)**text))
            return false;
        number = number * 10 + (*(*text)++ - '0');
    }
    *ret_number = number;
    return number >= low && number <= high;
}

static bool read_mark(const char **text, const char *marks)
{
    return **text && strchr(marks, *(*text)++);
}

static bool read_date_and_time(const char **text, struct tm *ret)
{
    struct tm fields = {0};

    if (!read_number(text, 4, 0, 9999, &fields.tm_year) || !read_mark(text, "-") ||
        !read_number(text, 2, 1, 12, &fields.tm_mon) || !read_mark(text, "-") ||
        !read_number(text, 2, 1, 31, &fields.tm_mday) || !read_mark(text, "Tt ") ||
        !read_number(text, 2, 0, 23, &fields.tm_hour) || !read_mark(text, ":") ||
        !read_number(text, 2, 0, 59, &fields.tm_min) || !read_mark(text, ":") ||
        !read_number(text, 2, 0, LEAP_SECOND, &fields.tm_sec))
        return false;
    fields.tm_year -= 1900;
    fields.tm_mon -= 1;
    *ret = fields;
    return true;
}

static bool read_fraction(const char **text)
{
    if (**text != '.')
        return true;
    (*text)++;
    if (!isdigit((unsigned char)**text))
        return false;
    while (isdigit((unsigned char)**text))
        (*text)++;
    return true;
}

/* "Z" or "+01:00": the seconds to take off. Nothing may follow. */
static bool read_offset(const char **text, int *ret_seconds)
{
    int sign, hours, minutes;

    if (**text == 'Z' || **text == 'z') {
        *ret_seconds = 0;
        return (*text)[1] == '\0';
    }
    sign = **text == '-' ? -1 : 1;
    if (!read_mark(text, "+-") || !read_number(text, 2, 0, 23, &hours) || !read_mark(text, ":") ||
        !read_number(text, 2, 0, 59, &minutes))
        return false;
    *ret_seconds = sign * (hours * 3600 + minutes * 60);
    return **text == '\0';
}

int clock_parse(const char *text, int64_t *ret_unix_seconds, struct error *error)
{
    const char *rest = text;
    struct tm fields, normalized;
    int64_t seconds;
    int offset;

    if (!read_date_and_time(&rest, &fields) || !read_fraction(&rest) ||
        !read_offset(&rest, &offset))
        return error_set(error, ERROR_INVALID,
                         "\"%.40s\" is not a time such as 2026-11-30T00:00:00Z", text);
    normalized = fields;
    normalized.tm_sec = 0;
    seconds = timegm(&normalized) + fields.tm_sec - offset;
    if (normalized.tm_mday != fields.tm_mday)
        return error_set(error, ERROR_INVALID, "\"%.40s\" names a day that its month does not have",
                         text);
    if (fields.tm_sec == LEAP_SECOND && seconds % SECONDS_PER_DAY != 0)
        return error_set(error, ERROR_INVALID,
                         "\"%.40s\" names second 60, which there is at 23:59 UTC only", text);
    if (seconds < 0 || seconds > CLOCK_MAXIMUM)
        return error_set(error, ERROR_INVALID, "\"%.40s\" is not within the years 1970 to 9999",
                         text);
    *ret_unix_seconds = seconds;
    return 0;
}

const char *clock_format_duration(char *buffer, int64_t milliseconds)
{
    if (milliseconds < 0)
        milliseconds = 0;
    if (milliseconds >= 60 * 1000)
        snprintf(buffer, CLOCK_TEXT_SIZE, "%" PRId64 "m%" PRId64 "s", milliseconds / 60000,
                 milliseconds / 1000 % 60);
    else if (milliseconds >= 1000)
        snprintf(buffer, CLOCK_TEXT_SIZE, "%" PRId64 "s", milliseconds / 1000);
    else
        snprintf(buffer, CLOCK_TEXT_SIZE, "%" PRId64 "ms", milliseconds);
    return buffer;
}

int clock_parse_duration(const char *text, int64_t *ret_milliseconds, struct error *error)
{
    static const struct {
        const char *name;
        int64_t milliseconds;
    } units[] = {{"", 1000}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {"ms", 1}};
    const char *rest = text;
    int64_t number = 0;
    bool overflow = false;

    while (isdigit((unsigned char)*rest)) {
        overflow |= __builtin_mul_overflow(number, 10, &number);
        overflow |= __builtin_add_overflow(number, *rest++ - '0', &number);
    }
    for (size_t i = 0; rest > text && i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(rest, units[i].name) != 0)
            continue;
        overflow |= __builtin_mul_overflow(number, units[i].milliseconds, &number);
        if (overflow)
            return error_set(error, ERROR_INVALID, "\"%.40s\" is too long a time", text);
        *ret_milliseconds = number;
        return 0;
    }
    return error_set(error, ERROR_INVALID,
                     "\"%.40s\" is not a duration such as 90s, 15m, 2h, 7d or 250ms", text);
}

void clock_make_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}
