/* SPDX-License-Identifier: Apache-2.0 */
/* test_backoff.c - pauses double up to their bound, and spread by a tenth to either side. */
#include "expect.h"
#include "mimo/backoff.h"

static const struct backoff usual = {.first = 90000, .maximum = 900000};

static void pauses_double_up_to_the_maximum(void **state)
{
    static const int64_t expected[] = {90000, 180000, 360000, 720000, 900000, 900000};

    (void)state;
    for (int failures = 1; failures <= 6; failures++) {
        int64_t base = expected[failures - 1];

        assert_int_equal(backoff_pause(&usual, failures), base);
        assert_int_equal(backoff_delay(&usual, failures, 0), base - base / 10);
        assert_int_equal(backoff_delay(&usual, failures, UINT32_MAX), base + base / 10);
        assert_in_range(backoff_delay(&usual, failures, UINT32_MAX / 2), base - 1, base + 1);
    }
    assert_int_equal(backoff_delay(&usual, 1000000, UINT32_MAX), 990000);
    assert_int_equal(backoff_pause(&usual, 0), 0);
    assert_int_equal(backoff_pause(&(struct backoff){.first = 5, .maximum = 11}, 2), 10);
}

static void jitter_grows_with_the_random_number_and_is_the_same_for_the_same(void **state)
{
    int64_t last = 0;

    (void)state;
    for (uint32_t random = 0; random < UINT32_MAX - (1u << 24); random += 1u << 24) {
        int64_t delay = backoff_delay(&usual, 2, random);

        assert_true(delay > last);
        assert_int_equal(delay, backoff_delay(&usual, 2, random));
        last = delay;
    }
}

static void no_pause_stays_none(void **state)
{
    const struct backoff none = {.first = 0, .maximum = 900000};
    const struct backoff capped = {.first = 90000, .maximum = 0};

    (void)state;
    for (int failures = 1; failures < 10; failures++) {
        assert_int_equal(backoff_delay(&none, failures, UINT32_MAX), 0);
        assert_int_equal(backoff_delay(&capped, failures, UINT32_MAX), 0);
    }
}

static void a_first_pause_above_the_maximum_is_cut(void **state)
{
    const struct backoff backoff = {.first = 5000, .maximum = 1000};

    (void)state;
    assert_int_equal(backoff_delay(&backoff, 1, 0), 900);
    assert_int_equal(backoff_delay(&backoff, 3, UINT32_MAX), 1100);
}

static void the_longest_bounds_do_not_overflow(void **state)
{
    const struct backoff backoff = {.first = 1, .maximum = INT64_MAX / 4};
    int64_t delay = backoff_delay(&backoff, 200, UINT32_MAX);

    (void)state;
    assert_true(delay > INT64_MAX / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses_double_up_to_the_maximum),
        cmocka_unit_test(jitter_grows_with_the_random_number_and_is_the_same_for_the_same),
        cmocka_unit_test(no_pause_stays_none),
        cmocka_unit_test(a_first_pause_above_the_maximum_is_cut),
        cmocka_unit_test(the_longest_bounds_do_not_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
