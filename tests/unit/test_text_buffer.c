/* SPDX-License-Identifier: Apache-2.0 */
/* test_text_buffer.c - text grows, and what is in quotes is JSON. */
#include <string.h>

#include "expect.h"
#include "mimo/document.h"
#include "mimo/text_buffer.h"

static void pieces_are_put_together(void **state)
{
    cleanup_text_buffer struct text_buffer buffer = {0};

    (void)state;
    text_buffer_add(&buffer, "a");
    text_buffer_add_bytes(&buffer, "bcd", 2);
    text_buffer_add_integer(&buffer, 0);
    text_buffer_add_integer(&buffer, -17);
    text_buffer_add_integer(&buffer, INT64_MIN);
    text_buffer_add_integer(&buffer, INT64_MAX);
    assert_string_equal(buffer.text, "abc0-17-92233720368547758089223372036854775807");
    assert_int_equal(buffer.length, strlen(buffer.text));
    text_buffer_cut(&buffer, 3);
    assert_string_equal(buffer.text, "abc");
    text_buffer_cut(&buffer, 10);
    assert_int_equal(buffer.length, 3);
    assert_false(buffer.failed);
}

static void it_grows_as_far_as_needed(void **state)
{
    cleanup_text_buffer struct text_buffer buffer = {0};

    (void)state;
    for (int i = 0; i < 100000; i++)
        text_buffer_add(&buffer, "0123456789");
    assert_int_equal(buffer.length, 1000000);
    assert_int_equal(strlen(buffer.text), 1000000);
    text_buffer_reserve(&buffer, 5000000);
    const char *before = buffer.text;
    for (int i = 0; i < 500000; i++)
        text_buffer_add(&buffer, "0123456789");
    assert_ptr_equal(buffer.text, before);
}

static void a_string_is_written_as_the_json_library_does(void **state)
{
    char text[300];

    (void)state;
    for (int i = 1; i < 128; i++)
        text[i - 1] = (char)i;
    strcpy(text + 127, "end \xc3\xa4\xe2\x82\xac\xf0\x9f\x9a\x80");
    cleanup_json struct json_object *value = document_new_string(text);
    char *expected = document_format(value);
    cleanup_text_buffer struct text_buffer buffer = {0};
    text_buffer_add_json_string(&buffer, text);
    assert_string_equal(buffer.text, expected);
    free(expected);
}

static void once_memory_is_short_nothing_is_added(void **state)
{
    cleanup_text_buffer struct text_buffer buffer = {0};

    (void)state;
    text_buffer_add(&buffer, "abc");
    text_buffer_reserve(&buffer, PTRDIFF_MAX);
    assert_true(buffer.failed);
    text_buffer_add(&buffer, "def");
    text_buffer_cut(&buffer, 1);
    assert_string_equal(buffer.text, "abc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_put_together),
        cmocka_unit_test(it_grows_as_far_as_needed),
        cmocka_unit_test(a_string_is_written_as_the_json_library_does),
        cmocka_unit_test(once_memory_is_short_nothing_is_added),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
