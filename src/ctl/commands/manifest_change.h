/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest_change.h - changes of manifests, for several commands.
 */
#ifndef MIMO_CTL_COMMANDS_MANIFEST_CHANGE_H
#define MIMO_CTL_COMMANDS_MANIFEST_CHANGE_H

#include <json-c/json_object.h>

#include "ctl/ctl.h"

/* Deletes the manifest of a view. The error names it. */
int manifest_delete(struct ctl *ctl, const struct json_object *manifest, struct error *error);

#endif
