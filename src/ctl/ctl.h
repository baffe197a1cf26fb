/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl.h - what every command of mimoctl is given, and how it ends.
 *
 * A command is a function: 0 or another exit status when it did its work, -1 with the error filled
 * in when it did not. main() alone writes that error and turns its kind into the exit status (see
 * ctl_exit_of_error()). Data goes to standard output, messages to standard error (output_say()).
 */
#ifndef MIMO_CTL_CTL_H
#define MIMO_CTL_CTL_H

#include <json-c/json_object.h>

#include "ctl/client/connection.h"
#include "ctl/exit_status.h"
#include "ctl/options.h"
#include "ctl/output/output.h"
#include "mimo/error.h"

struct ctl {
    struct options options;
    struct output output;
    struct connection connection; /* opened by the first api_call() */
    bool hurried;                 /* somebody waits for each key: give up early */
};

/* INVALID: usage. UNAVAILABLE: unreachable. All others: refused. */
enum ctl_exit ctl_exit_of_error(const struct error *error);

/* Changes what one operand names, and appends what is left of it to `done`. A positive value is an
 * exit status whose reason was said already. */
typedef int ctl_change(struct ctl *ctl, const char *operand, struct json_object *done,
                       struct error *error);

/* Runs `change` for each operand. A failure is said, and the others are still done, unless the
 * Admin API cannot be reached. Returns the worst exit status. */
int ctl_each(struct ctl *ctl, ctl_change *change, struct json_object *done);

/* For commands that delete: the IDs of what is gone, as talk for people and as data for programs.
 */
void ctl_write_deleted(struct ctl *ctl, const struct json_object *deleted);

#endif
