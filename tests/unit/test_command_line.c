/* SPDX-License-Identifier: Apache-2.0 */
/* test_command_line.c - one table of options is read, explained and complained about in one way. */
#include "expect.h"
#include "mimo/command_line.h"

enum { SPEED, TAG, LOUD, WIDE, OPTION_COUNT };

static const struct command_option options[OPTION_COUNT] = {
    [SPEED] = {'s', "speed", "N", "how fast"},
    [TAG] = {0, "tag", "NAME", "a name; may be given several times", .repeats = true},
    [LOUD] = {'l', "loud", NULL, "say more"},
    [WIDE] = {'w', "wide", NULL,
              "a long explanation that does not fit beside the name of the option, so that it "
              "goes on below"},
};

static char *words[16];

static struct command_line begin(const char *const *arguments)
{
    int count = 1;
    words[0] = (char[]){"mimo-test"};
    for (; arguments[count - 1]; count++)
        words[count] = (char *)(uintptr_t)arguments[count - 1];
    words[count] = NULL;
    return (struct command_line){.program = "mimo-test",
                                 .options = options,
                                 .option_count = OPTION_COUNT,
                                 .words = words,
                                 .count = count};
}

#define BEGIN(...) begin((const char *const[]){__VA_ARGS__, NULL})

static void expect_option(struct command_line *line, int number, const char *value)
{
    const char *found;
    struct error error;
    assert_int_equal(command_line_next(line, &found, &error), number);
    assert_string_equal(found, value);
    assert_int_equal(line->unfinished, COMMAND_NO_OPTION);
}

static void expect_end(struct command_line *line, const char *const *operands)
{
    const char *found;
    struct error error;
    int count = 0;
    assert_int_equal(command_line_next(line, &found, &error), COMMAND_LINE_END);
    for (; operands[count]; count++)
        assert_string_equal(line->words[1 + count], operands[count]);
    assert_int_equal(line->operand_count, count);
    assert_null(line->words[1 + count]);
}

#define EXPECT_END(line, ...)                                                                      \
    expect_end(line, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void expect_error(struct command_line *line, const char *message)
{
    const char *found;
    struct error error;
    assert_int_equal(command_line_next(line, &found, &error), COMMAND_LINE_ERROR);
    assert_int_equal(error.kind, ERROR_INVALID);
    assert_string_equal(error.message, message);
}

static void all_four_forms_of_a_value_are_the_same(void **state)
{
    (void)state;
    static const char *const forms[][3] = {
        {"--speed", "9"}, {"--speed=9"}, {"-s", "9"}, {"-s9"}, {"-s9", NULL}};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct command_line line = begin(forms[i]);
        expect_option(&line, SPEED, "9");
        EXPECT_END(&line);
    }
}

static void values_may_be_empty_and_look_like_options(void **state)
{
    (void)state;
    struct command_line line = BEGIN("--speed=", "--tag", "--loud", "--tag=a=b");
    expect_option(&line, SPEED, "");
    expect_option(&line, TAG, "--loud");
    expect_option(&line, TAG, "a=b");
    EXPECT_END(&line);
}

static void letters_may_be_joined(void **state)
{
    (void)state;
    struct command_line line = BEGIN("-lws", "9", "-lw", "x");
    expect_option(&line, LOUD, "loud");
    expect_option(&line, WIDE, "wide");
    expect_option(&line, SPEED, "9");
    expect_option(&line, LOUD, "loud");
    expect_option(&line, WIDE, "wide");
    EXPECT_END(&line, "x");
}

static void operands_come_to_the_front(void **state)
{
    (void)state;
    struct command_line line = BEGIN("a", "--loud", "b", "-", "--speed", "1", "--", "--loud", "-s");
    expect_option(&line, LOUD, "loud");
    expect_option(&line, SPEED, "1");
    EXPECT_END(&line, "a", "b", "-", "--loud", "-s");
}

/* Whoever made the words finds each of them again, to free it. */
static void no_word_is_lost(void **state)
{
    (void)state;
    static const char *const given[] = {"--loud", "a", "-s", "1", "b", "--wide", NULL};
    struct command_line line = begin(given);
    expect_option(&line, LOUD, "loud");
    expect_option(&line, SPEED, "1");
    expect_option(&line, WIDE, "wide");
    EXPECT_END(&line, "a", "b");
    for (size_t i = 0; given[i]; i++) {
        int at = 1;
        while (at <= line.count && words[at] != given[i])
            at++;
        assert_in_range(at, 1, line.count);
    }
}

static void a_program_without_arguments_has_no_operands(void **state)
{
    (void)state;
    struct command_line line = begin((const char *const[]){NULL});
    EXPECT_END(&line);
}

