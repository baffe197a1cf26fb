/* SPDX-License-Identifier: Apache-2.0 */
/* member.c - members of stored documents and the fields of structs that stand for them. */
#include "core/member.h"

#include <inttypes.h>
#include <string.h>

#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/outcome.h"
#include "mimo/uuid.h"

static int read_text(const struct member *member, const struct json_object *document, char *field,
                     struct error *error)
{
    const char *text;

    if (document_read_string(document, member->path, "", &text, error) < 0)
        return -1;
    if (member->kind == MEMBER_TEXT) {
        status_text_copy(field, member->size, text);
    } else if (*text == '\0') {
        *field = '\0';
    } else if (uuid_is_valid(text)) {
        memcpy(field, text, UUID_SIZE);
    } else {
        return error_set(error, ERROR_INVALID, "member \"%s\" must be a UUID", member->path);
    }
    if (member->required && *field == '\0')
        return error_set(error, ERROR_INVALID, "member \"%s\" is missing", member->path);
    return 0;
}

static int read_number(const struct member *member, const struct json_object *document, void *field,
                       struct error *error)
{
    const bool time = member->kind == MEMBER_TIME;
    const int64_t smallest = time ? 0 : member->smallest;
    const int64_t largest = time ? CLOCK_MAXIMUM : member->largest;
    int64_t number;

    if (document_read_integer(document, member->path, time ? 0 : member->otherwise, &number,
                              error) < 0)
        return -1;
    if (document_get(document, member->path) && (number < smallest || number > largest))
        return error_set(error, ERROR_INVALID, "member \"%s\" must be from %" PRId64 " to %" PRId64,
                         member->path, smallest, largest);
    if (member->kind == MEMBER_INT)
        *(int *)field = (int)number;
    else
        *(int64_t *)field = number;
    return 0;
}

int member_read_all(const struct member *members, size_t count, const struct json_object *document,
                    void *object, struct error *error)
{
    for (const struct member *member = members; member < members + count; member++) {
        void *field = (char *)object + member->offset;
        bool text = member->kind == MEMBER_UUID || member->kind == MEMBER_TEXT;
        int result = text ? read_text(member, document, field, error)
                          : read_number(member, document, field, error);

        if (result < 0)
            return -1;
    }
    return 0;
}

bool member_is_present(const struct member *member, const void *object)
{
    const void *field = (const char *)object + member->offset;

    switch (member->kind) {
    case MEMBER_UUID:
    case MEMBER_TEXT:
        return *(const char *)field != '\0';
    case MEMBER_TIME:
        return *(const int64_t *)field != 0;
    case MEMBER_INTEGER:
        return *(const int64_t *)field >= member->smallest;
    case MEMBER_INT:
        return *(const int *)field >= member->smallest;
    }
    return false;
}

static struct json_object *make_value(const struct member *member, const void *field)
{
    switch (member->kind) {
    case MEMBER_UUID:
    case MEMBER_TEXT:
        return document_new_string(field);
    case MEMBER_TIME:
    case MEMBER_INTEGER:
        return json_object_new_int64(*(const int64_t *)field);
    case MEMBER_INT:
        return json_object_new_int64(*(const int *)field);
    }
    return NULL;
}

/* Sets the field as a member of this path, or removes that when the field is absent. */
static int write_one(const struct member *member, const char *path, const void *object,
                     struct json_object *document)
{
    const void *field = (const char *)object + member->offset;

    if (member_is_present(member, object))
        return document_set(document, path, make_value(member, field));
    document_remove(document, path);
    return 0;
}

int member_write_all(const struct member *members, size_t count, const void *object,
                     struct json_object *document)
{
    for (const struct member *member = members; member < members + count; member++) {
        if (write_one(member, member->path, object, document) < 0)
            return -1;
    }
    return 0;
}

int member_show_all(const struct member *members, size_t count, const void *object,
                    struct json_object *view)
{
    for (const struct member *member = members; member < members + count; member++) {
        if (member->view && write_one(member, member->view, object, view) < 0)
            return -1;
    }
    return 0;
}
