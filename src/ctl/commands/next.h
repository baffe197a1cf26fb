/* SPDX-License-Identifier: Apache-2.0 */
/*
 * next.h - suggests the command that usually comes next.
 *
 * Writes "mimoctl: next: mimoctl ..." to standard error, so that standard output has data only.
 * Each suggestion is a complete command.
 */
#ifndef MIMO_CTL_COMMANDS_NEXT_H
#define MIMO_CTL_COMMANDS_NEXT_H

#include <json-c/json_object.h>

/* Suggests by the state of a manifest. */
void next_say(const struct json_object *manifest);

/* The same; for a Pending manifest by what blocks it. */
void next_say_blocked(const struct json_object *manifest, const struct json_object *blockers);

#endif
