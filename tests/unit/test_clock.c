/* SPDX-License-Identifier: Apache-2.0 */
/* test_clock.c - times and durations, read strictly and written as operators know them. */
#include <time.h>

#include "expect.h"
#include "mimo/clock.h"

static void the_wall_clock_is_the_systems(void **state)
{
    int64_t before = (int64_t)time(NULL);
    int64_t now = clock_unix_seconds();
    int64_t milliseconds = clock_unix_milliseconds();

    (void)state;
    assert_true(now >= before && now <= before + 60);
    assert_true(milliseconds / 1000 >= now && milliseconds / 1000 <= now + 60);
}

static void monotonic_time_only_grows(void **state)
{
    struct monotonic start = clock_monotonic();
    struct monotonic future = {.milliseconds = start.milliseconds + 1000000};

    (void)state;
    assert_true(start.milliseconds > 0);
    assert_true(clock_elapsed(start) >= 0);
    assert_true(clock_elapsed((struct monotonic){start.milliseconds - 5000}) >= 5000);
    assert_int_equal(clock_elapsed(future), 0);
}

static void times_are_written_in_utc(void **state)
{
    char buffer[CLOCK_TEXT_SIZE];

    (void)state;
    setenv("TZ", "America/New_York", 1);
    tzset();
    assert_string_equal(clock_format(buffer, 0), "1970-01-01T00:00:00Z");
    assert_string_equal(clock_format(buffer, 1795996800), "2026-11-30T00:00:00Z");
    assert_string_equal(clock_format(buffer, CLOCK_MAXIMUM), "9999-12-31T23:59:59Z");
    assert_string_equal(clock_format_milliseconds(buffer, 1795417680042),
                        "2026-11-23T07:08:00.042Z");
    assert_string_equal(clock_format_milliseconds(buffer, 0), "1970-01-01T00:00:00.000Z");
    unsetenv("TZ");
    tzset();
}

static void times_beyond_the_calendar_are_still_shown(void **state)
{
    char buffer[CLOCK_TEXT_SIZE];

    (void)state;
    assert_string_equal(clock_format(buffer, -1), "@-1");
    assert_string_equal(clock_format(buffer, CLOCK_MAXIMUM + 1), "@253402300800");
    assert_string_equal(clock_format(buffer, INT64_MIN), "@-9223372036854775808");
    assert_string_equal(clock_format_milliseconds(buffer, INT64_MAX), "@9223372036854775");
}

static void times_are_read_with_any_offset(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-30T00:00:00Z", 1795996800},
        {"2026-11-30t00:00:00z", 1795996800},
        {"2026-11-30 00:00:00Z", 1795996800},
        {"2026-11-30T02:30:00+02:30", 1795996800},
        {"2026-11-29T16:00:00-08:00", 1795996800},
        {"2026-11-30T00:00:00.999999999Z", 1795996800},
        {"2024-02-29T12:00:00Z", 1709208000},
        {"2016-12-31T23:59:60Z", 1483228800},
        {"2017-01-01T08:59:60+09:00", 1483228800},
        {"9999-12-31T23:59:59Z", CLOCK_MAXIMUM},
        {"1969-12-31T23:00:00-01:00", 0},
    };
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t seconds = -1;

        expect_success(clock_parse(cases[i].text, &seconds, &error), &error);
        if (seconds != cases[i].seconds)
            fail_msg("%s is read as %lld", cases[i].text, (long long)seconds);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    static const struct {
        const char *text;
        const char *part;
    } cases[] = {
        {"", "is not a time such as"},
        {"tomorrow", "\"tomorrow\" is not a time such as 2026-11-30T00:00:00Z"},
        {"2026-11-30", "is not a time"},
        {"2026-11-30T00:00:00", "is not a time"},
        {"2026-11-30T00:00Z", "is not a time"},
        {"2026-11-30T00:00:00Zx", "is not a time"},
        {" 2026-11-30T00:00:00Z", "is not a time"},
        {"2026-11-30T00:00:00.Z", "is not a time"},
        {"2026-11-30T00:00:00+0100", "is not a time"},
        {"2026-11-30T00:00:00+24:00", "is not a time"},
        {"2026-11-30T00:00:00+01:60", "is not a time"},
        {"2026-11-30T00:00:00 01:00", "is not a time"},
        {"2026-13-01T00:00:00Z", "is not a time"},
        {"2026-00-01T00:00:00Z", "is not a time"},
        {"2026-11-30T24:00:00Z", "is not a time"},
        {"2026-11-30T00:60:00Z", "is not a time"},
        {"2026-11-30T00:00:61Z", "is not a time"},
        {"026-11-30T00:00:00Z", "is not a time"},
        {"+026-11-30T00:00:00Z", "is not a time"},
        {"2026-02-29T00:00:00Z", "a day that its month does not have"},
        {"2026-04-31T00:00:00Z", "a day that its month does not have"},
        {"2027-02-30T00:00:60Z", "a day that its month does not have"},
        {"2027-02-29T23:59:60Z", "a day that its month does not have"},
        {"2027-02-28T12:30:60Z", "names second 60, which there is at 23:59 UTC only"},
        {"2016-12-31T23:59:60+01:00", "names second 60, which there is at 23:59 UTC only"},
        {"1969-12-31T23:59:59Z", "not within the years 1970 to 9999"},
        {"9999-12-31T23:59:59-00:01", "not within the years 1970 to 9999"},
    };
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t seconds = 42;

        expect_failure(clock_parse(cases[i].text, &seconds, &error), &error, ERROR_INVALID,
                       cases[i].part);
        assert_int_equal(seconds, 42);
    }
}

