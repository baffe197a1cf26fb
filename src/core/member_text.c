/* SPDX-License-Identifier: Apache-2.0 */
/*
 * member_text.c - members of documents that are text, and the fields of structs that stand for
 * them.
 */
#include <assert.h>
#include <string.h>

#include "core/member.h"
#include "mimo/clock.h"
#include "mimo/uuid.h"

struct member_text member_text_begin(const struct member *members, size_t count, void *object)
{
    assert(count <= 64);
    for (const struct member *member = members; member < members + count; member++) {
        char *field = (char *)object + member->offset;

        if (member->kind == MEMBER_UUID || member->kind == MEMBER_TEXT)
            *field = '\0';
        else if (member->kind == MEMBER_INT)
            *(int *)field = (int)member->otherwise;
        else
            *(int64_t *)field = member->kind == MEMBER_TIME ? 0 : member->otherwise;
    }
    return (struct member_text){.members = members, .count = count, .object = object};
}

static bool take_string(const struct member *member, const struct json_piece *value, char *field)
{
    size_t size = member->kind == MEMBER_TEXT ? member->size : UUID_SIZE;

    if (value->kind != JSON_PIECE_STRING || value->escaped || value->length >= size)
        return false;
    memcpy(field, value->text, value->length);
    field[value->length] = '\0';
    return member->kind == MEMBER_TEXT || *field == '\0' || uuid_is_valid(field);
}

static bool take_number(const struct member *member, const struct json_piece *value, void *field)
{
    const bool time = member->kind == MEMBER_TIME;

    if (value->kind != JSON_PIECE_INTEGER || value->integer < (time ? 0 : member->smallest) ||
        value->integer > (time ? CLOCK_MAXIMUM : member->largest))
        return false;
    if (member->kind == MEMBER_INT)
        *(int *)field = (int)value->integer;
    else
        *(int64_t *)field = value->integer;
    return true;
}

static bool is_path(const char *path, const char *prefix, const struct json_piece *name)
{
    size_t length = strlen(prefix);

    return strncmp(path, prefix, length) == 0 && json_piece_is(name, path + length) &&
           !memchr(name->text, '.', name->length); /* a dot in a path parts two names */
}

bool member_text_take(struct member_text *text, const char *prefix, const struct json_piece *name,
                      const struct json_piece *value)
{
    for (size_t tries = 0; tries < text->count; tries++) {
        size_t i = (text->next + tries) % text->count;
        const struct member *member = &text->members[i];
        void *field = (char *)text->object + member->offset;

        if (!is_path(member->path, prefix, name))
            continue;
        if (text->seen & UINT64_C(1) << i)
            return false;
        text->seen |= UINT64_C(1) << i;
        text->next = i + 1;
        return member->kind == MEMBER_UUID || member->kind == MEMBER_TEXT
                   ? take_string(member, value, field)
                   : take_number(member, value, field);
    }
    return true;
}

bool member_text_is_complete(const struct member_text *text)
{
    for (size_t i = 0; i < text->count; i++)
        if (text->members[i].required && !member_is_present(&text->members[i], text->object))
            return false;
    return true;
}

void member_text_show_all(const struct member *members, size_t count, const void *object,
                          struct text_buffer *view)
{
    for (const struct member *member = members; member < members + count; member++) {
        const char *field = (const char *)object + member->offset;

        if (!member->view || !member_is_present(member, object))
            continue;
        text_buffer_add(view, ",\"");
        text_buffer_add(view, member->view);
        text_buffer_add(view, "\":");
        if (member->kind == MEMBER_UUID || member->kind == MEMBER_TEXT)
            text_buffer_add_json_string(view, field);
        else if (member->kind == MEMBER_INT)
            text_buffer_add_integer(view, *(const int *)field);
        else
            text_buffer_add_integer(view, *(const int64_t *)field);
    }
}
