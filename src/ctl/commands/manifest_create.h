/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest_create.h - creating manifests, anew and again.
 */
#ifndef MIMO_CTL_COMMANDS_MANIFEST_CREATE_H
#define MIMO_CTL_COMMANDS_MANIFEST_CREATE_H

#include <json-c/json_object.h>

#include "ctl/ctl.h"

struct manifest_creation {
    const char *cluster;      /* normalized resource ID */
    struct json_object *body; /* borrowed */
    const char *if_open;      /* "skip", "fail", or NULL for a second one */
    const char *key;          /* --idempotency-key, or NULL */
};

/* --run-after and --run-before, where they are given, into the body of a request. */
int manifest_create_add_times(const struct ctl *ctl, struct json_object *body, struct error *error);

/* *ret_manifest is the manifest, a new reference: the new one, or with "skip" that which is open,
 * which is said. */
int manifest_create_send(struct ctl *ctl, const struct manifest_creation *creation,
                         struct json_object **ret_manifest, struct error *error);

#endif
