/* SPDX-License-Identifier: Apache-2.0 */
/* body.h - which members a request's body may have. */
#ifndef API_BODY_H
#define API_BODY_H

#include <json-c/json_object.h>

#include "api/http/answer.h"

/* Refuses a body with a member that is neither in `taken` nor in `ignored` (NULL-terminated),
 * naming it and what may be there. Ignored are those that answers contain, so that what was read
 * can be sent back. */
int body_check_members(const struct json_object *body, const char *const *taken,
                       const char *const *ignored, struct answer *answer);

#endif
