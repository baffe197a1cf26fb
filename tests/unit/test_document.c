/* SPDX-License-Identifier: Apache-2.0 */
/* test_document.c - JSON from outside is read strictly, within bounds, and errors name the member.
 */
#include "expect.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"

static struct json_object *parse(const char *text)
{
    struct error error;
    struct json_object *document = document_parse(text, strlen(text), &error);

    if (!document)
        fail_msg("%s: %s", text, error.message);
    return document;
}

static void expect_refused(const char *text, size_t length, enum error_kind kind, const char *part)
{
    struct error error;
    struct json_object *document = document_parse(text, length, &error);

    assert_null(document);
    expect_failure(-1, &error, kind, part);
}

static const struct {
    const char *text;
    const char *part;
} refusals[] = {
    {"", "line 1, column 1: the text ends where a value is expected"},
    {"[]", "not a JSON object"},
    {"1", "not a JSON object"},
    {"null", "not a JSON object"},
    {"{} {}", "line 1, column 4: '{' where the end of the text is expected"},
    {"{}x", "line 1, column 3"},
    {"{\n\"a\":1,\n\"a\":2}", "line 3, column 1: duplicate member \"a\""},
    {"{\"a\":1,\"\\u0061\":2}", "line 1, column 8: duplicate member \"a\""},
    {"{\"a\":null,\"a\":null}", "duplicate member \"a\""},
    {"{\"a\":{\"b\":1,\"b\":1}}", "column 13: duplicate member \"b\""},
    {"{\"a\":\"\\u0000\"}", "column 7: \\u0000 is not allowed"},
    {"{\"a\\u0000b\":1}", "\\u0000 is not allowed"},
    {"{\"a\":\"\xff\"}", "column 7: byte 0xff is not UTF-8"},
    {"{\"a\":\"\xc3\"}", "byte 0xc3 is not UTF-8"},
    {"{\"\xc3\xbc\":\"\xed\xa0\x80\"}", "column 7: byte 0xed is not UTF-8"},
    {"{\"a\":\"\xc0\x80\"}", "byte 0xc0 is not UTF-8"},
    {"{\"a\":\"\\ud800\"}", "column 7: half of a surrogate pair"},
    {"{\"a\":\"\\ud800\\u0041\"}", "half of a surrogate pair"},
    {"{\"a\":\"\\udc00\\ud800\"}", "half of a surrogate pair"},
    {"{\"a\":\"\\ud800\\n\"}", "half of a surrogate pair"},
    {"{\"a\":\"\\u12g4\"}", "'g' where a hexadecimal digit is expected"},
    {"{\"a\":\"\\x\"}", "'x' where one of \"\\/bfnrtu is expected"},
    {"{\"a\":\"\n\"}", "line 1, column 7: byte 0x0a where the end of a string is expected"},
    {"{\"a\":\"\t\"}", "byte 0x09 where"},
    {"{\"a\":\"", "the text ends where the end of a string"},
    {"{\"a\":\"\\", "the text ends where one of"},
    {"{\"a\":\"\\u00", "the text ends where a hexadecimal digit"},
    {"{a:1}", "column 2: 'a' where '\"' is expected"},
    {"{'a':1}", "line 1"},
    {"{\"a\" 1}", "'1' where ':' is expected"},
    {"{\"a\":1 \"b\":2}", "where ',' or '}' is expected"},
    {"{\"a\":[1 2]}", "'2' where ',' or ']' is expected"},
    {"{\"a\":[1,]}", "']' where a value is expected"},
    {"{\"a\":01}", "'1' where ',' or '}' is expected"},
    {"{\"a\":1,}", "'}' where '\"' is expected"},
    {"{\"a\":/**/1}", "'/' where a value"},
    {"{\"a\":NaN}", "'N' where a value"},
    {"{\"a\":-}", "'}' where a digit"},
    {"{\"a\":+1}", "'+' where a value"},
    {"{\"a\":.5}", "'.' where a value"},
    {"{\"a\":1.}", "'}' where a digit"},
    {"{\"a\":1e}", "'}' where a digit"},
    {"{\"a\":1e+}", "'}' where a digit"},
    {"{\"a\":0x1}", "'x' where"},
    {"{\"a\":nul}", "'n' where a value"},
    {"{\"a\":truE}", "'t' where a value"},
    {"{\"a\":nullx}", "'x' where"},
    {"{\"a\":9223372036854775808}", "column 6: the integer does not fit into 64 bits"},
    {"{\"a\":-9223372036854775809}", "the integer does not fit into 64 bits"},
    {"{\"a\":1e999}", "the number is too large"},
    {"{\"a\":-1e999}", "the number is too large"},
    {"{\"a\":1", "line 1"},
    {"\xef\xbb\xbf{}", "line 1, column 1: a byte order mark where a value is expected"},
    {"\xff\xfe{", "line 1, column 1: UTF-16, where JSON is UTF-8"},
    {"\xfe\xff{", "UTF-16, where JSON is UTF-8"},
};

