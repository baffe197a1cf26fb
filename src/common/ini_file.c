/* SPDX-License-Identifier: Apache-2.0 */
/* ini_file.c - files of sections and keys, read strictly. */
#include "mimo/ini_file.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/text.h"

enum { SECTION_MAXIMUM = 49 }; /* inih cuts what is longer */

/* One file while it is read: the lines not yet given to inih, and what was found so far. */
struct reading {
    const struct ini_handlers *handlers;
    void *context;
    const char *rest;
    int line;           /* number of the line that inih has */
    int wrong_line;     /* the first one that was found wrong, or 0 */
    struct error wrong; /* and what is wrong with it */
};

static void fail(struct reading *reading, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Remembers what is wrong with this line; inih gets no further one then. */
static void fail(struct reading *reading, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    error_set_arguments(&reading->wrong, ERROR_INVALID, format, arguments);
    va_end(arguments);
    reading->wrong_line = reading->line;
}

static int handle_key(void *user, const char *section, const char *name, const char *value)
{
    struct reading *reading = user;
    struct error error;

    if (reading->handlers->key(reading->context, section, name, value, reading->line, &error) < 0)
        fail(reading, "%s", error.message);
    return reading->wrong_line == 0;
}

static void handle_section(struct reading *reading, const char *line, const char *end)
{
    char section[SECTION_MAXIMUM + 1];
    struct error error;

    snprintf(section, sizeof(section), "%.*s", (int)(end - line - 1), line + 1);
    if (reading->handlers->section &&
        reading->handlers->section(reading->context, section, reading->line, &error) < 0)
        fail(reading, "%s", error.message);
}

/* Looks at a section before inih does. */
static void check_section(struct reading *reading, const char *line, size_t length)
{
    const char *end = memchr(line, ']', length);
    const char *behind = end ? end + 1 + strspn(end + 1, " \t\r") : NULL;

    if (!end)
        fail(reading, "the section has no closing ]");
    else if (behind < line + length && *behind != ';' && *behind != '#')
        fail(reading, "text after the closing ] of the section: keys go on separate lines");
    else if (end - line - 1 > SECTION_MAXIMUM)
        fail(reading, "the name of the section is too long: %d bytes, allowed are %d",
             (int)(end - line - 1), SECTION_MAXIMUM);
    else
        handle_section(reading, line, end);
}

/* Hands inih one line, in the manner of fgets(). Leading blanks are taken off, for inih would take
 * an indented line as going on with the value of the line before. */
static char *read_line(char *buffer, int size, void *stream)
{
    struct reading *reading = stream;
    const char *line = reading->rest + strspn(reading->rest, " \t");
    size_t length = strcspn(line, "\n");

    assert((size_t)size >= INI_FILE_LINE_MAXIMUM + 3); /* inih counts CR, LF and NUL in */
    if (reading->wrong_line > 0 || *reading->rest == '\0')
        return NULL;
    reading->line++;
    reading->rest = line[length] ? line + length + 1 : line + length;
    if (length > INI_FILE_LINE_MAXIMUM)
        fail(reading, "line is too long: %zu characters, allowed are %d", length,
             INI_FILE_LINE_MAXIMUM);
    else if (*line == '[')
        check_section(reading, line, length);
    if (reading->wrong_line > 0)
        return NULL;
    memcpy(buffer, line, length);
    buffer[length] = '\0';
    return buffer;
}

int ini_file_parse(const char *path, const char *text, size_t length,
                   const struct ini_handlers *handlers, void *context, struct error *error)
{
    struct reading reading = {.handlers = handlers, .context = context, .rest = text};
    int line;

    if (strlen(text) != length)
        return error_set(error, ERROR_INVALID, "%s is not a text file: it holds NUL bytes", path);
    reading.rest = text_skip_mark(text, &length);
    line = ini_parse_stream(read_line, &reading, handle_key, &reading);
    if (line < 0)
        return error_set_system(error, ENOMEM, "cannot read %s", path);
    /* inih goes on after a line that it does not understand, and tells the first of them in the
     * end. */
    if (line > 0 && (reading.wrong_line == 0 || line < reading.wrong_line))
        return error_set(error, ERROR_INVALID,
                         "%s:%d: neither a [section], a key = value, nor a comment", path, line);
    if (reading.wrong_line > 0)
        return error_set(error, ERROR_INVALID, "%s:%d: %s", path, reading.wrong_line,
                         reading.wrong.message);
    return 0;
}

static int is_listed(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);

    return *entry->d_name != '.' && length > 5 && strcmp(entry->d_name + length - 5, ".conf") == 0;
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

char **ini_file_list(const char *folder, struct error *error)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_listed, compare_names);
    bool whole = true;
    char **paths;

    if (count < 0 && errno != ENOENT) {
        error_set_system(error, errno, "cannot read %s", folder);
        return NULL;
    }
    paths = calloc((size_t)(count > 0 ? count : 0) + 1, sizeof(*paths));
    for (int i = 0; i < count; i++) {
        if (paths && whole && asprintf(&paths[i], "%s/%s", folder, entries[i]->d_name) < 0) {
            paths[i] = NULL;
            whole = false;
        }
        free(entries[i]);
    }
    free(entries);
    if (!paths || !whole) {
        ini_file_list_free(paths);
        error_set_system(error, ENOMEM, "cannot read %s", folder);
        return NULL;
    }
    return paths;
}

void ini_file_list_free(char **paths)
{
    for (char **path = paths; path && *path; path++)
        free(*path);
    free(paths);
}
