/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base64.h - bytes as text (RFC 4648, sections 4 and 5), to and from newly allocated memory.
 */
#ifndef MIMO_BASE64_H
#define MIMO_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include "mimo/error.h"

/* Without line breaks. */
int base64_encode(const void *data, size_t length, char **ret_text, struct error *error);

/* ERROR_INVALID for anything but the one spelling that base64_encode() gives a content. One byte
 * more than *ret_length is allocated, and is NUL: data that is text can be used as such. */
int base64_decode(const char *text, unsigned char **ret_data, size_t *ret_length,
                  struct error *error);

/* The same for texts of others, which may be broken into lines: blanks and line ends are passed
 * over. What it copies on the way is overwritten. */
int base64_decode_lines(const char *text, unsigned char **ret_data, size_t *ret_length,
                        struct error *error);

/* base64url, without padding. NULL only without memory. */
char *base64url_encode(const void *data, size_t length);

/* Reads base64url of `length` bytes: without padding, white space or bits left over, so that there
 * is one text for any bytes. The caller frees; one byte more is allocated, and is NUL. NULL for any
 * other text, for an empty one, and without memory. */
uint8_t *base64url_decode(const char *text, size_t length, size_t *ret_length);

#endif
