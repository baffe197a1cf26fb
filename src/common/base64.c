/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base64.c - base64 (RFC 4648, sections 4 and 5): one spelling for every content, and no other
 * accepted.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/base64.h"
#include "mimo/cleanup.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_encode(const void *data, size_t length, char **ret_text, struct error *error)
{
    const unsigned char *bytes = data;
    if (length > SIZE_MAX / 4 * 3 - 4)
        return error_set(error, ERROR_TOO_LARGE, "%zu bytes are too many to write in base64",
                         length);
    char *text = malloc((length + 2) / 3 * 4 + 1);
    if (!text)
        return error_set_memory(error);

    char *end = text;
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        uint32_t group = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                         (left > 2 ? bytes[i + 2] : 0);
        *end++ = digits[group >> 18];
        *end++ = digits[group >> 12 & 63];
        *end++ = left > 1 ? digits[group >> 6 & 63] : '=';
        *end++ = left > 2 ? digits[group & 63] : '=';
    }
    *end = '\0';
    *ret_text = text;
    return 0;
}

static int digit_value(char digit)
{
    const char *place = digit != '\0' ? strchr(digits, digit) : NULL;
    return place ? (int)(place - digits) : -1;
}

/* Reads four digits, of which the last `padding` are "="; false for anything else. */
static bool decode_group(const char *text, int padding, unsigned char *bytes)
{
    uint32_t group = 0;
    for (int i = 0; i < 4; i++) {
        int value = i < 4 - padding ? digit_value(text[i]) : 0;
        if (value < 0)
            return false;
        group = group << 6 | (uint32_t)value;
    }
    bytes[0] = (unsigned char)(group >> 16);
    if (padding < 2)
        bytes[1] = (unsigned char)(group >> 8);
    if (padding < 1)
        bytes[2] = (unsigned char)group;
    /* Bits that belong to no byte must be zero, else one content had several spellings. */
    return padding == 0 || (group & (padding == 1 ? 0xffu : 0xffffu)) == 0;
}

int base64_decode(const char *text, unsigned char **ret_data, size_t *ret_length,
                  struct error *error)
{
    size_t length = strlen(text);
    if (length % 4 != 0)
        return error_set(error, ERROR_INVALID,
                         "base64 text has %zu characters, not a multiple of 4", length);
    int padding = 0;
    if (length > 0 && text[length - 1] == '=')
        padding = text[length - 2] == '=' ? 2 : 1;
    unsigned char *data = malloc(length / 4 * 3 + 1);
    if (!data)
        return error_set_memory(error);
    for (size_t i = 0; i < length; i += 4) {
        if (decode_group(text + i, i + 4 == length ? padding : 0, data + i / 4 * 3))
            continue;
        free(data);
        return error_set(error, ERROR_INVALID, "base64 text is wrong in characters %zu to %zu",
                         i + 1, i + 4);
    }
    *ret_data = data;
    *ret_length = length / 4 * 3 - (size_t)padding;
    data[*ret_length] = '\0';
    return 0;
}

int base64_decode_lines(const char *text, unsigned char **ret_data, size_t *ret_length,
                        struct error *error)
{
    char *digits_only = malloc(strlen(text) + 1);
    size_t length = 0;
    if (!digits_only)
        return error_set_memory(error);
    for (const char *c = text; *c; c++)
        if (!strchr(" \t\r\n", *c))
            digits_only[length++] = *c;
    digits_only[length] = '\0';
    int result = base64_decode(digits_only, ret_data, ret_length, error);
    explicit_bzero(digits_only, length);
    free(digits_only);
    return result;
}

static const char url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *base64url_encode(const void *data, size_t length)
{
    char *text;

    if (base64_encode(data, length, &text, NULL) < 0)
        return NULL;
    for (char *at = text; *at; at++)
        *at = (char)(*at == '+' ? '-' : *at == '/' ? '_' : *at == '=' ? '\0' : *at);
    return text;
}

uint8_t *base64url_decode(const char *text, size_t length, size_t *ret_length)
{
    size_t size = 0;
    uint32_t bits = 0; /* read, and not yet written */
    unsigned bit_count = 0;

    if (length == 0 || length % 4 == 1)
        return NULL;
    cleanup_free uint8_t *data = malloc(length + 1);
    if (!data)
        return NULL;
    for (size_t i = 0; i < length; i++) {
        const char *digit = text[i] ? strchr(url_digits, text[i]) : NULL;
        if (!digit)
            return NULL;
        bits = bits << 6 | (uint32_t)(digit - url_digits);
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            data[size++] = (uint8_t)(bits >> bit_count);
            bits &= (1U << bit_count) - 1;
        }
    }
    if (bits != 0)
        return NULL;
    data[size] = '\0';
    *ret_length = size;
    return take_pointer(&data);
}
