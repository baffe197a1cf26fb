/* SPDX-License-Identifier: Apache-2.0 */
/* error.c - errors as values. */
#include "mimo/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mimo/text.h"

static int fill(struct error *error, enum error_kind kind, const char *message)
{
    error->kind = kind;
    text_copy_clean(error->message, sizeof(error->message), message, ' ');
    return -1;
}

int error_set_arguments(struct error *error, enum error_kind kind, const char *format,
                        va_list arguments)
{
    char message[ERROR_MESSAGE_SIZE + 4]; /* room for a character that is cut in two */

    if (!error)
        return -1;
    vsnprintf(message, sizeof(message), format, arguments);
    return fill(error, kind, message);
}

int error_set(struct error *error, enum error_kind kind, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    error_set_arguments(error, kind, format, arguments);
    va_end(arguments);
    return -1;
}

int error_set_memory(struct error *error)
{
    return error_set(error, ERROR_MEMORY, "out of memory");
}

bool error_may_pass(enum error_kind kind)
{
    switch (kind) {
    case ERROR_MEMORY:
    case ERROR_BUSY:
    case ERROR_UNAVAILABLE:
    case ERROR_SYSTEM:
        return true;
    case ERROR_NONE:
    case ERROR_INVALID:
    case ERROR_NOT_FOUND:
    case ERROR_CONFLICT:
    case ERROR_DENIED:
    case ERROR_TOO_LARGE:
        break;
    }
    return false;
}

static enum error_kind kind_of_errno(int errnum)
{
    switch (errnum) {
    case ENOENT:
        return ERROR_NOT_FOUND;
    case EACCES:
    case EPERM:
        return ERROR_DENIED;
    case EEXIST:
        return ERROR_CONFLICT;
    case ENOMEM:
        return ERROR_MEMORY;
    default:
        return ERROR_SYSTEM;
    }
}

int error_set_system(struct error *error, int errnum, const char *format, ...)
{
    char message[ERROR_MESSAGE_SIZE + 4];
    const char *description = strerrordesc_np(errnum);
    va_list arguments;
    int length;

    if (!error)
        return -1;
    va_start(arguments, format);
    length = vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length < sizeof(message)) {
        if (description)
            snprintf(message + length, sizeof(message) - (size_t)length, ": %s", description);
        else
            snprintf(message + length, sizeof(message) - (size_t)length, ": error %d", errnum);
    }
    return fill(error, kind_of_errno(errnum), message);
}

int error_prefix(struct error *error, const char *format, ...)
{
    char message[2 * ERROR_MESSAGE_SIZE];
    va_list arguments;
    int length;

    if (!error)
        return -1;
    va_start(arguments, format);
    length = vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length < sizeof(message))
        snprintf(message + length, sizeof(message) - (size_t)length, ": %s", error->message);
    return fill(error, error->kind, message);
}
