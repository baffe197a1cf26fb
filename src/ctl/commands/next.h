/* SPDX-License-Identifier: Apache-2.0 */
/*
 * next.h - suggests the command that usually comes next.
 *
 * A command for people ends with one. It is written to standard error, so that programs that read
 * standard output are not disturbed, and only in the forms "table" and "wide":
 *
 *   mimoctl: next: mimoctl manifest watch 2b65ac7b
 *   mimoctl: next, once the cause is fixed: mimoctl manifest recreate 2b65ac7b --watch
 *
 * What follows the colon can be pasted into a shell, apart from words in capitals.
 */
#ifndef MIMO_CTL_COMMANDS_NEXT_H
#define MIMO_CTL_COMMANDS_NEXT_H

#include <json-c/json_object.h>

#include "ctl/ctl.h"
#include "ctl/output/output.h"

/* `condition` is put before the colon, or NULL. */
void next_say(const struct output *output, const char *condition, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* For an ended manifest whose worker still runs, by the member "running". False, and nothing said,
 * for all others. */
bool next_of_worker(const struct output *output, const struct json_object *manifest);

/* By the state of a manifest, and whether its worker still runs. */
void next_of_manifest(const struct output *output, const struct json_object *manifest);

/* The same; for a Pending manifest by what blocks it. */
void next_of_blocked(struct ctl *ctl, const struct json_object *manifest,
                     const struct json_object *blockers);

/* For the manifest of a worker that keeps a cluster busy: the Admin API tells whether it has ended
 * already; when it does not answer, it is taken for one that has not. */
void next_of_busy(struct ctl *ctl, const char *condition, const char *id);

/* For a list of manifests: the one that needs a look most; without one the queue. */
void next_of_manifests(const struct output *output, const struct json_object *manifests);

/* For a manifest that was followed until this exit status. */
void next_of_followed(const struct output *output, const struct json_object *manifest, int status);

#endif
