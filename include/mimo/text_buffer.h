/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_buffer.h - text that grows, for JSON that is written without a tree of values in between.
 *
 *     cleanup_text_buffer struct text_buffer page = {0};
 *     text_buffer_add(&page, "{\"value\":");
 *     text_buffer_add_json_string(&page, name);
 *     text_buffer_add(&page, "}");
 *     if (page.failed) ...                      // out of memory, whenever that was: asked once
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
    bool failed; /* memory did not suffice: what was added since is not there */
};

/* Makes room for `length` bytes more, so that adding them copies nothing twice. */
void text_buffer_reserve(struct text_buffer *buffer, size_t length);

void text_buffer_add(struct text_buffer *buffer, const char *text);
void text_buffer_add_bytes(struct text_buffer *buffer, const char *bytes, size_t length);
void text_buffer_add_integer(struct text_buffer *buffer, int64_t value);

/* In quotes, with what JSON wants escaped. `text` is UTF-8. */
void text_buffer_add_json_string(struct text_buffer *buffer, const char *text);

/* Forgets what was added behind `length`, which the buffer had before. */
void text_buffer_cut(struct text_buffer *buffer, size_t length);

static inline void cleanup_text_buffer_function(struct text_buffer *buffer)
{
    free(buffer->text);
}
#define cleanup_text_buffer __attribute__((cleanup(cleanup_text_buffer_function)))

#endif
