/* SPDX-License-Identifier: Apache-2.0 */
/*
 * routes.h - the endpoints: one table, a row for each method and path.
 *
 * A pattern has literal segments, which are compared without case with the raw path (nothing is
 * decoded or merged), and two placeholders: {R} stands for the eight segments of a cluster's resource
 * ID, {id} for one segment that is not a literal segment of another row.
 */
#ifndef API_ROUTES_H
#define API_ROUTES_H

#include "api/api.h"

enum route_body {
    BODY_NONE,     /* a body is refused */
    BODY_OPTIONAL, /* a JSON object or nothing */
    BODY_REQUIRED, /* a JSON object */
};

enum { ROUTE_SUCCESSES = 2 };

struct route {
    enum http_method method;
    const char *pattern;
    enum role role; /* ROLE_NONE: no authentication, and no api-version */
    enum route_body body;
    unsigned query; /* QUERY_BIT()s of the parameters it knows */
    handler_f *handle;
    const char *action; /* name in the audit trail of what it changes, or NULL */
    const char *help;
    const char *takes;              /* schema of the body, where it is required */
    const char *view;               /* schema of what is answered, or NULL */
    int successes[ROUTE_SUCCESSES]; /* status codes, then 0 */
    unsigned errors; /* API_ERROR_BIT()s of what this row refuses beyond what its other members
                        bring with them */
    /* Asked first, before the body is looked at: -1 refuses. NULL where there is nothing to ask. */
    int (*first)(struct api *api, const struct request *request, struct answer *answer);
    bool keyed;     /* takes an Idempotency-Key */
    bool immediate; /* never waits, not even for the store: answered on the network thread */
};

/* The row at `position`, or NULL after the last: for documents made of the table. */
const struct route *route_at(size_t position);

/* The errors that a request to this row may be answered with: API_ERROR_BIT()s. */
unsigned route_errors(const struct route *route);

/* Finds the route of `method` and the target's path and fills request->route, cluster and id. 404,
 * 405 with Allow, 501 for a method nobody knows, 400 InvalidResourceID. */
int route_find(const char *method, struct request *request, struct answer *answer);

/* True when the route does not change anything. */
bool route_only_reads(const struct route *route);

#endif
