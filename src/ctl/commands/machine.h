/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.h - asking all actuators of this machine, or some of them, the same.
 */
#ifndef MIMO_CTL_COMMANDS_MACHINE_H
#define MIMO_CTL_COMMANDS_MACHINE_H

#include <json-c/json_object.h>

#include "ctl/ctl.h"

struct machine_question {
    const char *command;  /* of control.h */
    char *const *indexes; /* of the actuators that are meant; index_count of them */
    int index_count;      /* 0: all */
    bool quiet;           /* say nothing about those that do not answer */
};

/* *ret_answers is an array of what they answered, a new reference. 0, or CTL_UNREACHABLE when some
 * did not answer, which is said. -1 when there is none to ask. */
int machine_ask(struct ctl *ctl, const struct machine_question *question,
                struct json_object **ret_answers, struct error *error);

/* Where the control sockets are: --runtime-directory, MIMO_RUNTIME_DIRECTORY, or the default. */
const char *machine_directory(const struct ctl *ctl);

#endif
