/* SPDX-License-Identifier: Apache-2.0 */
/* program.c - the command line that all daemons share. */
#include "mimo/program.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/document.h"
#include "mimo/log.h"

enum {
    OPTION_CONFIG = 'c',
    OPTION_SET = 's',
    OPTION_HELP = 'h',
    OPTION_VERSION = 'V',
    OPTION_CHECK = 256,
    OPTION_DUMP,
    OPTION_EXAMPLE,
    OPTION_OWN, /* the first of the program's own */
};

static const struct shared_option {
    int value; /* a letter if below 256 */
    const char *name;
    const char *argument;
    const char *help;
} shared_options[] = {
    {OPTION_CONFIG, "config", "FILE", "configuration (default " CONFIG_DEFAULT_PATH ")"},
    {OPTION_SET, "set", "SECTION.KEY=VALUE", "override one key; may be given several times"},
    {OPTION_CHECK, "check-config", NULL, "check the configuration and end"},
    {OPTION_DUMP, "dump-config", NULL, "write the configuration in force and end"},
    {OPTION_EXAMPLE, "example-config", NULL, "write a file with every key and its default and end"},
    {OPTION_HELP, "help", NULL, "show this help and end"},
    {OPTION_VERSION, "version", NULL, "show the version and end"},
};

enum { SHARED_COUNT = sizeof(shared_options) / sizeof(shared_options[0]), OWN_MAXIMUM = 24 };

/* What the command line said about the configuration. One program has one command line. */
static struct {
    const char *path;
    const char **overrides; /* NULL-terminated */
    const char **arguments; /* the same options as they were given; NULL-terminated */
    size_t override_count;
    size_t argument_count;
} arg;

void program_usage_error(const struct program *program, const char *format, ...)
{
    struct error message;
    va_list arguments;

    va_start(arguments, format);
    /* one line without control characters */
    error_set_arguments(&message, ERROR_INVALID, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s: %s\n", program->name, message.message);
    exit(EXIT_USAGE);
}

/* Ends the program after it wrote what was asked for; a full disk or closed pipe is no success. */
static _Noreturn void finish_output(const struct program *program)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "%s: cannot write: %s\n", program->name, strerrordesc_np(errno));
        exit(EXIT_FAILURE);
    }
    exit(EXIT_SUCCESS);
}

static size_t own_count(const struct program *program)
{
    size_t count = 0;

    while (program->options && program->options[count].name)
        count++;
    assert(count <= OWN_MAXIMUM);
    return count;
}

/* Writes "  -c, --config=FILE" and returns its width; only measures without a stream. */
static int write_option(int letter, const char *name, const char *argument, FILE *stream)
{
    char text[128];
    int width =
        snprintf(text, sizeof(text), "  %c%c%c --%s%s%s", letter ? '-' : ' ', letter ? letter : ' ',
                 letter ? ',' : ' ', name, argument ? "=" : "", argument ? argument : "");

    if (stream)
        fputs(text, stream);
    return width;
}

static int letter_of(const struct shared_option *option)
{
    return option->value < 256 ? option->value : 0;
}

static _Noreturn void show_help(const struct program *program)
{
    int widest = 0;

    for (size_t i = 0; i < SHARED_COUNT; i++) {
        const struct shared_option *option = &shared_options[i];
        int width = write_option(letter_of(option), option->name, option->argument, NULL);

        widest = width > widest ? width : widest;
    }
    for (size_t i = 0; i < own_count(program); i++) {
        const struct program_option *option = &program->options[i];
        int width = write_option(0, option->name, option->argument, NULL);

        widest = width > widest ? width : widest;
    }

    printf("Usage: %s [OPTION]...%s%s\n%s\n\n", program->name, program->operands ? " " : "",
           program->operands ? program->operands : "", program->summary);
    for (size_t i = 0; i < own_count(program); i++) {
        const struct program_option *option = &program->options[i];
        int width = write_option(0, option->name, option->argument, stdout);

        printf("%*s  %s\n", widest - width, "", option->help);
    }
    for (size_t i = 0; i < SHARED_COUNT; i++) {
        const struct shared_option *option = &shared_options[i];
        int width = write_option(letter_of(option), option->name, option->argument, stdout);

        printf("%*s  %s\n", widest - width, "", option->help);
    }
    if (program->details)
        printf("\n%s\n", program->details);
    finish_output(program);
}

static void fill_getopt_tables(const struct program *program, struct option *options,
                               char *short_options)
{
    /* With this in front getopt is silent, and tells missing values from unknown options. */
    *short_options++ = ':';
    for (size_t i = 0; i < SHARED_COUNT; i++) {
        const struct shared_option *option = &shared_options[i];

        *options++ = (struct option){
            option->name, option->argument ? required_argument : no_argument, NULL, option->value};
        if (letter_of(option)) {
            *short_options++ = (char)option->value;
            if (option->argument)
                *short_options++ = ':';
        }
    }
    for (size_t i = 0; i < own_count(program); i++) {
        const struct program_option *option = &program->options[i];

        *options++ =
            (struct option){option->name, option->argument ? required_argument : no_argument, NULL,
                            OPTION_OWN + (int)i};
    }
    *options = (struct option){0};
    *short_options = '\0';
}

