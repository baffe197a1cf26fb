/* SPDX-License-Identifier: Apache-2.0 */
/* process.c - what the programs of the family share about being processes. */
#include "mimo/process.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "mimo/text.h"

/* The memory that the kernel shows as the title: arguments and environment as execve(2) placed
 * them. */
static struct {
    char *start;
    size_t size;
    char **environment; /* our copy; kept so that it stays reachable */
} title;

/* The end of the text at `text` if that is where the area goes on, else `end`. */
static char *extend(char *end, char *text)
{
    return text == end ? end + strlen(text) + 1 : end;
}

void process_title_initialize(int argc, char **argv)
{
    char *end = argv[0];
    size_t count = 0;
    char **copy;

    for (int i = 0; i < argc; i++)
        end = extend(end, argv[i]);
    for (; environ[count]; count++)
        end = extend(end, environ[count]);

    /* Everybody's pointers into the area are moved to copies, before a title overwrites it. */
    copy = calloc(count + 1, sizeof(*copy));
    if (!copy)
        return;
    for (size_t i = 0; i < count; i++) {
        copy[i] = strdup(environ[i]);
        if (!copy[i])
            return;
    }
    for (int i = 0; i < argc; i++) {
        char *argument = strdup(argv[i]);

        if (!argument)
            return;
        if (i == 0) {
            char *slash = strrchr(argument, '/');

            program_invocation_name = argument;
            program_invocation_short_name = slash ? slash + 1 : argument;
            title.start = argv[0];
        }
        argv[i] = argument;
    }
    environ = copy;
    title.environment = copy;
    title.size = (size_t)(end - title.start);
}

void process_set_title(const char *format, ...)
{
    char text[1024 + 4]; /* room for a character that is cut in two */
    char clean[1024];
    char name[16]; /* what the kernel keeps of a thread's name */
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    text_copy_clean(clean, sizeof(clean), text, '?');

    snprintf(name, sizeof(name), "%.*s", (int)strcspn(clean, ": "), clean);
    prctl(PR_SET_NAME, name);
    if (title.size == 0)
        return;
    memset(title.start, 0, title.size);
    text_copy_clean(title.start, title.size, clean, '?');
}

int process_find_sibling(const char *name, char *buffer, size_t size, struct error *error)
{
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash;

    if (length < 0)
        return error_set_system(error, errno, "cannot find the running program");
    self[length] = '\0';
    slash = strrchr(self, '/');
    assert(slash); /* the kernel gives an absolute path */
    *slash = '\0';
    if ((size_t)snprintf(buffer, size, "%s/%s", self, name) < size && access(buffer, X_OK) == 0)
        return 0;
    if ((size_t)snprintf(buffer, size, "%s/%s", LIBEXECDIR, name) < size &&
        access(buffer, X_OK) == 0)
        return 0;
    return error_set(
        error, ERROR_NOT_FOUND,
        "cannot find program %s, neither in %s nor in %s: check that MIMO is installed completely",
        name, self, LIBEXECDIR);
}

/* The smallest of `keep` that is at least `from`, or -1. */
static int next_kept(const int *keep, size_t count, int from)
{
    int next = -1;

    for (size_t i = 0; i < count; i++) {
        if (keep[i] >= from && (next < 0 || keep[i] < next))
            next = keep[i];
    }
    return next;
}

void process_close_descriptors(const int *keep, size_t count)
{
    int from = STDERR_FILENO + 1;
    int kept, result;

    while ((kept = next_kept(keep, count, from)) >= 0) {
        if (kept > from) {
            result = close_range((unsigned)from, (unsigned)kept - 1, 0);
            assert(result == 0); /* in Linux since 5.9, fails for wrong arguments only */
        }
        from = kept + 1;
    }
    result = close_range((unsigned)from, ~0U, 0);
    assert(result == 0);
}

int process_die_with_parent(pid_t expected_parent, struct error *error)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return error_set_system(error, errno, "cannot tie this process to its parent");
    /* A parent that ended before the call sends nothing any more. */
    if (getppid() != expected_parent)
        return error_set(error, ERROR_UNAVAILABLE, "the parent process %d has ended",
                         (int)expected_parent);
    return 0;
}

int64_t process_resident_kib(int64_t pid)
{
    char path[64];
    long pages = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%" PRId64 "/statm", pid);
    file = fopen(path, "re");
    if (!file)
        return 0;
    if (fscanf(file, "%*d %ld", &pages) != 1)
        pages = 0;
    fclose(file);
    return (int64_t)pages * (sysconf(_SC_PAGESIZE) / 1024);
}
