/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_key_schedule.c - when the keys of Entra ID are fetched, and the time tokens live by. */
#include "expect.h"

#include "api/auth/entra.h"
#include "api/auth/key_schedule.h"

#define START INT64_C(1000000000)

static struct key_schedule with_keys(void)
{
    struct key_schedule schedule = {0};
    key_schedule_begin(&schedule, START);
    key_schedule_end(&schedule, true, START);
    return schedule;
}

static void the_first_fetch_is_due_at_once(void **state)
{
    (void)state;
    const struct key_schedule schedule = {0};
    assert_true(key_schedule_due(&schedule) <= START);
    assert_false(key_schedule_counts(&schedule, START));
}

static void failures_are_tried_again_more_and_more_slowly(void **state)
{
    static const int64_t pauses[] = {10, 20, 40, 80, 160, 300, 300, 300};
    struct key_schedule schedule = {0};
    int64_t now = START;
    (void)state;
    for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
        key_schedule_begin(&schedule, now);
        key_schedule_end(&schedule, false, now);
        assert_int_equal(key_schedule_due(&schedule), now + pauses[i] * 1000);
        now = key_schedule_due(&schedule);
    }
    key_schedule_begin(&schedule, now);
    key_schedule_end(&schedule, true, now);
    assert_int_equal(key_schedule_due(&schedule), now + 24 * HOUR);
}

static void keys_are_fetched_daily_and_count_for_three_days(void **state)
{
    struct key_schedule schedule = with_keys();
    (void)state;
    assert_int_equal(key_schedule_due(&schedule), START + 24 * HOUR);
    key_schedule_begin(&schedule, START + 24 * HOUR);
    key_schedule_end(&schedule, false, START + 24 * HOUR);
    assert_int_equal(key_schedule_due(&schedule), START + 24 * HOUR + 10000);
    assert_true(key_schedule_counts(&schedule, START + 72 * HOUR - 1));
    assert_false(key_schedule_counts(&schedule, START + 72 * HOUR));
}

static void a_key_that_is_not_known_makes_one_fetch_in_five_minutes(void **state)
{
    struct key_schedule schedule = with_keys();
    int fetches = 0;
    (void)state;
    for (int64_t now = START + MINUTE; now < START + 61 * MINUTE; now += 1000) {
        key_schedule_ask(&schedule, now);
        if (key_schedule_due(&schedule) > now)
            continue;
        fetches++;
        key_schedule_begin(&schedule, now);
        assert_true(key_schedule_ask(&schedule, now)); /* the same fetch is for this one too */
        key_schedule_end(&schedule, true, now);
        assert_false(key_schedule_ask(&schedule, now)); /* the fetch did not find the key */
    }
    assert_int_equal(fetches, 12);
}

static void a_failed_search_leaves_the_question_open(void **state)
{
    struct key_schedule schedule = with_keys();
    int64_t now = START + HOUR;
    (void)state;
    assert_true(key_schedule_ask(&schedule, now));
    assert_true(key_schedule_due(&schedule) <= now);
    key_schedule_begin(&schedule, now);
    key_schedule_end(&schedule, false, now);
    assert_true(key_schedule_ask(&schedule, now + 1000));
    assert_int_equal(key_schedule_due(&schedule), now + 5 * MINUTE);
    assert_true(key_schedule_counts(&schedule, now)); /* the others go on */
}

static void an_operator_need_not_wait(void **state)
{
    struct key_schedule schedule = with_keys();
    (void)state;
    schedule.is_urged = true;
    assert_true(key_schedule_due(&schedule) <= START);
    key_schedule_begin(&schedule, START + 1);
    key_schedule_end(&schedule, false, START + 1);
    assert_int_equal(key_schedule_due(&schedule), START + 24 * HOUR);
}

static void a_clock_that_is_set_back_makes_nothing_valid_again(void **state)
{
    const int64_t wall = 2000000000;
    (void)state;
    assert_int_equal(entra_time(wall + 60, wall, 60000), wall + 60);
    assert_int_equal(entra_time(wall + 60 - 3600, wall, 60000), wall + 60);
    assert_int_equal(entra_time(wall + 60 + 3600, wall, 60000), wall + 60 + 3600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_fetch_is_due_at_once),
        cmocka_unit_test(failures_are_tried_again_more_and_more_slowly),
        cmocka_unit_test(keys_are_fetched_daily_and_count_for_three_days),
        cmocka_unit_test(a_key_that_is_not_known_makes_one_fetch_in_five_minutes),
        cmocka_unit_test(a_failed_search_leaves_the_question_open),
        cmocka_unit_test(an_operator_need_not_wait),
        cmocka_unit_test(a_clock_that_is_set_back_makes_nothing_valid_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
