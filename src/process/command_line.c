/* SPDX-License-Identifier: Apache-2.0 */
/* command_line.c - reads a command line from a table of options, and words errors and help. */
#include "mimo/command_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/suggest.h"
#include "mimo/text.h"

enum { LINE_WIDTH = 79, OPTION_COLUMN = 32 };

int command_line_find(const struct command_option *options, int count, const char *name,
                      size_t length)
{
    for (int number = 0; number < count; number++)
        if (strncmp(options[number].name, name, length) == 0 &&
            options[number].name[length] == '\0')
            return number;
    return COMMAND_NO_OPTION;
}

static int find_letter(const struct command_line *line, char letter)
{
    for (int number = 0; number < line->option_count; number++)
        if (line->options[number].letter == letter)
            return number;
    return COMMAND_NO_OPTION;
}

static int unknown_option(const struct command_line *line, const char *name, size_t length,
                          struct error *error)
{
    const char *names[COMMAND_OPTIONS_MAXIMUM];
    char word[64];
    snprintf(word, sizeof(word), "%.*s", (int)length, name);
    for (int number = 0; number < line->option_count; number++)
        names[number] = line->options[number].name;
    const char *meant = suggest(word, names, (size_t)line->option_count);
    if (meant)
        return error_set(error, ERROR_INVALID, "there is no option --%s; did you mean --%s?", word,
                         meant);
    return error_set(error, ERROR_INVALID, "there is no option --%s; see %s --help", word,
                     line->program);
}

/* Takes the value of an option: `attached` (behind "=" or the letter), or the next word. */
static int take_value(struct command_line *line, int number, const char *attached,
                      const char **ret_value, struct error *error)
{
    const struct command_option *option = &line->options[number];
    *ret_value = attached;
    if (!option->argument) {
        if (attached)
            return error_set(error, ERROR_INVALID, "--%s takes no value", option->name);
        *ret_value = option->name;
    } else if (!attached && line->at + 1 >= line->count) {
        line->unfinished = number;
        return error_set(error, ERROR_INVALID, "--%s needs a value: --%s %s", option->name,
                         option->name, option->argument);
    } else if (!attached) {
        *ret_value = line->words[++line->at];
    }
    uint64_t bit = UINT64_C(1) << number;
    if (option->argument && !option->repeats && (line->given & bit))
        return error_set(error, ERROR_INVALID, "--%s is given twice", option->name);
    line->given |= bit;
    return number;
}

static int take_long(struct command_line *line, const char *name, const char **ret_value,
                     struct error *error)
{
    size_t length = strcspn(name, "=");
    int number = command_line_find(line->options, line->option_count, name, length);
    if (number == COMMAND_NO_OPTION)
        return unknown_option(line, name, length, error);
    return take_value(line, number, name[length] ? name + length + 1 : NULL, ret_value, error);
}

/* The next of "-v", "-vw", "-o json", "-ojson". */
static int take_letter(struct command_line *line, const char **ret_value, struct error *error)
{
    char letter = *line->letters++;
    const char *rest = *line->letters ? line->letters : NULL;
    int number = find_letter(line, letter);
    line->letters = rest;
    if (number == COMMAND_NO_OPTION)
        return error_set(error, ERROR_INVALID, "there is no option -%c; see %s --help", letter,
                         line->program);
    if (!line->options[number].argument)
        return take_value(line, number, NULL, ret_value, error);
    line->letters = NULL;
    return take_value(line, number, rest, ret_value, error);
}

/* Puts NULL behind the operands. The word that stood there goes to the end: all words stay in the
 * array, for those who made them. */
static void end_operands(struct command_line *line)
{
    char **end = &line->words[line->operand_count + 1];

    if (*end)
        line->words[line->count] = *end;
    *end = NULL;
}

int command_line_next(struct command_line *line, const char **ret_value, struct error *error)
{
    line->unfinished = COMMAND_NO_OPTION;
    if (line->letters)
        return take_letter(line, ret_value, error);
    while (++line->at < line->count) {
        char *word = line->words[line->at];
        if (line->only_operands || word[0] != '-' || word[1] == '\0') {
            line->words[line->at] = line->words[++line->operand_count];
            line->words[line->operand_count] = word;
        } else if (strcmp(word, "--") == 0) {
            line->only_operands = true;
        } else if (word[1] == '-') {
            return take_long(line, word + 2, ret_value, error);
        } else {
            line->letters = word + 1;
            return take_letter(line, ret_value, error);
        }
    }
    end_operands(line);
    return COMMAND_LINE_END;
}

/* ---- help ---- */

void command_line_write_text(FILE *stream, const char *text, int column, int at)
{
    while (*text) {
        int length = (int)strcspn(text, " ");
        if (at > column && at + 1 + length > LINE_WIDTH) {
            fprintf(stream, "\n%*s", column, "");
            at = column;
        } else if (at > column) {
            fputc(' ', stream);
            at++;
        }
        fprintf(stream, "%.*s", length, text);
        at += length;
        text += length;
        text += strspn(text, " ");
    }
    fputc('\n', stream);
}

void command_line_write_entry(FILE *stream, const char *term, const char *text, int column)
{
    int width = fprintf(stream, "  %s", term);
    if (width + 1 >= column)
        fprintf(stream, "\n%*s", column, "");
    else
        fprintf(stream, "%*s", column - width, "");
    command_line_write_text(stream, text, column, column);
}

void command_line_write_option(FILE *stream, const struct command_option *option)
{
    char term[80];
    char letter[8] = "    ";
    if (option->letter)
        snprintf(letter, sizeof(letter), "-%c, ", option->letter);
    snprintf(term, sizeof(term), "%s--%s%s%s", letter, option->name, option->argument ? " " : "",
             option->argument ? option->argument : "");
    command_line_write_entry(stream, term, option->help, OPTION_COLUMN);
}

void command_line_write_version(FILE *stream, const char *program)
{
    fprintf(stream, "%s %s\n", program, PACKAGE_VERSION);
}

/* ---- messages ---- */

void command_line_say(const char *program, const char *format, va_list arguments)
{
    char text[2 * ERROR_MESSAGE_SIZE];
    char clean[2 * ERROR_MESSAGE_SIZE];
    vsnprintf(text, sizeof(text), format, arguments);
    text_copy_clean(clean, sizeof(clean), text, ' ');
    fprintf(stderr, "%s: %s\n", program, clean);
}

int command_line_finish(const char *program, int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(stderr, "%s: cannot write to standard output: %s\n", program, strerrordesc_np(errno));
    return status ? status : EXIT_FAILURE;
}
