/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.h - errors as values.
 *
 * A function that can fail returns int: 0, or -1 with the caller's `struct error` filled in. The
 * message says what failed, on what, and why, in words an operator can act on; library code never
 * logs it. The program that called decides once, at its edge, whether to log, answer or retry.
 *
 *     if (fd < 0)
 *         return error_set_system(error, errno, "cannot open %s", path);
 *     if (store_run(store, operations, count, error) < 0)
 *         return error_prefix(error, "cannot claim manifest %s", id);
 *
 * `error` may be NULL where a caller needs only success or failure. The struct lives on the
 * caller's stack, owns nothing and needs no clean-up. Setting it twice keeps the last.
 * A struct error is never shared between threads.
 */
#ifndef MIMO_ERROR_H
#define MIMO_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

/* The kind of a failure. Callers decide by the kind, never by the message. */
enum error_kind {
    ERROR_NONE = 0,
    ERROR_INVALID,     /* the input is wrong; the same input fails again */
    ERROR_NOT_FOUND,   /* the named thing does not exist */
    ERROR_CONFLICT,    /* another writer was first (etag, existing id, lock) */
    ERROR_DENIED,      /* not allowed */
    ERROR_TOO_LARGE,   /* the input exceeds a limit (size, depth, count) */
    ERROR_MEMORY,      /* out of memory; may succeed later */
    ERROR_BUSY,        /* a queue or peer cannot take more now; try again when it can */
    ERROR_UNAVAILABLE, /* a service or device does not answer now; may succeed later */
    ERROR_SYSTEM,      /* a system call failed otherwise; may succeed later */
};

enum { ERROR_MESSAGE_SIZE = 768 };

struct error {
    enum error_kind kind;
    char message[ERROR_MESSAGE_SIZE]; /* UTF-8, cut at a character boundary, never a newline */
};

/* Fills `error` and returns -1, so that failure is one return statement. */
int error_set(struct error *error, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for functions that take a format themselves. */
int error_set_arguments(struct error *error, enum error_kind kind, const char *format,
                        va_list arguments) __attribute__((format(printf, 3, 0)));

/* ERROR_MEMORY "out of memory". Returns -1. */
int error_set_memory(struct error *error);

/* True if the same call may succeed later although nothing was changed: for ERROR_MEMORY,
 * ERROR_BUSY, ERROR_UNAVAILABLE and ERROR_SYSTEM. Such a failure is retried; it never fails a
 * manifest for good, and never blames a client (4xx). */
bool error_may_pass(enum error_kind kind);

/* Like error_set(), with ": " and the text of `errnum` after the message. The kind follows from
 * errnum: ENOENT NOT_FOUND, EACCES and EPERM DENIED, EEXIST CONFLICT, ENOMEM MEMORY, others SYSTEM. */
int error_set_system(struct error *error, int errnum, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "context: " in front of the message, keeps the kind, returns -1. */
int error_prefix(struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
