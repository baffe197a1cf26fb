/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.c - tables that fit the terminal.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/output/output.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/outcome.h"

enum {
    GAP = 2,
    COLUMNS_MAXIMUM = 32,
    ELIDED_MINIMUM = 12, /* width that a shortened column keeps */
    LAST_MINIMUM = 24,   /* if less is left, the last column goes on a line of its own */
    INDENT = 4,          /* of such a line */
};

/* All cells: rows of `column_count` each. The first row has the headings. */
struct table {
    const struct output *output;
    const struct column *columns[COLUMNS_MAXIMUM]; /* those that are shown */
    size_t column_count;
    size_t row_count;
    char **texts;
    enum colour *colours;
    size_t widths[COLUMNS_MAXIMUM];
    size_t limit;    /* columns of the terminal; 0: none */
    size_t last_at;  /* where the last column begins */
    bool last_below; /* the last column is on a line of its own */
};

static bool is_shown(const struct output *output, const struct column *column)
{
    return column->place == IN_BOTH ||
           column->place == (output->form == OUTPUT_WIDE ? IN_WIDE : IN_TABLE);
}

/* ---- cells ---- */

static int set_cell(struct table *table, size_t row, size_t column, const char *text,
                    enum colour colour)
{
    char clean[CELL_SIZE];
    status_text_copy(clean, sizeof(clean), text);
    size_t width = output_width(clean);
    if (width > table->widths[column])
        table->widths[column] = width;
    table->colours[row * table->column_count + column] = colour;
    table->texts[row * table->column_count + column] = strdup(clean);
    return table->texts[row * table->column_count + column] ? 0 : -1;
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

static int fill_cells(struct table *table, const struct listing *listing,
                      const struct json_object *items)
{
    for (size_t column = 0; column < table->column_count; column++) {
        if (set_cell(table, 0, column, table->columns[column]->heading, COLOUR_DIM) < 0)
            return -1;
        for (size_t row = 1; row < table->row_count; row++) {
            struct cell cell = {.text = ""};
            fill_cell(table->output, table->columns[column], document_item(items, row - 1),
                      listing->context, &cell);
            if (set_cell(table, row, column, cell.text[0] ? cell.text : "-", cell.colour) < 0)
                return -1;
        }
    }
    return 0;
}

/* ---- widths ---- */

/* The widest column, except the last, that can be shortened further, or NULL. */
static size_t *widest_to_shorten(struct table *table)
{
    size_t *widest = NULL;
    for (size_t i = 0; i + 1 < table->column_count; i++)
        if (table->columns[i]->fit == FIT_ELIDE && table->widths[i] > ELIDED_MINIMUM &&
            (!widest || table->widths[i] > *widest))
            widest = &table->widths[i];
    return widest;
}

/* Shortens columns until the last one begins at `column`, or none can be shortened further. */
static void shorten(struct table *table, size_t column)
{
    size_t *widest;
    while (table->last_at > column && (widest = widest_to_shorten(table))) {
        (*widest)--;
        table->last_at--;
    }
}

/* Decides the widths of the columns and the place of the last one. If the last one has no room even
 * then, the others are not shortened for it. */
static void fit_columns(struct table *table)
{
    size_t last = table->widths[table->column_count - 1];
    size_t wanted = last < LAST_MINIMUM ? last : LAST_MINIMUM;
    size_t before[COLUMNS_MAXIMUM];
    for (size_t i = 0; i + 1 < table->column_count; i++)
        table->last_at += table->widths[i] + GAP;
    if (table->limit == 0)
        return;
    size_t last_at = table->last_at;
    memcpy(before, table->widths, sizeof(before));
    shorten(table, table->limit > wanted ? table->limit - wanted : 0);
    table->last_below = table->last_at + wanted > table->limit && !table->output->screen;
    if (!table->last_below)
        return;
    memcpy(table->widths, before, sizeof(before));
    table->last_at = last_at;
    shorten(table, table->limit + GAP);
}

/* ---- rows ---- */

/* The text of a cell, shortened in the middle to at most `columns`: "operator..pdate". */
static const char *elide(const char *text, size_t columns, char *buffer)
{
    size_t width = output_width(text);
    if (width <= columns || columns < 4) {
        snprintf(buffer, CELL_SIZE, "%.*s", (int)output_fit(text, columns), text);
        return buffer;
    }
    size_t head = (columns - 2) / 2;
    size_t tail = columns - 2 - head;
    size_t skipped = output_fit(text, width - tail);
    snprintf(buffer, CELL_SIZE, "%.*s..%s", (int)output_fit(text, head), text, text + skipped);
    return buffer;
}

/* Writes `text` in lines of `columns`; every line except the first is indented by `indent`
 * blanks. */
static void write_wrapped(const struct table *table, enum colour colour, char *text, size_t columns,
                          size_t indent)
{
    for (bool first = true; *text || first; first = false) {
        size_t length = table->limit > 0 ? output_line(text, columns) : strlen(text);
        char *next = text + length + strspn(text + length, " ");
        char after = text[length];
        if (!first)
            printf("\n%*s", (int)indent, "");
        text[length] = '\0';
        output_coloured(table->output, colour, text, stdout);
        if (after == '\0')
            break;
        text[length] = after;
        text = next;
    }
    putchar('\n');
}

static void write_last(const struct table *table, char *text, enum colour colour)
{
    char shorter[CELL_SIZE];
    size_t room = table->limit > table->last_at ? table->limit - table->last_at : 0;
    bool elided = table->columns[table->column_count - 1]->fit == FIT_ELIDE;
    if (table->last_below) {
        putchar('\n');
        if (strcmp(text, "-") != 0) {
            printf("%*s", INDENT, "");
            write_wrapped(table, colour, text,
                          table->limit > 2 * INDENT ? table->limit - INDENT : INDENT, INDENT);
        }
    } else if (table->limit > 0 && elided && room > 0) {
        output_coloured(table->output, colour, elide(text, room, shorter), stdout);
        putchar('\n');
    } else {
        write_wrapped(table, colour, text, room > 0 ? room : LAST_MINIMUM, table->last_at);
    }
}

static void write_row(const struct table *table, size_t row)
{
    char shorter[CELL_SIZE];
    size_t last = table->column_count - 1;
    for (size_t i = 0; i < last; i++) {
        elide(table->texts[row * table->column_count + i], table->widths[i], shorter);
        output_coloured(table->output, table->colours[row * table->column_count + i], shorter,
                        stdout);
        if (!table->last_below || i + 1 < last)
            printf("%*s", (int)(table->widths[i] - output_width(shorter) + GAP), "");
    }
    write_last(table, table->texts[row * table->column_count + last],
               table->colours[row * table->column_count + last]);
}

static void free_cells(struct table *table)
{
    for (size_t i = 0; table->texts && i < table->row_count * table->column_count; i++)
        free(table->texts[i]);
    free(table->texts);
    free(table->colours);
}

void output_table(const struct output *output, const struct listing *listing,
                  const struct json_object *items)
{
    struct table table = {
        .output = output,
        .row_count = document_length(items) + 1,
        .limit = output->form == OUTPUT_WIDE ? 0 : (size_t)output->width,
    };
    assert(listing->column_count > 0 && listing->column_count <= COLUMNS_MAXIMUM);
    for (size_t i = 0; i < listing->column_count; i++)
        if (is_shown(output, &listing->columns[i]))
            table.columns[table.column_count++] = &listing->columns[i];

    size_t cells = table.row_count * table.column_count;
    table.texts = calloc(cells, sizeof(*table.texts));
    table.colours = calloc(cells, sizeof(*table.colours));
    if (table.texts && table.colours && fill_cells(&table, listing, items) == 0) {
        fit_columns(&table);
        for (size_t row = 0; row < table.row_count; row++)
            write_row(&table, row);
    } else {
        output_say("out of memory for a table of %zu rows", table.row_count);
    }
    free_cells(&table);
}
