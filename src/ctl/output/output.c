/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.c - data for standard output: tables for people, JSON and IDs for programs.
 */
#include "ctl/output/output.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "ctl/ctl.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/outcome.h"

enum { GAP = 2, FIELD_WIDTH = 18, COLUMNS_MAXIMUM = 32 };

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

/* ---- what is asked for, and where it goes ---- */

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
    return error_set(error, ERROR_INVALID, "--output: \"%s\" is none of table, wide, json, id",
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
 * takes. Needs a UTF-8 locale, which is main()'s to set; what is no character of it is a byte of
 * one column. */
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

void output_coloured(const struct output *output, enum colour colour, const char *text, FILE *file)
{
    bool coloured = output->colour && colour != COLOUR_NONE;
    fprintf(file, "%s%s%s", coloured ? colour_codes[colour] : "", text, coloured ? "\033[0m" : "");
}

/* ---- tables ---- */

/* All cells of a table: rows of `columns` each, the first row is the headings. */
struct grid {
    const struct column *const *columns; /* those that are shown */
    size_t column_count;
    size_t row_count;
    char **texts;
    enum colour *colours;
    size_t *widths; /* of each column */
};

static bool is_shown(const struct output *output, const struct column *column)
{
    return column->place == IN_BOTH ||
           column->place == (output->form == OUTPUT_WIDE ? IN_WIDE : IN_TABLE);
}

static void set_cell(struct grid *grid, size_t row, size_t column, const char *text,
                     enum colour colour)
{
    char clean[CELL_SIZE];
    status_text_copy(clean, sizeof(clean), text);
    size_t width = output_width(clean);
    if (width > grid->widths[column])
        grid->widths[column] = width;
    grid->texts[row * grid->column_count + column] = strdup(clean);
    grid->colours[row * grid->column_count + column] = colour;
}

static void fill_cell(const struct output *output, const struct column *column,
                      const struct json_object *item, const void *context, struct cell *cell)
{
    const struct json_object *value = column->path ? document_get(item, column->path) : NULL;
    if (column->fill)
        column->fill(output, item, context, cell);
    else if (document_is_integer(value))
        snprintf(cell->text, sizeof(cell->text), "%" PRId64, document_number(value));
    else if (document_is_string(value))
        snprintf(cell->text, sizeof(cell->text), "%s", document_text(value));
}

static void fill_grid(struct grid *grid, const struct output *output, const struct listing *listing,
                      const struct json_object *items)
{
    for (size_t column = 0; column < grid->column_count; column++) {
        set_cell(grid, 0, column, grid->columns[column]->heading, COLOUR_DIM);
        for (size_t row = 1; row < grid->row_count; row++) {
            struct cell cell = {.text = ""};
            fill_cell(output, grid->columns[column], document_item(items, row - 1),
                      listing->context, &cell);
            set_cell(grid, row, column, cell.text[0] ? cell.text : "-", cell.colour);
        }
    }
}

static void write_row(const struct grid *grid, const struct output *output, size_t row)
{
    size_t at = 0;
    for (size_t column = 0; column < grid->column_count; column++) {
        char *text = grid->texts[row * grid->column_count + column];
        bool last = column + 1 == grid->column_count;
        if (!text)
            text = (char[]){""};
        if (last && output->width > 0) {
            size_t room = (size_t)output->width > at ? (size_t)output->width - at : 0;
            size_t fitting = output_fit(text, room > 10 ? room : 10);
            text[fitting] = '\0';
        }
        output_coloured(output, grid->colours[row * grid->column_count + column], text, stdout);
        if (!last)
            printf("%*s", (int)(grid->widths[column] - output_width(text) + GAP), "");
        at += grid->widths[column] + GAP;
    }
    putchar('\n');
}

static void free_grid(struct grid *grid)
{
    for (size_t i = 0; grid->texts && i < grid->row_count * grid->column_count; i++)
        free(grid->texts[i]);
    free(grid->texts);
    free(grid->colours);
    free(grid->widths);
}

void output_table(const struct output *output, const struct listing *listing,
                  const struct json_object *items)
{
    const struct column *shown[COLUMNS_MAXIMUM];
    struct grid grid = {.columns = shown, .row_count = document_length(items) + 1};
    assert(listing->column_count <= COLUMNS_MAXIMUM);
    for (size_t i = 0; i < listing->column_count; i++)
        if (is_shown(output, &listing->columns[i]))
            shown[grid.column_count++] = &listing->columns[i];

    size_t cells = grid.row_count * grid.column_count;
    grid.texts = calloc(cells, sizeof(*grid.texts));
    grid.colours = calloc(cells, sizeof(*grid.colours));
    grid.widths = calloc(grid.column_count, sizeof(*grid.widths));
    if (grid.texts && grid.colours && grid.widths) {
        fill_grid(&grid, output, listing, items);
        for (size_t row = 0; row < grid.row_count; row++)
            write_row(&grid, output, row);
    } else {
        ctl_say("out of memory for %zu rows", grid.row_count);
    }
    free_grid(&grid);
}

/* ---- all forms ---- */

static void write_json(const char *text)
{
    if (text)
        puts(text);
    else
        ctl_say("out of memory for the output");
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
        ctl_say("%s", listing->nothing);
    } else {
        output_table(output, listing, items);
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
    output_coloured(output, colour, clean, stdout);
    putchar('\n');
}
