/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.h - sends one command to all actuators of this machine, or to some.
 */
#ifndef MIMO_CTL_COMMANDS_MACHINE_H
#define MIMO_CTL_COMMANDS_MACHINE_H

#include <json-c/json_object.h>

#include "ctl/ctl.h"

struct machine_question {
    const char *command;  /* of control.h */
    char *const *indexes; /* of the actuators to ask; index_count of them */
    int index_count;      /* 0: all */
    bool quiet;           /* write no message about an actuator that does not answer */
};

/* *ret_answers is an array of their answers, a new reference. Returns 0, or CTL_UNREACHABLE when
 * some did not answer, with a message for each. A socket left over from an earlier actuator counts
 * only when its index was given, or when no actuator answers. Returns -1 when there is no
 * socket. */
int machine_ask(struct ctl *ctl, const struct machine_question *question,
                struct json_object **ret_answers, struct error *error);

/* The directory of the control sockets: --runtime-directory, MIMO_RUNTIME_DIRECTORY, or the
 * default. */
const char *machine_directory(const struct ctl *ctl);

#endif
