/* SPDX-License-Identifier: Apache-2.0 */
/* test_document_value.c - values of documents: null and absent, types, building, and their text. */
#include <limits.h>

#include "expect.h"
#include "json_text.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"

static void expect_text(const struct json_object *value, const char *expected)
{
    cleanup_free char *text = document_format(value);

    assert_string_equal(text, expected);
}

/* Takes over `value`. */
static void expect_packed(struct json_object *value, const char *expected)
{
    cleanup_json struct json_object *taken = value;

    assert_non_null(taken);
    expect_text(taken, expected);
}

static void null_is_no_value_and_yet_a_member(void **state)
{
    cleanup_json struct json_object *object = json_of_text("{\"n\":null,\"l\":[null,1,null]}");

    (void)state;
    assert_null(document_member(object, "n"));
    assert_true(document_has(object, "n"));
    assert_null(document_member(object, "absent"));
    assert_false(document_has(object, "absent"));
    assert_int_equal(document_member_count(object), 2);
    assert_int_equal(document_length(document_member(object, "l")), 3);
    assert_int_equal(document_add_null(object, "l"), 0);
    assert_int_equal(document_add_null(object, "m"), 0);
    expect_text(object, "{\"n\":null,\"l\":null,\"m\":null}");
    document_delete(object, "n");
    document_delete(object, "n");
    assert_false(document_has(object, "n"));
    assert_true(document_has(object, "m"));
    assert_false(document_has(NULL, "m"));
    assert_int_equal(document_add_null(NULL, "m"), -1);
    assert_int_equal(document_add_null(object, "\xff"), -1);
}

static void null_differs_from_absent_when_values_are_compared(void **state)
{
    cleanup_json struct json_object *empty = json_of_text("{}"),
                                    *null = json_of_text("{\"a\":null}");
    cleanup_json struct json_object *other = json_of_text("{\"b\":null}");
    cleanup_json struct json_object *copy = document_copy(null);

    (void)state;
    assert_false(document_equal(empty, null));
    assert_false(document_equal(null, empty));
    assert_false(document_equal(null, other));
    assert_true(document_equal(null, copy));
    assert_true(document_equal(NULL, NULL));
    assert_false(document_equal(NULL, empty));
    assert_null(document_copy(NULL));
}

static void values_are_never_converted(void **state)
{
    cleanup_json struct json_object *list = json_of_text("[\"7\",7,7.5,true,{},[]]");

    (void)state;
    for (size_t i = 0; i < document_length(list); i++) {
        const struct json_object *value = document_item(list, i);

        assert_int_equal(document_text(value) != NULL, i == 0);
        assert_int_equal(document_number(value), i == 1 ? 7 : 0);
        assert_int_equal(document_is_string(value), i == 0);
        assert_int_equal(document_is_integer(value), i == 1);
        assert_int_equal(document_is_boolean(value), i == 3);
        assert_int_equal(document_is_true(value), i == 3);
        assert_int_equal(document_is_object(value), i == 4);
        assert_int_equal(document_is_array(value), i == 5);
        assert_null(document_member(value, "a"));
        assert_null(document_item(value, 0));
        assert_int_equal(document_length(value), 0);
        assert_int_equal(document_member_count(value), 0);
    }
    assert_null(document_text(NULL));
    assert_null(document_item(list, 6));
}

static void numbers_come_out_as_they_went_in(void **state)
{
    static const char text[] = "[9223372036854775807,-9223372036854775808,0,1.50,1e2,-0.0,"
                               "0.1,1E+2,123456789012345678901234567890.0]";
    cleanup_json struct json_object *list = json_of_text(text);
    cleanup_json struct json_object *copy = document_copy(list);

    (void)state;
    assert_true(document_number(document_item(list, 0)) == INT64_MAX);
    assert_true(document_number(document_item(list, 1)) == INT64_MIN);
    expect_text(list, text);
    expect_text(copy, text);
    assert_true(document_equal(list, copy));
    expect_packed(document_pack("[f, f]", 0.5, 2.0), "[0.5,2.0]");
}

