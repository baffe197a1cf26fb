/* SPDX-License-Identifier: Apache-2.0 */
/* manifest_create.h - reads the body of a request for a new manifest. */
#ifndef API_MANIFEST_CREATE_H
#define API_MANIFEST_CREATE_H

#include "api/http/answer.h"
#include "mimo/manifest.h"
#include "mimo/task.h"

/* Fills `request` (its cluster excepted) from `body`, whose members it borrows. -1 with a 400 that
 * names the member. */
int manifest_request_read(struct json_object *body, const struct task_list *tasks,
                          struct manifest_request *ret_request, struct answer *answer);

#endif
