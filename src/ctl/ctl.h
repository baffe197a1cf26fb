/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl.h - the context of mimoctl's commands, and their exit statuses.
 *
 * A command is a function. It returns 0 or another exit status if it did its work, or -1 with the
 * error filled in. Only main() writes that error and derives the exit status from its kind
 * (ctl_exit_of_error()). Data goes to standard output, messages to standard error (output_say()).
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
    bool hurried;                 /* completion: use short timeouts */
};

/* ERROR_INVALID: CTL_USAGE. ERROR_UNAVAILABLE: CTL_UNREACHABLE. Others: CTL_REFUSED. */
enum ctl_exit ctl_exit_of_error(const struct error *error);

/* Changes what one operand names, and appends the resulting object to `done`. A positive return
 * value is an exit status whose message has been written already. */
typedef int ctl_change(struct ctl *ctl, const char *operand, struct json_object *done,
                       struct error *error);

/* Runs `change` for each operand. After a failure it writes the message and goes on with the next
 * operand, unless the Admin API cannot be reached. Returns the worst exit status. */
int ctl_each(struct ctl *ctl, ctl_change *change, struct json_object *done);

/* For commands that delete: writes the IDs of what was deleted, as messages for people or as data
 * for programs. */
void ctl_write_deleted(struct ctl *ctl, const struct json_object *deleted);

#endif
