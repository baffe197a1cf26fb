/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_client.h - asking the supervisors of this machine, on the sockets of control.h.
 */
#ifndef MIMO_CTL_CLIENT_CONTROL_CLIENT_H
#define MIMO_CTL_CLIENT_CONTROL_CLIENT_H

#include <json-c/json_object.h>

#include "mimo/error.h"

/* Seconds without an answer after which a supervisor counts as hanging. */
enum { CONTROL_PATIENCE_SECONDS = 5 };

/* Sends {"command": command} to the socket `name` in `directory` and reads its answer; *ret_answer is
 * a new reference. ERROR_NOT_FOUND when the socket is left over from an actuator that does not
 * run, ERROR_UNAVAILABLE when nobody answers, ERROR_DENIED when we may not ask. */
int control_ask(const char *directory, const char *name, const char *command,
                struct json_object **ret_answer, struct error *error);

/* Names of the control sockets in `directory`, sorted, as an array of texts. ERROR_UNAVAILABLE,
 * saying what to do, when there is none. */
int control_find(const char *directory, struct json_object **ret_names, struct error *error);

#endif
