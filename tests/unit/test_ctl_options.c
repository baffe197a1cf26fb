/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ctl_options.c - the command line: options, commands, suggestions, sets of states.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "ctl/commands.h"
#include "ctl/options.h"
#include "ctl/output/states.h"
#include "mimo/document.h"
#include "mimo/suggest.h"

enum { ARGUMENTS_MAXIMUM = 16 };

/* Parses a command line given as one text, cut at blanks. `buffer` keeps the words. */
static int parse(struct options *options, const char *line, char *buffer, struct error *error)
{
    static char *words[ARGUMENTS_MAXIMUM];
    int count = 0;
    strcpy(buffer, line);
    words[count++] = (char[]){"mimoctl"};
    for (char *word = strtok(buffer, " "); word; word = strtok(NULL, " "))
        words[count++] = word;
    assert_true(count < ARGUMENTS_MAXIMUM);
    words[count] = NULL;
    return options_parse(options, count, words, error);
}

static void options_and_operands_may_be_mixed(void **state)
{
    (void)state;
    struct options options;
    struct error error;
    char buffer[256];
    assert_int_equal(parse(&options, "-v manifest --output=json list -cone --state Failed -- --x",
                           buffer, &error),
                     0);
    assert_int_equal(options.operand_count, 3);
    assert_string_equal(options.operands[0], "manifest");
    assert_string_equal(options.operands[1], "list");
    assert_string_equal(options.operands[2], "--x");
    assert_string_equal(options.values[OPTION_OUTPUT], "json");
    assert_string_equal(options.values[OPTION_CLUSTER], "one");
    assert_string_equal(options.values[OPTION_STATE], "Failed");
    assert_string_equal(options.values[OPTION_VERBOSE], "verbose");
    assert_null(options.values[OPTION_HELP]);

    options_shift(&options, 2);
    assert_int_equal(options.operand_count, 1);
    assert_string_equal(options.operands[0], "--x");
    assert_null(options.operands[1]);
}

static void letters_may_stand_together(void **state)
{
    (void)state;
    struct options options;
    struct error error;
    char buffer[256];
    assert_int_equal(parse(&options, "-vwo wide -", buffer, &error), 0);
    assert_non_null(options.values[OPTION_VERBOSE]);
    assert_non_null(options.values[OPTION_WATCH]);
    assert_string_equal(options.values[OPTION_OUTPUT], "wide");
    assert_int_equal(options.operand_count, 1);
}

static void wrong_options_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *message;
    } cases[] = {
        {"--clutser x", "there is no option --clutser; did you mean --cluster?"},
        {"--banana", "there is no option --banana; see mimoctl --help"},
        {"-x", "there is no option -x"},
        {"--cluster", "--cluster needs a value: --cluster CLUSTER"},
        {"-c", "--cluster needs a value"},
        {"--cluster a --cluster b", "--cluster is given twice"},
        {"--watch=yes", "--watch takes no value"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct options options;
        struct error error;
        char buffer[256];
        assert_int_equal(parse(&options, cases[i].line, buffer, &error), -1);
        assert_int_equal(error.kind, ERROR_INVALID);
        if (!strstr(error.message, cases[i].message))
            fail_msg("%s: \"%s\" does not say \"%s\"", cases[i].line, error.message,
                     cases[i].message);
    }
}

static void option_of_another_command_is_refused(void **state)
{
    (void)state;
    struct options options;
    struct error error;
    char buffer[256];
    assert_int_equal(parse(&options, "--priority 3", buffer, &error), 0);
    assert_int_equal(options_check(&options, OPTION_BIT(OPTION_PRIORITY), "x", &error), 0);
    assert_int_equal(options_check(&options, OPTION_BIT(OPTION_FORCE), "manifest cancel", &error),
                     -1);
    assert_non_null(
        strstr(error.message, "--priority is not an option of mimoctl manifest cancel"));
}

static void numbers_are_whole_and_within_bounds(void **state)
{
    (void)state;
    static const char *const wrong[] = {"--limit=",
                                        "--limit=x",
                                        "--limit=-1",
                                        "--limit=+1",
                                        "--limit=5x",
                                        "--limit=11",
                                        "--limit=99999999999999999999"};
    struct options options;
    struct error error;
    char buffer[256];
    int64_t number;
    assert_int_equal(parse(&options, "--limit 10", buffer, &error), 0);
    assert_int_equal(options_number(&options, OPTION_LIMIT, 0, 10, 7, &number, &error), 0);
    assert_int_equal(number, 10);
    assert_int_equal(options_number(&options, OPTION_PRIORITY, 0, 10, 7, &number, &error), 0);
    assert_int_equal(number, 7);

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(parse(&options, wrong[i], buffer, &error), 0);
        assert_int_equal(options_number(&options, OPTION_LIMIT, 0, 10, 7, &number, &error), -1);
        assert_non_null(strstr(error.message, "is not a whole number from 0 to 10"));
    }
}