static void remember_argument(const char *option, const char *value)
{
    arg.arguments[arg.argument_count++] = option;
    arg.arguments[arg.argument_count++] = value;
}

/* Takes in one option. Returns it when it is one that ends the program, else 0. */
static int take_option(const struct program *program, int value)
{
    switch (value) {
    case OPTION_CONFIG:
        arg.path = optarg;
        remember_argument("--config", optarg);
        return 0;
    case OPTION_SET:
        arg.overrides[arg.override_count++] = optarg;
        remember_argument("--set", optarg);
        return 0;
    default:
        if (value < OPTION_OWN)
            return value;
        const struct program_option *own = &program->options[value - OPTION_OWN];
        *own->ret_value = own->argument ? optarg : own->name;
        return 0;
    }
}

/* getopt_long() leaves an unknown letter in `optopt`; else `argument` was an unknown long name, or
 * a known one with a value that it does not take. */
static _Noreturn void unknown_option(const struct program *program, const char *argument)
{
    char letter[3] = {'-', (char)optopt, '\0'};
    bool is_letter = optopt > 0 && optopt < OPTION_CHECK;

    for (size_t i = 0; i < SHARED_COUNT; i++)
        is_letter = is_letter && optopt != shared_options[i].value;
    program_usage_error(program, "unknown option \"%s\"; see %s --help",
                        is_letter ? letter : argument, program->name);
}

/* Reads all options; returns the one that ends the program, or 0. */
static int parse_options(const struct program *program, int argc, char **argv)
{
    struct option options[SHARED_COUNT + OWN_MAXIMUM + 1];
    char short_options[2 * SHARED_COUNT + 2];
    int action = 0;
    int value;

    fill_getopt_tables(program, options, short_options);
    optind = 0; /* from the start, whoever used getopt() before */
    while ((value = getopt_long(argc, argv, short_options, options, NULL)) != -1) {
        if (value == ':')
            program_usage_error(program, "option \"%s\" needs a value; see %s --help",
                                argv[optind - 1], program->name);
        if (value == '?')
            unknown_option(program, argv[optind - 1]);
        value = take_option(program, value);
        action = action ? action : value;
    }
    return action;
}

static _Noreturn void run_action(const struct program *program, int action)
{
    struct config config;
    struct error error;

    if (action == OPTION_HELP)
        show_help(program);
    if (action == OPTION_VERSION)
        printf("%s %s\n", program->name, PACKAGE_VERSION);
    else if (action == OPTION_EXAMPLE)
        config_write_example(stdout);
    else if (config_load(&config, arg.path, arg.overrides, &error) < 0)
        program_usage_error(program, "%s", error.message);
    else {
        if (action == OPTION_DUMP)
            config_dump(&config, stdout);
        else if (program->check && program->check(&config, stdout, &error) < 0)
            program_usage_error(program, "%s", error.message);
        else
            puts("ok");
        config_free(&config);
    }
    finish_output(program);
}

int program_start(const struct program *program, int argc, char **argv, struct config *config)
{
    struct error error;
    int action;

    document_warm_up();
    free(arg.overrides);
    free(arg.arguments);
    memset(&arg, 0, sizeof(arg));
    arg.overrides = calloc((size_t)argc + 1, sizeof(*arg.overrides));
    arg.arguments = calloc(2 * (size_t)argc + 1, sizeof(*arg.arguments));
    if (!arg.overrides || !arg.arguments)
        program_usage_error(program, "out of memory");

    action = parse_options(program, argc, argv);
    if (action)
        run_action(program, action);
    if (optind < argc && !program->operands)
        program_usage_error(program, "unexpected operand \"%s\"; see %s --help", argv[optind],
                            program->name);
    if (program_reload(config, &error) < 0)
        program_usage_error(program, "%s", error.message);
    log_open(program->name, (enum log_level)(config->log_level + LOG_LEVEL_ERROR),
             (enum log_format)config->log_format);
    return optind;
}

int program_reload(struct config *config, struct error *error)
{
    return config_load(config, arg.path, arg.overrides, error);
}

const char *program_config_path(void)
{
    return arg.path ? arg.path : CONFIG_DEFAULT_PATH;
}

const char *const *program_config_arguments(void)
{
    return arg.arguments;
}

int program_inherited_fd(int number, struct error *error)
{
    if (fcntl(number, F_GETFD) < 0)
        return error_set(error, ERROR_INVALID,
                         "descriptor %d was not passed: this program is started by another of the "
                         "family, not by hand",
                         number);
    if (fcntl(number, F_SETFD, FD_CLOEXEC) < 0)
        return error_set_system(error, errno, "cannot keep descriptor %d from children", number);
    return number;
}
