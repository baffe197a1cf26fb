/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_anchors.c - anchors, aliases and merge keys of a YAML document.
 */
#include "kube/yaml_anchors.h"

#include <stdlib.h>
#include <string.h>

#include "mimo/document.h"

void yaml_anchors_free(struct yaml_anchors *anchors)
{
    for (size_t i = 0; i < anchors->count; i++) {
        free(anchors->list[i].name);
        json_object_put(anchors->list[i].value);
    }
    free(anchors->list);
    *anchors = (struct yaml_anchors){0};
}

static struct yaml_anchor *find(const struct yaml_anchors *anchors, const char *name)
{
    for (size_t i = 0; i < anchors->count; i++)
        if (strcmp(anchors->list[i].name, name) == 0)
            return &anchors->list[i];
    return NULL;
}

enum yaml_copy yaml_anchors_add(struct yaml_anchors *anchors, const char *name,
                                struct json_object *value)
{
    struct yaml_anchor *anchor = find(anchors, name);
    if (anchor) {
        json_object_put(anchor->value);
        anchor->value = json_object_get(value);
        return YAML_COPY_DONE;
    }
    if (anchors->count == YAML_ANCHORS_MAXIMUM)
        return YAML_COPY_TOO_LARGE;
    struct yaml_anchor *longer =
        realloc(anchors->list, (anchors->count + 1) * sizeof(*anchors->list));
    if (!longer)
        return YAML_COPY_MEMORY;
    anchors->list = longer;
    char *copy = strdup(name);
    if (!copy)
        return YAML_COPY_MEMORY;
    anchors->list[anchors->count++] = (struct yaml_anchor){copy, json_object_get(value)};
    return YAML_COPY_DONE;
}

/* The memory of a value, roughly. */
static size_t size_of(const struct json_object *value)
{
    enum { NODE = 64 };
    size_t size = NODE, index;
    const char *name;
    struct json_object *child;
    if (document_is_string(value))
        size += (size_t)json_object_get_string_len(value);
    document_foreach_item(value, index, child)
        size += size_of(child);
    document_foreach_member(value, name, child)
        size += strlen(name) + size_of(child);
    return size;
}

/* Copies any value; null is not a failure. */
static enum yaml_copy copy_value(struct yaml_anchors *anchors, const struct json_object *value,
                                 struct json_object **ret_value)
{
    *ret_value = NULL;
    anchors->copied += size_of(value);
    if (anchors->copied > YAML_COPIES_MAXIMUM)
        return YAML_COPY_TOO_LARGE;
    if (!value)
        return YAML_COPY_DONE;
    *ret_value = document_copy(value);
    return *ret_value ? YAML_COPY_DONE : YAML_COPY_MEMORY;
}

enum yaml_copy yaml_anchors_copy(struct yaml_anchors *anchors, const char *name,
                                 struct json_object **ret_value)
{
    const struct yaml_anchor *anchor = find(anchors, name);
    *ret_value = NULL;
    return anchor ? copy_value(anchors, anchor->value, ret_value) : YAML_COPY_UNKNOWN;
}

static enum yaml_copy merge_one(struct yaml_anchors *anchors, struct json_object *mapping,
                                const struct json_object *source)
{
    const char *name;
    struct json_object *value;
    if (!document_is_object(source))
        return YAML_COPY_NO_MAPPING;
    document_foreach_member(source, name, value) {
        struct json_object *copy;
        if (document_has(mapping, name))
            continue;
        enum yaml_copy end = copy_value(anchors, value, &copy);
        if (end != YAML_COPY_DONE)
            return end;
        if (json_object_object_add(mapping, name, copy) < 0) {
            json_object_put(copy);
            return YAML_COPY_MEMORY;
        }
    }
    return YAML_COPY_DONE;
}

enum yaml_copy yaml_anchors_merge(struct yaml_anchors *anchors, struct json_object *mapping,
                                  const struct json_object *source)
{
    size_t index;
    struct json_object *item;
    if (!document_is_array(source))
        return merge_one(anchors, mapping, source);
    document_foreach_item(source, index, item) {
        enum yaml_copy end = merge_one(anchors, mapping, item);
        if (end != YAML_COPY_DONE)
            return end;
    }
    return YAML_COPY_DONE;
}