static void only_one_object_is_a_document(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
        expect_refused(refusals[i].text, strlen(refusals[i].text), ERROR_INVALID, refusals[i].part);
    expect_refused("{}\0", 3, ERROR_INVALID, "line 1");
    expect_refused("{\"a\":\"x\0y\"}", 11, ERROR_INVALID, "line 1");
    json_object_put(parse("{}"));
    json_object_put(parse(" \n{\"a\":[1,2.5,true,null,\"\\u00fc\"]}\n"));
}

/* A text of `levels` containers, one in the other: objects and arrays in turn. */
static char *nested(size_t levels)
{
    char *text = malloc(6 * levels + 1);
    size_t length = 0;

    assert_non_null(text);
    for (size_t i = 0; i < levels; i++)
        length += (size_t)sprintf(text + length, "%s", i % 2 == 0 ? "{\"a\":" : "[");
    length -= levels % 2 == 1 ? 4 : 0; /* the innermost object is empty */
    for (size_t i = levels; i > 0; i--)
        text[length++] = i % 2 == 1 ? '}' : ']';
    text[length] = '\0';
    return text;
}

static void depth_is_bounded(void **state)
{
    cleanup_free char *allowed = nested(DOCUMENT_DEPTH_MAXIMUM);
    cleanup_free char *deeper = nested(DOCUMENT_DEPTH_MAXIMUM + 1);
    cleanup_free char *deepest = nested(100000);
    cleanup_json struct json_object *document = parse(allowed);

    (void)state;
    assert_int_equal(document_depth(document), DOCUMENT_DEPTH_MAXIMUM);
    expect_refused(deeper, strlen(deeper), ERROR_TOO_LARGE, "nested deeper than the 32 levels");
    expect_refused(deepest, strlen(deepest), ERROR_TOO_LARGE, "nested deeper than the 32 levels");
}

static void depth_counts_containers_alone(void **state)
{
    cleanup_json struct json_object *flat = parse("{\"a\":1,\"b\":\"x\"}");
    cleanup_json struct json_object *deep = parse("{\"a\":[],\"b\":[1,{\"c\":{}}],\"d\":2}");
    cleanup_json struct json_object *scalar = json_object_new_int64(1);
    cleanup_json struct json_object *empty = json_object_new_array();

    (void)state;
    assert_int_equal(document_depth(scalar), 1);
    assert_int_equal(document_depth(empty), 1);
    assert_int_equal(document_depth(flat), 1);
    assert_int_equal(document_depth(deep), 4);
}

static void size_is_bounded(void **state)
{
    size_t length = DOCUMENT_SIZE_MAXIMUM;
    cleanup_free char *text = malloc(length + 1);
    struct error error;
    struct json_object *document;

    (void)state;
    memset(text, ' ', length + 1);
    memcpy(text, "{}", 2);
    document = document_parse(text, length, &error);
    assert_non_null(document);
    json_object_put(document);
    expect_refused(text, length + 1, ERROR_TOO_LARGE,
                   "8388609 bytes is larger than the 8388608 allowed");
}

