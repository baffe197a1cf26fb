/* SPDX-License-Identifier: Apache-2.0 */
/*
 * azure_http.h - sends one HTTPS request to a service of Azure and returns its JSON answer.
 */
#ifndef MIMO_AZURE_AZURE_HTTP_H
#define MIMO_AZURE_AZURE_HTTP_H

#include <json-c/json_object.h>
#include <stdbool.h>

#include "mimo/error.h"
#include "mimo/https.h"
#include "mimo/step.h"

enum { AZURE_RESPONSE_MAXIMUM = 1024 * 1024 };

struct azure_request {
    const char *url;
    const char *header;                  /* one more header line, or NULL */
    const char *form;                    /* body of a POST, or NULL for GET */
    const char *ca;                      /* PEM */
    const struct json_object *endpoints; /* of the job */
};

struct azure_answer {
    long status;                  /* 0 when there was none */
    struct json_object *document; /* an object, or NULL; azure_answer_free() wipes its texts */
    long retry_after;             /* seconds, or 0 */
    char challenge[HTTPS_CHALLENGE_SIZE]; /* WWW-Authenticate, or "" */
    struct error error; /* when there was no whole answer, or a 2xx without an object */
};

void azure_http(const struct azure_request *request, struct azure_answer *ret_answer);
void azure_answer_free(struct azure_answer *answer);

/* True for statuses that may pass, whichever server sends them: 408, 429 and 5xx. */
bool azure_status_passes(long status);

/* The result when there is no complete answer: transient, or terminal if another attempt would fail
 * too, such as for a connection that the sandbox forbids. `what` names the requested object. */
struct step_result azure_no_answer(const struct azure_answer *answer, const char *what);

/* asprintf(3); on -1 *ret_text is NULL. */
int azure_format(char **ret_text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "name=value" with the value escaped, "&" in front unless it is the first, behind `*text`, which
 * is replaced; the old one is wiped. -1 without memory: *text is NULL then. */
int azure_add_parameter(char **text, const char *name, const char *value);

/* Overwrites and frees a text; NULL is allowed. */
void azure_wipe_text(char **text);
#define cleanup_secret __attribute__((cleanup(azure_wipe_text)))

#endif