static void text_has_the_escapes_it_needs_and_no_more(void **state)
{
    cleanup_json struct json_object *value =
        json_of_text("\"\\/\\\"\\\\\\b\\f\\n\\r\\t\\u001f\\u007f\\u00fc\\ud83d\\ude00\\u2028\"");

    (void)state;
    expect_text(value,
                "\"/\\\"\\\\\\b\\f\\n\\r\\t\\u001F\x7f\xc3\xbc\xf0\x9f\x98\x80\xe2\x80\xa8\"");
}

static void what_is_no_text_makes_no_string(void **state)
{
    (void)state;
    assert_null(document_new_string(NULL));
    assert_null(document_new_string("\xff"));
    assert_null(document_new_string_length("a\0b", 3));
    assert_null(document_new_string_length("\xc3\xbc", 1));
    expect_packed(document_new_string_length("\xc3\xbcx", 2), "\"\xc3\xbc\"");
    expect_packed(document_new_string_length("abc", 3), "\"abc\"");
    expect_packed(document_new_string_format("%s-%d", "a", 7), "\"a-7\"");
    assert_null(document_new_string_format("%s", "\xc0\x80"));
}

static void adding_nothing_is_running_out_of_memory(void **state)
{
    cleanup_json struct json_object *object = json_object_new_object();
    cleanup_json struct json_object *array = json_object_new_array();

    (void)state;
    assert_int_equal(document_add(object, "a", NULL), -1);
    assert_int_equal(document_append(array, NULL), -1);
    assert_int_equal(document_add(array, "a", json_object_new_int64(1)), -1);
    assert_int_equal(document_append(object, json_object_new_int64(1)), -1);
    assert_int_equal(document_add(NULL, "a", json_object_new_int64(1)), -1);
    assert_int_equal(document_add(object, "\xff", json_object_new_int64(1)), -1);
    expect_text(object, "{}");
    expect_text(array, "[]");
    assert_null(document_format(NULL));
}

static void arrays_grow_and_shrink(void **state)
{
    cleanup_json struct json_object *array = json_of_text("[1,null]"),
                                    *more = json_of_text("[null,2]");

    (void)state;
    assert_int_equal(document_append_all(array, more), 0);
    assert_int_equal(document_append_all(array, NULL), 0);
    assert_int_equal(document_append(array, json_object_new_int64(3)), 0);
    expect_text(array, "[1,null,null,2,3]");
    expect_text(more, "[null,2]");
    document_remove_item(array, 5);
    document_remove_item(array, 4);
    document_remove_item(array, 0);
    document_remove_item(NULL, 0);
    expect_text(array, "[null,null,2]");
}

static void a_walk_may_delete_where_it_is(void **state)
{
    cleanup_json struct json_object *object = json_of_text("{\"a\":1,\"b\":null,\"c\":3,\"d\":4}");
    const char *name;
    struct json_object *value;
    char seen[8] = "";

    (void)state;
    document_foreach_member(object, name, value) {
        strcat(seen, name);
        if (document_number(value) != 3)
            document_delete(object, name);
    }
    assert_string_equal(seen, "abcd");
    expect_text(object, "{\"c\":3}");
    document_foreach_member(NULL, name, value)
        fail();
    assert_int_equal(document_add(object, "e", json_object_new_int64(5)), 0);
    assert_int_equal(document_add(object, "c", json_object_new_int64(6)), 0);
    expect_text(object, "{\"c\":6,\"e\":5}");
}

static void packing_knows_its_letters(void **state)
{
    cleanup_json struct json_object *shared = json_of_text("[1]");
    int64_t large = INT64_C(1) << 40;

    (void)state;
    expect_packed(document_pack("{s:s, s:i, s:I, s:b, s:b, s:n}", "s", "x", "i", -1, "I", large,
                                "b", 2, "c", 0, "n"),
                  "{\"s\":\"x\",\"i\":-1,\"I\":1099511627776,\"b\":true,\"c\":false,\"n\":null}");
    expect_packed(document_pack("[{}, [], s, [s]]", "a", "b"), "[{},[],\"a\",[\"b\"]]");
    expect_packed(document_pack("[O, o]", shared, json_object_new_int64(7)), "[[1],7]");
    expect_packed(
        document_pack("{s:s*, s:o*, s:O*, s:s*}", "a", NULL, "b", NULL, "c", NULL, "d", "x"),
        "{\"d\":\"x\"}");
    expect_packed(document_pack("[s?, o?, O?, s?, s*]", NULL, NULL, NULL, "x", NULL),
                  "[null,null,null,\"x\"]");
    expect_packed(document_pack("[s++, s+]", "a", "b", "c", "d", "e"), "[\"abc\",\"de\"]");
    expect_packed(document_pack("s", "x"), "\"x\"");
}