static void text_is_compact_and_in_order(void **state)
{
    cleanup_json struct json_object *document =
        parse("{ \"z\" : 1, \"a\" : [ 1, 2 ], \"m\" : { \"x\" : null } }");
    cleanup_free char *text = document_format(document);
    cleanup_json struct json_object *scalar = document_new_string("x");
    cleanup_free char *scalar_text = document_format(scalar);

    (void)state;
    assert_string_equal(text, "{\"z\":1,\"a\":[1,2],\"m\":{\"x\":null}}");
    assert_string_equal(scalar_text, "\"x\"");
}

static void paths_lead_through_objects(void **state)
{
    cleanup_json struct json_object *document =
        parse("{\"a\":{\"b\":{\"c\":7}},\"n\":null,\"s\":\"x\",\"l\":[1]}");
    char long_name[300];

    (void)state;
    memset(long_name, 'a', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    assert_int_equal(document_number(document_get(document, "a.b.c")), 7);
    assert_true(document_is_object(document_get(document, "a")));
    assert_null(document_get(document, "a.b.d"));
    assert_null(document_get(document, "a.x.c"));
    assert_null(document_get(document, "n"));
    assert_null(document_get(document, "n.x"));
    assert_null(document_get(document, "s.x"));
    assert_null(document_get(document, "l.x"));
    assert_null(document_get(document, ""));
    assert_null(document_get(document, "a."));
    assert_null(document_get(document, ".a"));
    assert_null(document_get(document, "a..b"));
    assert_null(document_get(document, long_name));
    assert_null(document_get(NULL, "a"));
}

static void typed_reading_names_the_member_of_another_type(void **state)
{
    cleanup_json struct json_object *document =
        parse("{\"a\":{\"s\":\"x\",\"i\":-3,\"n\":null,\"r\":1.0}}");
    struct error error;
    const char *text = NULL;
    int64_t number = 0;

    (void)state;
    expect_success(document_read_string(document, "a.s", "y", &text, &error), &error);
    assert_string_equal(text, "x");
    expect_success(document_read_string(document, "a.missing", "y", &text, &error), &error);
    assert_string_equal(text, "y");
    expect_success(document_read_string(document, "a.n", NULL, &text, &error), &error);
    assert_null(text);
    expect_failure(document_read_string(document, "a.i", "y", &text, &error), &error, ERROR_INVALID,
                   "member \"a.i\" must be a string");

    expect_success(document_read_integer(document, "a.i", 9, &number, &error), &error);
    assert_int_equal(number, -3);
    expect_success(document_read_integer(document, "a.n", 9, &number, &error), &error);
    assert_int_equal(number, 9);
    expect_failure(document_read_integer(document, "a.r", 9, &number, &error), &error,
                   ERROR_INVALID, "member \"a.r\" must be an integer");
    assert_int_equal(number, 9);

    expect_success(document_check_object(document, "a", &error), &error);
    expect_success(document_check_object(document, "a.n", &error), &error);
    expect_success(document_check_object(document, "missing", &error), &error);
    expect_failure(document_check_object(document, "a.i", &error), &error, ERROR_INVALID,
                   "member \"a.i\" must be an object");
}

static void loose_reading_takes_the_default_for_anything_else(void **state)
{
    cleanup_json struct json_object *document = parse("{\"s\":\"x\",\"i\":5}");

    (void)state;
    assert_string_equal(document_string(document, "s", "y"), "x");
    assert_string_equal(document_string(document, "i", "y"), "y");
    assert_null(document_string(document, "missing", NULL));
    assert_int_equal(document_integer(document, "i", 1), 5);
    assert_int_equal(document_integer(document, "s", 1), 1);
    assert_int_equal(document_integer(NULL, "s", 1), 1);
}

static void expect_text(const struct json_object *document, const char *expected)
{
    cleanup_free char *text = document_format(document);

    assert_string_equal(text, expected);
}

static void setting_makes_the_parents(void **state)
{
    cleanup_json struct json_object *document = parse("{\"n\":null}");

    (void)state;
    assert_int_equal(document_set(document, "a.b.c", json_object_new_int64(1)), 0);
    assert_int_equal(document_set(document, "a.b.c", json_object_new_int64(2)), 0);
    assert_int_equal(document_set(document, "a.d", json_object_new_boolean(true)), 0);
    assert_int_equal(document_set(document, "n.x", document_new_string("y")), 0);
    expect_text(document, "{\"n\":{\"x\":\"y\"},\"a\":{\"b\":{\"c\":2},\"d\":true}}");
}

static void setting_nothing_is_running_out_of_memory(void **state)
{
    cleanup_json struct json_object *document = parse("{\"a\":1}");

    (void)state;
    assert_int_equal(document_set(document, "a", NULL), -1);
    assert_int_equal(document_set(document, "b.c", NULL), -1);
    expect_text(document, "{\"a\":1}");
}

static void what_is_removed_is_gone_and_nothing_else(void **state)
{
    cleanup_json struct json_object *document =
        parse("{\"a\":{\"b\":1,\"c\":2},\"s\":\"x\",\"n\":null}");

    (void)state;
    document_remove(document, "a.b");
    document_remove(document, "a.b");
    document_remove(document, "x.y.z");
    document_remove(document, "s.y");
    document_remove(document, "n");
    document_remove(document, "");
    expect_text(document, "{\"a\":{\"c\":2},\"s\":\"x\"}");
}

static void a_parent_that_is_no_object_is_left_alone(void **state)
{
    cleanup_json struct json_object *document = parse("{\"s\":\"x\",\"l\":[]}");

    (void)state;
    assert_int_equal(document_set(document, "s.y", json_object_new_int64(1)), -1);
    assert_int_equal(document_set(document, "l.y.z", json_object_new_int64(1)), -1);
    assert_int_equal(document_set(document, "", json_object_new_int64(1)), -1);
    expect_text(document, "{\"s\":\"x\",\"l\":[]}");
}

static void empty_texts_and_zero_times_mean_absent(void **state)
{
    cleanup_json struct json_object *document = json_object_new_object();

    (void)state;
    assert_int_equal(document_set_string(document, "s", "x"), 0);
    assert_int_equal(document_set_time(document, "t", 7), 0);
    expect_text(document, "{\"s\":\"x\",\"t\":7}");
    assert_int_equal(document_set_string(document, "s", ""), 0);
    assert_int_equal(document_set_time(document, "t", 0), 0);
    expect_text(document, "{}");
    assert_int_equal(document_set_string(document, "s", NULL), 0);
    assert_int_equal(document_set_string(document, "s", "\xff"), -1);
    expect_text(document, "{}");
}

static void times_that_no_clock_shows_count_as_absent(void **state)
{
    (void)state;
    static const struct {
        int64_t stored, expected;
    } cases[] = {{0, 0},
                 {1, 1},
                 {CLOCK_MAXIMUM, CLOCK_MAXIMUM},
                 {CLOCK_MAXIMUM + 1, 7},
                 {-1, 7},
                 {INT64_MAX, 7},
                 {INT64_MIN, 7}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup_json struct json_object *document = document_pack("{s:I}", "t", cases[i].stored);
        assert_int_equal(document_time(document, "t", 7), cases[i].expected);
    }
    assert_int_equal(document_time(NULL, "t", 7), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_one_object_is_a_document),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(depth_counts_containers_alone),
        cmocka_unit_test(size_is_bounded),
        cmocka_unit_test(text_is_compact_and_in_order),
        cmocka_unit_test(paths_lead_through_objects),
        cmocka_unit_test(typed_reading_names_the_member_of_another_type),
        cmocka_unit_test(loose_reading_takes_the_default_for_anything_else),
        cmocka_unit_test(setting_makes_the_parents),
        cmocka_unit_test(setting_nothing_is_running_out_of_memory),
        cmocka_unit_test(what_is_removed_is_gone_and_nothing_else),
        cmocka_unit_test(a_parent_that_is_no_object_is_left_alone),
        cmocka_unit_test(empty_texts_and_zero_times_mean_absent),
        cmocka_unit_test(times_that_no_clock_shows_count_as_absent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
