/* SPDX-License-Identifier: Apache-2.0 */
/* role_lines.c - files with an entry a line. */
#include "api/auth/role_lines.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "mimo/cleanup.h"
#include "mimo/io.h"
#include "mimo/text.h"

int role_lines_parse(const char *text, size_t length, const char *path, role_line_f *take,
                     void *context, struct error *error)
{
    text = text_skip_mark(text, &length);
    cleanup_free char *copy = strndup(text, length);
    if (!copy)
        return error_set_memory(error);
    if (strlen(copy) != length)
        return error_set(error, ERROR_INVALID, "%s: contains a NUL byte", path);

    char *rest = copy;
    for (int number = 1; rest; number++) {
        char *line = strsep(&rest, "\n");
        line += strspn(line, " \t\r");
        line[strcspn(line, "\r")] = '\0';
        if (line[0] == '\0' || line[0] == '#')
            continue;
        if (take(context, line, error) < 0)
            return error_prefix(error, "%s:%d", path, number);
    }
    return 0;
}

int role_file_read(const char *path, const char *what, char **ret_text, size_t *ret_length,
                   struct error *error)
{
    struct stat status;
    if (stat(path, &status) < 0)
        return error_set_system(error, errno, "cannot read %s %s", what, path);
    if (status.st_mode & (S_IWGRP | S_IWOTH))
        return error_set(error, ERROR_DENIED, "%s %s can be written by others: chmod go-w %s", what,
                         path, path);
    if (io_read_file(path, ROLE_FILE_SIZE_MAXIMUM, ret_text, ret_length, error) < 0)
        return error_prefix(error, "cannot read %s", what);
    return 0;
}
