/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cjose's decoder takes more spellings than one, so what it read is written again and compared. And
 * it passes over "=" and blanks, then asserts that what is left has a length that makes sense: so
 * it gets to see the alphabet alone.
 */
#include "api/auth/base64url.h"

#include <cjose/base64.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"

static bool is_alphabet(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '-' && text[i] != '_')
            return false;
    return true;
}

uint8_t *base64url_read(const char *text, size_t length, size_t *ret_length)
{
    cjose_err problem;
    cleanup_free uint8_t *data = NULL;
    cleanup_free char *again = NULL;
    size_t size = 0, length_again = 0;
    if (length == 0 || length % 4 == 1 || !is_alphabet(text, length) ||
        !cjose_base64url_decode(text, length, &data, &size, &problem) ||
        !cjose_base64url_encode(data, size, &again, &length_again, &problem) ||
        length_again != length || memcmp(text, again, length) != 0)
        return NULL;
    *ret_length = size;
    return take_pointer(&data);
}
