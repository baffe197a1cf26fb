/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - UTF-8 from outside, made safe to store and show.
 *
 * Text of a worker, a cluster, a client or a file may contain characters that change how a terminal
 * or a browser shows the rest: control characters, and invisible ones such as those that change the
 * direction of text. All such text goes through text_copy_clean() or log_escape() before people see
 * it. Both use the classes below, so they agree. Pure; any thread.
 */
#ifndef MIMO_TEXT_H
#define MIMO_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum text_class {
    TEXT_END,       /* the end of the text */
    TEXT_PLAIN,     /* a character that is shown as it is */
    TEXT_CONTROL,   /* C0, C1, DEL, a line separator */
    TEXT_INVISIBLE, /* changes the direction of text, has no width, is a tag or a byte order mark */
    TEXT_BAD,       /* a byte that does not begin a valid character */
};

/* The class of the character at `text` (terminated by NUL), and its length in bytes: 0 at the end, 1
 * for a bad byte. */
enum text_class text_classify(const char *text, size_t *ret_length);

/* Length in bytes of the valid UTF-8 character at `text` (terminated by NUL), or 0 at the end of
 * the text and for a byte that does not begin a valid character (overlong forms and surrogates are
 * invalid). */
size_t text_character(const char *text);

/* Writes "\u202e" or "\U000e0041" for the character at `text`. */
enum { TEXT_ESCAPE_SIZE = sizeof("\\U00000000") };
void text_escape_character(char buffer[TEXT_ESCAPE_SIZE], const char *text);

/* Copies `text` into `buffer` (`size` >= 1), always terminated, cut at a character boundary;
 * controls and bad bytes become `replacement`, invisible characters are escaped. */
void text_copy_clean(char *buffer, size_t size, const char *text, char replacement);

/* True when all of it is valid UTF-8. */
bool text_is_utf8(const char *text);

/* True when all of it is plain. */
bool text_is_clean(const char *text);

/* Skips a byte order mark, which some editors and shells write at the beginning of a file or a
 * request. Subtracts its size from *length. */
const char *text_skip_mark(const char *text, size_t *length);

#endif
