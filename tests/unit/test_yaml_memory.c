/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_yaml_memory.c - whichever allocation fails, a YAML text is not called wrong: it could not be
 * read.
 *
 * json-c and libyaml are linked statically, so that their allocations fail as well.
 */
#include "kube/yaml_tree.h"
#include "mimo/document.h"
#include "out_of_memory.h"

/* Enough that a sequence grows. */
#define TEN      "b, b, b, b, b, b, b, b, b, b, "
#define TEN_JSON "\"b\",\"b\",\"b\",\"b\",\"b\",\"b\",\"b\",\"b\",\"b\",\"b\","

/* What is read, and the same as JSON. */
static const struct {
    const char *yaml, *json;
} texts[] = {
    {"a: b\n", "{\"a\":\"b\"}"},
    {"a: [b, {c: d}, null, '']\n", "{\"a\":[\"b\",{\"c\":\"d\"},null,\"\"]}"},
    {"a: [" TEN TEN TEN TEN "c]\n", "{\"a\":[" TEN_JSON TEN_JSON TEN_JSON TEN_JSON "\"c\"]}"},
    {"a: !!binary aGVsbG8=\n", "{\"a\":\"hello\"}"},
    {"a: &x {b: c, d: [e]}\nf: *x\ng: *x\n",
     "{\"a\":{\"b\":\"c\",\"d\":[\"e\"]},\"f\":{\"b\":\"c\",\"d\":[\"e\"]},"
     "\"g\":{\"b\":\"c\",\"d\":[\"e\"]}}"},
    {"a: &x {b: c}\nd: &y {e: f}\ng:\n  <<: [*x, *y]\n  h: i\n",
     "{\"a\":{\"b\":\"c\"},\"d\":{\"e\":\"f\"},\"g\":{\"h\":\"i\",\"b\":\"c\",\"e\":\"f\"}}"},
    {"---\na: |\n  b\n  c\n...\n---\n", "{\"a\":\"b\\nc\\n\"}"},
};

static size_t current;

static int parse(void)
{
    struct error error;
    struct json_object *tree =
        yaml_tree_parse(texts[current].yaml, strlen(texts[current].yaml), &error);
    remaining = -1;
    if (!tree && error.kind != ERROR_MEMORY)
        fail_msg("%s: %s", texts[current].yaml, error.message);
    if (!tree)
        return -1;
    char *json = document_format(tree);
    assert_string_equal(json, texts[current].json);
    free(json);
    yaml_tree_wipe(tree);
    return 0;
}

static void a_text_is_read_as_a_whole_or_there_was_no_memory(void **state)
{
    (void)state;
    for (current = 0; current < sizeof(texts) / sizeof(texts[0]); current++) {
        exhaust(parse, 5);
        fail_each(parse, 5);
    }
}

/* A duplicate must be refused however little memory there was to note where it stands. */
static int find_duplicate(void)
{
    static const char text[] = "a: {b: c, b: d}\n";
    struct error error;
    struct json_object *tree = yaml_tree_parse(text, strlen(text), &error);
    remaining = -1;
    if (!tree) {
        assert_int_equal(error.kind, ERROR_MEMORY);
        return -1;
    }
    expect_failure(yaml_tree_check_keys(tree, &error), &error, ERROR_INVALID, ": duplicate key");
    yaml_tree_wipe(tree);
    return 0;
}

static void a_key_twice_is_never_forgotten(void **state)
{
    (void)state;
    exhaust(find_duplicate, 5);
    fail_each(find_duplicate, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_read_as_a_whole_or_there_was_no_memory),
        cmocka_unit_test(a_key_twice_is_never_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
