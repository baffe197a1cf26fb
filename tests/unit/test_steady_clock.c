/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_steady_clock.c - the supervisor's clock: small steps are followed, jumps are doubted for
 * the time of a lease.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "supervisor/steady_clock.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
#define START INT64_C(1700000000000)

static struct steady_clock started(void)
{
    struct steady_clock clock;
    steady_clock_start(&clock, HOUR, START, 500);
    return clock;
}

/* After `passed` more milliseconds, with the wall clock off by `jump`. */
static struct steady_time read_at(struct steady_clock *clock, int64_t passed, int64_t jump)
{
    return steady_clock_read(clock, START + passed + jump, 500 + passed);
}

static void a_clock_that_goes_right_is_followed(void **state)
{
    (void)state;
    struct steady_clock clock = started();
    for (int64_t passed = 0; passed < 5 * HOUR; passed += MINUTE) {
        struct steady_time time = read_at(&clock, passed, passed / 2000); /* 500 ppm */
        assert_int_equal(time.steady, START + passed + passed / 2000);
        assert_int_equal(time.earliest, time.steady);
        assert_int_equal(time.latest, time.steady);
        assert_false(clock.doubting);
    }
}

static void a_jump_changes_nothing_for_the_time_of_a_lease(void **state)
{
    (void)state;
    static const int64_t jumps[] = {3 * HOUR, -3 * HOUR, 11 * SECOND, -11 * SECOND};
    for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
        struct steady_clock clock = started();
        for (int64_t passed = MINUTE; passed < HOUR; passed += MINUTE) {
            struct steady_time time = read_at(&clock, passed, jumps[i]);
            assert_true(clock.doubting);
            assert_int_equal(time.steady, START + passed);
            assert_int_equal(time.earliest, START + passed + (jumps[i] < 0 ? jumps[i] : 0));
            assert_int_equal(time.latest, START + passed + (jumps[i] > 0 ? jumps[i] : 0));
        }
    }
}

static void a_jump_that_lasts_is_believed(void **state)
{
    (void)state;
    struct steady_clock clock = started();
    read_at(&clock, MINUTE, 3 * HOUR);
    struct steady_time time = read_at(&clock, MINUTE + HOUR, 3 * HOUR);
    assert_false(clock.doubting);
    assert_int_equal(time.earliest, START + MINUTE + 4 * HOUR);
    assert_int_equal(time.steady, time.earliest);
}

static void a_jump_that_is_taken_back_is_forgotten(void **state)
{
    (void)state;
    struct steady_clock clock = started();
    read_at(&clock, MINUTE, 3 * HOUR);
    struct steady_time time = read_at(&clock, 2 * MINUTE, 0);
    assert_false(clock.doubting);
    assert_int_equal(time.latest, START + 2 * MINUTE);
    read_at(&clock, 59 * MINUTE, -3 * HOUR); /* another one: its patience begins anew */
    read_at(&clock, 90 * MINUTE, -3 * HOUR);
    assert_true(clock.doubting);
}

static void short_leases_tolerate_little(void **state)
{
    (void)state;
    struct steady_clock clock;
    steady_clock_start(&clock, 4 * SECOND, START, 0);
    steady_clock_read(&clock, START + SECOND + 400, SECOND);
    assert_false(clock.doubting);
    steady_clock_read(&clock, START + 2 * SECOND + 1200, 2 * SECOND);
    assert_true(clock.doubting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_goes_right_is_followed),
        cmocka_unit_test(a_jump_changes_nothing_for_the_time_of_a_lease),
        cmocka_unit_test(a_jump_that_lasts_is_believed),
        cmocka_unit_test(a_jump_that_is_taken_back_is_forgotten),
        cmocka_unit_test(short_leases_tolerate_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