static void objects_come_from_the_line_or_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/mimo-test-options-XXXXXX";
    char line[128];
    char buffer[256];
    struct options options;
    struct error error;
    struct json_object *object;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "{\"a\": 1}\n", 9), 9);
    close(fd);

    snprintf(line, sizeof(line), "--parameters=@%s", path);
    assert_int_equal(parse(&options, line, buffer, &error), 0);
    assert_int_equal(options_object(&options, OPTION_PARAMETERS, &object, &error), 0);
    assert_int_equal(document_integer(object, "a", 0), 1);
    json_object_put(object);
    assert_int_equal(options_object(&options, OPTION_PROPERTIES, &object, &error), 0);
    assert_null(object);
    unlink(path);

    static const char *const wrong[] = {"--parameters=[1]", "--parameters={\"a\":1,\"a\":2}",
                                        "--parameters={", "--parameters=@/no/such/file"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(parse(&options, wrong[i], buffer, &error), 0);
        assert_int_equal(options_object(&options, OPTION_PARAMETERS, &object, &error), -1);
        assert_non_null(strstr(error.message, "--parameters"));
    }
}

static void commands_are_found_and_misspelt_ones_guessed(void **state)
{
    (void)state;
    static const struct {
        const char *words[3];
        const char *message; /* NULL: found */
        int taken;
    } cases[] = {
        {{"manifest", "list"}, NULL, 2},
        {{"manifest", "show", "x"}, NULL, 2},
        {{"ps"}, NULL, 1},
        {{"ps", "x"}, NULL, 1},
        {{NULL}, "missing command", 0},
        {{"manifest"}, "missing command after \"manifest\"", 0},
        {{"manifset", "list"}, "did you mean \"manifest\"?", 0},
        {{"manifest", "lsit"}, "did you mean \"manifest list\"?", 0},
        {{"manifest", "del"}, "did you mean \"manifest delete\"?", 0},
        {{"cluster", "watch"}, "there is no command \"cluster watch\"; see mimoctl cluster", 0},
        {{"frobnicate"}, "there is no command \"frobnicate\"; see mimoctl --help", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *words[4] = {0};
        int count = 0;
        for (; count < 3 && cases[i].words[count]; count++)
            words[count] = strdup(cases[i].words[count]);
        const struct command *command;
        int taken = 0;
        struct error error = {0};
        int result = command_find(words, count, &command, &taken, &error);
        assert_int_equal(result, cases[i].message ? -1 : 0);
        assert_int_equal(taken, cases[i].taken);
        if (cases[i].message && !strstr(error.message, cases[i].message))
            fail_msg("\"%s\" does not say \"%s\"", error.message, cases[i].message);
        for (int word = 0; word < count; word++)
            free(words[word]);
    }
}

static void suggestions_are_near_and_few(void **state)
{
    (void)state;
    static const char *const words[] = {"create", "list", NULL, "cancel", "ps"};
    assert_string_equal(suggest("crate", words, 5), "create");
    assert_string_equal(suggest("cerate", words, 5), "create");
    assert_string_equal(suggest("ca", words, 5), "cancel");
    assert_string_equal(suggest("pss", words, 5), "ps");
    assert_null(suggest("x", words, 5));
    assert_null(suggest("delete", words, 5));
    assert_null(suggest("a-word-that-is-longer-than-any-command-ever-was", words, 5));
}

static void states_are_read_in_any_case_and_written_as_the_api_does(void **state)
{
    (void)state;
    unsigned states;
    char text[STATES_TEXT_SIZE];
    struct error error;
    assert_int_equal(states_parse("state", "failed,RETRIESEXCEEDED", &states, &error), 0);
    assert_string_equal(states_format(text, states), "Failed,RetriesExceeded");
    assert_string_equal(states_format(text, MANIFEST_STATES_ALL),
                        "Pending,InProgress,Completed,Failed,RetriesExceeded,TimedOut,Cancelled");
    assert_int_equal(states_bit("InProgress"), MANIFEST_STATE_BIT(MANIFEST_IN_PROGRESS));
    assert_int_equal(states_bit("Sleeping"), 0);

    static const char *const wrong[] = {"", "Failed,", ",Failed", "Done", "Failed Pending"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(states_parse("state", wrong[i], &states, &error), -1);
        assert_non_null(strstr(error.message, "--state"));
        assert_non_null(strstr(error.message, "RetriesExceeded"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_operands_may_be_mixed),
        cmocka_unit_test(letters_may_stand_together),
        cmocka_unit_test(wrong_options_are_named),
        cmocka_unit_test(option_of_another_command_is_refused),
        cmocka_unit_test(numbers_are_whole_and_within_bounds),
        cmocka_unit_test(objects_come_from_the_line_or_a_file),
        cmocka_unit_test(commands_are_found_and_misspelt_ones_guessed),
        cmocka_unit_test(suggestions_are_near_and_few),
        cmocka_unit_test(states_are_read_in_any_case_and_written_as_the_api_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
