/* SPDX-License-Identifier: Apache-2.0 */
/* test_program.c - every daemon understands the same command line, and ends well or says why not.
 */
#include <fcntl.h>

#include "expect.h"
#include "mimo/cleanup.h"
#include "mimo/io.h"
#include "mimo/log.h"
#include "mimo/program.h"

static const char *speed;
static const char *loud;

static const struct program_option own_options[] = {
    {"speed", "N", "how fast", &speed},
    {"loud", NULL, "say more", &loud},
    {NULL, NULL, NULL, NULL},
};

static const struct program with_operands = {
    .name = "mimo-test",
    .summary = "Tests the command line.",
    .operands = "FILE...",
    .details = "Details stand here.",
    .options = own_options,
};

static const struct program plain = {.name = "mimo-plain", .summary = "Has no options of its own."};

/* A run of a program in a child: what it was called with, and what came of it. */
struct run {
    const struct program *program;
    const char *arguments[12];
    int (*after)(int count, char **argv, struct config *config);
    const char *standard_output; /* replaced by this file, when given */
};

static struct {
    char folder[PRIVATE_PATH_SIZE];
    char out[PRIVATE_PATH_SIZE + 8];
    char err[PRIVATE_PATH_SIZE + 8];
    char config[PRIVATE_PATH_SIZE + 16];
    char *output;
    char *errors;
} fixture;

