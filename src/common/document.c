/* SPDX-License-Identifier: Apache-2.0 */
/* document.c - JSON documents: members by path. */
#include "mimo/document.h"

#include <string.h>

#include "mimo/clock.h"

enum { PATH_NAME_SIZE = 128 };

static bool is_container(const struct json_object *value)
{
    return document_is_object(value) || document_is_array(value);
}

size_t document_depth(const struct json_object *value)
{
    size_t deepest = 0;
    size_t index;
    struct json_object *child;
    const char *name;

    document_foreach_item(value, index, child) {
        size_t depth = is_container(child) ? document_depth(child) : 0;
        deepest = depth > deepest ? depth : deepest;
    }
    document_foreach_member(value, name, child) {
        size_t depth = is_container(child) ? document_depth(child) : 0;
        deepest = depth > deepest ? depth : deepest;
    }
    (void)name;
    return 1 + deepest;
}

/* Takes the first name off `path` into `name`; returns the rest, or NULL after the last. False for
 * a name that is too long for any known member. */
static bool take_name(const char **path, char *name)
{
    const char *dot = strchrnul(*path, '.');
    size_t length = (size_t)(dot - *path);

    if (length == 0 || length >= PATH_NAME_SIZE)
        return false;
    memcpy(name, *path, length);
    name[length] = '\0';
    *path = *dot ? dot + 1 : NULL;
    return true;
}

struct json_object *document_get(const struct json_object *document, const char *path)
{
    struct json_object *value = (struct json_object *)(uintptr_t)document;
    char name[PATH_NAME_SIZE];

    while (value && path) {
        if (!take_name(&path, name))
            return NULL;
        value = document_member(value, name);
    }
    return value;
}

static int wrong_type(struct error *error, const char *path, const char *wanted)
{
    return error_set(error, ERROR_INVALID, "member \"%s\" must be %s", path, wanted);
}

int document_read_string(const struct json_object *document, const char *path,
                         const char *otherwise, const char **ret_value, struct error *error)
{
    const struct json_object *value = document_get(document, path);

    if (value && !document_is_string(value))
        return wrong_type(error, path, "a string");
    *ret_value = value ? document_text(value) : otherwise;
    return 0;
}

int document_read_integer(const struct json_object *document, const char *path, int64_t otherwise,
                          int64_t *ret_value, struct error *error)
{
    const struct json_object *value = document_get(document, path);

    if (value && !document_is_integer(value))
        return wrong_type(error, path, "an integer");
    *ret_value = value ? document_number(value) : otherwise;
    return 0;
}

int document_check_object(const struct json_object *document, const char *path, struct error *error)
{
    const struct json_object *value = document_get(document, path);

    return value && !document_is_object(value) ? wrong_type(error, path, "an object") : 0;
}

const char *document_string(const struct json_object *document, const char *path,
                            const char *otherwise)
{
    const struct json_object *value = document_get(document, path);

    return document_is_string(value) ? document_text(value) : otherwise;
}

int64_t document_integer(const struct json_object *document, const char *path, int64_t otherwise)
{
    const struct json_object *value = document_get(document, path);

    return document_is_integer(value) ? document_number(value) : otherwise;
}

int64_t document_time(const struct json_object *document, const char *path, int64_t otherwise)
{
    int64_t time = document_integer(document, path, -1);

    return time >= 0 && time <= CLOCK_MAXIMUM ? time : otherwise;
}

/* Finds the parent of the member that `path` names, and puts the member's name into `name`. With
 * `make`, missing objects are made. NULL if the parent does not exist, or without memory. */
static struct json_object *find_parent(struct json_object *document, const char *path, bool make,
                                       char *name)
{
    struct json_object *parent = document;

    while (document_is_object(parent) && take_name(&path, name)) {
        struct json_object *child;

        if (!path)
            return parent;
        child = document_member(parent, name);
        if (make && !child) {
            child = json_object_new_object();
            if (document_add(parent, name, child) < 0)
                return NULL;
        }
        parent = child;
    }
    return NULL;
}

int document_set(struct json_object *document, const char *path, struct json_object *value)
{
    char name[PATH_NAME_SIZE];
    struct json_object *parent = value ? find_parent(document, path, true, name) : NULL;

    if (!parent) {
        json_object_put(value);
        return -1;
    }
    return document_add(parent, name, value);
}

void document_remove(struct json_object *document, const char *path)
{
    char name[PATH_NAME_SIZE];
    struct json_object *parent = find_parent(document, path, false, name);

    if (parent)
        document_delete(parent, name);
}

int document_set_string(struct json_object *document, const char *path, const char *value)
{
    if (value && *value)
        return document_set(document, path, document_new_string(value));
    document_remove(document, path);
    return 0;
}

int document_set_time(struct json_object *document, const char *path, int64_t unix_seconds)
{
    if (unix_seconds != 0)
        return document_set(document, path, json_object_new_int64(unix_seconds));
    document_remove(document, path);
    return 0;
}
