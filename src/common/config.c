/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of all programs: files, drop-ins and overrides into struct config. */
#include "config.h"

#include "mimo/config.h"

#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/config_table.h"
#include "mimo/cleanup.h"
#include "mimo/io.h"
#include "mimo/log.h"
#include "mimo/text.h"

enum { CONFIG_FILE_SIZE_MAXIMUM = 1024 * 1024 };

/* One file while it is read: the lines not yet given to inih, and what was found so far. */
struct reading {
    struct config *config;
    const char *path;
    const char *rest;
    int line;           /* number of the line that inih has */
    bool *seen;         /* keys of this file, in the order of the table */
    int wrong_line;     /* the first one that we found wrong, or 0 */
    struct error wrong; /* and what is wrong with it */
};

static int fail(struct reading *reading, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Remembers what is wrong with this line; inih gets no further one then. Returns what tells inih
 * so. */
static int fail(struct reading *reading, const char *format, ...)
{
    va_list arguments;
    char message[ERROR_MESSAGE_SIZE];

    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    reading->wrong_line = reading->line;
    error_set(&reading->wrong, ERROR_INVALID, "%s", message);
    return 0;
}

static int handle_key(void *user, const char *section, const char *name, const char *value)
{
    struct reading *reading = user;
    const struct config_row *row;
    struct error error;

    row = config_row_find(section, name, &error);
    if (!row)
        return fail(reading, "%s", error.message);
    if (reading->seen[config_row_number(row)])
        return fail(reading, "%s.%s is in this file already: keep one of the two", section, name);
    reading->seen[config_row_number(row)] = true;
    if (config_row_set(row, reading->config, value, &error) < 0)
        return fail(reading, "%s", error.message);
    return 1;
}

/* What inih would take without a word and not as its writer meant it. */
static const char *section_problem(const char *line, size_t length)
{
    const char *end = memchr(line, ']', length);

    if (*line != '[')
        return NULL;
    if (!end)
        return "the section has no closing ]";
    end++;
    end += strspn(end, " \t\r");
    return end < line + length && *end != ';' && *end != '#'
               ? "something stands behind the section: keys go on lines of their own"
               : NULL;
}

/* Hands inih one line, in the manner of fgets(). Leading blanks are taken off, for inih would take
 * an indented line as going on with the value of the line before. */
static char *read_line(char *buffer, int size, void *stream)
{
    struct reading *reading = stream;
    const char *line = reading->rest + strspn(reading->rest, " \t");
    size_t length = strcspn(line, "\n");
    const size_t room = (size_t)size - 3; /* inih counts CR, LF and NUL in */
    const char *problem;

    if (reading->wrong_line > 0 || *reading->rest == '\0')
        return NULL;
    reading->line++;
    reading->rest = line[length] ? line + length + 1 : line + length;
    problem = section_problem(line, length);
    if (length > room)
        fail(reading, "line is too long: %zu characters, allowed are %zu", length, room);
    else if (problem)
        fail(reading, "%s", problem);
    if (reading->wrong_line > 0)
        return NULL;
    memcpy(buffer, line, length);
    buffer[length] = '\0';
    return buffer;
}

static int parse_text(struct reading *reading, struct error *error)
{
    int line;

    if (strncmp(reading->rest, "\xef\xbb\xbf", 3) == 0) /* a byte order mark, before blanks too */
        reading->rest += 3;
    line = ini_parse_stream(read_line, reading, handle_key, reading);
    if (line < 0)
        return error_set_system(error, ENOMEM, "cannot read %s", reading->path);
    /* inih goes on after a line that it does not understand, and tells the first of them in the
     * end. */
    if (line > 0 && (reading->wrong_line == 0 || line < reading->wrong_line))
        return error_set(error, ERROR_INVALID,
                         "%s:%d: neither a [section], a key = value, nor a comment", reading->path,
                         line);
    if (reading->wrong_line > 0)
        return error_set(error, ERROR_INVALID, "%s:%d: %s", reading->path, reading->wrong_line,
                         reading->wrong.message);
    return 0;
}

static int load_file(struct config *config, const char *path, struct error *error)
{
    cleanup_free char *text = NULL;
    cleanup_free bool *seen = calloc(config_row_count(), sizeof(*seen));
    struct reading reading = {.config = config, .path = path, .seen = seen};
    size_t length;

    if (!seen)
        return error_set_system(error, ENOMEM, "cannot read %s", path);
    if (io_read_file(path, CONFIG_FILE_SIZE_MAXIMUM, &text, &length, error) < 0)
        return error_prefix(error, "cannot read the configuration");
    if (strlen(text) != length)
        return error_set(error, ERROR_INVALID, "%s is not a text file: it holds NUL bytes", path);
    reading.rest = text;
    return parse_text(&reading, error);
}

static int is_drop_in(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);

    return *entry->d_name != '.' && length > 5 && strcmp(entry->d_name + length - 5, ".conf") == 0;
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_drop_ins(struct config *config, const char *path, struct error *error)
{
    char folder[PATH_MAX], file[PATH_MAX + NAME_MAX + 2];
    struct dirent **entries = NULL;
    int result = 0;
    int count;

    if ((size_t)snprintf(folder, sizeof(folder), "%s.d", path) >= sizeof(folder))
        return error_set(error, ERROR_INVALID, "path of the configuration is too long");
    count = scandir(folder, &entries, is_drop_in, compare_names);
    if (count < 0)
        return errno == ENOENT ? 0 : error_set_system(error, errno, "cannot read %s", folder);
    for (int i = 0; i < count; i++) {
        if (result == 0) {
            snprintf(file, sizeof(file), "%s/%s", folder, entries[i]->d_name);
            result = load_file(config, file, error);
        }
        free(entries[i]);
    }
    free(entries);
    return result;
}

static int load_override(struct config *config, const char *override, struct error *error)
{
    char section[64], name[64];
    char shown[160];
    const char *dot = strchr(override, '.');
    const char *equals = strchr(override, '=');
    const struct config_row *row;

    log_escape(shown, sizeof(shown), override);
    if (!dot || !equals || dot > equals || (size_t)(dot - override) >= sizeof(section) ||
        (size_t)(equals - dot) > sizeof(name))
        return error_set(error, ERROR_INVALID, "--set %s: must be section.key=value", shown);
    snprintf(section, sizeof(section), "%.*s", (int)(dot - override), override);
    snprintf(name, sizeof(name), "%.*s", (int)(equals - dot - 1), dot + 1);
    row = config_row_find(section, name, error);
    if (!row || config_row_set(row, config, equals + 1, error) < 0)
        return error_prefix(error, "--set %s", shown);
    return 0;
}

static int load_defaults(struct config *config, struct error *error)
{
    for (size_t i = 0; i < config_row_count(); i++) {
        const struct config_row *row = config_row_at(i);

        if (config_row_set(row, config, row->otherwise, error) < 0)
            return error_prefix(error, "default");
    }
    return 0;
}

static int load(struct config *config, const char *path, const char *const *overrides,
                struct error *error)
{
    const bool may_be_missing = !path || strcmp(path, CONFIG_DEFAULT_PATH) == 0;

    if (!path)
        path = CONFIG_DEFAULT_PATH;
    if (load_defaults(config, error) < 0)
        return -1;
    if (!(may_be_missing && access(path, F_OK) < 0 && errno == ENOENT) &&
        load_file(config, path, error) < 0)
        return -1;
    if (load_drop_ins(config, path, error) < 0)
        return -1;
    for (; overrides && *overrides; overrides++) {
        if (load_override(config, *overrides, error) < 0)
            return -1;
    }
    if (config_check_rules(config, error) < 0)
        return error_prefix(error, "%s", path);
    return 0;
}

int config_load(struct config *config, const char *path, const char *const *overrides,
                struct error *error)
{
    *config = (struct config){0};
    if (load(config, path, overrides, error) < 0) {
        config_free(config);
        return -1;
    }
    return 0;
}

void config_free(struct config *config)
{
    for (size_t i = 0; i < config_row_count(); i++)
        config_row_free(config_row_at(i), config);
    *config = (struct config){0};
}
