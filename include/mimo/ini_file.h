/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ini_file.h - files of sections and keys, read strictly.
 *
 *     static const struct ini_handlers handlers = {take_section, take_key};
 *     if (ini_file_parse(path, text, length, &handlers, &reading, error) < 0)
 *         return -1; // "/etc/mimo/mimo.conf:7: ..."
 *
 * inih (https://github.com/benhoyt/inih) does the reading. What it would take without a word and
 * not as its writer meant it is an error here: a line or the name of a section that is too long,
 * text behind a section, NUL bytes; an indented line is a line of its own. A ";" behind a blank
 * begins a comment, as does a "#" or ";" at the beginning of a line.
 */
#ifndef MIMO_INI_FILE_H
#define MIMO_INI_FILE_H

#include <stddef.h>

#include "mimo/error.h"

enum {
    INI_FILE_SIZE_MAXIMUM = 1024 * 1024,
    INI_FILE_LINE_MAXIMUM = 197, /* characters, without those that end it */
};

/* Each answers 0, or -1 with an error that is put behind "FILE:LINE: "; nothing is read then any
 * more. Texts are borrowed. `line` counts from 1. */
struct ini_handlers {
    /* At each [section], with keys or without; may be NULL. */
    int (*section)(void *context, const char *section, int line, struct error *error);
    int (*key)(void *context, const char *section, const char *key, const char *value, int line,
               struct error *error);
};

/* Reads `text`, terminated and `length` bytes long, the content of the file at `path`. What is
 * wrong is ERROR_INVALID. */
int ini_file_parse(const char *path, const char *text, size_t length,
                   const struct ini_handlers *handlers, void *context, struct error *error);

/* The paths of all files in `folder` whose names end in .conf and do not begin with a dot, in the
 * order of their names; NULL-terminated. None where there is no such folder. Released by
 * ini_file_list_free(). NULL on failure. */
char **ini_file_list(const char *folder, struct error *error);
void ini_file_list_free(char **paths);

static inline void cleanup_ini_file_list_function(char ***paths)
{
    ini_file_list_free(*paths);
}
#define cleanup_ini_file_list __attribute__((cleanup(cleanup_ini_file_list_function)))

#endif
