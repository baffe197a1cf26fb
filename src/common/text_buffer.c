/* SPDX-License-Identifier: Apache-2.0 */
/* text_buffer.c - text that grows. */
#include "mimo/text_buffer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { FIRST_SIZE = 512 };

void text_buffer_reserve(struct text_buffer *buffer, size_t length)
{
    size_t size = buffer->size ? buffer->size : FIRST_SIZE;
    char *text;

    if (buffer->failed || buffer->length + length < buffer->size)
        return;
    while (buffer->length + length >= size && size <= SIZE_MAX / 2)
        size *= 2;
    text = buffer->length + length < size ? realloc(buffer->text, size) : NULL;
    if (!text) {
        buffer->failed = true;
        return;
    }
    buffer->text = text;
    buffer->size = size;
}

void text_buffer_add_bytes(struct text_buffer *buffer, const char *bytes, size_t length)
{
    text_buffer_reserve(buffer, length);
    if (buffer->failed)
        return;
    memcpy(buffer->text + buffer->length, bytes, length);
    buffer->length += length;
    buffer->text[buffer->length] = '\0';
}

void text_buffer_add(struct text_buffer *buffer, const char *text)
{
    text_buffer_add_bytes(buffer, text, strlen(text));
}

void text_buffer_add_integer(struct text_buffer *buffer, int64_t value)
{
    char digits[24];
    char *at = digits + sizeof(digits);
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do
        *--at = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (value < 0)
        *--at = '-';
    text_buffer_add_bytes(buffer, at, (size_t)(digits + sizeof(digits) - at));
}

static const bool is_escaped[256] = {[0 ... ' ' - 1] = true, ['"'] = true, ['\\'] = true};

static void add_escaped(struct text_buffer *buffer, unsigned char byte)
{
    static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    char escape[8];

    for (const char *letter = letters; *letter; letter += 2) {
        if (byte != (unsigned char)letter[0])
            continue;
        text_buffer_add_bytes(buffer, (char[]){'\\', letter[1]}, 2);
        return;
    }
    snprintf(escape, sizeof(escape), "\\u%04X", byte);
    text_buffer_add(buffer, escape);
}

void text_buffer_add_json_string(struct text_buffer *buffer, const char *text)
{
    const char *start = text;

    text_buffer_add_bytes(buffer, "\"", 1);
    for (;; text++) {
        if (!is_escaped[(unsigned char)*text])
            continue;
        text_buffer_add_bytes(buffer, start, (size_t)(text - start));
        if (*text == '\0')
            break;
        add_escaped(buffer, (unsigned char)*text);
        start = text + 1;
    }
    text_buffer_add_bytes(buffer, "\"", 1);
}

void text_buffer_cut(struct text_buffer *buffer, size_t length)
{
    if (buffer->failed || length >= buffer->length)
        return;
    buffer->length = length;
    buffer->text[length] = '\0';
}
