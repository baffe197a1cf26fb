/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest_create.h - creation of manifests, for manifest create and recreate.
 */
#ifndef MIMO_CTL_COMMANDS_MANIFEST_CREATE_H
#define MIMO_CTL_COMMANDS_MANIFEST_CREATE_H

#include <json-c/json_object.h>

#include "ctl/ctl.h"

struct manifest_creation {
    const char *cluster;      /* normalized resource ID */
    struct json_object *body; /* borrowed */
    const char *if_open;      /* "skip", "fail", or NULL to create a second one */
    const char *key;          /* --idempotency-key, or NULL */
};

/* Adds --run-after and --run-before, if given, to the body of a request. */
int manifest_create_add_times(const struct ctl *ctl, struct json_object *body, struct error *error);

/* *ret_manifest is a new reference to the new manifest, or with "skip" to the one that is open; a
 * message says which. */
int manifest_create_send(struct ctl *ctl, const struct manifest_creation *creation,
                         struct json_object **ret_manifest, struct error *error);

#endif
