/* SPDX-License-Identifier: Apache-2.0 */
/* program_form.c - whether the kernel could run a file as a program. Source: execve(2). */
#include "tasks/program_form.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mimo/cleanup.h"

enum { FIRST_LINE_SIZE = 256 }; /* of which the kernel reads an interpreter */

static const char byte_order_mark[] = "\xef\xbb\xbf";

/* The path behind "#!", cut off at a blank as the kernel does. A carriage return is no blank. */
static int check_interpreter(char *line, const char *path, struct error *error)
{
    struct stat status;
    char *interpreter = line + strspn(line, " \t");
    char *end = interpreter + strcspn(interpreter, " \t\n");
    bool has_carriage_return = memchr(interpreter, '\r', strlen(interpreter)) != NULL;
    *end = '\0';
    if (has_carriage_return)
        return error_set(error, ERROR_INVALID,
                         "%s has a carriage return in its first line, which the kernel takes for a "
                         "part of the interpreter's name: save it with Unix line ends (sed -i "
                         "'s/\\r$//' %s)",
                         path, path);
    if (*interpreter != '/')
        return error_set(error, ERROR_INVALID,
                         "%s names no interpreter after #! in its first line: it must be an "
                         "absolute path, such as #!/bin/sh",
                         path);
    if (stat(interpreter, &status) < 0 && (errno == ENOENT || errno == ENOTDIR))
        return error_set(
            error, ERROR_INVALID,
            "%s names the interpreter %s in its first line, and there is no such file: "
            "install it or correct the line",
            path, interpreter);
    return 0;
}

int program_form_check(int descriptor, const char *path, struct error *error)
{
    char line[FIRST_LINE_SIZE + 1], name[64];
    snprintf(name, sizeof(name), "/proc/self/fd/%d", descriptor);
    cleanup_fd int file = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ssize_t length = file < 0 ? -1 : pread(file, line, FIRST_LINE_SIZE, 0);
    if (length < 0)
        return 0;
    line[length] = '\0';
    if (length >= SELFMAG && memcmp(line, ELFMAG, SELFMAG) == 0)
        return 0;
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, byte_order_mark, sizeof(byte_order_mark) - 1) == 0)
        return error_set(
            error, ERROR_INVALID,
            "%s begins with a byte order mark, so the kernel does not see its #!: save "
            "it as UTF-8 without one (sed -i '1s/^\\xEF\\xBB\\xBF//' %s)",
            path, path);
    if (strncmp(line, "#!", 2) != 0)
        return error_set(error, ERROR_INVALID,
                         "%s is neither an ELF program nor a script: a script begins with #! and "
                         "the path of its interpreter, such as #!/bin/sh",
                         path);
    return check_interpreter(line + 2, path, error);
}
