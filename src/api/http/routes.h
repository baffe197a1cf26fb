/* SPDX-License-Identifier: Apache-2.0 */
/*
 * routes.h - the table of endpoints, with a row for each method and path.
 *
 * A pattern has literal segments, which are compared without case with the raw path (nothing is
 * decoded or merged), and two placeholders: {R} stands for the eight segments of a cluster's resource
 * ID, {id} for one segment that is not a literal segment of another row.
 */
#ifndef API_ROUTES_H
#define API_ROUTES_H

#include <stddef.h>

#include "api/http/answer.h"
#include "api/http/request.h"
#include "api/http/route.h"

/* The row at `position`, or NULL after the last; for documents that are generated from the
 * table. */
const struct route *route_at(size_t position);

/* The possible errors of a request to this row: API_ERROR_BIT()s. */
unsigned route_errors(const struct route *route);

/* Finds the route of `method` and the target's path and fills request->route, cluster and id. 404,
 * 405 with Allow, 501 for an unknown method, 400 InvalidResourceID. */
int route_find(const char *method, struct request *request, struct answer *answer);

#endif
