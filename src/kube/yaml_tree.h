/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_tree.h - one YAML document as a tree of JSON values, for texts that come from outside and
 * hold secrets.
 *
 * JSON is read as well, for YAML contains it. Scalars become strings, whatever they look like, but
 * a plain null or nothing at all becomes null. Refused: more than one document, nesting beyond
 * DOCUMENT_DEPTH_MAXIMUM, a key twice in a mapping (readers disagree on which one counts), keys
 * that are no text, NUL, aliases.
 */
#ifndef MIMO_KUBE_YAML_TREE_H
#define MIMO_KUBE_YAML_TREE_H

#include <json-c/json_object.h>
#include <stddef.h>

#include "mimo/error.h"

/* The top-level mapping, or NULL: ERROR_INVALID says where and why. */
struct json_object *yaml_tree_parse(const char *text, size_t length, struct error *error);

/* Overwrites all strings and drops the tree, of which no other references may be left. NULL is
 * allowed. */
void yaml_tree_wipe(struct json_object *tree);

#endif
