/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.h - a request for handlers: routed, authenticated, with decoded parameters.
 *
 * The network thread fills it (server.c); handlers only read. All texts belong to the request.
 * Readers return 0, or -1 with a 400 in the answer that names the parameter.
 */
#ifndef API_REQUEST_H
#define API_REQUEST_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/auth/auth.h"
#include "api/http/answer.h"
#include "api/http/wire.h"
#include "mimo/network.h"
#include "mimo/resource_id.h"
#include "mimo/uuid.h"

enum {
    REQUEST_BODY_MAXIMUM = 1024 * 1024,
    REQUEST_ID_SIZE = 129, /* {id}, and the client's own request id */
    REQUEST_ICM_SIZE = 129,
    REQUEST_KEY_SIZE = 129,
    REQUEST_PAGE_DEFAULT = 100,
};

/* Query parameters, compared without case. One row each: constant, name, help. */
#define QUERY_PARAMETERS(PARAMETER)                                                                \
    PARAMETER(QUERY_API_VERSION, "api-version", "must be \"admin\"")                               \
    PARAMETER(QUERY_ICM, "icm", "ticket of the change; kept in the audit trail")                   \
    PARAMETER(QUERY_LIMIT, "limit", "items a page, 1 to 1000; default 100")                        \
    PARAMETER(QUERY_SKIP_TOKEN, "$skipToken", "start of the page; taken from nextLink")            \
    PARAMETER(QUERY_STATE, "state", "states to list, separated by commas; default all")            \
    PARAMETER(QUERY_CLUSTER, "clusterResourceID", "only manifests of this cluster")                \
    PARAMETER(QUERY_TASK, "maintenanceTaskID", "only manifests of this task: UUID or short name")  \
    PARAMETER(QUERY_SCHEDULE, "createdBySchedule", "only manifests created by this schedule")      \
    PARAMETER(QUERY_ID_PREFIX, "idPrefix",                                                         \
              "only manifests whose id begins with this: at least 4 characters, no other filter")  \
    PARAMETER(QUERY_NAME, "name", "only clusters with this name")                                  \
    PARAMETER(QUERY_OLDER_THAN, "olderThan",                                                       \
              "only manifests created at least that long ago (90s, 2h, 7d), or before a time")     \
    PARAMETER(QUERY_SCHEDULE_ID, "scheduleID", "only manifests created by this schedule")          \
    PARAMETER(QUERY_SINCE, "since",                                                                \
              "only entries from this time or later: Unix seconds or RFC 3339")                    \
    PARAMETER(QUERY_FORCE, "force",                                                                \
              "true: also cancel if it has been running for less than an hour")                    \
    PARAMETER(QUERY_IF_OPEN, "ifOpen",                                                             \
              "skip or fail: if a manifest for this cluster and task is open")

#define QUERY_CONSTANT(constant, name, help) constant,
enum query_parameter { QUERY_PARAMETERS(QUERY_CONSTANT) QUERY_COUNT };
#undef QUERY_CONSTANT

/* A set of parameters is an OR of these. */
#define QUERY_BIT(parameter) (1u << (parameter))

struct route;

struct request {
    const struct route *route;
    char *target;                            /* raw, with the query */
    char *query_text;                        /* the parameters below point into it */
    const char *query[QUERY_COUNT];          /* decoded; NULL when absent */
    char cluster[RESOURCE_ID_SIZE];          /* {R}, normalized */
    char resource_id[RESOURCE_ID_SIZE];      /* {R} in the client's spelling */
    char id[REQUEST_ID_SIZE];                /* {id}, in lower case */
    char request_id[UUID_SIZE];              /* made by the server */
    char client_request_id[REQUEST_ID_SIZE]; /* the client's own, or "" */
    char icm[REQUEST_ICM_SIZE];              /* ticket, or "" */
    char idempotency_key[REQUEST_KEY_SIZE];  /* or "" */
    char client[NETWORK_ADDRESS_SIZE];       /* address of the client, "" for a local socket */
    const char *scheme;                      /* of the URL that the client uses; static text */
    char host[256]; /* host that the client uses; "" for HTTP/1.0 without Host */
    struct actor actor;
    struct json_object *body; /* an object, or NULL when there was no body */
};

const char *query_parameter_name(enum query_parameter parameter);
const char *query_parameter_help(enum query_parameter parameter);

/* Splits the target's query into parameters. Those in `known` must be valid UTF-8 without control
 * characters and must not be repeated; others are ignored. */
int request_parse_query(struct request *request, unsigned known, struct answer *answer);

/* api-version=admin, or 400 InvalidApiVersionParameter. */
int request_check_api_version(const struct request *request, struct answer *answer);

/* limit: 1..1000. */
int request_limit(const struct request *request, size_t *ret_limit, struct answer *answer);

/* A time: Unix seconds or RFC 3339; 0 when absent. */
int request_time(const struct request *request, enum query_parameter parameter, int64_t *ret_time,
                 struct answer *answer);

/* A UUID, in lower case as they are stored, into `buffer` of UUID_SIZE bytes; "" when absent. */
int request_uuid(const struct request *request, enum query_parameter parameter, char *buffer,
                 struct answer *answer);

/* A parameter that is true or false; absent is false. */
int request_flag(const struct request *request, enum query_parameter parameter, bool *ret_flag,
                 struct answer *answer);

/* state: a set of MANIFEST_STATE_BIT()s; 0 for all. */
int request_states(const struct request *request, unsigned *ret_states, struct answer *answer);

/* The ticket, from the body's member icm, the query or the header, in this order. */
int request_find_icm(struct request *request, const char *header, struct answer *answer);

/* Reads Idempotency-Key (or NULL). A route that changes something but takes no key refuses it,
 * because the client would rely on it. */
int request_take_key(struct request *request, const char *header, struct answer *answer);

/* Releases what the request owns. */
void request_free(struct request *request);

#endif
