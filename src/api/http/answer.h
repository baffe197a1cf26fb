/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.h - the answer to a request, and the table of errors.
 *
 * Functions that may refuse a request return 0, or -1 with the answer filled in; then the caller
 * just returns. An answer starts zeroed; answer_free() releases it.
 *
 *     if (request_limit(request, &limit, answer) < 0)
 *         return;
 *     answer_set(answer, 200, body);
 */
#ifndef API_ANSWER_H
#define API_ANSWER_H

#include <json-c/json_object.h>
#include <stdbool.h>

#include "mimo/api_targets.h"
#include "mimo/document.h"
#include "mimo/error.h"
#include "mimo/text_buffer.h"

/* Constant, HTTP status, code in the body. Scripts match on the codes. */
#define API_ERRORS(ERROR)                                                                          \
    ERROR(API_MALFORMED_REQUEST, 400, "MalformedRequest")                                          \
    ERROR(API_INVALID_API_VERSION, 400, "InvalidApiVersionParameter")                              \
    ERROR(API_INVALID_PARAMETER, 400, "InvalidParameter")                                          \
    ERROR(API_INVALID_CONTENT, 400, "InvalidRequestContent")                                       \
    ERROR(API_INVALID_RESOURCE_ID, 400, "InvalidResourceID")                                       \
    ERROR(API_UNAUTHENTICATED, 401, "InvalidAuthenticationToken")                                  \
    ERROR(API_FORBIDDEN, 403, "Forbidden")                                                         \
    ERROR(API_NOT_FOUND, 404, "NotFound")                                                          \
    ERROR(API_METHOD_NOT_ALLOWED, 405, "MethodNotAllowed")                                         \
    ERROR(API_CHANGE_NOT_ALLOWED, 406, "PropertyChangeNotAllowed")                                 \
    ERROR(API_CONFLICT, 409, "Conflict")                                                           \
    ERROR(API_TOO_LARGE, 413, "RequestEntityTooLarge")                                             \
    ERROR(API_TARGET_TOO_LONG, 414, "RequestUriTooLong")                                           \
    ERROR(API_UNSUPPORTED_MEDIA_TYPE, 415, "UnsupportedMediaType")                                 \
    ERROR(API_EXPECTATION_FAILED, 417, "ExpectationFailed")                                        \
    ERROR(API_KEY_REUSED, 422, "IdempotencyKeyReused")                                             \
    ERROR(API_HEADERS_TOO_LARGE, 431, "RequestHeaderFieldsTooLarge")                               \
    ERROR(API_INTERNAL, 500, "InternalServerError")                                                \
    ERROR(API_NOT_IMPLEMENTED, 501, "NotImplemented")                                              \
    ERROR(API_UNAVAILABLE, 503, "ServiceUnavailable")

#define API_ERROR_CONSTANT(constant, status, code) constant,
enum api_error { API_ERRORS(API_ERROR_CONSTANT) API_ERROR_COUNT };
#undef API_ERROR_CONSTANT

/* Sets of errors. */
#define API_ERROR_BIT(error) (1u << (error))

int api_error_status(enum api_error error);
const char *api_error_code(enum api_error error);

/* Seconds of Retry-After in a 503. */
enum { ANSWER_RETRY_AFTER = 2, ANSWER_ALLOW_SIZE = 64 };

struct answer {
    int status;
    struct json_object *body;      /* owned; NULL for none */
    struct text_buffer text;       /* owned; a body made as text */
    const char *shared_text;       /* borrowed; a body that all requests share */
    const char *challenge;         /* WWW-Authenticate; static text, or NULL */
    char allow[ANSWER_ALLOW_SIZE]; /* Allow, or "" */
    bool retry_later;              /* send Retry-After */
    bool replayed;                 /* a repeated answer: see idempotency.h */
    bool close;                    /* close the connection after this answer */
};

/* Takes over the reference to `body` (NULL for a status without one). The caller must check for a
 * NULL body of document_pack(), which means out of memory; answer_set_view() does. */
void answer_set(struct answer *answer, int status, struct json_object *body);

/* The same for a body that is NULL only when out of memory: then it answers 503. */
void answer_set_view(struct answer *answer, int status, struct json_object *body);

/* The same for a body made as text, which is taken over; 503 if the text failed (out of memory). */
void answer_set_text(struct answer *answer, int status, struct text_buffer *text);

/* The same for a static text that all requests share, so that slow readers take no memory for
 * it. */
void answer_set_shared(struct answer *answer, int status, const char *text);

/* Fills the answer with an error; `target` names the member or parameter that is wrong, or is NULL.
 * Returns -1. */
int answer_refuse(struct answer *answer, enum api_error error, const char *target,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));

/* 503 with Retry-After: clients use all bytes of the budget (budget.h). Returns -1. */
int answer_busy(struct answer *answer);

/* 503 with Retry-After: out of memory. Returns -1. */
int answer_no_memory(struct answer *answer);

/* 503 with Retry-After, and one line in the log that says why. Returns -1. */
int answer_store_unavailable(struct answer *answer, const struct error *error);

/* Answers by the kind of `error`. If it may pass (error_may_pass()), such as out of memory: 503
 * with Retry-After, and a line in the log. Otherwise the request is wrong: `refusal` and `target`,
 * as in answer_refuse(). Returns -1. */
int answer_error(struct answer *answer, enum api_error refusal, const char *target,
                 const struct error *error);

/* 500 and a line in the log, for failures that should not happen; 503 when out of memory. Returns
 * -1. */
int answer_internal(struct answer *answer, const char *what, const struct error *error);

/* The same for a damaged document in the store: "manifest", and its id. */
int answer_unreadable(struct answer *answer, const char *kind, const char *id,
                      const struct error *error);

void answer_free(struct answer *answer);

static inline void cleanup_answer_function(struct answer *answer)
{
    answer_free(answer);
}
#define cleanup_answer __attribute__((cleanup(cleanup_answer_function)))

#endif
