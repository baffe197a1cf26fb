/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - one line per event on standard error. */
#include "mimo/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "mimo/text.h"

/* The one state of this module. Written by log_open() before there are threads, then only read. */
static struct {
    const char *program;
    enum log_level level;
    bool journal;
    pid_t pid;
} state = {.program = "mimo", .level = LOG_LEVEL_INFO};

/* systemd.exec(5): JOURNAL_STREAM is "device:inode" of the stream. A child whose standard error was
 * redirected still has the variable, so the numbers must match this process's standard error. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat status;

    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

void log_open(const char *program, enum log_level level, enum log_format format)
{
    state.program = program;
    state.level = level;
    state.journal =
        format == LOG_FORMAT_JOURNAL || (format == LOG_FORMAT_AUTO && stderr_is_journal());
    log_refresh_pid();
}

void log_refresh_pid(void)
{
    state.pid = getpid();
}

void log_set_level(enum log_level level)
{
    state.level = level;
}

static const char *level_name(enum log_level level)
{
    static const char *const names[] = {
        [LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_NOTICE] = "notice",
        [LOG_LEVEL_INFO] = "info",   [LOG_LEVEL_DEBUG] = "debug",
    };

    return names[level];
}

unsigned long log_static_head(char *buffer, unsigned long size, enum log_level level)
{
    if (state.journal)
        return (size_t)snprintf(buffer, size, "<%d>", (int)level);
    return (size_t)snprintf(buffer, size, "%.64s[%d] %s: ", state.program,
                            (int)(state.pid ? state.pid : getpid()), level_name(level));
}

/* Writes the prefix of a message; returns its length. */
static size_t write_head(char *line, size_t size, enum log_level level)
{
    struct timespec now;
    struct tm fields;
    char seconds[32];

    size_t length = 0;

    if (!state.journal) {
        clock_gettime(CLOCK_REALTIME, &now);
        gmtime_r(&now.tv_sec, &fields);
        strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &fields);
        length = (size_t)snprintf(line, size, "%s.%06ldZ ", seconds, now.tv_nsec / 1000);
    }
    return length + log_static_head(line + length, size - length, level);
}

/* Copies as much of `text` as fits, controls and bad bytes as \xNN, invisible characters as \uNNNN.
 * Returns where it stopped in `text`. */
static const char *escape(char *buffer, size_t size, const char *text, size_t *ret_length)
{
    size_t used = 0;

    while (*text) {
        if (*text >= ' ' && *text <= '~') { /* nearly all there ever is */
            if (used + 1 >= size)
                break;
            buffer[used++] = *text++;
            continue;
        }
        size_t length;
        char escaped[TEXT_ESCAPE_SIZE];
        enum text_class class = text_classify(text, &length);
        if (class == TEXT_INVISIBLE)
            text_escape_character(escaped, text);
        else
            snprintf(escaped, sizeof(escaped), "\\x%02x", (unsigned char)*text);
        size_t wanted = class == TEXT_PLAIN ? length : strlen(escaped);

        if (used + wanted >= size)
            break;
        memcpy(buffer + used, class == TEXT_PLAIN ? text : escaped, wanted);
        used += wanted;
        text += class == TEXT_CONTROL ? 1 : length;
    }
    buffer[used] = '\0';
    *ret_length = used;
    return text;
}

const char *log_escape(char *buffer, unsigned long size, const char *text)
{
    size_t length;

    escape(buffer, size, text, &length);
    return buffer;
}

const char *log_quote(char *buffer, unsigned long size, const char *text)
{
    size_t used = 0;
    for (; *text; text++) {
        char one[8] = {*text, '\0'};
        if (*text == '"' || *text == '\\')
            snprintf(one, sizeof(one), "\\%c", *text);
        else if ((unsigned char)*text < ' ' || *text == 0x7f)
            snprintf(one, sizeof(one), "\\x%02x", (unsigned char)*text);
        size_t length = strlen(one);
        if (used + length >= size)
            break;
        memcpy(buffer + used, one, length);
        used += length;
    }
    buffer[used] = '\0';
    return buffer;
}

void log_write(enum log_level level, const char *format, ...)
{
    static const char ellipsis[] = "...\n";
    char message[LOG_LINE_SIZE];
    char line[LOG_LINE_SIZE];
    int saved_errno = errno;
    size_t head, length;
    va_list arguments;
    ssize_t written;

    if (level > state.level)
        return;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);

    head = write_head(line, sizeof(line), level);
    if (*escape(line + head, sizeof(line) - head - sizeof(ellipsis), message, &length) != '\0') {
        memcpy(line + head + length, ellipsis, sizeof(ellipsis) - 1);
        length += sizeof(ellipsis) - 1;
    } else {
        line[head + length++] = '\n';
    }
    /* One write, so that lines of several processes do not mix. What cannot be written is lost:
     * there is nowhere to say so. */
    do
        written = write(STDERR_FILENO, line, head + length);
    while (written < 0 && errno == EINTR);
    errno = saved_errno;
}
