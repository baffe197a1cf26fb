/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c - the options of mimoctl, and their values.
 */
#include "ctl/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/io.h"
#include "mimo/text.h"

#define DESCRIBE_OPTION(constant, letter_, name_, argument_, help_)                                \
    [constant] = {.letter = (letter_), .name = (name_), .argument = (argument_), .help = (help_)},

const struct command_option option_descriptions[OPTION_COUNT] = {CTL_OPTIONS(DESCRIBE_OPTION)};

_Static_assert((int)OPTION_COUNT <= (int)COMMAND_OPTIONS_MAXIMUM, "a set of options is 64 bits");

struct command_line options_line(char **words, int count)
{
    return (struct command_line){.program = "mimoctl",
                                 .options = option_descriptions,
                                 .option_count = OPTION_COUNT,
                                 .words = words,
                                 .count = count};
}

int options_parse(struct options *options, int argc, char **argv, struct error *error)
{
    struct command_line line = options_line(argv, argc);
    const char *value;
    int id;
    *options = (struct options){0};
    while ((id = command_line_next(&line, &value, error)) >= 0)
        options->values[id] = value;
    options->operands = argv + 1;
    options->operand_count = line.operand_count;
    return id == COMMAND_LINE_END ? 0 : -1;
}

void options_shift(struct options *options, int count)
{
    options->operands += count;
    options->operand_count -= count;
}

int options_check(const struct options *options, uint64_t allowed, const char *command,
                  struct error *error)
{
    for (int id = 0; id < OPTION_COUNT; id++)
        if (options->values[id] && !(allowed & OPTION_BIT(id)))
            return error_set(error, ERROR_INVALID,
                             "--%s is not an option of mimoctl %s; see mimoctl %s --help",
                             option_descriptions[id].name, command, command);
    return 0;
}

int options_number(const struct options *options, enum option_id id, int64_t smallest,
                   int64_t largest, int64_t otherwise, int64_t *ret_number, struct error *error)
{
    const char *text = options->values[id];
    *ret_number = otherwise;
    if (!text)
        return 0;
    char *end;
    errno = 0;
    int64_t number = strtoll(text, &end, 10);
    if (strspn(text, "0123456789") != strlen(text) || end == text || errno != 0 ||
        number < smallest || number > largest)
        return error_set(error, ERROR_INVALID,
                         "--%s: \"%s\" is not a whole number from %" PRId64 " to %" PRId64,
                         option_descriptions[id].name, text, smallest, largest);
    *ret_number = number;
    return 0;
}

int options_file(enum option_id id, const char *path, size_t maximum, char **ret_text,
                 size_t *ret_length, struct error *error)
{
    if (io_read_file(path, maximum, ret_text, ret_length, error) == 0)
        return 0;
    error->kind = ERROR_INVALID; /* a wrong file name on the command line is a usage error */
    return error_prefix(error, "--%s", option_descriptions[id].name);
}

int options_object(const struct options *options, enum option_id id,
                   struct json_object **ret_object, struct error *error)
{
    const char *text = options->values[id];
    *ret_object = NULL;
    if (!text)
        return 0;
    cleanup_free char *of_file = NULL;
    size_t length = strlen(text);
    if (text[0] == '@' &&
        options_file(id, text + 1, DOCUMENT_SIZE_MAXIMUM, &of_file, &length, error) < 0)
        return -1;
    text = text_skip_mark(of_file ? of_file : text, &length);
    *ret_object = document_parse(text, length, error);
    if (!*ret_object) {
        error_prefix(error, "--%s is not a JSON object", option_descriptions[id].name);
        error->kind = ERROR_INVALID;
        return -1;
    }
    return 0;
}
