/* SPDX-License-Identifier: Apache-2.0 */
/* patch.c - JSON merge patches, and what of a document one may change. */
#include "mimo/patch.h"

#include <stdio.h>
#include <string.h>

#include "mimo/document.h"

/* The way from the document to a member: the names of its parents, and its own. */
struct way {
    const char *names[DOCUMENT_DEPTH_MAXIMUM];
    size_t length;
};

enum reach {
    REACH_NONE,    /* the way leads elsewhere */
    REACH_TOWARDS, /* a declared path begins with it */
    REACH_AT,      /* it is a declared path */
};

static enum reach compare(const char *path, const struct way *way)
{
    for (size_t i = 0; i < way->length; i++) {
        size_t length = strcspn(path, ".");

        if (length == 0 || strlen(way->names[i]) != length ||
            memcmp(way->names[i], path, length) != 0)
            return REACH_NONE;
        path += length;
        path += *path == '.';
    }
    return *path ? REACH_TOWARDS : REACH_AT;
}

static enum reach reach_of(const struct way *way, const char *const *declared)
{
    enum reach reach = REACH_NONE;

    for (const char *const *path = declared; path && *path; path++) {
        enum reach one = compare(*path, way);
        reach = one > reach ? one : reach;
    }
    return reach;
}

static int refuse(const struct way *way, const char *problem, struct error *error)
{
    char text[256] = "";

    for (size_t i = 0; i < way->length; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, "%s%s", i > 0 ? "." : "", way->names[i]);
    }
    return error_set(error, ERROR_INVALID, "member \"%s\" %s", text, problem);
}

static int check_members(const struct json_object *patch, const struct json_object *target,
                         bool look, const char *const *declared, struct way *way,
                         struct error *error);

static int check_member(const struct json_object *value, const struct json_object *present,
                        bool look, const char *const *declared, struct way *way,
                        struct error *error)
{
    switch (reach_of(way, declared)) {
    case REACH_AT:
        return 0;
    case REACH_NONE:
        return refuse(way, "is not declared by the task", error);
    case REACH_TOWARDS:
        break;
    }
    if (!document_is_object(value))
        return refuse(way, "is declared by the task in parts only, and must be an object", error);
    if (look && !document_is_object(present))
        return refuse(way, "is not an object in the cluster's document", error);
    return check_members(value, present, look, declared, way, error);
}

static int check_members(const struct json_object *patch, const struct json_object *target,
                         bool look, const char *const *declared, struct way *way,
                         struct error *error)
{
    const char *name;
    struct json_object *value;

    if (way->length == DOCUMENT_DEPTH_MAXIMUM)
        return refuse(way, "is nested too deeply", error);
    way->length++;
    document_foreach_member(patch, name, value) {
        way->names[way->length - 1] = name;
        if (check_member(value, document_member(target, name), look, declared, way, error) < 0)
            return -1;
    }
    way->length--;
    return 0;
}

int patch_check(const struct json_object *patch, const struct json_object *target,
                const char *const *declared, struct error *error)
{
    struct way way = {.length = 0};

    return check_members(patch, target, target != NULL, declared, &way, error);
}

static int apply_object(struct json_object *target, const char *name,
                        const struct json_object *patch, struct error *error)
{
    if (!document_is_object(document_member(target, name)) &&
        document_add(target, name, json_object_new_object()) < 0)
        return error_set_memory(error);
    return patch_apply(document_member(target, name), patch, error);
}

int patch_apply(struct json_object *target, const struct json_object *patch, struct error *error)
{
    const char *name;
    struct json_object *value;

    document_foreach_member(patch, name, value) {
        if (!value)
            document_delete(target, name);
        else if (document_is_object(value) && apply_object(target, name, value, error) < 0)
            return -1;
        else if (!document_is_object(value) && document_add(target, name, document_copy(value)) < 0)
            return error_set_memory(error);
    }
    return 0;
}
