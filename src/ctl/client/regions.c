/* SPDX-License-Identifier: Apache-2.0 */
/*
 * regions.c - mimoctl's configuration file: the Admin APIs of the regions.
 */
#include "ctl/client/regions.h"

#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/io.h"

enum { FILE_SIZE_MAXIMUM = 256 * 1024 };

#define REGION_PREFIX "region "

/* Keys of a [region NAME], and the members they set. */
static const struct {
    const char *name;
    size_t offset;
} region_keys[] = {
    {"url", offsetof(struct region, url)},
    {"token_file", offsetof(struct region, token_file)},
    {"token_command", offsetof(struct region, token_command)},
    {"cacert", offsetof(struct region, cacert)},
    {"client_cert", offsetof(struct region, client_cert)},
    {"client_key", offsetof(struct region, client_key)},
};
enum { REGION_KEY_COUNT = sizeof(region_keys) / sizeof(region_keys[0]) };

/* The file of this user; NULL without a home directory. */
static char *path_of_user(void)
{
    const char *folder = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    char *path = NULL;
    int length = -1;
    if (folder && folder[0] == '/')
        length = asprintf(&path, "%s/mimo/config", folder);
    else if (home && home[0] == '/')
        length = asprintf(&path, "%s/.config/mimo/config", home);
    return length < 0 ? NULL : path;
}

char *regions_path(void)
{
    const char *of_environment = getenv("MIMOCTL_CONFIG");
    if (of_environment && of_environment[0])
        return strdup(of_environment);
    char *path = path_of_user();
    if ((path && access(path, F_OK) == 0) || access(REGIONS_SYSTEM_PATH, F_OK) < 0)
        return path;
    free(path);
    return strdup(REGIONS_SYSTEM_PATH);
}

/* The file while inih reads it. */
struct reading {
    struct regions *regions;
    const char *rest; /* of the text */
    int line;         /* number of the line that inih has */
    bool failed;
    struct error *error; /* the first error */
};

