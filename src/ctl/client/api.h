/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api.h - requests to the Admin API, its JSON answers, and its refusals as errors.
 *
 *     struct query query = {0};
 *     query_add(&query, "force", "true");
 *     api_call(ctl, &(struct api_request){.method = "POST", .path = path, .query = &query},
 *              &answer, error);
 *
 * Refusals become ERROR_DENIED, ERROR_NOT_FOUND or ERROR_CONFLICT with what the server said;
 * 401, 5xx and answers that are not an Admin API's become ERROR_UNAVAILABLE. If an older Admin API
 * lacks the endpoint, the error is ERROR_DENIED and says so. The first call opens the connection.
 */
#ifndef MIMO_CTL_CLIENT_API_H
#define MIMO_CTL_CLIENT_API_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "ctl/ctl.h"
#include "mimo/api_targets.h"
#include "mimo/error.h"

/* Query parameters after "?api-version=admin". Zero it before use. */
struct query {
    char *text;  /* "&name=value...", escaped; owned */
    bool failed; /* out of memory; api_call() reports it */
};

/* Adds nothing if `value` is NULL. */
void query_add(struct query *query, const char *name, const char *value);
void query_add_number(struct query *query, const char *name, int64_t value);

static inline void cleanup_query_function(struct query *query)
{
    free(query->text);
}
#define cleanup_query __attribute__((cleanup(cleanup_query_function)))

struct api_request {
    const char *method;
    const char *path;          /* "/admin/tasks" */
    const struct query *query; /* or NULL */
    struct json_object *body;  /* borrowed, or NULL */
    const char *key;           /* Idempotency-Key, or NULL */
};

struct api_answer {
    long status;              /* 2xx; of the refusal after a failure; 0 without an answer */
    struct json_object *body; /* owned; NULL for 204, and for 202 without one */
    bool lacks_endpoint;      /* after a refusal: this Admin API is too old for the request */
    bool replayed;            /* a repeated answer to an earlier request with this key */
    char target[64];          /* after a refusal: the member or parameter, else "" */
    char refusal[ERROR_MESSAGE_SIZE]; /* after a refusal: the server's message alone, else "" */
};

/* For a task that the Admin API does not have; one text, whichever command named it. */
#define API_NO_TASK "there is no task with the name or ID \"%s\"; see mimoctl task list"

/* True when a call failed with 409 and this target (mimo/api_targets.h). */
bool api_is_conflict(const struct api_answer *answer, const char *target);

/* The ticket of --icm goes with every request that changes something. */
int api_call(struct ctl *ctl, const struct api_request *request, struct api_answer *ret_answer,
             struct error *error);

/* GET of one object; *ret_object is a new reference. */
int api_get(struct ctl *ctl, const char *path, const struct query *query,
            struct json_object **ret_object, struct error *error);

/* Returns true for an item that is wanted. */
typedef bool api_keep_function(const struct json_object *item, const void *context);

struct api_listing {
    const char *path;
    const struct query *query; /* or NULL */
    int64_t limit;             /* items wanted at most; 0 for all */
    api_keep_function *keep;   /* or NULL for all */
    const void *context;
};

/* All pages of a listing as one array, a new reference. *ret_more (may be NULL) is true if there
 * are more than `limit`. */
int api_list(struct ctl *ctl, const struct api_listing *listing, struct json_object **ret_items,
             bool *ret_more, struct error *error);

#endif