static int set_up(void **state)
{
    (void)state;
    make_private_folder(fixture.folder);
    snprintf(fixture.out, sizeof(fixture.out), "%s/out", fixture.folder);
    snprintf(fixture.err, sizeof(fixture.err), "%s/err", fixture.folder);
    snprintf(fixture.config, sizeof(fixture.config), "%s/mimo.conf", fixture.folder);
    write_file(fixture.config, "[actuator]\nmax_workers = 5\n[log]\nlevel = warning\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_private_folder(fixture.folder);
    free(fixture.output);
    free(fixture.errors);
    fixture.output = fixture.errors = NULL;
    return 0;
}

static void redirect(int target, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    dup2(fd, target);
    close(fd);
}

static int run_child(void *context)
{
    struct run *run = context;
    char *argv[16] = {strdup(run->program->name)};
    struct config config;
    int argc = 1;
    int count, result;

    redirect(STDOUT_FILENO, run->standard_output ? run->standard_output : fixture.out);
    redirect(STDERR_FILENO, fixture.err);
    while (run->arguments[argc - 1]) {
        argv[argc] = strdup(run->arguments[argc - 1]);
        argc++;
    }
    count = program_start(run->program, argc, argv, &config);
    result = run->after ? run->after(count, argv, &config) : 0;
    fflush(stdout);
    return result;
}

/* Runs it, and reads what it wrote. Returns its exit status. */
static int run_program(struct run run)
{
    int status = wait_status_of(run_child, &run);
    struct error error;

    free(fixture.output);
    free(fixture.errors);
    fixture.output = fixture.errors = NULL;
    if (!run.standard_output)
        expect_success(io_read_file(fixture.out, 100000, &fixture.output, NULL, &error), &error);
    expect_success(io_read_file(fixture.err, 100000, &fixture.errors, NULL, &error), &error);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

#define RUN(...) run_program((struct run){__VA_ARGS__})

static void help_shows_every_option_in_line(void **state)
{
    (void)state;
    assert_int_equal(RUN(&with_operands, {"--help", "--set", "nonsense"}), 0);
    assert_string_equal(fixture.errors, "");
    assert_string_equal(
        fixture.output,
        "usage: mimo-test [OPTION...] FILE...\n"
        "Tests the command line.\n"
        "\n"
        "      --speed N                 how fast\n"
        "      --loud                    say more\n"
        "  -c, --config FILE             configuration (default " CONFIG_DEFAULT_PATH ")\n"
        "  -s, --set SECTION.KEY=VALUE   override one key; may be given several times\n"
        "      --check-config            check the configuration and exit\n"
        "      --dump-config             write the configuration in force and exit\n"
        "      --example-config          write every key with its default and exit\n"
        "  -h, --help                    show this help and exit\n"
        "  -V, --version                 show the version and exit\n"
        "\n"
        "Details stand here.\n");
    assert_int_equal(RUN(&plain, {"-h"}), 0);
    assert_int_equal(strncmp(fixture.output, "usage: mimo-plain [OPTION...]\nHas no", 36), 0);
}

static void the_version_is_that_of_the_package(void **state)
{
    (void)state;
    assert_int_equal(RUN(&plain, {"--version"}), 0);
    assert_string_equal(fixture.output, "mimo-plain " PACKAGE_VERSION "\n");
    assert_int_equal(RUN(&plain, {"-V"}), 0);
    assert_string_equal(fixture.output, "mimo-plain " PACKAGE_VERSION "\n");
}

static void a_configuration_is_checked(void **state)
{
    (void)state;
    assert_int_equal(RUN(&plain, {"--config", fixture.config, "--check-config"}), 0);
    assert_string_equal(fixture.output, "ok\n");
    write_file(fixture.config, "[actuator]\nmax_workers = many\n");
    assert_int_equal(RUN(&plain, {"-c", fixture.config, "--check-config"}), EXIT_USAGE);
    assert_string_equal(fixture.output, "");
    assert_non_null(strstr(fixture.errors,
                           "mimo.conf:2: actuator.max_workers: \"many\" is not a whole "
                           "number from 1 to 1000\n"));
    assert_int_equal(strncmp(fixture.errors, "mimo-plain: /", 13), 0);
}

static void the_configuration_in_force_is_dumped(void **state)
{
    (void)state;
    assert_int_equal(
        RUN(&plain, {"--config", fixture.config, "--set", "actuator.index=4", "--dump-config"}), 0);
    assert_non_null(strstr(fixture.output, "\nmax_workers = 5\n"));
    assert_non_null(strstr(fixture.output, "\nindex = 4\n"));
}

static void an_example_is_written_without_reading_any_file(void **state)
{
    (void)state;
    assert_int_equal(RUN(&plain, {"--config", "/nonexistent", "--example-config"}), 0);
    assert_non_null(strstr(fixture.output, "\n#max_workers = 10\n"));
}

static void what_cannot_be_written_is_no_success(void **state)
{
    (void)state;
    assert_int_equal(RUN(&plain, {"--example-config"}, .standard_output = "/dev/full"),
                     EXIT_FAILURE);
    assert_string_equal(fixture.errors,
                        "mimo-plain: cannot write to standard output: No space left on device\n");
}

static int show_everything(int count, char **argv, struct config *config)
{
    printf("speed %s, loud %s, workers %d,", speed ? speed : "-", loud ? loud : "-",
           (int)config->actuator_max_workers);
    for (int i = 1; i <= count; i++)
        printf(" %s", argv[i]);
    printf(";");
    for (const char *const *argument = program_config_arguments(); *argument; argument++)
        printf(" %s", *argument);
    config_free(config);
    return 7;
}

static void own_options_and_operands_are_given_to_the_program(void **state)
{
    (void)state;
    assert_int_equal(RUN(&with_operands,
                         {"a", "--speed", "9", "-c", fixture.config, "b", "--loud",
                          "-sactuator.max_workers=6", "--", "--c"},
                         show_everything),
                     7);
    assert_string_equal(fixture.errors, "");
    char expected[256];
    snprintf(expected, sizeof(expected),
             "speed 9, loud loud, workers 6, a b --c; --config %s --set actuator.max_workers=6",
             fixture.config);
    assert_string_equal(fixture.output, expected);

    assert_int_equal(RUN(&with_operands, {"--speed=8"}, show_everything), 7);
    assert_string_equal(fixture.output, "speed 8, loud -, workers 10,;");
}

static int reload(int count, char **argv, struct config *config)
{
    struct config again;
    struct error error;

    (void)count;
    (void)argv;
    write_file(fixture.config, "[actuator]\nmax_workers = 9\n");
    if (program_reload(&again, &error) < 0)
        return 1;
    printf("%d %d %d", (int)config->actuator_max_workers, (int)again.actuator_max_workers,
           (int)again.actuator_index);
    config_free(&again);
    write_file(fixture.config, "[actuator]\nmax_workers = x\n");
    if (program_reload(&again, &error) == 0)
        return 1;
    config_free(config);
    return 0;
}

static void the_configuration_is_read_again_with_the_same_overrides(void **state)
{
    (void)state;
    assert_int_equal(RUN(&plain, {"--config", fixture.config, "--set", "actuator.index=4"}, reload),
                     0);
    assert_string_equal(fixture.output, "5 9 4");
}

static int write_log(int count, char **argv, struct config *config)
{
    (void)count;
    (void)argv;
    config_free(config);
    log_warning("grave");
    log_info("not grave");
    return 0;
}

static void the_log_is_opened_as_configured(void **state)
{
    (void)state;
    assert_int_equal(
        RUN(&plain, {"--config", fixture.config, "--set", "log.format=journal"}, write_log), 0);
    assert_string_equal(fixture.errors, "<4>grave\n");
}

static void wrong_usage_is_one_line_and_status_two(void **state)
{
    static const struct {
        struct run run;
        const char *message;
    } cases[] = {
        {{&plain, {"--speed=1"}},
         "mimo-plain: there is no option --speed; see mimo-plain --help\n"},
        {{&plain, {"-x"}}, "mimo-plain: there is no option -x; see mimo-plain --help\n"},
        {{&plain, {"--help=me"}}, "mimo-plain: --help takes no value\n"},
        {{&plain, {"--config"}}, "mimo-plain: --config needs a value: --config FILE\n"},
        {{&plain, {"-c"}}, "mimo-plain: --config needs a value: --config FILE\n"},
        {{&plain, {"operand"}},
         "mimo-plain: unexpected operand \"operand\"; see mimo-plain --help\n"},
        {{&plain, {"--set", "x"}}, "mimo-plain: --set x: must be section.key=value\n"},
        {{&plain, {"--config", "/nonexistent"}},
         "mimo-plain: cannot read the configuration: cannot open "
         "/nonexistent: No such file or directory\n"},
        {{&with_operands, {"a", "-x", "b"}},
         "mimo-test: there is no option -x; see mimo-test --help\n"},
        {{&plain, {"a\nb"}}, "mimo-plain: unexpected operand \"a b\"; see mimo-plain --help\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(run_program(cases[i].run), EXIT_USAGE);
        assert_string_equal(fixture.output, "");
        assert_string_equal(fixture.errors, cases[i].message);
    }
}

static int take_descriptor(void *context)
{
    int fd;
    redirect(STDERR_FILENO, fixture.err);
    fd = program_inherited_fd(&plain, "channel", context);
    return fcntl(fd, F_GETFD) & FD_CLOEXEC ? 0 : 1;
}

static void an_inherited_descriptor_is_checked_and_kept_from_children(void **state)
{
    static const struct {
        const char *text;
        const char *message;
    } wrong[] = {
        {"x", "\"x\" is not a number from 3 to 65535"},
        {"", "\"\" is not a number from 3 to 65535"},
        {"3x", "\"3x\" is not a number from 3 to 65535"},
        {"+3", "\"+3\" is not a number from 3 to 65535"},
        {"2", "\"2\" is not a number from 3 to 65535"},
        {"65536", "\"65536\" is not a number from 3 to 65535"},
        {"987", "descriptor 987 was not passed: mimod starts this program"},
    };
    cleanup_fd int fd = open("/dev/null", O_RDONLY);
    char number[16];

    (void)state;
    snprintf(number, sizeof(number), "%d", fd);
    assert_int_equal(wait_status_of(take_descriptor, number), 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[16];
        struct error error;
        cleanup_free char *errors = NULL;
        snprintf(text, sizeof(text), "%s", wrong[i].text);
        int status = wait_status_of(take_descriptor, text);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), EXIT_USAGE);
        expect_success(io_read_file(fixture.err, 1000, &errors, NULL, &error), &error);
        assert_int_equal(strncmp(errors, "mimo-plain: --channel: ", 23), 0);
        if (!strstr(errors, wrong[i].message))
            fail_msg("\"%s\" does not say \"%s\"", errors, wrong[i].message);
    }
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(help_shows_every_option_in_line),
        WITH_FOLDER(the_version_is_that_of_the_package),
        WITH_FOLDER(a_configuration_is_checked),
        WITH_FOLDER(the_configuration_in_force_is_dumped),
        WITH_FOLDER(an_example_is_written_without_reading_any_file),
        WITH_FOLDER(what_cannot_be_written_is_no_success),
        WITH_FOLDER(own_options_and_operands_are_given_to_the_program),
        WITH_FOLDER(the_configuration_is_read_again_with_the_same_overrides),
        WITH_FOLDER(the_log_is_opened_as_configured),
        WITH_FOLDER(wrong_usage_is_one_line_and_status_two),
        WITH_FOLDER(an_inherited_descriptor_is_checked_and_kept_from_children),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
