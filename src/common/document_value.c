/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document_value.c - values of documents: typed access that never converts, and building that
 * checks.
 */
#include "mimo/document.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/text.h"

/* json-c's readers change nothing, but some do not say so. */
static struct json_object *unconst(const struct json_object *value)
{
    return (struct json_object *)(uintptr_t)value;
}

void document_warm_up(void)
{
    struct json_object *object = json_object_new_object();

    document_add(object, "seed", json_object_new_boolean(true));
    json_object_put(object);
}

/* ---- values ---- */

const char *document_text(const struct json_object *value)
{
    return document_is_string(value) ? json_object_get_string(unconst(value)) : NULL;
}

int64_t document_number(const struct json_object *value)
{
    return document_is_integer(value) ? json_object_get_int64(value) : 0;
}

struct json_object *document_copy(const struct json_object *value)
{
    struct json_object *copy = NULL;

    if (!value || json_object_deep_copy(unconst(value), &copy, NULL) == 0)
        return copy;
    json_object_put(copy);
    return NULL;
}

bool document_equal(const struct json_object *one, const struct json_object *other)
{
    return json_object_equal(unconst(one), unconst(other));
}

struct json_object *document_new_string_length(const char *text, size_t length)
{
    if (!text || length > INT_MAX || memchr(text, '\0', length))
        return NULL;
    cleanup_free char *copy = NULL;
    if (text[length] != '\0' && !(text = copy = strndup(text, length)))
        return NULL;
    return text_is_utf8(text) ? json_object_new_string_len(text, (int)length) : NULL;
}

struct json_object *document_new_string(const char *text)
{
    return text && text_is_utf8(text) ? json_object_new_string(text) : NULL;
}

struct json_object *document_new_string_format(const char *format, ...)
{
    cleanup_free char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0) {
        text = NULL;
        return NULL;
    }
    return document_new_string(text);
}

/* ---- objects ---- */

struct json_object *document_member(const struct json_object *object, const char *name)
{
    return document_is_object(object) ? json_object_object_get(object, name) : NULL;
}

bool document_has(const struct json_object *object, const char *name)
{
    return document_is_object(object) && json_object_object_get_ex(object, name, NULL);
}

size_t document_member_count(const struct json_object *object)
{
    return document_is_object(object) ? (size_t)json_object_object_length(object) : 0;
}

int document_add(struct json_object *object, const char *name, struct json_object *value)
{
    if (value && document_is_object(object) && text_is_utf8(name) &&
        json_object_object_add(object, name, value) == 0)
        return 0;
    json_object_put(value);
    return -1;
}

int document_add_null(struct json_object *object, const char *name)
{
    return document_is_object(object) && text_is_utf8(name)
               ? json_object_object_add(object, name, NULL)
               : -1;
}

void document_delete(struct json_object *object, const char *name)
{
    if (document_is_object(object))
        json_object_object_del(object, name);
}

/* ---- arrays ---- */

size_t document_length(const struct json_object *array)
{
    return document_is_array(array) ? json_object_array_length(array) : 0;
}

struct json_object *document_item(const struct json_object *array, size_t index)
{
    return document_is_array(array) ? json_object_array_get_idx(array, index) : NULL;
}

int document_append(struct json_object *array, struct json_object *value)
{
    if (value && document_is_array(array) && json_object_array_add(array, value) == 0)
        return 0;
    json_object_put(value);
    return -1;
}

int document_append_all(struct json_object *array, const struct json_object *more)
{
    size_t index;
    struct json_object *item;

    document_foreach_item(more, index, item)
        if (json_object_array_add(array, json_object_get(item)) < 0) {
            json_object_put(item);
            return -1;
        }
    return 0;
}

void document_remove_item(struct json_object *array, size_t index)
{
    if (index < document_length(array))
        json_object_array_del_idx(array, index, 1);
}
