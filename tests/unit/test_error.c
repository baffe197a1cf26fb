/* SPDX-License-Identifier: Apache-2.0 */
/* test_error.c - errors say what, on what and why, in one clean line. */
#include <errno.h>

#include "expect.h"

static void setting_an_error_is_failing(void **state)
{
    struct error error;

    (void)state;
    assert_int_equal(error_set(&error, ERROR_TOO_LARGE, "more than %d", 7), -1);
    assert_int_equal(error.kind, ERROR_TOO_LARGE);
    assert_string_equal(error.message, "more than 7");
}

static void an_error_may_be_of_no_interest(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, ERROR_TOO_LARGE, "x"), -1);
    assert_int_equal(error_set_system(NULL, ENOENT, "x"), -1);
    assert_int_equal(error_prefix(NULL, "x"), -1);
}

static void the_kind_of_a_system_error_follows_from_errno(void **state)
{
    static const struct {
        int errnum;
        enum error_kind kind;
        const char *message;
    } cases[] = {
        {ENOENT, ERROR_NOT_FOUND, "cannot open /x: No such file or directory"},
        {EACCES, ERROR_DENIED, "cannot open /x: Permission denied"},
        {EPERM, ERROR_DENIED, "cannot open /x: Operation not permitted"},
        {EEXIST, ERROR_CONFLICT, "cannot open /x: File exists"},
        {ENOMEM, ERROR_MEMORY, "cannot open /x: Cannot allocate memory"},
        {EIO, ERROR_SYSTEM, "cannot open /x: Input/output error"},
        {100000, ERROR_SYSTEM, "cannot open /x: error 100000"},
    };
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(error_set_system(&error, cases[i].errnum, "cannot open %s", "/x"), -1);
        assert_int_equal(error.kind, cases[i].kind);
        assert_string_equal(error.message, cases[i].message);
    }
}

static void a_prefix_keeps_the_kind(void **state)
{
    struct error error;

    (void)state;
    error_set(&error, ERROR_CONFLICT, "etag differs");
    assert_int_equal(error_prefix(&error, "cannot claim %s", "m1"), -1);
    assert_int_equal(error.kind, ERROR_CONFLICT);
    assert_string_equal(error.message, "cannot claim m1: etag differs");
}

static void a_long_message_is_cut_between_characters(void **state)
{
    char text[2 * ERROR_MESSAGE_SIZE];
    struct error error;

    (void)state;
    for (size_t shift = 0; shift < 3; shift++) {
        memset(text, 'a', shift);
        for (size_t i = shift; i + 3 < sizeof(text); i += 3)
            memcpy(text + i, "\u20ac", 4);
        error_set(&error, ERROR_INVALID, "%s", text);
        /* as many whole characters as fit in 767 bytes, whatever stands before them */
        assert_int_equal(strlen(error.message), shift + (ERROR_MESSAGE_SIZE - 1 - shift) / 3 * 3);
        assert_memory_equal(error.message, text, strlen(error.message));
    }
    error_prefix(&error, "context");
    assert_int_equal(strncmp(error.message, "context: ", 9), 0);
    assert_true(strlen(error.message) < ERROR_MESSAGE_SIZE);
}

static void a_long_message_has_no_room_for_errno(void **state)
{
    char text[2 * ERROR_MESSAGE_SIZE];
    struct error error;

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    error_set_system(&error, ENOENT, "%s", text);
    assert_int_equal(strspn(error.message, "x"), ERROR_MESSAGE_SIZE - 1);
}

static void no_message_has_a_second_line(void **state)
{
    struct error error;

    (void)state;
    error_set(&error, ERROR_INVALID, "a%sb", "\n\r\x1b\xff\xc2\x9b");
    assert_string_equal(error.message, "a     b");
}

static void what_may_pass_is_a_matter_of_the_kind(void **state)
{
    (void)state;
    static const enum error_kind lasting[] = {ERROR_NONE,     ERROR_INVALID, ERROR_NOT_FOUND,
                                              ERROR_CONFLICT, ERROR_DENIED,  ERROR_TOO_LARGE};
    static const enum error_kind passing[] = {ERROR_MEMORY, ERROR_BUSY, ERROR_UNAVAILABLE,
                                              ERROR_SYSTEM};
    for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
        assert_false(error_may_pass(lasting[i]));
    for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
        assert_true(error_may_pass(passing[i]));
}

static void running_out_of_memory_is_a_kind_of_its_own(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(error_set_memory(&error), -1);
    assert_int_equal(error.kind, ERROR_MEMORY);
    assert_string_equal(error.message, "out of memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setting_an_error_is_failing),
        cmocka_unit_test(an_error_may_be_of_no_interest),
        cmocka_unit_test(the_kind_of_a_system_error_follows_from_errno),
        cmocka_unit_test(what_may_pass_is_a_matter_of_the_kind),
        cmocka_unit_test(running_out_of_memory_is_a_kind_of_its_own),
        cmocka_unit_test(a_prefix_keeps_the_kind),
        cmocka_unit_test(a_long_message_is_cut_between_characters),
        cmocka_unit_test(a_long_message_has_no_room_for_errno),
        cmocka_unit_test(no_message_has_a_second_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
