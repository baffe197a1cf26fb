/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_anchors.h - anchors, aliases and merge keys of a YAML document.
 *
 * An alias becomes a copy of its value, so that the tree has no shared parts and can be wiped. All
 * copies together are bounded: a few lines of nested aliases could otherwise fill any memory.
 *
 * Sources: https://yaml.org/spec/1.2.2/#71-alias-nodes, https://yaml.org/type/merge.html
 */
#ifndef MIMO_KUBE_YAML_ANCHORS_H
#define MIMO_KUBE_YAML_ANCHORS_H

#include <json-c/json_object.h>
#include <stddef.h>

enum { YAML_COPIES_MAXIMUM = 16 * 1024 * 1024, YAML_ANCHORS_MAXIMUM = 1000 };

struct yaml_anchor {
    char *name;
    struct json_object *value; /* a reference; NULL for null */
};

struct yaml_anchors {
    struct yaml_anchor *list;
    size_t count;
    size_t copied; /* bytes, roughly */
};

/* How the functions below end. */
enum yaml_copy {
    YAML_COPY_DONE,
    YAML_COPY_UNKNOWN,    /* there is no such anchor */
    YAML_COPY_TOO_LARGE,  /* too many anchors or copies */
    YAML_COPY_NO_MAPPING, /* only mappings can be merged */
    YAML_COPY_MEMORY,
};

/* Drops all references. */
void yaml_anchors_free(struct yaml_anchors *anchors);

/* Keeps a reference to the value of an anchor; the latest of one name counts. YAML_COPY_TOO_LARGE:
 * more than YAML_ANCHORS_MAXIMUM. */
enum yaml_copy yaml_anchors_add(struct yaml_anchors *anchors, const char *name,
                                struct json_object *value);

/* Copies the value of an anchor. */
enum yaml_copy yaml_anchors_copy(struct yaml_anchors *anchors, const char *name,
                                 struct json_object **ret_value);

/* Adds copies of the members of `source`, a mapping or a list of mappings, that `mapping` does not
 * have yet. */
enum yaml_copy yaml_anchors_merge(struct yaml_anchors *anchors, struct json_object *mapping,
                                  const struct json_object *source);

#endif
