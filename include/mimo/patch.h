/* SPDX-License-Identifier: Apache-2.0 */
/*
 * patch.h - JSON merge patches (RFC 7396), and which parts of a document a patch may change.
 *
 * A task declares the paths that its patches may change: "properties.operatorFlags". Patch and
 * declarations are walked together, name by name:
 *
 *   - a member at a declared path, and all below it, may be set, replaced and removed;
 *   - a member on the way to a declared path must be an object, in the patch and in the document:
 *     it may not be made, replaced or removed;
 *   - no other member may be in the patch, not even as an empty object.
 *
 * A member whose name contains a dot never matches a declared path.
 *
 * Pure: no I/O.
 */
#ifndef MIMO_PATCH_H
#define MIMO_PATCH_H

#include <json-c/json_object.h>

#include "mimo/error.h"

/* Checks that `patch` changes what `declared` allows (an array that ends in NULL; NULL: nothing)
 * and fits the object `target`. `target` NULL: the document is not checked. ERROR_INVALID names the
 * member. */
int patch_check(const struct json_object *patch, const struct json_object *target,
                const char *const *declared, struct error *error);

/* Applies `patch` to `target`, both objects. -1 without memory; `target` is then changed in
 * part. */
int patch_apply(struct json_object *target, const struct json_object *patch, struct error *error);

#endif
