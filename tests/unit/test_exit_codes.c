/* SPDX-License-Identifier: Apache-2.0 */
/* test_exit_codes.c - every exit code of the table has its own number, beyond those of tasks. */
#include "expect.h"
#include "mimo/exit_codes.h"

#define CODE_NUMBER(number, name, text) number,

static const int numbers[] = {EXIT_CODES(CODE_NUMBER)};

static void numbers_rise_and_leave_0_to_63_to_tasks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        assert_in_range(numbers[i], 64, 125); /* 126 and above mean something to shells */
        assert_true(i == 0 || numbers[i] > numbers[i - 1]);
    }
}

static void each_has_its_text_and_others_have_none(void **state)
{
    size_t known = 0;

    (void)state;
    assert_string_equal(exit_code_text(EXIT_WORKER_LANDLOCK), "cannot enter the Landlock domain");
    assert_int_equal(EXIT_WORKER_LANDLOCK, 113);
    assert_string_equal(exit_code_text(EXIT_WORKER_SIGNALS), "cannot reset signals");
    for (int code = -1; code < 300; code++)
        known += exit_code_text(code) != NULL;
    assert_int_equal(known, sizeof(numbers) / sizeof(numbers[0]));
    assert_null(exit_code_text(0));
    assert_null(exit_code_text(3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_rise_and_leave_0_to_63_to_tasks),
        cmocka_unit_test(each_has_its_text_and_others_have_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
