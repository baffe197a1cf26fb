/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ctl_times.c - times are read as operators write them, and written as they read them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <time.h>

#include "ctl/output/times.h"

/* 2026-11-23T07:08:00Z */
static const int64_t NOW = INT64_C(1795417680);

static int use_zone(const char *name)
{
    setenv("TZ", name, 1);
    tzset();
    return 0;
}

static int in_berlin(void **state)
{
    (void)state;
    /* Given by rule, so that no zone files are needed: summer time from March to October. */
    return use_zone("CET-1CEST,M3.5.0,M10.5.0/3");
}

static void expect_time(const char *text, int64_t expected, bool expected_local)
{
    int64_t seconds = -1;
    bool local = !expected_local;
    struct error error;
    if (times_parse(text, NOW, &seconds, &local, &error) < 0)
        fail_msg("\"%s\": %s", text, error.message);
    assert_int_equal(seconds, expected);
    assert_int_equal(local, expected_local);
}

static void unambiguous_forms_need_no_zone(void **state)
{
    (void)state;
    expect_time("1795417680", NOW, false);
    expect_time("0", 0, false);
    expect_time("253402300799", INT64_C(253402300799), false);
    expect_time("2026-11-23T07:08:00Z", NOW, false);
    expect_time("2026-11-23T09:08:00+02:00", NOW, false);
    expect_time("+2h", NOW + 7200, false);
    expect_time("+90", NOW + 90, false);
    expect_time("+7d", NOW + 7 * 86400, false);
}

static void local_times_are_those_of_the_zone_and_its_season(void **state)
{
    (void)state;
    expect_time("2026-11-23 08:08", NOW, true);
    expect_time("2026-11-23 08:08:00", NOW, true);
    expect_time("2026-11-23T08:08", NOW, true);
    expect_time("2026-11-23T08:08:00", NOW, true);
    expect_time("2026-11-23", NOW - 8 * 3600 - 8 * 60, true);
    /* Summer: two hours from UTC. 2026-07-01T00:00:00Z is 1782864000. */
    expect_time("2026-07-01 02:00", INT64_C(1782864000), true);
}

static void what_is_no_time_is_refused_with_the_ways_to_write_one(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"", "is not a time"},
        {"tomorrow", "is not a time"},
        {"12:00", "is not a time"},
        {"2026-13-01", "is not a time"},
        {"2026-12-01 25:00", "is not a time"},
        {"2026-12-01 02:00 x", "is not a time"},
        {"-5", "is not a time"},
        {"2026-02-30 02:00", "does not exist"},
        {"2026-03-29 02:30", "put forward"}, /* CET goes from 02:00 to 03:00 */
        {"253402300800", "beyond the year 9999"},
        {"99999999999999999999", "beyond the year 9999"},
        {"+99999999d", "99999999d"},
        {"+", "\"+\""},
        {"+2 weeks", "+2 weeks"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t seconds;
        bool local;
        struct error error = {0};
        if (times_parse(cases[i].text, NOW, &seconds, &local, &error) == 0)
            fail_msg("\"%s\" was taken for %lld", cases[i].text, (long long)seconds);
        assert_int_equal(error.kind, ERROR_INVALID);
        if (!strstr(error.message, cases[i].message))
            fail_msg("\"%s\": \"%s\" does not say \"%s\"", cases[i].text, error.message,
                     cases[i].message);
    }
}

static void local_times_are_said_back_with_their_zone(void **state)
{
    (void)state;
    char text[TIMES_TEXT_SIZE];
    assert_string_equal(times_format_local(text, NOW), "2026-11-23 08:08:00 CET (+0100)");
    assert_string_equal(times_format_local(text, INT64_C(1782864000)),
                        "2026-07-01 02:00:00 CEST (+0200)");
    assert_string_equal(times_format_clock(text, NOW), "08:08:00");
}

static void relative_times_are_short_and_the_future_is_rounded(void **state)
{
    (void)state;
    static const struct {
        int64_t offset;
        const char *expected;
    } cases[] = {
        {0, "now"},
        {1, "in 1s"},
        {59, "in 59s"},
        {60, "in 1m"},
        {3599, "in 1h"},
        {3600, "in 1h"},
        {7198, "in 2h"},
        {5999, "in 1h40m"},
        {89, "in 1m"},
        {90, "in 2m"},
        {172799, "in 2d"},
        {172800, "in 2d"},
        {172769, "in 47h59m"},
        {187200, "in 2d04h"},
        {604790, "in 7d"},
        {-1, "1s ago"},
        {-61, "1m ago"},
        {-7200, "2h ago"},
        {-864000, "10d ago"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[TIMES_TEXT_SIZE];
        assert_string_equal(times_format_relative(text, NOW + cases[i].offset, NOW),
                            cases[i].expected);
    }
}

static void elapsed_times_have_two_units(void **state)
{
    (void)state;
    char text[TIMES_TEXT_SIZE];
    assert_string_equal(times_format_elapsed(text, 0), "0s");
    assert_string_equal(times_format_elapsed(text, 59), "59s");
    assert_string_equal(times_format_elapsed(text, 67), "1m07s");
    assert_string_equal(times_format_elapsed(text, 3 * 3600 + 300), "3h05m");
    assert_string_equal(times_format_elapsed(text, 2 * 86400 + 4 * 3600), "2d04h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unambiguous_forms_need_no_zone),
        cmocka_unit_test(local_times_are_those_of_the_zone_and_its_season),
        cmocka_unit_test(what_is_no_time_is_refused_with_the_ways_to_write_one),
        cmocka_unit_test(local_times_are_said_back_with_their_zone),
        cmocka_unit_test(relative_times_are_short_and_the_future_is_rounded),
        cmocka_unit_test(elapsed_times_have_two_units),
    };
    return cmocka_run_group_tests(tests, in_berlin, NULL);
}
