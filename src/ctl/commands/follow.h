/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow.h - follows a manifest until it has ended.
 */
#ifndef MIMO_CTL_COMMANDS_FOLLOW_H
#define MIMO_CTL_COMMANDS_FOLLOW_H

#include <json-c/json_object.h>

#include "ctl/ctl.h"
#include "mimo/error.h"

/* Shows each change of `manifest` (a view, borrowed) until it has ended. Returns 0 when Completed,
 * else CTL_ENDED_OTHERWISE; -1 when the Admin API does not answer for longer than
 * FOLLOW_PATIENCE. */
int follow_watch(struct ctl *ctl, struct json_object *manifest, struct error *error);

/* Time to wait for an Admin API that does not answer: it is restarted during updates. */
enum { FOLLOW_PATIENCE = 60 * 1000 };

#endif
