/* SPDX-License-Identifier: Apache-2.0 */
/* Reading base64url in its one spelling. */
#include "api/auth/base64url.h"

#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

uint8_t *base64url_read(const char *text, size_t length, size_t *ret_length)
{
    size_t size = 0;
    uint32_t bits = 0; /* read, and not yet written */
    unsigned bit_count = 0;
    if (length == 0 || length % 4 == 1)
        return NULL;
    cleanup_free uint8_t *data = malloc(length);
    if (!data)
        return NULL;
    for (size_t i = 0; i < length; i++) {
        const char *letter = text[i] ? strchr(alphabet, text[i]) : NULL;
        if (!letter)
            return NULL;
        bits = bits << 6 | (uint32_t)(letter - alphabet);
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            data[size++] = (uint8_t)(bits >> bit_count);
            bits &= (1U << bit_count) - 1;
        }
    }
    if (bits != 0)
        return NULL;
    *ret_length = size;
    return take_pointer(&data);
}
