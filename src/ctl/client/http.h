/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.h - HTTP requests to the Admin API, over https.h.
 *
 * Certificates are always verified, redirects are not followed, and the connection is kept between
 * requests. Timeouts are those of https.h (2 s for a hurried connection); an answer has at most
 * HTTP_ANSWER_MAXIMUM bytes. The proxy of the environment is used, except for loopback.
 */
#ifndef MIMO_CTL_CLIENT_HTTP_H
#define MIMO_CTL_CLIENT_HTTP_H

#include <stddef.h>

#include "ctl/client/connection_state.h"
#include "mimo/error.h"

enum { HTTP_ANSWER_MAXIMUM = 8 * 1024 * 1024, HTTP_FIELD_SIZE = 256 };

struct http_request {
    const char *method;
    const char *target; /* path and query */
    const char *body;   /* JSON, or NULL */
    const char *icm;    /* ticket, or NULL */
    const char *key;    /* Idempotency-Key, or NULL */
};

struct http_answer {
    long status;
    char *body; /* owned, terminated by NUL; never NULL after success */
    size_t length;
    char content_type[HTTP_FIELD_SIZE]; /* these are "" when missing */
    char request_id[HTTP_FIELD_SIZE];
    char challenge[HTTP_FIELD_SIZE];
    char location[HTTP_FIELD_SIZE];
    char replayed[HTTP_FIELD_SIZE];
};

struct http;

/* Makes a client for the connection's URL, with its CA and client certificate. */
int http_open(const struct connection *connection, struct http **ret_http, struct error *error);
void http_close(struct http *http); /* NULL is allowed */

/* Fills in the answer, whatever its status. ERROR_UNAVAILABLE, with what to do, without an
 * answer. */
int http_perform(const struct connection *connection, const struct http_request *request,
                 struct http_answer *ret_answer, struct error *error);

void http_answer_free(struct http_answer *answer);

#endif
