/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 from outside, made safe to store and show. */
#include "config.h"

#include "mimo/text.h"

#include <stdint.h>
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

bool text_is_control(const char *text, size_t length)
{
    const uint8_t *bytes = (const uint8_t *)text;

    if (length == 1)
        return bytes[0] < 0x20 || bytes[0] == 0x7f;
    if (length == 2)
        return bytes[0] == 0xc2 && bytes[1] < 0xa0;
    return length == 3 && (memcmp(text, "\u2028", 3) == 0 || memcmp(text, "\u2029", 3) == 0);
}

void text_copy_clean(char *buffer, size_t size, const char *text, char replacement)
{
    size_t used = 0;

    while (*text) {
        size_t length = text_character(text);
        bool keep = length > 0 && !text_is_control(text, length);
        size_t wanted = keep ? length : 1;

        if (used + wanted >= size)
            break;
        if (keep)
            memcpy(buffer + used, text, length);
        else
            buffer[used] = replacement;
        used += wanted;
        text += length > 0 ? length : 1;
    }
    buffer[used] = '\0';
}

bool text_is_clean(const char *text)
{
    while (*text) {
        size_t length = text_character(text);

        if (length == 0 || text_is_control(text, length))
            return false;
        text += length;
    }
    return true;
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
