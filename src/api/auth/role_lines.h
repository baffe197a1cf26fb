/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role_lines.h - files that assign roles: one entry a line; empty lines and lines that begin with "#"
 * are skipped. Strict: one line with an error makes the whole file invalid.
 */
#ifndef API_ROLE_LINES_H
#define API_ROLE_LINES_H

#include <stddef.h>
#include <sys/types.h>

#include "mimo/error.h"

enum { ROLE_FILE_SIZE_MAXIMUM = 1024 * 1024 };

/* Reads one line, without leading blanks and trailing CR. It may change the text. */
typedef int role_line_f(void *context, char *line, struct error *error);

/* Calls `take` for each line. Errors are prefixed with "PATH:LINE". */
int role_lines_parse(const char *text, size_t length, const char *path, role_line_f *take,
                     void *context, struct error *error);

/* Reads such a file along a trusted path (trusted_path.h), which may belong to `user` too; `what`
 * ("token file") is for messages. The caller frees. */
int role_file_read(const char *path, const char *what, uid_t user, char **ret_text,
                   size_t *ret_length, struct error *error);

#endif
