/* SPDX-License-Identifier: Apache-2.0 */
/* role_lines.c - reads files with one entry per line. */
#include "api/auth/role_lines.h"

#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/text.h"
#include "mimo/trusted_path.h"

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

int role_file_read(const char *path, const char *what, uid_t user, char **ret_text,
                   size_t *ret_length, struct error *error)
{
    if (trusted_path_read(path, user, ROLE_FILE_SIZE_MAXIMUM, ret_text, ret_length, error) < 0)
        return error_prefix(error, "cannot read %s", what);
    return 0;
}