static void packing_nothing_is_running_out_of_memory(void **state)
{
    cleanup_json struct json_object *kept = json_of_text("[1]");

    (void)state;
    assert_null(document_pack("{s:o}", "a", NULL));
    assert_null(document_pack("{s:s}", "a", NULL));
    assert_null(document_pack("{s:s*}", "a", "\xff"));
    assert_null(document_pack("[s+]", "a", "\xff"));
    assert_null(document_pack("[s+]", "a", NULL));
    assert_null(document_pack("{s:i}", "\xff", 1));
    /* the references behind the failure are dropped: the sanitizers look */
    assert_null(document_pack("[o, o, {s:o}, O]", NULL, json_object_new_int64(1), "a",
                              json_object_new_array(), kept));
    assert_int_equal(document_length(kept), 1);
}

static void members_are_sorted_on_request_at_every_level(void **state)
{
    cleanup_json struct json_object *one = json_of_text("{\"b\":[{\"d\":1,\"c\":null}],\"a\":{}}");
    cleanup_json struct json_object *other =
        json_of_text("{\"a\":{},\"b\":[{\"c\":null,\"d\":1}]}");
    cleanup_free char *text = document_format_sorted(one), *same = document_format_sorted(other);

    (void)state;
    assert_string_equal(text, "{\"a\":{},\"b\":[{\"c\":null,\"d\":1}]}");
    assert_string_equal(text, same);
}

static void text_for_people_is_indented(void **state)
{
    cleanup_json struct json_object *value =
        json_of_text("{\"a\":[1,{\"b\":null}],\"c\":{},\"d\":[]}");
    cleanup_free char *text = document_format_indented(value);

    (void)state;
    assert_string_equal(text, "{\n  \"a\": [\n    1,\n    {\n      \"b\": null\n    }\n  ],\n"
                              "  \"c\": {},\n  \"d\": []\n}");
}

static void many_members_keep_their_order(void **state)
{
    cleanup_json struct json_object *object = json_object_new_object();
    size_t position = 0;
    const char *name;
    struct json_object *value;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        char key[16];
        snprintf(key, sizeof(key), "m%d", i);
        assert_int_equal(document_add(object, key, json_object_new_int64(i)), 0);
    }
    cleanup_free char *text = document_format(object);
    cleanup_json struct json_object *read = json_of_text(text);
    document_foreach_member(read, name, value)
        assert_int_equal(document_number(value), position++);
    assert_int_equal(position, 1000);
    assert_true(document_equal(object, read));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_is_no_value_and_yet_a_member),
        cmocka_unit_test(null_differs_from_absent_when_values_are_compared),
        cmocka_unit_test(values_are_never_converted),
        cmocka_unit_test(numbers_come_out_as_they_went_in),
        cmocka_unit_test(text_has_the_escapes_it_needs_and_no_more),
        cmocka_unit_test(what_is_no_text_makes_no_string),
        cmocka_unit_test(adding_nothing_is_running_out_of_memory),
        cmocka_unit_test(arrays_grow_and_shrink),
        cmocka_unit_test(a_walk_may_delete_where_it_is),
        cmocka_unit_test(packing_knows_its_letters),
        cmocka_unit_test(packing_nothing_is_running_out_of_memory),
        cmocka_unit_test(members_are_sorted_on_request_at_every_level),
        cmocka_unit_test(text_for_people_is_indented),
        cmocka_unit_test(many_members_keep_their_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
