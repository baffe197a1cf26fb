/* SPDX-License-Identifier: Apache-2.0 */
/* base64url.h - the one spelling of bytes that JOSE allows (RFC 7515, section 2). */
#ifndef API_BASE64URL_H
#define API_BASE64URL_H

#include <stddef.h>
#include <stdint.h>

/* Reads base64url of `length` bytes: without padding, white space or bits left over, so that there
 * is one text for any bytes. The caller frees. NULL for any other text, and for an empty one. */
uint8_t *base64url_read(const char *text, size_t length, size_t *ret_length);

#endif
