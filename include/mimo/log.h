/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - one line per event on standard error.
 *
 * Call log_open("mimod", level, format) once in main(); then log_info("...", ...) and so on. Only
 * programs log; library code returns a struct error instead (error.h).
 *
 * Formats: `journal` prefixes only a priority such as "<6>" (sd-daemon(3)), because the journal
 * adds time and pid itself; `text` is "2026-11-23T07:08:00.123456Z mimod[812] info: ...". `auto` is
 * journal when standard error is the journal (JOURNAL_STREAM, systemd.exec(5)), else text. Control
 * bytes of a message are written as \xNN, so that no input can forge a line.
 *
 * A line is one write(2) of at most LOG_LINE_SIZE bytes, longer ones are cut and end in "...".
 * Thread-safe. Not signal-safe. Never log a secret: tokens, keys, kubeconfigs, sealed or not.
 */
#ifndef MIMO_LOG_H
#define MIMO_LOG_H

#include <stdbool.h>

/* Numbers are those of syslog(3). */
enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_NOTICE = 5,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7
};

enum log_format { LOG_FORMAT_AUTO = 0, LOG_FORMAT_TEXT, LOG_FORMAT_JOURNAL };

enum { LOG_LINE_SIZE = 4096 };

void log_open(const char *program, enum log_level level, enum log_format format);

/* Changes the level (SIGHUP). */
void log_set_level(enum log_level level);

/* Call it in a forked child, so that its lines have its own pid. */
void log_refresh_pid(void);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes the prefix of a line, without the time, so that a signal handler can use it later: "<3>"
 * or "mimod[812] error: ". Returns its length. */
unsigned long log_static_head(char *buffer, unsigned long size, enum log_level level);

/* Writes `text` into `buffer` (always terminated), controls and bad bytes as \xNN and invisible
 * characters as \uNNNN (text.h); returns `buffer`. Use it for all text from outside in log lines
 * and error messages. */
const char *log_escape(char *buffer, unsigned long size, const char *text);

/* The same for text between double quotes: also escapes double quotes and backslashes. */
const char *log_quote(char *buffer, unsigned long size, const char *text);

#define log_error(...)   log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...)  log_write(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...)    log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
