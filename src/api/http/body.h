/* SPDX-License-Identifier: Apache-2.0 */
/* body.h - checks the members of a request's body. */
#ifndef API_BODY_H
#define API_BODY_H

#include <json-c/json_object.h>

#include "api/http/answer.h"

/* Refuses a body with a member that is neither in `taken` nor in `ignored` (both NULL-terminated);
 * the answer names it and the allowed ones. Members of answers are ignored, so that a client can
 * send back what it read. */
int body_check_members(const struct json_object *body, const char *const *taken,
                       const char *const *ignored, struct answer *answer);

#endif
