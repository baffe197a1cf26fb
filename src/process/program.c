/* SPDX-License-Identifier: Apache-2.0 */
/* program.c - the command line that all daemons share. */
#include "mimo/program.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/command_line.h"
#include "mimo/document.h"
#include "mimo/log.h"

/* Ends the program with an answer to the command line: help, a version, a configuration. */
typedef void action_f(const struct program *program);

static action_f show_help, show_version, write_example, dump_config, check_config;

static const struct shared_option {
    struct command_option option;
    action_f *action; /* NULL: the option is about the configuration */
} shared_options[] = {
    {{'c', "config", "FILE", "configuration (default " CONFIG_DEFAULT_PATH ")", .repeats = true}},
    {{'s', "set", "SECTION.KEY=VALUE", "override one key; may be given several times",
      .repeats = true}},
    {{0, "check-config", NULL, "check the configuration and exit"}, check_config},
    {{0, "dump-config", NULL, "write the configuration in force and exit"}, dump_config},
    {{0, "example-config", NULL, "write every key with its default and exit"}, write_example},
    {{'h', "help", NULL, "show this help and exit"}, show_help},
    {{'V', "version", NULL, "show the version and exit"}, show_version},
};

enum {
    SHARED_COUNT = sizeof(shared_options) / sizeof(shared_options[0]),
    OWN_MAXIMUM = 24,
};

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
    va_list arguments;

    va_start(arguments, format);
    command_line_say(program->name, format, arguments);
    va_end(arguments);
    exit(EXIT_USAGE);
}

static int own_count(const struct program *program)
{
    int count = 0;

    while (program->options && program->options[count].name)
        count++;
    assert(count <= OWN_MAXIMUM);
    return count;
}

/* The program's own options, and the shared ones behind them. Returns how many. */
static int fill_table(const struct program *program, struct command_option *table)
{
    int count = own_count(program);

    for (int i = 0; i < count; i++) {
        const struct program_option *own = &program->options[i];
        table[i] = (struct command_option){
            .name = own->name, .argument = own->argument, .help = own->help, .repeats = true};
    }
    for (int i = 0; i < SHARED_COUNT; i++)
        table[count++] = shared_options[i].option;
    return count;
}

/* ---- actions ---- */

static void show_help(const struct program *program)
{
    struct command_option table[OWN_MAXIMUM + SHARED_COUNT];
    int count = fill_table(program, table);

    printf("usage: %s [OPTION...]%s%s\n%s\n\n", program->name, program->operands ? " " : "",
           program->operands ? program->operands : "", program->summary);
    for (int i = 0; i < count; i++)
        command_line_write_option(stdout, &table[i]);
    if (program->details)
        printf("\n%s\n", program->details);
}

static void show_version(const struct program *program)
{
    command_line_write_version(stdout, program->name);
}

static void write_example(const struct program *program)
{
    (void)program;
    config_write_example(stdout);
}

static void load_config(const struct program *program, struct config *config)
{
    struct error error;

    if (program_reload(config, &error) < 0)
        program_usage_error(program, "%s", error.message);
}

static void dump_config(const struct program *program)
{
    struct config config;

    load_config(program, &config);
    config_dump(&config, stdout);
    config_free(&config);
}

static void check_config(const struct program *program)
{
    struct config config;
    struct error error;

    load_config(program, &config);
    if (program->check && program->check(&config, stdout, &error) < 0)
        program_usage_error(program, "%s", error.message);
    puts("ok");
    config_free(&config);
}

/* ---- reading the command line ---- */

/* Remembers --config or --set, to read the configuration again and to pass it on. */
static void remember(const struct command_option *option, const char *value)
{
    if (option->letter == 'c')
        arg.path = value;
    else
        arg.overrides[arg.override_count++] = value;
    arg.arguments[arg.argument_count++] = option->letter == 'c' ? "--config" : "--set";
    arg.arguments[arg.argument_count++] = value;
}

/* Reads all options. Returns the first action that was asked for, or NULL. */
static action_f *read_options(const struct program *program, struct command_line *line)
{
    int own = own_count(program);
    action_f *action = NULL;
    const char *value;
    struct error error;
    int number;

    while ((number = command_line_next(line, &value, &error)) >= 0) {
        if (number < own) {
            *program->options[number].ret_value = value;
            continue;
        }
        const struct shared_option *shared = &shared_options[number - own];
        if (!shared->action)
            remember(&shared->option, value);
        else if (!action)
            action = shared->action;
    }
    if (number == COMMAND_LINE_ERROR)
        program_usage_error(program, "%s", error.message);
    return action;
}

int program_start(const struct program *program, int argc, char **argv, struct config *config)
{
    struct command_option table[OWN_MAXIMUM + SHARED_COUNT];
    struct command_line line = {.program = program->name,
                                .options = table,
                                .words = argv,
                                .count = argc,
                                .option_count = fill_table(program, table)};

    document_warm_up();
    free(arg.overrides);
    free(arg.arguments);
    memset(&arg, 0, sizeof(arg));
    arg.overrides = calloc((size_t)argc + 1, sizeof(*arg.overrides));
    arg.arguments = calloc(2 * (size_t)argc + 1, sizeof(*arg.arguments));
    if (!arg.overrides || !arg.arguments)
        program_usage_error(program, "out of memory");

    action_f *action = read_options(program, &line);
    if (action) {
        action(program);
        exit(command_line_finish(program->name, EXIT_SUCCESS));
    }
    if (line.operand_count > 0 && !program->operands)
        program_usage_error(program, "unexpected operand \"%s\"; see %s --help", argv[1],
                            program->name);
    load_config(program, config);
    log_open(program->name, (enum log_level)(config->log_level + LOG_LEVEL_ERROR),
             (enum log_format)config->log_format);
    return line.operand_count;
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

int program_number(const struct program *program, const char *option, const char *text,
                   int smallest, int largest)
{
    char *end;
    long number = strtol(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || number < smallest || number > largest)
        program_usage_error(program, "--%s: \"%s\" is not a number from %d to %d", option, text,
                            smallest, largest);
    return (int)number;
}

int program_inherited_fd(const struct program *program, const char *option, const char *text)
{
    enum { FIRST = 3, LAST = 65535 };
    int number = program_number(program, option, text, FIRST, LAST);

    if (fcntl(number, F_GETFD) < 0)
        program_usage_error(
            program,
            "--%s: descriptor %d was not passed: mimod starts this program; do not start it by hand",
            option, number);
    if (fcntl(number, F_SETFD, FD_CLOEXEC) < 0)
        program_usage_error(program, "--%s: cannot keep descriptor %d from children: %s", option,
                            number, strerrordesc_np(errno));
    return number;
}