static int fail(struct reading *reading, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int fail(struct reading *reading, const char *format, ...)
{
    va_list arguments;
    if (reading->failed)
        return 0;
    va_start(arguments, format);
    error_set_arguments(reading->error, ERROR_INVALID, format, arguments);
    va_end(arguments);
    error_prefix(reading->error, "%s:%d", reading->regions->path, reading->line);
    reading->failed = true;
    return 0;
}

/* Expands "~/" as a shell does. The caller frees the result. */
static char *expand_home(const char *value)
{
    const char *home = getenv("HOME");
    char *path = NULL;
    if (home && strncmp(value, "~/", 2) == 0)
        return asprintf(&path, "%s%s", home, value + 1) < 0 ? NULL : path;
    return strdup(value);
}

/* Stores a value that may be given once. Returns 1, inih's "go on". */
static int set(struct reading *reading, char **field, const char *name, const char *value)
{
    if (*field)
        return fail(reading, "%s is given a second time", name);
    if (value[0] == '\0')
        return fail(reading, "%s is empty", name);
    *field = expand_home(value);
    return *field ? 1 : fail(reading, "out of memory");
}

/* The region of that name, made if it is new. */
static struct region *take_region(struct regions *regions, const char *name)
{
    for (size_t i = 0; i < regions->count; i++)
        if (strcmp(regions->items[i].name, name) == 0)
            return &regions->items[i];
    struct region *items = reallocarray(regions->items, regions->count + 1, sizeof(*items));
    if (!items)
        return NULL;
    regions->items = items;
    items[regions->count] = (struct region){.name = strdup(name)};
    return items[regions->count].name ? &items[regions->count++] : NULL;
}

static int handle_region_key(struct reading *reading, const char *region_name, const char *name,
                             const char *value)
{
    struct region *region = take_region(reading->regions, region_name);
    if (!region)
        return fail(reading, "out of memory");
    for (size_t i = 0; i < REGION_KEY_COUNT; i++)
        if (strcmp(region_keys[i].name, name) == 0) {
            char **field = (char **)((char *)region + region_keys[i].offset);
            if (!set(reading, field, name, value))
                return 0;
            if (region->token_file && region->token_command)
                return fail(reading, "give token_file or token_command, not both");
            return 1;
        }
    return fail(reading,
                "unknown key \"%s\" in a region; known are url, token_file, token_command, "
                "cacert, client_cert, client_key",
                name);
}

/* ini_handler */
static int handle_key(void *user, const char *section, const char *name, const char *value)
{
    struct reading *reading = user;
    if (reading->failed)
        return 0;
    if (strncmp(section, REGION_PREFIX, strlen(REGION_PREFIX)) == 0)
        return handle_region_key(reading, section + strlen(REGION_PREFIX), name, value);
    if (section[0] != '\0')
        return fail(reading, "unknown section [%s]; write [region NAME]", section);
    if (strcmp(name, "default_location") == 0)
        return set(reading, &reading->regions->default_location, name, value);
    return fail(reading,
                "unknown key \"%s\" before the first [region NAME]; only "
                "default_location may be there",
                name);
}

/* ini_reader. Removes leading blanks, because inih appends an indented line to the value of the
 * line before. */
static char *read_line(char *buffer, int size, void *stream)
{
    struct reading *reading = stream;
    if (reading->failed || *reading->rest == '\0')
        return NULL;
    const char *line = reading->rest + strspn(reading->rest, " \t");
    size_t length = strcspn(line, "\n");
    size_t room = (size_t)size - 3; /* inih's size includes CR, LF and NUL */
    reading->line++;
    reading->rest = line + length + (line[length] == '\n');
    if (length > room) {
        fail(reading,
             "the line has %zu bytes, at most %zu are allowed (put a long token_command into "
             "a script)",
             length, room);
        return NULL;
    }
    memcpy(buffer, line, length);
    buffer[length] = '\0';
    return buffer;
}

static int check_all(const struct regions *regions, struct error *error)
{
    for (size_t i = 0; i < regions->count; i++) {
        const struct region *region = &regions->items[i];
        if (!region->url)
            return error_set(error, ERROR_INVALID, "%s: [region %s] has no url", regions->path,
                             region->name);
        if (region->client_key && !region->client_cert)
            return error_set(error, ERROR_INVALID,
                             "%s: [region %s] has client_key without client_cert", regions->path,
                             region->name);
    }
    if (regions->default_location && !regions_find(regions, regions->default_location))
        return error_set(error, ERROR_INVALID,
                         "%s: default_location is \"%s\", but there is no [region %s]",
                         regions->path, regions->default_location, regions->default_location);
    return 0;
}

static int parse(struct regions *regions, const char *text, struct error *error)
{
    struct reading reading = {.regions = regions, .rest = text, .error = error};
    int line = ini_parse_stream(read_line, &reading, handle_key, &reading);
    if (line > 0 && !reading.failed) {
        reading.line = line;
        fail(&reading, "this is neither [region NAME], nor KEY = VALUE, nor a comment");
    }
    if (line < 0)
        return error_set_system(error, ENOMEM, "cannot read %s", regions->path);
    return reading.failed ? -1 : check_all(regions, error);
}

int regions_read(struct regions *regions, char *path, struct error *error)
{
    *regions = (struct regions){.path = path};
    cleanup_free char *text = NULL;
    struct error reason;
    if (!path)
        return 0;
    if (io_read_file(path, FILE_SIZE_MAXIMUM, &text, NULL, &reason) < 0) {
        if (reason.kind == ERROR_NOT_FOUND)
            return 0;
        error_set(error, ERROR_INVALID, "%s", reason.message);
        regions_free(regions);
        return -1;
    }
    if (parse(regions, text, error) < 0) {
        regions_free(regions);
        return -1;
    }
    return 0;
}

void regions_free(struct regions *regions)
{
    for (size_t i = 0; i < regions->count; i++) {
        free(regions->items[i].name);
        for (size_t key = 0; key < REGION_KEY_COUNT; key++)
            free(*(char **)((char *)&regions->items[i] + region_keys[key].offset));
    }
    free(regions->items);
    free(regions->path);
    free(regions->default_location);
    *regions = (struct regions){0};
}

const struct region *regions_find(const struct regions *regions, const char *name)
{
    const char *wanted = name ? name : regions->default_location;
    if (!wanted)
        return regions->count == 1 ? &regions->items[0] : NULL;
    for (size_t i = 0; i < regions->count; i++)
        if (strcmp(regions->items[i].name, wanted) == 0)
            return &regions->items[i];
    return NULL;
}
