/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.c - data for standard output, messages, and the terminal.
 */
#include "ctl/output/output.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/command_line.h"
#include "mimo/document.h"
#include "mimo/outcome.h"

enum { FIELD_WIDTH = 18 };

static const char *const form_names[] = {
    [OUTPUT_TABLE] = "table",
    [OUTPUT_WIDE] = "wide",
    [OUTPUT_JSON] = "json",
    [OUTPUT_ID] = "id",
};

static const char *const colour_codes[] = {
    [COLOUR_NONE] = "",        [COLOUR_GREEN] = "\033[32m", [COLOUR_YELLOW] = "\033[33m",
    [COLOUR_RED] = "\033[31m", [COLOUR_BLUE] = "\033[34m",  [COLOUR_DIM] = "\033[2m",
};

/* ---- form and terminal ---- */

const char *output_form_name(enum output_form form)
{
    return form_names[form];
}

static int read_form(const char *name, enum output_form *ret_form, struct error *error)
{
    for (size_t form = 0; form < sizeof(form_names) / sizeof(form_names[0]); form++)
        if (!name || strcmp(name, form_names[form]) == 0) {
            *ret_form = (enum output_form)form;
            return 0;
        }
    return error_set(error, ERROR_INVALID, "--output: \"%s\" is not one of table, wide, json, id",
                     name);
}

int output_measure(struct output *output)
{
    struct winsize size;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    output->width = known && size.ws_col > 0 ? size.ws_col : 80;
    return known && size.ws_row > 0 ? size.ws_row : 24;
}

int output_set_up(struct output *output, const char *form, struct error *error)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    *output = (struct output){.terminal = isatty(STDOUT_FILENO) == 1, .now = clock_unix_seconds()};
    output->live = output->terminal && terminal && strcmp(terminal, "dumb") != 0;
    output->colour = output->live && !(no_colour && no_colour[0] != '\0');
    if (output->terminal)
        output_measure(output);
    return read_form(form, &output->form, error);
}

/* ---- text on terminals ---- */

/* Length in bytes of the character at `text`, which is not at its end; *ret_width is the columns it
 * takes. Needs a UTF-8 locale, which main() sets; a byte that is not part of a valid character
 * takes one column. */
static size_t measure_character(const char *text, size_t *ret_width)
{
    wchar_t character;
    mbstate_t state = {0};
    size_t length = mbrtowc(&character, text, strnlen(text, MB_LEN_MAX), &state);
    *ret_width = 1;
    if (length == (size_t)-1 || length == (size_t)-2)
        return 1;
    int width = wcwidth(character);
    if (width >= 0)
        *ret_width = (size_t)width;
    return length;
}

size_t output_width(const char *text)
{
    size_t width = 0;
    size_t of_character;
    for (; *text; width += of_character)
        text += measure_character(text, &of_character);
    return width;
}

size_t output_fit(const char *text, size_t columns)
{
    size_t used = 0;
    size_t width = 0;
    while (text[used]) {
        size_t of_character;
        size_t length = measure_character(text + used, &of_character);
        width += of_character;
        if (width > columns)
            break;
        used += length;
    }
    return used;
}

size_t output_line(const char *text, size_t columns)
{
    size_t fitting = output_fit(text, columns);
    if (text[fitting] == '\0' || text[fitting] == ' ')
        return fitting;
    for (size_t at = fitting; at > 0; at--)
        if (text[at - 1] == ' ')
            return at - 1;
    return fitting > 0 ? fitting : strlen(text);
}

void output_coloured(const struct output *output, enum colour colour, const char *text, FILE *file)
{
    bool coloured = output->colour && colour != COLOUR_NONE;
    fprintf(file, "%s%s%s", coloured ? colour_codes[colour] : "", text, coloured ? "\033[0m" : "");
}

/* ---- all forms ---- */

static void write_json(const char *text)
{
    if (text)
        puts(text);
    else
        output_say("out of memory for the output");
}

void output_json_line(const struct json_object *value)
{
    cleanup_free char *text = document_format(value);
    write_json(text);
}

void output_json(const struct json_object *value)
{
    cleanup_free char *text = document_format_indented(value);
    write_json(text);
}

static void write_ids(const struct json_object *items)
{
    size_t position;
    struct json_object *item;
    document_foreach_item(items, position, item)
        printf("%s\n", document_string(item, "id", ""));
}

void output_items(const struct output *output, const struct listing *listing,
                  const struct json_object *items)
{
    if (output->form == OUTPUT_JSON) {
        cleanup_json struct json_object *answer = document_pack("{s:O}", "value", items);
        output_json(answer);
    } else if (output->form == OUTPUT_ID) {
        write_ids(items);
    } else if (document_length(items) == 0) {
        output_say("%s", listing->nothing);
    } else {
        output_table(output, listing, items);
    }
}

/* On a terminal the text is wrapped, each further line under the first. */
static void write_field(const struct output *output, enum colour colour, char *text)
{
    bool wraps = output->form != OUTPUT_WIDE && output->width >= 2 * FIELD_WIDTH;
    while (*text) {
        size_t length =
            wraps ? output_line(text, (size_t)output->width - FIELD_WIDTH) : strlen(text);
        char after = text[length];
        text[length] = '\0';
        output_coloured(output, colour, text, stdout);
        putchar('\n');
        text[length] = after;
        text += length + strspn(text + length, " ");
        if (*text)
            printf("%*s", FIELD_WIDTH, "");
    }
}

void output_field(const struct output *output, const char *heading, enum colour colour,
                  const char *format, ...)
{
    char text[CELL_SIZE];
    char clean[CELL_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    status_text_copy(clean, sizeof(clean), text);
    if (clean[0] == '\0')
        return;
    printf("%s:%*s", heading, (int)(FIELD_WIDTH - strlen(heading) - 1), "");
    write_field(output, colour, clean);
}

void output_say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    /* Text of servers and files must not control the terminal. */
    command_line_say("mimoctl", format, arguments);
    va_end(arguments);
}
