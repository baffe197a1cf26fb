/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ctl_output.c - tables line up on terminals whatever the alphabet, and nothing in them steers
 * the terminal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <locale.h>
#include <unistd.h>

#include "ctl/output/output.h"
#include "mimo/document.h"

static int use_utf8(void **state)
{
    (void)state;
    return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

static void widths_are_those_of_a_terminal(void **state)
{
    (void)state;
    assert_int_equal(output_width(""), 0);
    assert_int_equal(output_width("abc"), 3);
    assert_int_equal(output_width("caf\xc3\xa9"), 4);
    assert_int_equal(output_width("e\xcc\x81"), 1);                /* e and a combining accent */
    assert_int_equal(output_width("\xe6\x97\xa5\xe6\x9c\xac"), 4); /* two wide characters */
    assert_int_equal(output_width("\xf0\x9f\x94\xa5"), 2);         /* an emoji */
    assert_int_equal(output_width("\xff\xfe"), 2);                 /* no UTF-8 at all */
}

static void texts_are_cut_between_characters(void **state)
{
    (void)state;
    assert_int_equal(output_fit("abcdef", 3), 3);
    assert_int_equal(output_fit("abc", 10), 3);
    assert_int_equal(output_fit("caf\xc3\xa9s", 4), 5);
    assert_int_equal(output_fit("\xe6\x97\xa5\xe6\x9c\xac", 3), 3);
    assert_int_equal(output_fit("e\xcc\x81x", 1), 3); /* the accent belongs to its letter */
}

static void fill_state(const struct output *output, const struct json_object *item,
                       const void *context, struct cell *cell)
{
    (void)output;
    snprintf(cell->text, sizeof(cell->text), "%s%s", document_string(item, "state", ""),
             (const char *)context);
    cell->colour = COLOUR_GREEN;
}

static const struct column columns[] = {
    {"NAME", IN_BOTH, "name", NULL, FIT_ELIDE},
    {"N", IN_WIDE, "n", NULL},
    {"STATE", IN_TABLE, NULL, fill_state},
    {"TEXT", IN_BOTH, "text", NULL},
};

static const struct listing listing = {
    .columns = columns, .column_count = 4, .nothing = "nothing", .context = "!"};

/* Standard output of output_items(), to be freed. */
static char *written(const struct output *output, const struct json_object *items)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
    output_items(output, &listing, items);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);

    fseek(file, 0, SEEK_END);
    long length = ftell(file);
    rewind(file);
    char *text = calloc(1, (size_t)length + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)length, file), length);
    fclose(file);
    return text;
}

static void expect_written(const struct output *output, const struct json_object *items,
                           const char *expected)
{
    char *text = written(output, items);
    assert_string_equal(text, expected);
    free(text);
}

static struct json_object *two_items(void)
{
    struct json_object *items =
        document_pack("[{s:s,s:s,s:i,s:s,s:s},{s:s,s:s,s:s}]", "id", "one", "name", "caf\xc3\xa9",
                      "n", 5, "state", "up", "text", "all \033[31mred\n", "id", "two", "name",
                      "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", "state", "x");
    assert_non_null(items);
    return items;
}

static void tables_line_up_and_controls_are_replaced(void **state)
{
    (void)state;
    cleanup_json struct json_object *items = two_items();
    struct output output = {.form = OUTPUT_TABLE};
    expect_written(&output, items,
                   "NAME    STATE  TEXT\n"
                   "caf\xc3\xa9    up!    all ?[31mred?\n"
                   "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e  x!     -\n");
}

static void wide_form_has_its_own_columns(void **state)
{
    (void)state;
    cleanup_json struct json_object *items = two_items();
    struct output output = {.form = OUTPUT_WIDE};
    expect_written(&output, items,
                   "NAME    N  TEXT\n"
                   "caf\xc3\xa9    5  all ?[31mred?\n"
                   "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e  -  -\n");
}

static void colours_stand_around_the_text_and_not_the_padding(void **state)
{
    (void)state;
    cleanup_json struct json_object *items = two_items();
    document_remove_item(items, 1);
    struct output output = {.form = OUTPUT_TABLE, .colour = true};
    expect_written(&output, items,
                   "\033[2mNAME\033[0m  \033[2mSTATE\033[0m  \033[2mTEXT\033[0m\n"
                   "caf\xc3\xa9  \033[32mup!\033[0m    all ?[31mred?\n");
}

static const char long_text[] = "a text that is longer than the terminal is wide";

static struct json_object *one_item(const char *name, const char *text)
{
    struct json_object *items =
        document_pack("[{s:s,s:s,s:s}]", "name", name, "state", "b", "text", text);
    assert_non_null(items);
    return items;
}

static void last_column_is_wrapped_within_its_column(void **state)
{
    (void)state;
    cleanup_json struct json_object *items = one_item("a", long_text);
    struct output output = {.form = OUTPUT_TABLE, .terminal = true, .width = 40};
    expect_written(&output, items,
                   "NAME  STATE  TEXT\n"
                   "a     b!     a text that is longer than\n"
                   "             the terminal is wide\n");
    output.width = 37; /* 24 are left, exactly enough */
    expect_written(&output, items,
                   "NAME  STATE  TEXT\n"
                   "a     b!     a text that is longer\n"
                   "             than the terminal is\n"
                   "             wide\n");
}

