/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program.h - the command line that mimo-store and all daemons share, on command_line.h.
 *
 *   -c, --config FILE     configuration (default /etc/mimo/mimo.conf)
 *   -s, --set SECTION.KEY=VALUE   overrides one key; may be given several times
 *       --check-config    checks the configuration, prints "ok" or the error, and exits
 *       --dump-config     prints the configuration in force, and exits
 *       --example-config  prints a commented file with every key and its default, and exits
 *   -h, --help, -V, --version
 *
 * Call program_start() first in main(); argv ends in NULL. It handles all of these options, opens
 * the log as configured, and returns only if the program is to run. Wrong usage or a wrong
 * configuration ends the program with one line on standard error and status EXIT_USAGE, before
 * anything is started. A program describes further options of its own in a table. If an option is
 * given twice, the last one counts.
 */
#ifndef MIMO_PROGRAM_H
#define MIMO_PROGRAM_H

#include <stdio.h>

#include "mimo/config.h"

struct program_option {
    const char *name;     /* long name without dashes; the table ends with a NULL name */
    const char *argument; /* name of the value in the help, or NULL for a switch */
    const char *help;
    const char **ret_value; /* set to the value, or to the name for a switch */
};

struct program {
    const char *name;
    const char *summary;  /* one line for --help */
    const char *operands; /* text of the usage line behind the options, or NULL if there are none */
    const char *details;  /* printed under the options by --help, or NULL */
    const struct program_option *options; /* or NULL */
    /* Further checks of --check-config, which print their lines before the "ok"; or NULL. */
    int (*check)(const struct config *config, FILE *stream, struct error *error);
};

/* Moves the operands to argv[1] and on, with a NULL behind them, and returns their number. Ends the
 * program in the cases above. The caller owns `config`. */
int program_start(const struct program *program, int argc, char **argv, struct config *config);

/* Loads the configuration again, from the same file and with the same overrides (SIGHUP). On
 * failure `config` owns nothing; the one in force is untouched. */
int program_reload(struct config *config, struct error *error);

/* The configuration file that program_start() read and program_reload() reads. */
const char *program_config_path(void);

/* The --config and --set of this program's command line, NULL-terminated, to pass on to another
 * program of the family: "--config", FILE, "--set", "section.key=value", ... Lives as long as the
 * program. */
const char *const *program_config_arguments(void);

/* Writes "NAME: message" to standard error and ends with EXIT_USAGE. */
_Noreturn void program_usage_error(const struct program *program, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Reads `text`, the value of `option`, as a number. Ends the program unless it is a number from
 * `smallest` to `largest`. */
int program_number(const struct program *program, const char *option, const char *text,
                   int smallest, int largest);

/* The descriptor that a parent of the family passed, made close-on-exec; `text`, the value of
 * `option`, is its number. Ends the program if the descriptor is not open. */
int program_inherited_fd(const struct program *program, const char *option, const char *text);

#endif
