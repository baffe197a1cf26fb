/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands.h - the commands of the control socket; control.h describes what they answer.
 *
 * A table of names. The supervisor supplies the snapshot that is shown, and does what an operator
 * asked for.
 */
#ifndef MIMO_SUPERVISOR_COMMANDS_H
#define MIMO_SUPERVISOR_COMMANDS_H

#include <json-c/json_object.h>

#include "supervisor/poller.h"
#include "supervisor/status.h"

struct commands_handlers {
    /* Pauses, drains, or works on. */
    void (*hold)(void *context, enum poller_hold hold);
    struct status_snapshot (*snapshot)(void *context);
};

/* The answer to one request; of a command that changes something, how things are afterwards. New
 * reference; NULL only without memory. */
struct json_object *commands_answer(struct json_object *request,
                                    const struct commands_handlers *handlers, void *context);

#endif