static void last_column_without_room_has_lines_of_its_own(void **state)
{
    (void)state;
    cleanup_json struct json_object *items = one_item("a", long_text);
    cleanup_json struct json_object *none = one_item("a", "-");
    struct output output = {.form = OUTPUT_TABLE, .terminal = true, .width = 36};
    expect_written(&output, items,
                   "NAME  STATE\n"
                   "    TEXT\n"
                   "a     b!\n"
                   "    a text that is longer than the\n"
                   "    terminal is wide\n");
    expect_written(&output, none, "NAME  STATE  TEXT\na     b!     -\n");
    output.screen = true;
    expect_written(&output, none, "NAME  STATE  TEXT\na     b!     -\n");
}

static void names_are_shortened_in_the_middle_and_the_status_is_not(void **state)
{
    (void)state;
    cleanup_json struct json_object *items = one_item("my-cluster-of-the-west-4711", long_text);
    struct output output = {.form = OUTPUT_TABLE, .terminal = true, .width = 50};
    expect_written(&output, items,
                   "NAME               STATE  TEXT\n"
                   "my-clus..est-4711  b!     a text that is longer\n"
                   "                          than the terminal is\n"
                   "                          wide\n");
    output.width = 30; /* the last column has no room in any case: the name keeps what fits */
    expect_written(&output, items,
                   "NAME                     STATE\n"
                   "    TEXT\n"
                   "my-cluster..e-west-4711  b!\n"
                   "    a text that is longer than\n"
                   "    the terminal is wide\n");
}

static void word_that_is_longer_than_a_line_is_broken(void **state)
{
    (void)state;
    cleanup_json struct json_object *items =
        one_item("a", "0123456789012345678901234567890123456789 and more");
    struct output output = {.form = OUTPUT_TABLE, .terminal = true, .width = 40};
    expect_written(&output, items,
                   "NAME  STATE  TEXT\n"
                   "a     b!     012345678901234567890123456\n"
                   "             7890123456789 and more\n");
}

static void wide_form_and_files_are_never_shortened(void **state)
{
    (void)state;
    cleanup_json struct json_object *items = one_item("my-cluster-of-the-west-4711", long_text);
    struct output wide = {.form = OUTPUT_WIDE, .terminal = true, .width = 30};
    struct output file = {.form = OUTPUT_TABLE};
    expect_written(
        &wide, items,
        "NAME                         N  TEXT\n"
        "my-cluster-of-the-west-4711  -  a text that is longer than the terminal is wide\n");
    expect_written(
        &file, items,
        "NAME                         STATE  TEXT\n"
        "my-cluster-of-the-west-4711  b!     a text that is longer than the terminal is wide\n");
}

static void json_keeps_the_form_of_the_admin_api(void **state)
{
    (void)state;
    cleanup_json struct json_object *items = document_pack("[{s:s}]", "id", "one");
    struct output output = {.form = OUTPUT_JSON};
    expect_written(&output, items,
                   "{\n  \"value\": [\n    {\n      \"id\": \"one\"\n    }\n  ]\n}\n");
    while (document_length(items) > 0)
        document_remove_item(items, 0);
    expect_written(&output, items, "{\n  \"value\": []\n}\n");
}

static void id_form_is_an_id_a_line(void **state)
{
    (void)state;
    cleanup_json struct json_object *items = two_items();
    struct output output = {.form = OUTPUT_ID};
    expect_written(&output, items, "one\ntwo\n");
}

static void forms_are_read_by_name(void **state)
{
    (void)state;
    struct output output;
    struct error error;
    assert_int_equal(output_set_up(&output, NULL, &error), 0);
    assert_int_equal(output.form, OUTPUT_TABLE);
    assert_int_equal(output_set_up(&output, "id", &error), 0);
    assert_int_equal(output.form, OUTPUT_ID);
    assert_int_equal(output_set_up(&output, "yaml", &error), -1);
    assert_non_null(strstr(error.message, "table, wide, json, id"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(widths_are_those_of_a_terminal),
        cmocka_unit_test(texts_are_cut_between_characters),
        cmocka_unit_test(tables_line_up_and_controls_are_replaced),
        cmocka_unit_test(wide_form_has_its_own_columns),
        cmocka_unit_test(colours_stand_around_the_text_and_not_the_padding),
        cmocka_unit_test(last_column_is_wrapped_within_its_column),
        cmocka_unit_test(last_column_without_room_has_lines_of_its_own),
        cmocka_unit_test(names_are_shortened_in_the_middle_and_the_status_is_not),
        cmocka_unit_test(word_that_is_longer_than_a_line_is_broken),
        cmocka_unit_test(wide_form_and_files_are_never_shortened),
        cmocka_unit_test(json_keeps_the_form_of_the_admin_api),
        cmocka_unit_test(id_form_is_an_id_a_line),
        cmocka_unit_test(forms_are_read_by_name),
    };
    return cmocka_run_group_tests(tests, use_utf8, NULL);
}
