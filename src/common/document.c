/* SPDX-License-Identifier: Apache-2.0 */
/* JSON documents: strict reading, typed access, bounded size. */
#include "config.h"

#include "mimo/document.h"

#include <string.h>

enum { PATH_NAME_SIZE = 128 };

json_t *document_parse(const char *text, size_t length, struct error *error)
{
    json_error_t problem;
    json_t *document;

    if (length > DOCUMENT_SIZE_MAXIMUM) {
        error_set(error, ERROR_TOO_LARGE, "document of %zu bytes is larger than the %d allowed",
                  length, DOCUMENT_SIZE_MAXIMUM);
        return NULL;
    }
    document = json_loadb(text, length, JSON_REJECT_DUPLICATES, &problem);
    if (!document) {
        error_set(error, ERROR_INVALID, "line %d, column %d: %s", problem.line, problem.column,
                  problem.text);
        return NULL;
    }
    if (!json_is_object(document))
        error_set(error, ERROR_INVALID, "document is not a JSON object");
    else if (document_depth(document) > DOCUMENT_DEPTH_MAXIMUM)
        error_set(error, ERROR_TOO_LARGE, "document is nested deeper than the %d levels allowed",
                  DOCUMENT_DEPTH_MAXIMUM);
    else
        return document;
    json_decref(document);
    return NULL;
}

char *document_format(const json_t *document)
{
    return json_dumps(document, JSON_COMPACT | JSON_ENCODE_ANY);
}

static bool is_container(const json_t *value)
{
    return json_is_object(value) || json_is_array(value);
}

size_t document_depth(const json_t *value)
{
    size_t deepest = 0;
    size_t index;
    json_t *child;
    const char *name;
    json_t *container =
        (json_t *)(uintptr_t)value; /* the iterators of Jansson 2.13 know no const */

    if (json_is_array(value)) {
        json_array_foreach(container, index, child) {
            size_t depth = is_container(child) ? document_depth(child) : 0;
            deepest = depth > deepest ? depth : deepest;
        }
    } else if (json_is_object(value)) {
        json_object_foreach(container, name, child) {
            size_t depth = is_container(child) ? document_depth(child) : 0;
            deepest = depth > deepest ? depth : deepest;
        }
    }
    return 1 + deepest;
}

/* Takes the first name off `path` into `name`; returns the rest, or NULL after the last. False for
 * a name that no member of ours has. */
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

json_t *document_get(const json_t *document, const char *path)
{
    json_t *value = (json_t *)(uintptr_t)document;
    char name[PATH_NAME_SIZE];

    while (value && path) {
        if (!take_name(&path, name))
            return NULL;
        value = json_object_get(value, name);
    }
    return json_is_null(value) ? NULL : value;
}

static int wrong_type(struct error *error, const char *path, const char *wanted)
{
    return error_set(error, ERROR_INVALID, "member \"%s\" must be %s", path, wanted);
}

int document_read_string(const json_t *document, const char *path, const char *otherwise,
                         const char **ret_value, struct error *error)
{
    const json_t *value = document_get(document, path);

    if (value && !json_is_string(value))
        return wrong_type(error, path, "a string");
    *ret_value = value ? json_string_value(value) : otherwise;
    return 0;
}

int document_read_integer(const json_t *document, const char *path, int64_t otherwise,
                          int64_t *ret_value, struct error *error)
{
    const json_t *value = document_get(document, path);

    if (value && !json_is_integer(value))
        return wrong_type(error, path, "an integer");
    *ret_value = value ? json_integer_value(value) : otherwise;
    return 0;
}

int document_read_boolean(const json_t *document, const char *path, bool otherwise, bool *ret_value,
                          struct error *error)
{
    const json_t *value = document_get(document, path);

    if (value && !json_is_boolean(value))
        return wrong_type(error, path, "true or false");
    *ret_value = value ? json_is_true(value) : otherwise;
    return 0;
}

const char *document_string(const json_t *document, const char *path, const char *otherwise)
{
    const json_t *value = document_get(document, path);

    return json_is_string(value) ? json_string_value(value) : otherwise;
}

int64_t document_integer(const json_t *document, const char *path, int64_t otherwise)
{
    const json_t *value = document_get(document, path);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

/* The parent of the member that `path` names, made as needed when `make`; its name in `name`. NULL
 * when there is none, or without memory. */
static json_t *find_parent(json_t *document, const char *path, bool make, char *name)
{
    json_t *parent = document;

    while (json_is_object(parent) && take_name(&path, name)) {
        json_t *child;

        if (!path)
            return parent;
        child = json_object_get(parent, name);
        if (make && (!child || json_is_null(child))) {
            child = json_object();
            if (json_object_set_new(parent, name, child) < 0)
                return NULL;
        }
        parent = child;
    }
    return NULL;
}

int document_set(json_t *document, const char *path, json_t *value)
{
    char name[PATH_NAME_SIZE];
    json_t *parent = value ? find_parent(document, path, true, name) : NULL;

    if (!parent) {
        json_decref(value);
        return -1;
    }
    return json_object_set_new(parent, name, value);
}

void document_remove(json_t *document, const char *path)
{
    char name[PATH_NAME_SIZE];
    json_t *parent = find_parent(document, path, false, name);

    if (parent)
        json_object_del(parent, name);
}

int document_set_string(json_t *document, const char *path, const char *value)
{
    if (value && *value)
        return document_set(document, path, json_string(value));
    document_remove(document, path);
    return 0;
}

int document_set_time(json_t *document, const char *path, int64_t unix_seconds)
{
    if (unix_seconds != 0)
        return document_set(document, path, json_integer(unix_seconds));
    document_remove(document, path);
    return 0;
}
