/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c - the options of mimoctl: one table, and its parser.
 */
#include "ctl/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/suggest.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/io.h"
#include "mimo/text.h"

#define DESCRIBE_OPTION(constant, letter_, name_, argument_, help_)                                \
    [constant] = {.letter = (letter_), .name = (name_), .argument = (argument_), .help = (help_)},

const struct option_description option_descriptions[OPTION_COUNT] = {CTL_OPTIONS(DESCRIBE_OPTION)};

_Static_assert(OPTION_COUNT <= 64, "a set of options is 64 bits");

/* Walks over argv. */
struct walk {
    struct options *options;
    char **arguments;
    int count;
    int at;
};

static int unknown_option(const char *name, struct error *error)
{
    const char *names[OPTION_COUNT];
    for (int id = 0; id < OPTION_COUNT; id++)
        names[id] = option_descriptions[id].name;
    const char *meant = suggest(name, names, OPTION_COUNT);
    if (meant)
        return error_set(error, ERROR_INVALID, "there is no option --%s; did you mean --%s?", name,
                         meant);
    return error_set(error, ERROR_INVALID, "there is no option --%s; see --help", name);
}

/* Stores a value: `attached` (behind "=" or the letter) or else the next argument. */
static int take_value(struct walk *walk, enum option_id id, const char *attached,
                      struct error *error)
{
    const struct option_description *option = &option_descriptions[id];
    const char **value = &walk->options->values[id];
    if (!option->argument) {
        if (attached)
            return error_set(error, ERROR_INVALID, "--%s takes no value", option->name);
        *value = option->name;
        return 0;
    }
    if (*value)
        return error_set(error, ERROR_INVALID, "--%s is given twice", option->name);
    if (!attached && walk->at + 1 >= walk->count)
        return error_set(error, ERROR_INVALID, "--%s needs a value: --%s %s", option->name,
                         option->name, option->argument);
    *value = attached ? attached : walk->arguments[++walk->at];
    return 0;
}

static int take_long(struct walk *walk, const char *text, struct error *error)
{
    size_t length = strcspn(text, "=");
    const char *attached = text[length] == '=' ? text + length + 1 : NULL;
    for (int id = 0; id < OPTION_COUNT; id++) {
        const char *name = option_descriptions[id].name;
        if (strlen(name) == length && strncmp(name, text, length) == 0)
            return take_value(walk, (enum option_id)id, attached, error);
    }
    cleanup_free char *name = strndup(text, length);
    return name ? unknown_option(name, error) : error_set_system(error, ENOMEM, "options");
}

/* "-v", "-vw", "-o json", "-ojson" */
static int take_letters(struct walk *walk, const char *letters, struct error *error)
{
    for (; *letters; letters++) {
        int id = 0;
        while (id < OPTION_COUNT && option_descriptions[id].letter != *letters)
            id++;
        if (id == OPTION_COUNT)
            return error_set(error, ERROR_INVALID, "there is no option -%c; see --help", *letters);
        bool has_argument = option_descriptions[id].argument != NULL;
        const char *attached = has_argument && letters[1] ? letters + 1 : NULL;
        if (take_value(walk, (enum option_id)id, attached, error) < 0)
            return -1;
        if (has_argument)
            return 0;
    }
    return 0;
}

int options_parse(struct options *options, int argc, char **argv, struct error *error)
{
    *options = (struct options){.operands = calloc((size_t)argc + 1, sizeof(char *))};
    if (!options->operands)
        return error_set_system(error, ENOMEM, "options");

    struct walk walk = {.options = options, .arguments = argv, .count = argc};
    bool only_operands = false;
    for (walk.at = 1; walk.at < argc; walk.at++) {
        char *argument = argv[walk.at];
        int result = 0;
        if (only_operands || argument[0] != '-' || argument[1] == '\0')
            options->operands[options->operand_count++] = argument;
        else if (strcmp(argument, "--") == 0)
            only_operands = true;
        else if (argument[1] == '-')
            result = take_long(&walk, argument + 2, error);
        else
            result = take_letters(&walk, argument + 1, error);
        if (result < 0) {
            options_free(options);
            return -1;
        }
    }
    return 0;
}

void options_free(struct options *options)
{
    free(options->operands);
    *options = (struct options){0};
}

void options_shift(struct options *options, int count)
{
    options->operand_count -= count;
    /* One more than operands: the array ends in NULL. */
    memmove(options->operands, options->operands + count,
            ((size_t)options->operand_count + 1) * sizeof(char *));
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
