/* SPDX-License-Identifier: Apache-2.0 */
/* test_json_scan.c - JSON text is walked through; what is not plain is told from what is. */
#include <string.h>

#include "expect.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/json_scan.h"

static bool is_plain(const char *text, struct json_piece *ret_value)
{
    struct json_scan scan = json_scan_begin(text, strlen(text));

    return json_scan_value(&scan, ret_value) && json_scan_ended(&scan);
}

static void each_kind_of_value_is_known(void **state)
{
    static const struct {
        const char *text;
        enum json_kind kind;
        int64_t integer;
    } cases[] = {
        {"\"\"", JSON_PIECE_STRING, 0},
        {"\"a \\\"\\\\\\/\\b\\f\\n\\r\\t~\"", JSON_PIECE_STRING, 0},
        {"0", JSON_PIECE_INTEGER, 0},
        {"-0", JSON_PIECE_INTEGER, 0},
        {"-17", JSON_PIECE_INTEGER, -17},
        {"999999999999999999", JSON_PIECE_INTEGER, 999999999999999999},
        {"1.50", JSON_PIECE_OTHER, 1},
        {"true", JSON_PIECE_OTHER, 0},
        {"false", JSON_PIECE_OTHER, 0},
        {"null", JSON_PIECE_OTHER, 0},
        {"{}", JSON_PIECE_OBJECT, 0},
        {"[]", JSON_PIECE_ARRAY, 0},
        {"{\"a\":[1,{\"b\":null}],\"c\":\"]}\"}", JSON_PIECE_OBJECT, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_piece piece = {0};
        assert_true(is_plain(cases[i].text, &piece));
        assert_int_equal(piece.kind, cases[i].kind);
        assert_int_equal(piece.integer, cases[i].integer);
        bool quoted = piece.kind == JSON_PIECE_STRING;
        assert_ptr_equal(piece.text, cases[i].text + quoted);
        assert_int_equal(piece.length, strlen(cases[i].text) - 2 * quoted);
    }
}

static void what_is_no_json_or_not_plain_is_bad(void **state)
{
    static const char *const cases[] = {
        "",
        " 1",
        "1 ",
        "01",
        "-",
        "1.",
        "1e5",
        "1.5E5",
        "+1",
        ".5",
        "tru",
        "nul",
        "\"",
        "\"\\",
        "\"\\u0041\"",
        "\"\\x\"",
        "\"\x7f\"",
        "\"\n\"",
        "\"\xc3\xa4\"",
        "{",
        "}",
        "[",
        "[1",
        "[1,",
        "[,]",
        "[1,]",
        "[1 2]",
        "[1}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\":1]",
        "{,}",
        "1000000000000000000",
        "1.1234567890123456789",
        "[1][2]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_piece piece;
        if (is_plain(cases[i], &piece))
            fail_msg("taken for plain: %s", cases[i]);
    }
    struct json_scan nul = json_scan_begin("\"\\\0\"", 4);
    struct json_piece piece;
    assert_false(json_scan_value(&nul, &piece));
}

static void a_member_that_comes_twice_is_bad(void **state)
{
    struct json_piece piece;

    (void)state;
    assert_false(is_plain("{\"a\":1,\"a\":2}", &piece));
    assert_false(is_plain("[{\"a\":{\"b\":1,\"c\":2,\"b\":3}}]", &piece));
    assert_false(is_plain("{\"a\":1,\"\\/a\":2}", &piece)); /* perhaps the same */
    assert_true(is_plain("{\"a\":{\"a\":1},\"b\":{\"a\":1},\"aa\":[{\"a\":1},{\"a\":2}]}", &piece));
}

static void nesting_is_bounded_as_it_is_for_documents(void **state)
{
    char text[4 * DOCUMENT_DEPTH_MAXIMUM];

    (void)state;
    for (int depth = DOCUMENT_DEPTH_MAXIMUM; depth <= DOCUMENT_DEPTH_MAXIMUM + 1; depth++) {
        struct json_piece piece;
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        text[2 * depth] = '\0';
        assert_int_equal(is_plain(text, &piece), depth == DOCUMENT_DEPTH_MAXIMUM);
    }
}

static void members_and_items_come_one_by_one(void **state)
{
    static const char text[] = "{\"a\":1,\"list\":[2,3],\"object\":{\"b\":4},\"c\":5}";
    struct json_scan scan = json_scan_begin(text, strlen(text));
    struct json_piece name, value;
    int64_t sum = 0;

    (void)state;
    json_scan_enter(&scan, '{');
    while (json_scan_member(&scan, &name)) {
        if (json_piece_is(&name, "list")) {
            json_scan_enter(&scan, '[');
            while (json_scan_item(&scan) && json_scan_value(&scan, &value))
                sum = 10 * sum + value.integer;
        } else if (json_piece_is(&name, "object")) {
            json_scan_enter(&scan, '{');
            while (json_scan_member(&scan, &name) && json_scan_value(&scan, &value))
                sum = 10 * sum + value.integer;
        } else if (json_scan_value(&scan, &value)) {
            sum = 10 * sum + value.integer;
        }
    }
    assert_true(json_scan_ended(&scan));
    assert_int_equal(sum, 12345);
}

static void a_name_is_compared_as_a_whole(void **state)
{
    struct json_piece piece;

    (void)state;
    assert_true(is_plain("\"state\"", &piece));
    assert_true(json_piece_is(&piece, "state"));
    assert_false(json_piece_is(&piece, "stat"));
    assert_false(json_piece_is(&piece, "states"));
    assert_true(is_plain("\"sta\\\\te\"", &piece));
    assert_false(json_piece_is(&piece, "sta\\\\te"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_value_is_known),
        cmocka_unit_test(what_is_no_json_or_not_plain_is_bad),
        cmocka_unit_test(a_member_that_comes_twice_is_bad),
        cmocka_unit_test(nesting_is_bounded_as_it_is_for_documents),
        cmocka_unit_test(members_and_items_come_one_by_one),
        cmocka_unit_test(a_name_is_compared_as_a_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
