/* SPDX-License-Identifier: Apache-2.0 */
/* line.c - reads lines of any input into a buffer of fixed size. */
#include <stdio.h>

#include "store-tool/tool.h"

enum tool_line tool_read_line(FILE *stream, char *buffer, size_t size, size_t *ret_length)
{
    size_t length = 0;
    bool fits = true;
    int byte;
    while ((byte = getc_unlocked(stream)) != EOF && byte != '\n') {
        if (length + 1 < size)
            buffer[length++] = (char)byte;
        else
            fits = false; /* read the line to its end, to find the next one */
    }
    if (ferror(stream))
        return TOOL_LINE_ERROR;
    if (byte == EOF && length == 0)
        return TOOL_LINE_END;
    buffer[length] = '\0';
    *ret_length = length;
    return fits ? TOOL_LINE : TOOL_LINE_TOO_LONG;
}
