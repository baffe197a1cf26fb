/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - UTF-8 from outside, made safe to store and show.
 */
#ifndef MIMO_TEXT_H
#define MIMO_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Length in bytes of the valid UTF-8 character at `text` (terminated by NUL), or 0: end of text, or
 * a byte that begins none (overlong forms and surrogates are none). */
size_t text_character(const char *text);

/* True for the character at `text` of `length` bytes: C0 and C1 controls, DEL, line separators. */
bool text_is_control(const char *text, size_t length);

/* Copies `text` into `buffer` (`size` >= 1), always terminated, cut at a character boundary;
 * controls and invalid bytes become `replacement`. */
void text_copy_clean(char *buffer, size_t size, const char *text, char replacement);

/* True when all of it is valid UTF-8. */
bool text_is_utf8(const char *text);

/* True when all of it is valid UTF-8 without control characters. */
bool text_is_clean(const char *text);

#endif
