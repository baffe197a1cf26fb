/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.h - one command for all actuators of this machine, or for some.
 */
#ifndef MIMO_CTL_COMMANDS_MACHINE_H
#define MIMO_CTL_COMMANDS_MACHINE_H

#include <json-c/json_object.h>

#include "ctl/ctl.h"

struct machine_question {
    const char *command;  /* of control.h */
    char *const *indexes; /* of the actuators that are meant; index_count of them */
    int index_count;      /* 0: all */
    bool quiet;           /* no messages about those that do not answer */
};

/* *ret_answers is an array of their answers, a new reference. 0, or CTL_UNREACHABLE when some did not
 * answer; there is a message for each. A socket that an earlier actuator left over counts only when
 * its index was asked for, or no actuator answers. -1 when there is no socket at all. */
int machine_ask(struct ctl *ctl, const struct machine_question *question,
                struct json_object **ret_answers, struct error *error);

/* Where the control sockets are: --runtime-directory, MIMO_RUNTIME_DIRECTORY, or the default. */
const char *machine_directory(const struct ctl *ctl);

#endif
