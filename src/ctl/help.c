/* SPDX-License-Identifier: Apache-2.0 */
/*
 * help.c - help texts, made of the tables of commands and options.
 */
#include <string.h>

#include "ctl/commands.h"

enum { COMMAND_COLUMN = 22 };

/* General options are listed separately, after the command's own. */
#define GENERAL                                                                                    \
    (OPTION_BIT(OPTION_OUTPUT) | OPTION_BIT(OPTION_URL) | OPTION_BIT(OPTION_LOCATION) |            \
     OPTION_BIT(OPTION_TOKEN_FILE) | OPTION_BIT(OPTION_CERT) | OPTION_BIT(OPTION_KEY) |            \
     OPTION_BIT(OPTION_CACERT) | OPTION_BIT(OPTION_VERBOSE) | OPTION_BIT(OPTION_HELP))

static void write_options(FILE *file, const char *heading, uint64_t options)
{
    if (!options)
        return;
    fprintf(file, "\n%s\n", heading);
    for (int id = 0; id < OPTION_COUNT; id++)
        if (options & OPTION_BIT(id))
            command_line_write_option(file, &option_descriptions[id]);
}

void help_command(const struct command *command, FILE *file)
{
    char name[64];
    char sentence[256];
    uint64_t options = command_options(command);
    command_name(command, name, sizeof(name));
    fprintf(file, "usage: mimoctl %s%s%s [OPTION...]\n\n", name, command->operands[0] ? " " : "",
            command->operands);
    snprintf(sentence, sizeof(sentence), "%s: %s.", name, command->help);
    command_line_write_text(file, sentence, 0, 0);
    if (command->details)
        command_line_write_text(file, command->details, 0, 0);
    if (command->example)
        fprintf(file, "\n    %s\n", command->example);
    write_options(file, "Options:", options & ~GENERAL);
    write_options(file, "General options:", options & GENERAL);
}

static void write_commands(FILE *file, const char *group)
{
    const struct command *command;
    for (size_t i = 0; (command = command_at(i)); i++) {
        char name[64];
        if (!group || strcmp(command->group, group) == 0)
            command_line_write_entry(file, command_name(command, name, sizeof(name)), command->help,
                                     COMMAND_COLUMN);
    }
}

void help_group(const char *group, FILE *file)
{
    fprintf(file, "usage: mimoctl %s%sCOMMAND [OPTION...]\n", group ? group : "", group ? " " : "");
    if (!group)
        fputs("\nManages the maintenance of a fleet of OpenShift clusters: a manifest requests a\n"
              "task on a cluster, and an actuator runs it.\n",
              file);
    fputs("\nCommands:\n", file);
    write_commands(file, group);
    if (!group) {
        write_options(file, "Options of most commands:", GENERAL | OPTION_BIT(OPTION_VERSION));
        fputs("\nExit status: 0 done; 1 refused or not found; 2 wrong usage; 3 cannot reach or\n"
              "log in; 4 the manifest ended in another state; 5 the wait timed out;\n"
              "130 interrupted.\n",
              file);
    }
    fputs("\nMore: mimoctl COMMAND --help, and mimoctl(1).\n", file);
}
