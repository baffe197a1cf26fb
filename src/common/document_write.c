/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document_write.c - tree to text.
 *
 * json-c's own writer (0.16) is not used: it keeps the text within the tree until the tree is
 * freed, and without memory it returns a text that lacks a part.
 */
#include "mimo/document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/text_buffer.h"

enum { INDENTATION = 2 };

struct writer {
    struct text_buffer text;
    bool indented;
    bool sorted;
    int level;
};

static void write_value(struct writer *writer, const struct json_object *value);

static void write_line_end(struct writer *writer)
{
    if (!writer->indented)
        return;
    text_buffer_add_bytes(&writer->text, "\n", 1);
    for (int i = 0; i < INDENTATION * writer->level; i++)
        text_buffer_add_bytes(&writer->text, " ", 1);
}

static void open_container(struct writer *writer, const char *bracket)
{
    text_buffer_add_bytes(&writer->text, bracket, 1);
    writer->level++;
}

static void close_container(struct writer *writer, const char *bracket, bool empty)
{
    writer->level--;
    if (!empty)
        write_line_end(writer);
    text_buffer_add_bytes(&writer->text, bracket, 1);
}

static void write_member(struct writer *writer, const char *name, const struct json_object *value,
                         bool first)
{
    if (!first)
        text_buffer_add_bytes(&writer->text, ",", 1);
    write_line_end(writer);
    text_buffer_add_json_string(&writer->text, name);
    text_buffer_add_bytes(&writer->text, ": ", writer->indented ? 2 : 1);
    write_value(writer, value);
}

static int compare_names(const void *one, const void *other)
{
    const struct lh_entry *const *entry = one, *const *next = other;

    return strcmp(lh_entry_k(*entry), lh_entry_k(*next));
}

static void write_sorted_members(struct writer *writer, const struct json_object *object)
{
    size_t count = document_member_count(object), used = 0;
    cleanup_free struct lh_entry **entries = calloc(count + 1, sizeof(*entries));

    if (!entries) {
        writer->text.failed = true;
        return;
    }
    for (struct lh_entry *at = document_first_member(object); at; at = at->next)
        entries[used++] = at;
    qsort(entries, used, sizeof(*entries), compare_names);
    for (size_t i = 0; i < used; i++)
        write_member(writer, lh_entry_k(entries[i]), lh_entry_v(entries[i]), i == 0);
}

static void write_object(struct writer *writer, const struct json_object *object)
{
    open_container(writer, "{");
    if (writer->sorted) {
        write_sorted_members(writer, object);
    } else {
        struct lh_entry *first = document_first_member(object);
        for (struct lh_entry *at = first; at; at = at->next)
            write_member(writer, lh_entry_k(at), lh_entry_v(at), at == first);
    }
    close_container(writer, "}", document_member_count(object) == 0);
}

static void write_array(struct writer *writer, const struct json_object *array)
{
    size_t length = document_length(array);

    open_container(writer, "[");
    for (size_t i = 0; i < length; i++) {
        if (i > 0)
            text_buffer_add_bytes(&writer->text, ",", 1);
        write_line_end(writer);
        write_value(writer, document_item(array, i));
    }
    close_container(writer, "]", length == 0);
}

/* A number with a fraction or an exponent: as it was read, or with all digits that it has. */
static void write_real(struct writer *writer, const struct json_object *value)
{
    struct json_object *number = (struct json_object *)(uintptr_t)value;
    const char *read = json_object_get_userdata(number);
    char digits[40];

    if (!read)
        snprintf(digits, sizeof(digits), "%.17g", json_object_get_double(number));
    text_buffer_add(&writer->text, read ? read : digits);
    if (!read && !strpbrk(digits, ".e"))
        text_buffer_add(&writer->text, ".0");
}

static void write_value(struct writer *writer, const struct json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_null:
        text_buffer_add(&writer->text, "null");
        break;
    case json_type_boolean:
        text_buffer_add(&writer->text, document_is_true(value) ? "true" : "false");
        break;
    case json_type_int:
        text_buffer_add_integer(&writer->text, document_number(value));
        break;
    case json_type_double:
        write_real(writer, value);
        break;
    case json_type_string:
        text_buffer_add_json_string(&writer->text, document_text(value));
        break;
    case json_type_array:
        write_array(writer, value);
        break;
    case json_type_object:
        write_object(writer, value);
        break;
    }
}

static char *format(const struct json_object *value, bool indented, bool sorted)
{
    if (!value)
        return NULL;
    struct writer writer = {.indented = indented, .sorted = sorted};

    write_value(&writer, value);
    if (!writer.text.failed)
        return writer.text.text;
    free(writer.text.text);
    return NULL;
}

char *document_format(const struct json_object *value)
{
    return format(value, false, false);
}

char *document_format_sorted(const struct json_object *value)
{
    return format(value, false, true);
}

char *document_format_indented(const struct json_object *value)
{
    return format(value, true, false);
}