static void errors_name_the_option_and_the_walk_goes_on(void **state)
{
    (void)state;
    struct command_line line = BEGIN("--sped=1", "--loudly", "--nothing", "--spee", "-xl",
                                     "--loud=yes", "--speed", "1", "-s2", "a\nb", "--speed");
    expect_error(&line, "there is no option --sped; did you mean --speed?");
    expect_error(&line, "there is no option --loudly; did you mean --loud?");
    expect_error(&line, "there is no option --nothing; see mimo-test --help");
    expect_error(&line, "there is no option --spee; did you mean --speed?");
    expect_error(&line, "there is no option -x; see mimo-test --help");
    expect_option(&line, LOUD, "loud");
    expect_error(&line, "--loud takes no value");
    expect_option(&line, SPEED, "1");
    expect_error(&line, "--speed is given twice");
    assert_int_equal(line.unfinished, COMMAND_NO_OPTION);
    expect_error(&line, "--speed needs a value: --speed N");
    assert_int_equal(line.unfinished, SPEED);
    EXPECT_END(&line, "a\nb");
}

static void a_name_is_found_whole(void **state)
{
    (void)state;
    assert_int_equal(command_line_find(options, OPTION_COUNT, "wide=x", 4), WIDE);
    assert_int_equal(command_line_find(options, OPTION_COUNT, "wide", 3), COMMAND_NO_OPTION);
    assert_int_equal(command_line_find(options, OPTION_COUNT, "wider", 5), COMMAND_NO_OPTION);
    assert_int_equal(command_line_find(options, OPTION_COUNT, "", 0), COMMAND_NO_OPTION);
    assert_int_equal(command_line_find(options, OPTION_COUNT - 1, "wide", 4), COMMAND_NO_OPTION);
}

/* What a function of the help writes; the caller frees it. */
static char *written(void (*write)(FILE *stream))
{
    char *text;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    write(stream);
    fclose(stream);
    return text;
}

static void write_options(FILE *stream)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        command_line_write_option(stream, &options[i]);
}

static void write_long_term(FILE *stream)
{
    command_line_write_entry(stream, "12345678", "one", 12);
    command_line_write_entry(stream, "123456789", "one", 12);
    command_line_write_entry(stream, "1234567890", "one", 12);
}

static void write_full_line(FILE *stream)
{
    static const char text[] = "12345678 12345678 12345678 12345678 12345678 12345678 12345678 "
                               "12345678 1234567  12";
    command_line_write_text(stream, text, 0, 0);
}

static void help_is_wrapped_in_columns(void **state)
{
    (void)state;
    static const struct {
        void (*write)(FILE *stream);
        const char *text;
    } cases[] = {
        {write_options,
         "  -s, --speed N                 how fast\n"
         "      --tag NAME                a name; may be given several times\n"
         "  -l, --loud                    say more\n"
         "  -w, --wide                    a long explanation that does not fit beside the\n"
         "                                name of the option, so that it goes on below\n"},
        {write_long_term, "  12345678  one\n"
                          "  123456789\n            one\n"
                          "  1234567890\n            one\n"},
        {write_full_line, "12345678 12345678 12345678 12345678 12345678 12345678 12345678 12345678 "
                          "1234567\n12\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text = written(cases[i].write);
        assert_string_equal(text, cases[i].text);
        free(text);
    }
}

static int finish_on_a_full_disk(void *context)
{
    if (!freopen("/dev/full", "w", stdout) || !freopen("/dev/null", "w", stderr))
        return 99;
    puts("x");
    return command_line_finish("mimo-test", *(const int *)context);
}

static void what_cannot_be_written_is_no_success(void **state)
{
    (void)state;
    static const struct {
        int status, expected;
    } cases[] = {{0, 1}, {4, 4}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int status = cases[i].status;
        assert_int_equal(command_line_finish("mimo-test", status), status);
        status = wait_status_of(finish_on_a_full_disk, &status);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), cases[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_four_forms_of_a_value_are_the_same),
        cmocka_unit_test(values_may_be_empty_and_look_like_options),
        cmocka_unit_test(letters_may_be_joined),
        cmocka_unit_test(operands_come_to_the_front),
        cmocka_unit_test(no_word_is_lost),
        cmocka_unit_test(a_program_without_arguments_has_no_operands),
        cmocka_unit_test(errors_name_the_option_and_the_walk_goes_on),
        cmocka_unit_test(a_name_is_found_whole),
        cmocka_unit_test(help_is_wrapped_in_columns),
        cmocka_unit_test(what_cannot_be_written_is_no_success),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
