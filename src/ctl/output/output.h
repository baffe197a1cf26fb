/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.h - data for standard output: tables for people, JSON and IDs for programs; messages.
 *
 * A struct listing describes a table. Each column has a heading, the forms that show it, and the
 * source of its text. Control characters are replaced, and columns are aligned by the width that
 * terminals give to characters.
 *
 * On a terminal the form "table" fits the terminal's width. FIT_ELIDE columns are shortened in the
 * middle, to 12 characters at least. The last column, usually the status, is wrapped instead,
 * unless it is FIT_ELIDE too; if less than 24 characters are left for it, it goes on lines of its
 * own. The form "wide", and output to a file or pipe, is never shortened.
 *
 * Threads: one. The functions write to stdout; a caller may assign another stream to it.
 */
#ifndef MIMO_CTL_OUTPUT_OUTPUT_H
#define MIMO_CTL_OUTPUT_OUTPUT_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "mimo/error.h"

enum output_form { OUTPUT_TABLE, OUTPUT_WIDE, OUTPUT_JSON, OUTPUT_ID };

enum colour { COLOUR_NONE, COLOUR_GREEN, COLOUR_YELLOW, COLOUR_RED, COLOUR_BLUE, COLOUR_DIM };

struct output {
    enum output_form form;
    bool terminal; /* standard output is a terminal */
    bool live;     /* lines on it can be overwritten */
    bool colour;
    bool screen; /* the caller cuts lines at the edge: no column goes on a line of its own */
    int width;   /* of the terminal; 0: no limit */
    int64_t now; /* reference of relative times */
};

/* "table", "wide", "json", "id" */
const char *output_form_name(enum output_form form);

/* Fills in `output` from the terminal, NO_COLOR and TERM. `form` is the value of --output, or
 * NULL. */
int output_set_up(struct output *output, const char *form, struct error *error);

/* Reads the terminal's size again; returns its number of lines. */
int output_measure(struct output *output);

enum { CELL_SIZE = 4400 };

struct cell {
    char text[CELL_SIZE];
    enum colour colour;
};

/* Fills `cell`, which is empty. `context` comes from the caller of output_items(). */
typedef void cell_function(const struct output *output, const struct json_object *item,
                           const void *context, struct cell *cell);

enum column_place { IN_BOTH, IN_TABLE, IN_WIDE };
enum column_fit { FIT_WHOLE, FIT_ELIDE };

struct column {
    const char *heading;
    enum column_place place;
    const char *path;    /* a string or number member, shown unchanged; or */
    cell_function *fill; /* a function that makes the text */
    enum column_fit fit;
};

struct listing {
    const struct column *columns;
    size_t column_count;
    const char *nothing; /* message on standard error when there are no items */
    const void *context;
};

/* Writes all items in the form of --output: a table, {"value": [...]}, or one "id" per line. */
void output_items(const struct output *output, const struct listing *listing,
                  const struct json_object *items);

/* The table alone. */
void output_table(const struct output *output, const struct listing *listing,
                  const struct json_object *items);

/* One JSON value on one line. */
void output_json_line(const struct json_object *value);

/* One JSON value, indented, and a newline. */
void output_json(const struct json_object *value);

/* "Heading:   text", aligned, and wrapped on a terminal unless the form is "wide"; writes nothing
 * if `text` is empty. */
void output_field(const struct output *output, const char *heading, enum colour colour,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Columns that `text` takes on a terminal. */
size_t output_width(const char *text);

/* The number of bytes of `text` that fit into `columns`. */
size_t output_fit(const char *text, size_t columns);

/* Writes the line "mimoctl: ..." to standard error. Control characters are replaced. */
void output_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The number of bytes in the first line of `text` when it is wrapped to `columns`. The break is at
 * the last blank that fits, or within a word that is longer than a line. Blanks at the break belong
 * to neither line. */
size_t output_line(const char *text, size_t columns);

/* Writes `text` in a colour, if there are colours. */
void output_coloured(const struct output *output, enum colour colour, const char *text, FILE *file);

#endif
