/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_base64.c - base64: the vectors of RFC 4648, every length, and everything that is not
 * base64.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>
#include <string.h>

#include "mimo/base64.h"
#include "mimo/cleanup.h"

static void the_vectors_of_the_standard_hold_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *plain;
        const char *text;
    } vectors[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff\xfe", "+//+"},
    };
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct error error;
        cleanup_free char *text = NULL;
        cleanup_free unsigned char *data = NULL;
        size_t length;
        assert_int_equal(base64_encode(vectors[i].plain, strlen(vectors[i].plain), &text, &error),
                         0);
        assert_string_equal(text, vectors[i].text);
        assert_int_equal(base64_decode(text, &data, &length, &error), 0);
        assert_int_equal(length, strlen(vectors[i].plain));
        assert_memory_equal(data, vectors[i].plain, length);
    }
}

static void every_byte_and_length_comes_back(void **state)
{
    (void)state;
    unsigned char data[256];
    for (int i = 0; i < 256; i++)
        data[i] = (unsigned char)(255 - i);
    for (size_t length = 0; length <= sizeof(data); length++) {
        struct error error;
        cleanup_free char *text = NULL;
        cleanup_free unsigned char *back = NULL;
        size_t back_length;
        assert_int_equal(base64_encode(data, length, &text, &error), 0);
        assert_int_equal(base64_decode(text, &back, &back_length, &error), 0);
        assert_int_equal(back_length, length);
        assert_memory_equal(back, data, length);
    }
}

static void what_is_no_base64_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "Z",
        "Zg",
        "Zg=",
        "Zm9vY",
        "Zg==Zg==",
        "Zg=x",
        "=Zg=",
        "====",
        "Z===",
        "Zm9v====",
        "Zm9 ",
        "Zm9v\n",
        "Zm9v\nZm9v",
        "Zm-_",
        "Zm9\xc3",
        "Zm 9",
        "Zh==" /* bits behind the last byte */,
        "Zm9=",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct error error;
        unsigned char *data;
        size_t length;
        if (base64_decode(texts[i], &data, &length, &error) == 0)
            fail_msg("\"%s\" was accepted", texts[i]);
        assert_int_equal(error.kind, ERROR_INVALID);
    }
}

static void texts_of_others_may_be_broken_into_lines(void **state)
{
    (void)state;
    unsigned char *data;
    size_t length;
    struct error error;
    assert_int_equal(0, base64_decode_lines(" Zm9v\r\n\tYm\nE=\n", &data, &length, &error));
    assert_int_equal(5, length);
    assert_string_equal("fooba", (char *)data); /* and is a text, too */
    free(data);
    assert_int_equal(0, base64_decode_lines("\n", &data, &length, &error));
    assert_int_equal(0, length);
    free(data);
    static const char *const texts[] = {"Zm9v\vZm9v", "Zm9", "Z\n===", "Zm9v*"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(-1, base64_decode_lines(texts[i], &data, &length, &error));
}

static void base64url_has_one_spelling(void **state)
{
    (void)state;
    unsigned char bytes[64];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(251 * i + 62);
    for (size_t length = 1; length <= sizeof(bytes); length++) {
        size_t size;
        char *text = base64url_encode(bytes, length);
        assert_non_null(text);
        assert_null(strpbrk(text, "+/="));
        uint8_t *data = base64url_decode(text, strlen(text), &size);
        assert_non_null(data);
        assert_int_equal(size, length);
        assert_memory_equal(data, bytes, length);
        assert_int_equal(data[size], 0);
        free(data);
        free(text);
    }
    char *text = base64url_encode("\xfb\xff\xfe", 3);
    assert_string_equal(text, "-__-");
    free(text);
    static const char *const wrong[] = {"",
                                        "A",
                                        "AAAAA",
                                        "Zg==",
                                        "Zh",
                                        "Zm9=",
                                        "Zm+v",
                                        "Zm/v",
                                        "Zm 9",
                                        "Zm9\n",
                                        "Zm9",
                                        "A\xff"
                                        "AA"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        size_t size;
        assert_null(base64url_decode(wrong[i], strlen(wrong[i]), &size));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_the_standard_hold_both_ways),
        cmocka_unit_test(every_byte_and_length_comes_back),
        cmocka_unit_test(what_is_no_base64_is_refused),
        cmocka_unit_test(base64url_has_one_spelling),
        cmocka_unit_test(texts_of_others_may_be_broken_into_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
