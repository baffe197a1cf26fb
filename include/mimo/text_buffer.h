/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_buffer.h - a growing text, to write JSON without building a tree of values first.
 *
 *     cleanup_text_buffer struct text_buffer page = {0};
 *     text_buffer_add(&page, "{\"value\":");
 *     text_buffer_add_json_string(&page, name);
 *     text_buffer_add(&page, "}");
 *     if (page.failed) ...                      // out of memory in any of the calls: check it once
 *     send(take_pointer(&page.text), page.length);
 */
#ifndef MIMO_TEXT_BUFFER_H
#define MIMO_TEXT_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct text_buffer {
    char *text; /* owned; terminated; NULL before the first byte */
    size_t length;
    size_t size;
    bool failed; /* out of memory: later additions were dropped */
};

/* Makes room for `length` more bytes, so that adding them does not reallocate. */
void text_buffer_reserve(struct text_buffer *buffer, size_t length);

void text_buffer_add(struct text_buffer *buffer, const char *text);
void text_buffer_add_bytes(struct text_buffer *buffer, const char *bytes, size_t length);
void text_buffer_add_integer(struct text_buffer *buffer, int64_t value);

/* Adds `text` (UTF-8) in quotes, escaped as JSON requires. */
void text_buffer_add_json_string(struct text_buffer *buffer, const char *text);

/* Cuts the text back to `length`, which it had before. */
void text_buffer_cut(struct text_buffer *buffer, size_t length);

static inline void cleanup_text_buffer_function(struct text_buffer *buffer)
{
    free(buffer->text);
}
#define cleanup_text_buffer __attribute__((cleanup(cleanup_text_buffer_function)))

#endif
