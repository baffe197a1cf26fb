/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.h - the strict rules of HTTP, checked before anything else looks at a request.
 *
 * libmicrohttpd accepts more than the standard does, and request smuggling depends on that. The
 * network thread checks every request as soon as its header block is complete:
 *
 *   target    begins with "/"; printable ASCII; complete percent-escapes; no %00; no segments "."
 *             or ".." in any spelling; no fragment; at most WIRE_TARGET_MAXIMUM bytes
 *   fields    names are tokens; values have no control characters; at most WIRE_HEADERS_MAXIMUM
 *             fields, WIRE_HEADER_LINE_MAXIMUM bytes each, WIRE_HEADER_BLOCK_MAXIMUM in all; those
 *             of the table below at most once
 *   body      exactly one indication of its length; "chunked" is the only transfer coding
 *   Expect    100-continue, or absent
 *   spelling  no bare line feeds, folded lines, NUL bytes or doubled separators. libmicrohttpd up
 *   to 0.9.76 hides these. They are found by the distances between the texts it passes on, because
 *   all of these point into the buffer with the request. Later versions can be set to refuse them.
 *
 * Pure: works on borrowed pointers. Errors: the answer is filled in, mostly with 400.
 */
#ifndef API_WIRE_H
#define API_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "api/http/answer.h"

enum {
    WIRE_TARGET_MAXIMUM = 8 * 1024,
    WIRE_HEADERS_MAXIMUM = 100,
    WIRE_HEADER_LINE_MAXIMUM = 16 * 1024 + 64, /* an Authorization with a token of 16 KiB */
    WIRE_HEADER_BLOCK_MAXIMUM = 32 * 1024,
};

/* Fields that are checked or used; each may be given once. */
#define WIRE_FIELDS(FIELD)                                                                         \
    FIELD(WIRE_HOST, "Host")                                                                       \
    FIELD(WIRE_AUTHORIZATION, "Authorization")                                                     \
    FIELD(WIRE_CONTENT_LENGTH, "Content-Length")                                                   \
    FIELD(WIRE_CONTENT_TYPE, "Content-Type")                                                       \
    FIELD(WIRE_TRANSFER_ENCODING, "Transfer-Encoding")                                             \
    FIELD(WIRE_EXPECT, "Expect")                                                                   \
    FIELD(WIRE_CLIENT_REQUEST_ID, "x-ms-client-request-id")                                        \
    FIELD(WIRE_ICM, "x-mimo-icm")                                                                  \
    FIELD(WIRE_IDEMPOTENCY_KEY, "Idempotency-Key")                                                 \
    FIELD(WIRE_FORWARDED, "Forwarded")                                                             \
    FIELD(WIRE_FORWARDED_FOR, "X-Forwarded-For")                                                   \
    FIELD(WIRE_FORWARDED_HOST, "X-Forwarded-Host")                                                 \
    FIELD(WIRE_FORWARDED_PROTO, "X-Forwarded-Proto")

#define WIRE_FIELD_CONSTANT(constant, name) constant,
enum wire_field { WIRE_FIELDS(WIRE_FIELD_CONSTANT) WIRE_FIELD_COUNT };
#undef WIRE_FIELD_CONSTANT

/* The header of a request while it is checked. */
struct wire {
    const char *target; /* raw, with its query */
    bool http_1_0;
    bool strict_library; /* the library refuses odd spellings itself and passes on copies */
    const char *fields[WIRE_FIELD_COUNT]; /* value, or NULL */
    size_t count;                         /* header fields so far */
    size_t longest;                       /* bytes of the longest */
    const char *repeated;                 /* name of a field that was given twice, or NULL */
    const char *problem;                  /* what is wrong with a field, or NULL */
    const char *next;                     /* where the next field must begin */
    bool gap;                             /* a field began elsewhere: odd spelling */
};

/* Starts with the request line. `method`, `target_start` and `version` point into the buffer with
 * the request; `target` is a copy of the target, made before it was split. */
void wire_begin(struct wire *wire, const char *method, const char *target_start,
                const char *version, const char *target);

/* Adds one header field, in the order of the request. */
void wire_field(struct wire *wire, const char *name, size_t name_length, const char *value,
                size_t value_length);

/* Checks the whole header. `block` is the length of the header block from `method` on, with its
 * empty line. */
int wire_check(const struct wire *wire, const char *method, size_t block, struct answer *answer);

/* True if the header announces a body. `ret_length` (may be NULL) is its length, or -1 for
 * chunked. */
bool wire_has_body(const struct wire *wire, long long *ret_length);

/* True for a valid value of Host: a name or an address, with or without a port. */
bool wire_is_host(const char *value);

/* Decodes percent-escapes once into `buffer`; `plus` turns "+" into a space. -1: broken escape, a
 * NUL, or too long. */
int wire_decode(const char *text, size_t length, bool plus, char *buffer, size_t size);

#endif
