/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands.h - the table of commands, and help texts.
 */
#ifndef MIMO_CTL_COMMANDS_H
#define MIMO_CTL_COMMANDS_H

#include <stdint.h>
#include <stdio.h>

#include "ctl/commands/handlers.h"
#include "ctl/options.h"

enum { OPERANDS_UNLIMITED = -1 };

struct command {
    const char *group;
    const char *verb;     /* NULL: the group's word is the command */
    const char *operands; /* of the usage line; "" for none */
    int operands_minimum;
    int operands_maximum;
    uint64_t options; /* in addition to those of every command; OPTION_BIT()s */
    ctl_handler *run;
    const char *help;    /* one line */
    const char *details; /* more of it, or NULL */
    const char *example; /* or NULL */
};

/* Finds the command that the operands begin with. *ret_words is the number of operands that name
 * it. ERROR_INVALID, with a suggestion, if no command has that name. */
int command_find(char *const *operands, int count, const struct command **ret_command,
                 int *ret_words, struct error *error);

/* "manifest create" into `buffer` of `size` bytes; returns it. */
const char *command_name(const struct command *command, char *buffer, size_t size);

/* All options that the command takes. */
uint64_t command_options(const struct command *command);

/* Help for one command; for all commands of a group; for mimoctl as a whole (NULL). */
void help_command(const struct command *command, FILE *file);
void help_group(const char *group, FILE *file);

/* Row `position` of the table; NULL after the last. */
const struct command *command_at(size_t position);

#endif
