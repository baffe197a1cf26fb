/* SPDX-License-Identifier: Apache-2.0 */
/* test_ini_file.c - files of sections and keys. What a configuration file may say is tested by
 * test_config.c; here is what it has no use for. */
#include "expect.h"
#include "mimo/ini_file.h"

static char taken[1024];

static int take_section(void *context, const char *section, int line, struct error *error)
{
    size_t used = strlen(taken);

    assert_ptr_equal(context, taken);
    snprintf(taken + used, sizeof(taken) - used, "%d[%s] ", line, section);
    return strcmp(section, "bad") == 0 ? error_set(error, ERROR_DENIED, "not this one") : 0;
}

static int take_key(void *context, const char *section, const char *key, const char *value,
                    int line, struct error *error)
{
    size_t used = strlen(taken);

    assert_ptr_equal(context, taken);
    snprintf(taken + used, sizeof(taken) - used, "%d%s.%s=%s ", line, section, key, value);
    return strcmp(key, "bad") == 0 ? error_set(error, ERROR_DENIED, "nor this") : 0;
}

static int parse(const char *text, struct error *error)
{
    static const struct ini_handlers handlers = {take_section, take_key};

    taken[0] = '\0';
    return ini_file_parse("/x.conf", text, strlen(text), &handlers, taken, error);
}

static void sections_and_keys_come_in_their_order_with_their_lines(void **state)
{
    struct error error;

    (void)state;
    expect_success(
        parse("# one\n[empty]\n\n[step a b] ; why\n  key = 1 2 ; comment\nkey=3\n[empty]", &error),
        &error);
    assert_string_equal(taken, "2[empty] 4[step a b] 5step a b.key=1 2 6step a b.key=3 7[empty] ");
}

static void what_a_handler_refuses_ends_the_reading_and_names_the_line(void **state)
{
    struct error error;

    (void)state;
    expect_failure(parse("[a]\n\n[bad]\nx = 1\n[c]\n", &error), &error, ERROR_INVALID,
                   "/x.conf:3: not this one");
    assert_string_equal(taken, "1[a] 3[bad] ");
    expect_failure(parse("[a]\nbad = 1\nx = 1\n", &error), &error, ERROR_INVALID,
                   "/x.conf:2: nor this");
    assert_string_equal(taken, "1[a] 2a.bad=1 ");
}

static void a_section_that_inih_would_cut_is_an_error(void **state)
{
    char text[64] = "[";
    struct error error;

    (void)state;
    memset(text + 1, 's', 49);
    strcpy(text + 50, "]\nk=v\n");
    expect_success(parse(text, &error), &error);
    memset(text + 1, 's', 50);
    strcpy(text + 51, "]\n");
    expect_failure(parse(text, &error), &error, ERROR_INVALID,
                   "/x.conf:1: the name of the section is too long: 50 bytes, allowed are 49");
}

static void lines_may_have_197_characters(void **state)
{
    char text[256] = "[s]\n";
    struct error error;

    (void)state;
    memset(text + 4, 'k', 197);
    text[100] = '=';
    expect_success(parse(text, &error), &error);
    text[4 + 197] = 'k';
    expect_failure(parse(text, &error), &error, ERROR_INVALID,
                   "/x.conf:2: line is too long: 198 characters, allowed are 197");
}

static void bytes_behind_a_nul_are_an_error(void **state)
{
    static const struct ini_handlers handlers = {take_section, take_key};
    struct error error;

    (void)state;
    expect_failure(ini_file_parse("/x.conf", "[a]\0[b]", 7, &handlers, taken, &error), &error,
                   ERROR_INVALID, "/x.conf is not a text file");
}

static void files_are_listed_in_the_order_of_their_names(void **state)
{
    static const char *const names[] = {"b.conf",  "a.conf", ".hidden.conf",
                                        "c.conf~", ".conf",  "C.conf"};
    char folder[PRIVATE_PATH_SIZE], path[PRIVATE_PATH_SIZE + 16], expected[128];
    struct error error;

    (void)state;
    make_private_folder(folder);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        write_file(path, "");
    }
    char **paths = ini_file_list(folder, &error);
    assert_non_null(paths);
    taken[0] = '\0';
    for (char **one = paths; *one; one++)
        strcat(strcat(taken, *one), " ");
    snprintf(expected, sizeof(expected), "%s/C.conf %s/a.conf %s/b.conf ", folder, folder, folder);
    assert_string_equal(taken, expected);
    ini_file_list_free(paths);
    remove_private_folder(folder);
}

static void no_folder_is_no_files_but_a_file_in_its_place_is_an_error(void **state)
{
    struct error error;
    char **paths = ini_file_list("/nowhere/at/all", &error);

    (void)state;
    assert_non_null(paths);
    assert_null(*paths);
    ini_file_list_free(paths);
    assert_null(ini_file_list("/dev/null", &error));
    assert_non_null(strstr(error.message, "cannot read /dev/null"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_and_keys_come_in_their_order_with_their_lines),
        cmocka_unit_test(what_a_handler_refuses_ends_the_reading_and_names_the_line),
        cmocka_unit_test(a_section_that_inih_would_cut_is_an_error),
        cmocka_unit_test(lines_may_have_197_characters),
        cmocka_unit_test(bytes_behind_a_nul_are_an_error),
        cmocka_unit_test(files_are_listed_in_the_order_of_their_names),
        cmocka_unit_test(no_folder_is_no_files_but_a_file_in_its_place_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
