/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - mimoctl: the operators' command line.
 *
 * Reads the command line, finds the command in the table and runs it. Only main() writes errors to
 * standard error and turns them into exit statuses.
 */
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/client/interrupt.h"
#include "ctl/commands.h"
#include "ctl/complete.h"
#include "ctl/ctl.h"
#include "mimo/document.h"

/* "mimoctl help manifest create" is "mimoctl manifest create --help". */
static void take_help_word(struct options *options)
{
    if (options->operand_count > 0 && strcmp(options->operands[0], "help") == 0) {
        options->values[OPTION_HELP] = "help";
        options_shift(options, 1);
    }
}

static bool is_group(const char *word)
{
    const struct command *command;
    for (size_t i = 0; (command = command_at(i)); i++)
        if (command->verb && strcmp(command->group, word) == 0)
            return true;
    return false;
}

/* Help for what the operands name: everything, a group, or a command. */
static int show_help(const struct options *options, struct error *error)
{
    const struct command *command;
    int words;
    if (options->operand_count == 0)
        help_group(NULL, stdout);
    else if (options->operand_count == 1 && is_group(options->operands[0]))
        help_group(options->operands[0], stdout);
    else if (command_find(options->operands, options->operand_count, &command, &words, error) < 0)
        return -1;
    else
        help_command(command, stdout);
    return CTL_OK;
}

static int check_usage(const struct command *command, const struct options *options,
                       struct error *error)
{
    char name[64];
    int count = options->operand_count;
    command_name(command, name, sizeof(name));
    if (options_check(options, command_options(command), name, error) < 0)
        return -1;
    if (count < command->operands_minimum)
        return error_set(error, ERROR_INVALID, "%s needs %s: mimoctl %s %s", name,
                         command->operands, name, command->operands);
    if (command->operands_maximum != OPERANDS_UNLIMITED && count > command->operands_maximum)
        return error_set(error, ERROR_INVALID, "unexpected operand \"%s\" of mimoctl %s%s%s",
                         options->operands[command->operands_maximum], name,
                         command->operands[0] ? " " : "", command->operands);
    return 0;
}

static int run(struct ctl *ctl, struct error *error)
{
    struct options *options = &ctl->options;
    const struct command *command;
    int words;
    take_help_word(options);
    if (options->values[OPTION_VERSION]) {
        command_line_write_version(stdout, "mimoctl");
        return CTL_OK;
    }
    if (options->values[OPTION_HELP])
        return show_help(options, error);
    if (command_find(options->operands, options->operand_count, &command, &words, error) < 0)
        return -1;
    options_shift(options, words);
    if (check_usage(command, options, error) < 0 ||
        output_set_up(&ctl->output, options->values[OPTION_OUTPUT], error) < 0)
        return -1;
    return command->run(ctl, error);
}

int main(int argc, char **argv)
{
    struct ctl ctl = {0};
    struct error error = {0};
    setlocale(LC_CTYPE, "C.UTF-8"); /* for the widths of characters only */
    tzset();
    document_warm_up();
    interrupt_install();

    int status;
    if (argc > 1 && strcmp(argv[1], COMPLETE_COMMAND) == 0) {
        complete(&ctl, argv + 1, argc - 1);
        status = CTL_OK;
    } else {
        status = options_parse(&ctl.options, argc, argv, &error);
        if (status == 0)
            status = run(&ctl, &error);
    }
    if (status < 0) {
        output_say("%s", error.message);
        status = (int)ctl_exit_of_error(&error);
    }
    connection_close(&ctl.connection);
    return command_line_finish("mimoctl", status);
}
