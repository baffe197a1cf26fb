/* SPDX-License-Identifier: Apache-2.0 */
/* test_text.c - UTF-8 from outside is taken apart exactly as RFC 3629 says. */
#include "config.h"

#include "expect.h"
#include "mimo/text.h"

/* An independent reading: the code point that these bytes stand for in the shortest form, or -1. */
static long decode(const unsigned char *bytes, size_t length)
{
    static const long smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    long point = length == 1 ? bytes[0] : bytes[0] & (0x7f >> length);

    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return -1;
        point = point << 6 | (bytes[i] & 0x3f);
    }
    if (point < smallest[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return -1;
    return point;
}

static size_t expected_length(const unsigned char *bytes)
{
    size_t length = bytes[0] < 0x80             ? 1
                    : (bytes[0] & 0xe0) == 0xc0 ? 2
                    : (bytes[0] & 0xf0) == 0xe0 ? 3
                    : (bytes[0] & 0xf8) == 0xf0 ? 4
                                                : 0;

    return bytes[0] == 0 || length == 0 || decode(bytes, length) < 0 ? 0 : length;
}

static void every_beginning_of_three_bytes_is_judged_as_the_standard_does(void **state)
{
    (void)state;
    for (unsigned number = 0; number < 1u << 24; number++) {
        /* a fourth byte that is a continuation, so that forms of four bytes occur */
        const unsigned char bytes[] = {(unsigned char)(number >> 16), (unsigned char)(number >> 8),
                                       (unsigned char)number, 0xbf, 0};

        if (text_character((const char *)bytes) != expected_length(bytes))
            fail_msg("bytes %02x %02x %02x bf", bytes[0], bytes[1], bytes[2]);
    }
}

static void a_character_that_is_cut_off_by_the_end_is_none(void **state)
{
    (void)state;
    assert_int_equal(text_character(""), 0);
    assert_int_equal(text_character("\xe2\x82"), 0);
    assert_int_equal(text_character("\xf0\x9f\x92"), 0);
    assert_int_equal(text_character("\xf0\x9f\x92\x41"), 0);
}

static void controls_are_c0_c1_del_and_line_separators(void **state)
{
    (void)state;
    assert_true(text_is_control("\n", 1));
    assert_true(text_is_control("\x7f", 1));
    assert_true(text_is_control("\xc2\x85", 2));
    assert_true(text_is_control("\u2028", 3));
    assert_true(text_is_control("\u2029", 3));
    assert_false(text_is_control(" ", 1));
    assert_false(text_is_control("\u00a0", 2));
    assert_false(text_is_control("\u20ac", 3));
    assert_false(text_is_control("\U0001f600", 4));
}

static void a_copy_is_clean_and_fits(void **state)
{
    char buffer[8];

    (void)state;
    text_copy_clean(buffer, sizeof(buffer), "a\tb\xff\u20ac\u20ac", '?');
    assert_string_equal(buffer, "a?b?\u20ac");
    text_copy_clean(buffer, 1, "a", '?');
    assert_string_equal(buffer, "");
    text_copy_clean(buffer, 4, "\u20ac", '?');
    assert_string_equal(buffer, "\u20ac");
    text_copy_clean(buffer, 3, "\u20ac", '?');
    assert_string_equal(buffer, "");
    text_copy_clean(buffer, sizeof(buffer), "\u2028x", '?');
    assert_string_equal(buffer, "?x");
}

static void clean_means_valid_and_without_controls(void **state)
{
    (void)state;
    assert_true(text_is_clean(""));
    assert_true(text_is_clean("gr\u00fc\u00df dich \U0001f600"));
    assert_false(text_is_clean("a\nb"));
    assert_false(text_is_clean("a\xff"));
    assert_false(text_is_clean("\xc3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_beginning_of_three_bytes_is_judged_as_the_standard_does),
        cmocka_unit_test(a_character_that_is_cut_off_by_the_end_is_none),
        cmocka_unit_test(controls_are_c0_c1_del_and_line_separators),
        cmocka_unit_test(a_copy_is_clean_and_fits),
        cmocka_unit_test(clean_means_valid_and_without_controls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
