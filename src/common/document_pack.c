/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document_pack.c - document_pack(): trees by a format.
 *
 * The format is walked to its end even after a failure, so that every reference that was to be
 * taken over is dropped.
 */
#include "mimo/document.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "mimo/text.h"
#include "mimo/text_buffer.h"

struct packer {
    const char *at; /* in the format */
    va_list *arguments;
    bool failed;
};

/* What a letter gave: a value, null on purpose, or nothing to add. */
struct packed {
    struct json_object *value;
    bool null;
    bool left_out;
};

static struct packed pack_value(struct packer *packer);

static char next_letter(struct packer *packer)
{
    packer->at += strspn(packer->at, " ,:\n");
    return *packer->at;
}

static bool take_suffix(struct packer *packer, char suffix)
{
    if (*packer->at != suffix)
        return false;
    packer->at++;
    return true;
}

/* A value that may be missing by the suffix of its letter. */
static struct packed pack_optional(struct packer *packer, bool missing, struct json_object *value)
{
    bool left_out = take_suffix(packer, '*'), null = take_suffix(packer, '?');

    if (missing && (left_out || null))
        return (struct packed){.null = null, .left_out = left_out};
    return (struct packed){.value = value};
}

static struct packed pack_string(struct packer *packer)
{
    const char *text = va_arg(*packer->arguments, const char *);

    if (*packer->at != '+')
        return pack_optional(packer, !text, document_new_string(text));
    cleanup_text_buffer struct text_buffer whole = {0};
    text_buffer_add(&whole, text ? text : "");
    while (take_suffix(packer, '+')) {
        const char *more = va_arg(*packer->arguments, const char *);
        text_buffer_add(&whole, more ? more : "");
        whole.failed |= !more;
    }
    return (struct packed){.value = text && !whole.failed ? document_new_string(whole.text) : NULL};
}

static void put_member(struct packer *packer, struct json_object *object, const char *name)
{
    struct packed packed = pack_value(packer);

    if (packed.left_out)
        return;
    if (!name)
        json_object_put(packed.value);
    if (!name || (packed.null ? document_add_null(object, name)
                              : document_add(object, name, packed.value)) < 0)
        packer->failed = true;
}

static struct packed pack_object(struct packer *packer)
{
    struct json_object *object = json_object_new_object();

    while (next_letter(packer) != '}') {
        assert(*packer->at == 's');
        packer->at++;
        put_member(packer, object, va_arg(*packer->arguments, const char *));
    }
    packer->at++;
    return (struct packed){.value = object};
}

static struct packed pack_array(struct packer *packer)
{
    struct json_object *array = json_object_new_array();

    while (next_letter(packer) != ']') {
        struct packed packed = pack_value(packer);

        if (packed.left_out)
            continue;
        if (packed.null ? !array || json_object_array_add(array, NULL) < 0
                        : document_append(array, packed.value) < 0)
            packer->failed = true;
    }
    packer->at++;
    return (struct packed){.value = array};
}

static struct packed pack_value(struct packer *packer)
{
    char letter = next_letter(packer);
    struct json_object *value;

    assert(letter != '\0');
    packer->at++;
    switch (letter) {
    case '{':
        return pack_object(packer);
    case '[':
        return pack_array(packer);
    case 's':
        return pack_string(packer);
    case 'o':
        value = va_arg(*packer->arguments, struct json_object *);
        return pack_optional(packer, !value, value);
    case 'O':
        value = va_arg(*packer->arguments, struct json_object *);
        return pack_optional(packer, !value, json_object_get(value));
    case 'i':
        return (struct packed){json_object_new_int64(va_arg(*packer->arguments, int))};
    case 'I':
        return (struct packed){json_object_new_int64(va_arg(*packer->arguments, int64_t))};
    case 'b':
        return (struct packed){json_object_new_boolean(va_arg(*packer->arguments, int) != 0)};
    case 'f':
        return (struct packed){json_object_new_double(va_arg(*packer->arguments, double))};
    default:
        assert(letter == 'n');
        return (struct packed){.null = true};
    }
}

struct json_object *document_pack(const char *format, ...)
{
    va_list arguments;
    struct packer packer = {.at = format, .arguments = &arguments};

    va_start(arguments, format);
    struct packed packed = pack_value(&packer);
    va_end(arguments);
    assert(next_letter(&packer) == '\0');
    if (!packer.failed)
        return packed.value;
    json_object_put(packed.value);
    return NULL;
}
