/* SPDX-License-Identifier: Apache-2.0 */
/* test_uuid.c - identifiers are lower-case UUIDs of random bits, and nothing else is taken for one.
 */
#include "expect.h"
#include "mimo/uuid.h"

static void a_new_one_is_valid_lower_case_and_of_version_four(void **state)
{
    char text[UUID_SIZE];

    (void)state;
    for (int i = 0; i < 100; i++) {
        uuid_make(text);
        assert_true(uuid_is_valid(text));
        assert_int_equal(strspn(text, "0123456789abcdef-"), UUID_SIZE - 1);
        assert_int_equal(text[14], '4');
        assert_non_null(strchr("89ab", text[19]));
    }
}

static void two_are_never_the_same(void **state)
{
    char first[UUID_SIZE], second[UUID_SIZE];

    (void)state;
    uuid_make(first);
    uuid_make(second);
    assert_string_not_equal(first, second);
}

static void only_the_form_of_five_groups_is_valid(void **state)
{
    static const char *const wrong[] = {
        "",
        "9b741734-6505-447f-8510-85eb0ae561a",
        "9b741734-6505-447f-8510-85eb0ae561a22",
        "9b741734-6505-447f-8510-85eb0ae561ag",
        "gb741734-6505-447f-8510-85eb0ae561a2",
        "9b741734_6505-447f-8510-85eb0ae561a2",
        "9b74173-46505-447f-8510-85eb0ae561a2",
        "{9b741734-6505-447f-8510-85eb0ae561a2}",
        " 9b741734-6505-447f-8510-85eb0ae561a2",
        "9b741734-6505-447f-8510-85eb0ae561a2 ",
        "9b7417346505447f851085eb0ae561a2",
        "9b741734-6505-447f-8510-85eb0ae561\xc3\xa9",
    };

    (void)state;
    assert_true(uuid_is_valid("9b741734-6505-447f-8510-85eb0ae561a2"));
    assert_true(uuid_is_valid("9B741734-6505-447F-8510-85EB0AE561A2"));
    assert_true(uuid_is_valid("00000000-0000-0000-0000-000000000000"));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (uuid_is_valid(wrong[i]))
            fail_msg("taken for a UUID: %s", wrong[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_one_is_valid_lower_case_and_of_version_four),
        cmocka_unit_test(two_are_never_the_same),
        cmocka_unit_test(only_the_form_of_five_groups_is_valid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
