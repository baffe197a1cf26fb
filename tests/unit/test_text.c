/* SPDX-License-Identifier: Apache-2.0 */
/* test_text.c - UTF-8 from outside is taken apart exactly as RFC 3629 says. */
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

static enum text_class class_of(const char *text)
{
    size_t length;
    enum text_class class = text_classify(text, &length);

    assert_int_equal(length, class == TEXT_BAD ? 1 : text_character(text));
    return class;
}

static void every_character_has_the_class_of_its_code(void **state)
{
    static const struct {
        const char *text;
        enum text_class class;
    } cases[] = {
        {"", TEXT_END},
        {"\x01", TEXT_CONTROL},
        {"\x1f", TEXT_CONTROL},
        {" ", TEXT_PLAIN},
        {"~", TEXT_PLAIN},
        {"\x7f", TEXT_CONTROL},
        {"\xc2\x80", TEXT_CONTROL},
        {"\xc2\x9f", TEXT_CONTROL},
        {"\u00a0", TEXT_PLAIN},
        {"\u00ac", TEXT_PLAIN},
        {"\u00ad", TEXT_INVISIBLE},
        {"\u00ae", TEXT_PLAIN},
        {"\u061b", TEXT_PLAIN},
        {"\u061c", TEXT_INVISIBLE},
        {"\u061d", TEXT_PLAIN},
        {"\u180d", TEXT_PLAIN},
        {"\u180e", TEXT_INVISIBLE},
        {"\u180f", TEXT_PLAIN},
        {"\u200a", TEXT_PLAIN},
        {"\u200b", TEXT_INVISIBLE},
        {"\u200f", TEXT_INVISIBLE},
        {"\u2010", TEXT_PLAIN},
        {"\u2027", TEXT_PLAIN},
        {"\u2028", TEXT_CONTROL},
        {"\u2029", TEXT_CONTROL},
        {"\u202a", TEXT_INVISIBLE},
        {"\u202e", TEXT_INVISIBLE},
        {"\u202f", TEXT_PLAIN},
        {"\u205f", TEXT_PLAIN},
        {"\u2060", TEXT_INVISIBLE},
        {"\u206f", TEXT_INVISIBLE},
        {"\u2070", TEXT_PLAIN},
        {"\u20ac", TEXT_PLAIN},
        {"\ufefe", TEXT_PLAIN},
        {"\ufeff", TEXT_INVISIBLE},
        {"\uff00", TEXT_PLAIN},
        {"\ufff8", TEXT_PLAIN},
        {"\ufff9", TEXT_INVISIBLE},
        {"\ufffb", TEXT_INVISIBLE},
        {"\ufffd", TEXT_PLAIN},
        {"\U0001f600", TEXT_PLAIN},
        {"\U000dffff", TEXT_PLAIN},
        {"\U000e0000", TEXT_INVISIBLE},
        {"\U000e007f", TEXT_INVISIBLE},
        {"\U000e0080", TEXT_PLAIN},
        {"\xff", TEXT_BAD},
        {"\xc3", TEXT_BAD},
        {"\xed\xa0\x80", TEXT_BAD},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (class_of(cases[i].text) != cases[i].class)
            fail_msg("case %zu: %s", i, cases[i].text);
}

static void invisible_characters_are_shown_escaped(void **state)
{
    char buffer[32];

    (void)state;
    text_copy_clean(buffer, sizeof(buffer), "123\u202e654\u2066x", '?');
    assert_string_equal(buffer, "123\\u202e654\\u2066x");
    text_copy_clean(buffer, sizeof(buffer), "\U000e0041\u00ad", '?');
    assert_string_equal(buffer, "\\U000e0041\\u00ad");
    text_copy_clean(buffer, 7, "\u202e", '?');
    assert_string_equal(buffer, "\\u202e");
    text_copy_clean(buffer, 6, "\u202e", '?');
    assert_string_equal(buffer, "");
    assert_false(text_is_clean("a\u200bb"));
}

static void a_byte_order_mark_is_passed_over(void **state)
{
    static const char marked[] = "\xef\xbb\xbfx", twice[] = "\xef\xbb\xbf\xef\xbb\xbf";
    size_t length = 4;

    (void)state;
    assert_ptr_equal(text_skip_mark(marked, &length), marked + 3);
    assert_int_equal(length, 1);
    assert_ptr_equal(text_skip_mark(marked + 3, &length), marked + 3);
    assert_int_equal(length, 1);
    length = 2;
    assert_ptr_equal(text_skip_mark(marked, &length), marked);
    assert_int_equal(length, 2);
    length = 6;
    assert_ptr_equal(text_skip_mark(twice, &length), twice + 3);
    assert_int_equal(length, 3);
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
        cmocka_unit_test(every_character_has_the_class_of_its_code),
        cmocka_unit_test(invisible_characters_are_shown_escaped),
        cmocka_unit_test(a_byte_order_mark_is_passed_over),
        cmocka_unit_test(a_copy_is_clean_and_fits),
        cmocka_unit_test(clean_means_valid_and_without_controls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
