/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_client.h - requests to the supervisors on this machine, over the sockets of control.h.
 */
#ifndef MIMO_CTL_CLIENT_CONTROL_CLIENT_H
#define MIMO_CTL_CLIENT_CONTROL_CLIENT_H

#include <json-c/json_object.h>

#include "mimo/error.h"

/* Seconds to wait for an answer. */
enum { CONTROL_PATIENCE_SECONDS = 5 };

/* Sends {"command": command} to the socket `name` in `directory` and reads its answer; *ret_answer is
 * a new reference. ERROR_NOT_FOUND when the socket is left over from an actuator that does not
 * run, ERROR_UNAVAILABLE when no answer comes, ERROR_DENIED when this user lacks the permission. */
int control_ask(const char *directory, const char *name, const char *command,
                struct json_object **ret_answer, struct error *error);

/* Names of the control sockets in `directory`, sorted, as an array of texts. ERROR_UNAVAILABLE,
 * with what to do, if the directory has no socket. */
int control_find(const char *directory, struct json_object **ret_names, struct error *error);

#endif
