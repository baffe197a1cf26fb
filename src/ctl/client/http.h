/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.h - one HTTPS request at a time, over libcurl.
 *
 * Certificates are always verified, redirects never followed, 10 s to connect, 30 s for all (2 s
 * for a hurried connection),
 * answers of at most HTTP_ANSWER_MAXIMUM bytes. The connection is kept between requests.
 */
#ifndef MIMO_CTL_CLIENT_HTTP_H
#define MIMO_CTL_CLIENT_HTTP_H

#include <stddef.h>

#include "ctl/client/connection.h"
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
    size_t room;                        /* bytes that `body` has */
    char content_type[HTTP_FIELD_SIZE]; /* these are "" when missing */
    char request_id[HTTP_FIELD_SIZE];
    char challenge[HTTP_FIELD_SIZE];
    char location[HTTP_FIELD_SIZE];
    char replayed[HTTP_FIELD_SIZE];
};

struct http;

int http_open(struct http **ret_http, struct error *error);
void http_close(struct http *http); /* NULL is allowed */

/* ERROR_UNAVAILABLE, saying what to do, when no answer came. Any status is an answer. */
int http_perform(const struct connection *connection, const struct http_request *request,
                 struct http_answer *ret_answer, struct error *error);

void http_answer_free(struct http_answer *answer);

#endif
