/* SPDX-License-Identifier: Apache-2.0 */
/*
 * next.h - the command that an operator usually runs next.
 *
 * Written to standard error as "mimoctl: next: mimoctl ...", so that programs that read standard
 * output are not disturbed. Each is a command that can be run as it is.
 */
#ifndef MIMO_CTL_COMMANDS_NEXT_H
#define MIMO_CTL_COMMANDS_NEXT_H

#include <json-c/json_object.h>

/* By the state of a manifest. */
void next_say(const struct json_object *manifest);

/* The same; for a Pending manifest by what blocks it. */
void next_say_blocked(const struct json_object *manifest, const struct json_object *blockers);

#endif
