/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_tree.h - one YAML document as a tree of JSON values, for texts that come from outside and
 * hold secrets.
 *
 * JSON is read as well, because YAML contains it. A byte order mark and UTF-16 are understood.
 * Scalars become strings, whatever they look like, except for a plain null or nothing, which become
 * null. !!binary is decoded. An alias becomes a copy of its value; merge keys (<<) are carried out.
 *
 * Refused: more than one document (an empty one at the end does not count), nesting beyond
 * DOCUMENT_DEPTH_MAXIMUM, keys that are not scalars, NUL, aliases of more than YAML_COPIES_MAXIMUM.
 * A key twice in a mapping is refused by yaml_tree_check_keys() and not by the parser, because only
 * a part of the tree may be needed.
 */
#ifndef MIMO_KUBE_YAML_TREE_H
#define MIMO_KUBE_YAML_TREE_H

#include <json-c/json_object.h>
#include <stddef.h>

#include "mimo/error.h"

/* The top-level mapping, or NULL: ERROR_INVALID says where and why. */
struct json_object *yaml_tree_parse(const char *text, size_t length, struct error *error);

/* ERROR_INVALID if a mapping in `value`, at any depth, has a key twice: readers disagree on which
 * one counts. The error says where. */
int yaml_tree_check_keys(const struct json_object *value, struct error *error);

/* The same for one mapping without what is in it. */
int yaml_tree_check_own_keys(const struct json_object *mapping, struct error *error);

/* Overwrites all strings and drops the tree, of which no other references may be left. NULL is
 * allowed. */
void yaml_tree_wipe(struct json_object *tree);

#endif
