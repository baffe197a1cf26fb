/* SPDX-License-Identifier: Apache-2.0 */
/* text.c - UTF-8 from outside, made safe to store and show. */
#include "mimo/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Forms of UTF-8 (RFC 3629): what the first byte allows, and the bounds of the second. */
static const struct utf8_form {
    uint8_t first_low, first_high;
    uint8_t second_low, second_high;
    size_t length;
} forms[] = {
    {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

static bool matches(const struct utf8_form *form, const uint8_t *bytes)
{
    if (bytes[0] < form->first_low || bytes[0] > form->first_high)
        return false;
    if (form->length >= 2 && (bytes[1] < form->second_low || bytes[1] > form->second_high))
        return false;
    for (size_t i = 2; i < form->length; i++) {
        if (bytes[i] < 0x80 || bytes[i] > 0xbf)
            return false;
    }
    return true;
}

size_t text_character(const char *text)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (matches(&forms[i], (const uint8_t *)text))
            return forms[i].length;
    }
    return 0;
}

static uint32_t code_of(const char *text, size_t length)
{
    static const uint8_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code = (uint8_t)text[0] & masks[length];

    for (size_t i = 1; i < length; i++)
        code = code << 6 | ((uint8_t)text[i] & 0x3f);
    return code;
}

struct range {
    uint32_t first, last;
};

static const struct range controls[] = {{0x01, 0x1f}, {0x7f, 0x9f}, {0x2028, 0x2029}};

static const struct range invisible[] = {
    {0x00ad, 0x00ad},   /* soft hyphen */
    {0x061c, 0x061c},   /* Arabic letter mark */
    {0x180e, 0x180e},   /* Mongolian vowel separator */
    {0x200b, 0x200f},   /* without width; marks of direction */
    {0x202a, 0x202e},   /* embedding and overriding of direction */
    {0x2060, 0x206f},   /* joiners, invisible operators, isolation of direction */
    {0xfeff, 0xfeff},   /* byte order mark */
    {0xfff9, 0xfffb},   /* annotations */
    {0xe0000, 0xe007f}, /* tags */
};

static bool is_within(uint32_t code, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}

enum text_class text_classify(const char *text, size_t *ret_length)
{
    if (*text >= ' ' && *text <= '~') { /* nearly all there ever is */
        *ret_length = 1;
        return TEXT_PLAIN;
    }
    *ret_length = *text == '\0' ? 0 : 1;
    if (*text == '\0')
        return TEXT_END;
    size_t length = text_character(text);
    if (length == 0)
        return TEXT_BAD;
    *ret_length = length;
    uint32_t code = code_of(text, length);
    if (is_within(code, controls, sizeof(controls) / sizeof(controls[0])))
        return TEXT_CONTROL;
    if (is_within(code, invisible, sizeof(invisible) / sizeof(invisible[0])))
        return TEXT_INVISIBLE;
    return TEXT_PLAIN;
}

void text_escape_character(char buffer[TEXT_ESCAPE_SIZE], const char *text)
{
    uint32_t code = code_of(text, text_character(text));

    snprintf(buffer, TEXT_ESCAPE_SIZE, code > 0xffff ? "\\U%08x" : "\\u%04x", (unsigned)code);
}

void text_copy_clean(char *buffer, size_t size, const char *text, char replacement)
{
    size_t used = 0, length;
    enum text_class class;

    for (; (class = text_classify(text, &length)) != TEXT_END; text += length) {
        char escape[TEXT_ESCAPE_SIZE] = {replacement, '\0'};
        const char *shown = class == TEXT_PLAIN ? text : escape;

        if (class == TEXT_INVISIBLE)
            text_escape_character(escape, text);
        size_t wanted = class == TEXT_PLAIN ? length : strlen(escape);
        if (used + wanted >= size)
            break;
        memcpy(buffer + used, shown, wanted);
        used += wanted;
    }
    buffer[used] = '\0';
}

bool text_is_clean(const char *text)
{
    size_t length;

    while (text_classify(text, &length) == TEXT_PLAIN)
        text += length;
    return *text == '\0';
}

bool text_is_utf8(const char *text)
{
    while (*text) {
        size_t length = (signed char)*text > 0 ? 1 : text_character(text);

        if (length == 0)
            return false;
        text += length;
    }
    return true;
}

const char *text_skip_mark(const char *text, size_t *length)
{
    static const char mark[] = "\xef\xbb\xbf";
    size_t skipped = *length >= sizeof(mark) - 1 && memcmp(text, mark, sizeof(mark) - 1) == 0
                         ? sizeof(mark) - 1
                         : 0;

    *length -= skipped;
    return text + skipped;
}
