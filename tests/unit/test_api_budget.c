/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_budget.c - the bytes that connections hold: the sum is bounded, small ones always fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "api/http/budget.h"

static void the_sum_is_bounded_to_the_byte(void **state)
{
    (void)state;
    struct budget budget = {0};
    size_t first = 0, second = 0;
    assert_true(budget_hold(&budget, &first, BUDGET_BYTES - BUDGET_SMALL - 1));
    assert_false(budget_hold(&budget, &second, BUDGET_SMALL + 2));
    assert_int_equal(second, 0);
    assert_true(budget_hold(&budget, &second, BUDGET_SMALL + 1));
    assert_int_equal(budget.used, BUDGET_BYTES);
    assert_false(budget_hold(&budget, &first, BUDGET_BYTES - BUDGET_SMALL));
    assert_int_equal(budget.used, BUDGET_BYTES);
}

static void small_ones_always_fit(void **state)
{
    (void)state;
    struct budget budget = {0};
    size_t large = 0, small = 0, too_large = 0;
    assert_true(budget_hold(&budget, &large, BUDGET_BYTES));
    assert_true(budget_hold(&budget, &small, BUDGET_SMALL));
    assert_false(budget_hold(&budget, &too_large, BUDGET_SMALL + 1));
    assert_int_equal(budget.used, BUDGET_BYTES + BUDGET_SMALL);
    assert_false(budget_hold(&budget, &too_large, (size_t)-1));
}

static void what_is_given_back_can_be_taken_again(void **state)
{
    (void)state;
    struct budget budget = {0};
    size_t held = 0, other = 0;
    assert_true(budget_hold(&budget, &held, BUDGET_BYTES));
    assert_true(budget_hold(&budget, &held, BUDGET_BYTES / 2));
    assert_int_equal(held, BUDGET_BYTES / 2);
    assert_true(budget_hold(&budget, &other, BUDGET_BYTES / 2));
    assert_true(budget_hold(&budget, &held, 0));
    assert_true(budget_hold(&budget, &other, 0));
    assert_int_equal(budget.used, 0);
}

static void pages_become_shorter_as_it_fills_up(void **state)
{
    (void)state;
    struct budget budget = {0};
    size_t held = 0;
    assert_int_equal(budget_page_bytes(&budget), BUDGET_PAGE_MAXIMUM);
    assert_true(budget_hold(&budget, &held, BUDGET_BYTES / 2 + 16 * 1024));
    /* a sixteenth of what is left */
    assert_int_equal(budget_page_bytes(&budget), (BUDGET_BYTES / 2 - 16 * 1024) / 16);
    assert_true(budget_hold(&budget, &held, BUDGET_BYTES - 16));
    assert_int_equal(budget_page_bytes(&budget), BUDGET_SMALL);
    size_t small = 0;
    assert_true(budget_hold(&budget, &small, BUDGET_SMALL)); /* beyond the sum */
    assert_int_equal(budget_page_bytes(&budget), BUDGET_SMALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sum_is_bounded_to_the_byte),
        cmocka_unit_test(small_ones_always_fit),
        cmocka_unit_test(what_is_given_back_can_be_taken_again),
        cmocka_unit_test(pages_become_shorter_as_it_fills_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
