/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ini_file.h - files of sections and keys, read strictly.
 *
 *     static const struct ini_handlers handlers = {take_section, take_key};
 *     if (ini_file_parse(path, text, length, &handlers, &reading, error) < 0)
 *         return -1; // "/etc/mimo/mimo.conf:7: ..."
 *
 * inih (https://github.com/benhoyt/inih) reads the files. Input that inih would silently misread is
 * an error here: lines and section names that are too long, text behind a section, NUL bytes. An
 * indented line does not continue the line before. A comment begins with "#" or ";" at the
 * beginning of a line, or with ";" after a blank.
 */
#ifndef MIMO_INI_FILE_H
#define MIMO_INI_FILE_H

#include <stddef.h>

#include "mimo/error.h"

enum {
    INI_FILE_SIZE_MAXIMUM = 1024 * 1024,
    INI_FILE_LINE_MAXIMUM = 197, /* characters, without those that end it */
};

/* Each returns 0, or -1 with an error, which gets "FILE:LINE: " in front and ends the reading.
 * Texts are borrowed. `line` counts from 1. */
struct ini_handlers {
    /* Called for each [section], also for one without keys; may be NULL. */
    int (*section)(void *context, const char *section, int line, struct error *error);
    int (*key)(void *context, const char *section, const char *key, const char *value, int line,
               struct error *error);
};

/* Reads `text`, the content of the file at `path`: `length` bytes and a NUL. ERROR_INVALID for
 * every error in it. */
int ini_file_parse(const char *path, const char *text, size_t length,
                   const struct ini_handlers *handlers, void *context, struct error *error);

/* The paths of all files in `folder` whose names end in .conf and do not begin with a dot, in the
 * order of their names; NULL-terminated. Empty if the folder does not exist. Release it with
 * ini_file_list_free(). NULL on failure. */
char **ini_file_list(const char *folder, struct error *error);
void ini_file_list_free(char **paths);

static inline void cleanup_ini_file_list_function(char ***paths)
{
    ini_file_list_free(*paths);
}
#define cleanup_ini_file_list __attribute__((cleanup(cleanup_ini_file_list_function)))

#endif
