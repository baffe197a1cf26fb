/* SPDX-License-Identifier: Apache-2.0 */
/* Members of stored documents and the fields of structs that stand for them. */
#include "config.h"

#include "core/member.h"

#include <inttypes.h>
#include <string.h>

#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/outcome.h"
#include "mimo/uuid.h"

static int read_text(const struct member *member, const json_t *document, char *field,
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

static int read_number(const struct member *member, const json_t *document, void *field,
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

int member_read_all(const struct member *members, size_t count, const json_t *document,
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

/* The value of a field as JSON in *ret_value, NULL when it is absent. -1 without memory. */
static int make_value(const struct member *member, const void *object, json_t **ret_value)
{
    const void *field = (const char *)object + member->offset;
    bool present = true;

    switch (member->kind) {
    case MEMBER_UUID:
    case MEMBER_TEXT:
        present = *(const char *)field != '\0';
        *ret_value = present ? json_string(field) : NULL;
        break;
    case MEMBER_TIME:
        present = *(const int64_t *)field != 0;
        *ret_value = present ? json_integer(*(const int64_t *)field) : NULL;
        break;
    case MEMBER_INTEGER:
        present = *(const int64_t *)field >= member->smallest;
        *ret_value = present ? json_integer(*(const int64_t *)field) : NULL;
        break;
    case MEMBER_INT:
        present = *(const int *)field >= member->smallest;
        *ret_value = present ? json_integer(*(const int *)field) : NULL;
        break;
    }
    return present && !*ret_value ? -1 : 0;
}

int member_write_all(const struct member *members, size_t count, const void *object,
                     json_t *document)
{
    for (const struct member *member = members; member < members + count; member++) {
        json_t *value;

        if (make_value(member, object, &value) < 0 ||
            document_set(document, member->path, value) < 0)
            return -1;
    }
    return 0;
}

int member_show_all(const struct member *members, size_t count, const void *object, json_t *view)
{
    for (const struct member *member = members; member < members + count; member++) {
        json_t *value;

        if (!member->view)
            continue;
        if (make_value(member, object, &value) < 0 || document_set(view, member->view, value) < 0)
            return -1;
    }
    return 0;
}
