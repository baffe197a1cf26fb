/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route.h - one row of the table of endpoints: a method, a path, and their handler.
 *
 * The table itself, and the search in it, is routes.h. Every row is static and constant.
 */
#ifndef API_ROUTE_H
#define API_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "api/auth/auth.h"

struct answer;  /* answer.h */
struct api;     /* api.h */
struct request; /* request.h */

typedef void handler_f(struct api *api, struct request *request, struct answer *answer);

enum http_method { HTTP_GET, HTTP_PUT, HTTP_POST, HTTP_DELETE, HTTP_METHOD_COUNT };

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
    int successes[ROUTE_SUCCESSES]; /* status codes, ended by 0 */
    unsigned errors; /* API_ERROR_BIT()s of what this row refuses beyond what its other members
                        bring with them */
    /* Called before the body is checked: -1 refuses. May be NULL. */
    int (*first)(struct api *api, const struct request *request, struct answer *answer);
    bool keyed;     /* takes an Idempotency-Key */
    bool immediate; /* never waits, not even for the store: answered on the network thread */
};

/* True when the route does not change anything. */
static inline bool route_only_reads(const struct route *route)
{
    return route->action == NULL;
}

#endif
