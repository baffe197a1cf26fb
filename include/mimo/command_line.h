/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command_line.h - reads the command line of every program from a table of its options, and words
 * errors and help in one way.
 *
 * "--name VALUE", "--name=VALUE", "-n VALUE" and "-nVALUE" are the same. Letters of switches may be
 * joined: "-vw". Options and operands may be mixed; "--" ends the options; "-" is an operand. Names
 * cannot be shortened. An option may be given once, unless its row says that it repeats.
 *
 *     struct command_line line = {
 *         .program = "mimod", .options = table, .option_count = 7, .words = argv, .count = argc};
 *     while ((number = command_line_next(&line, &value, &error)) >= 0)
 *         ...
 *
 * program.h builds the command line of the daemons and of mimo-store on this, ctl/options.h that of
 * mimoctl.
 *
 * Ownership: all texts are borrowed from the table and from `words`. Threads: one walk belongs to
 * one thread; command_line_say() may be called by any.
 */
#ifndef MIMO_COMMAND_LINE_H
#define MIMO_COMMAND_LINE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "mimo/error.h"

struct command_option {
    char letter;          /* 0: none */
    const char *name;     /* without dashes */
    const char *argument; /* placeholder of the value in help and errors; NULL for a switch */
    const char *help;
    bool repeats; /* may be given several times */
};

enum {
    COMMAND_OPTIONS_MAXIMUM = 64, /* rows of a table */
    COMMAND_LINE_ERROR = -1,      /* as error_set() returns it */
    COMMAND_LINE_END = -2,
    COMMAND_NO_OPTION = -1,
};

/* A walk over the words of a command line. The caller sets the first five members. */
struct command_line {
    const char *program; /* for errors: "see mimod --help" */
    const struct command_option *options;
    int option_count;
    char **words; /* words[0] is the program's name and is skipped; words[count] is NULL */
    int count;

    int operand_count; /* operands met so far; moved to words[1] and on */
    int unfinished; /* after an error: the option whose value is missing, else COMMAND_NO_OPTION */
    int at;
    const char *letters; /* rest of a word of joined letters, or NULL */
    bool only_operands;
    uint64_t given;
};

/* Returns the number of the next option in the table; *ret_value is its value, or its name for a
 * switch. COMMAND_LINE_END: all words are read, the operands are words[1] to
 * words[operand_count], and a NULL follows them. COMMAND_LINE_ERROR: ERROR_INVALID names the option
 * that is wrong; the next call goes on behind it. */
int command_line_next(struct command_line *line, const char **ret_value, struct error *error);

/* The number of the option whose name is the first `length` bytes of `name`, or COMMAND_NO_OPTION. */
int command_line_find(const struct command_option *options, int count, const char *name,
                      size_t length);

/* ---- help ---- */

/* Writes `text` from column `at` on, broken between words; further lines begin in `column`. */
void command_line_write_text(FILE *stream, const char *text, int column, int at);

/* Writes an indented term, and its explanation from `column` on. */
void command_line_write_entry(FILE *stream, const char *term, const char *text, int column);

/* Writes "  -c, --config FILE   explanation". */
void command_line_write_option(FILE *stream, const struct command_option *option);

/* Writes "PROGRAM VERSION", the answer to --version. */
void command_line_write_version(FILE *stream, const char *program);

/* ---- messages ---- */

/* Writes "PROGRAM: message" to standard error as one line without control characters. */
void command_line_say(const char *program, const char *format, va_list arguments);

/* Flushes standard output and returns `status`. If something could not be written (full disk,
 * closed pipe), says so; 0 then becomes EXIT_FAILURE. */
int command_line_finish(const char *program, int status);

#endif
