/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base64.h - base64 and base64url (RFC 4648, sections 4 and 5), to and from allocated memory, which
 * the caller frees. Any thread.
 */
#ifndef MIMO_BASE64_H
#define MIMO_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include "mimo/error.h"

/* Encodes without line breaks. */
int base64_encode(const void *data, size_t length, char **ret_text, struct error *error);

/* Accepts only the text that base64_encode() would write; ERROR_INVALID otherwise. A NUL follows
 * the data, not counted in *ret_length, so that text can be used directly. */
int base64_decode(const char *text, unsigned char **ret_data, size_t *ret_length,
                  struct error *error);

/* The same for text of other programs, which may contain line breaks: ignores blanks and line ends.
 * Overwrites its temporary copy. */
int base64_decode_lines(const char *text, unsigned char **ret_data, size_t *ret_length,
                        struct error *error);

/* base64url, without padding. NULL only without memory. */
char *base64url_encode(const void *data, size_t length);

/* Reads `length` bytes of base64url. Accepts only the one text that base64url_encode() would write:
 * no padding, white space or excess bits. A NUL follows the data. NULL for other text, for empty
 * text, and without memory. */
uint8_t *base64url_decode(const char *text, size_t length, size_t *ret_length);

#endif