static void durations_are_written_as_the_guide_does(void **state)
{
    static const struct {
        int64_t milliseconds;
        const char *text;
    } cases[] = {
        {3600000, "60m0s"}, {90000, "1m30s"}, {60000, "1m0s"}, {59999, "59s"},
        {2000, "2s"},       {2999, "2s"},     {1000, "1s"},    {999, "999ms"},
        {250, "250ms"},     {0, "0ms"},       {-5, "0ms"},     {86400000, "1440m0s"},
    };
    char buffer[CLOCK_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(clock_format_duration(buffer, cases[i].milliseconds), cases[i].text);
}

static void durations_are_read_with_units(void **state)
{
    static const struct {
        const char *text;
        int64_t milliseconds;
    } cases[] = {
        {"90", 90000},     {"90s", 90000},
        {"15m", 900000},   {"2h", 7200000},
        {"7d", 604800000}, {"250ms", 250},
        {"0", 0},          {"0ms", 0},
        {"007s", 7000},    {"106751991167d", INT64_C(9223372036828800000)},
    };
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t milliseconds = -1;

        expect_success(clock_parse_duration(cases[i].text, &milliseconds, &error), &error);
        if (milliseconds != cases[i].milliseconds)
            fail_msg("%s is read as %lld", cases[i].text, (long long)milliseconds);
    }
}

static void what_is_no_duration_is_refused(void **state)
{
    static const char *const wrong[] = {"",    "s",     "-1", "+1", "1.5s", "1 s", " 1",
                                        "1s ", "1m30s", "1w", "1S", "1sec", "ms",  "0x1"};
    static const char *const too_long[] = {"9223372036854775808", "9223372036854776s",
                                           "106751991168d", "99999999999999999999999ms"};
    struct error error;
    int64_t milliseconds = 42;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        expect_failure(clock_parse_duration(wrong[i], &milliseconds, &error), &error, ERROR_INVALID,
                       "is not a duration such as 90s, 15m, 2h, 7d or 250ms");
    for (size_t i = 0; i < sizeof(too_long) / sizeof(too_long[0]); i++)
        expect_failure(clock_parse_duration(too_long[i], &milliseconds, &error), &error,
                       ERROR_INVALID, "is too long a time");
    assert_int_equal(milliseconds, 42);
}

static int64_t milliseconds_of(struct timespec time)
{
    assert_in_range(time.tv_nsec, 0, 999999999);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void a_deadline_lies_on_the_monotonic_clock(void **state)
{
    (void)state;
    static const int64_t waits[] = {0, 1, 999, 1000, 1500, 86400000};
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        struct timespec now, after;
        clock_gettime(CLOCK_MONOTONIC, &now);
        int64_t deadline = milliseconds_of(clock_deadline(waits[i]));
        clock_gettime(CLOCK_MONOTONIC, &after);
        assert_true(deadline >= milliseconds_of(now) + waits[i]);
        assert_true(deadline <= milliseconds_of(after) + waits[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deadline_lies_on_the_monotonic_clock),
        cmocka_unit_test(the_wall_clock_is_the_systems),
        cmocka_unit_test(monotonic_time_only_grows),
        cmocka_unit_test(times_are_written_in_utc),
        cmocka_unit_test(times_beyond_the_calendar_are_still_shown),
        cmocka_unit_test(times_are_read_with_any_offset),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(durations_are_written_as_the_guide_does),
        cmocka_unit_test(durations_are_read_with_units),
        cmocka_unit_test(what_is_no_duration_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
