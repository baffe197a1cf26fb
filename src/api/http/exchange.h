/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange.h - one request and its answer, from the request line to the line in the access log.
 *
 *     network thread       handler thread
 *     exchange_new()                           after the request line
 *     exchange_judge()                         the header was read: wire rules, route, credentials,
 *                                              query, size and type of the body
 *     exchange_take()                          a piece of the body was read
 *                          exchange_serve()    parses the body, runs the handler, formats the answer
 *     exchange_finish()                        instead, if the request was refused
 *     exchange_free()                          the answer was sent, or the connection was lost
 *
 * Ownership: the exchange owns request, answer, body and response. Threads: one at a time; the
 * network thread hands the exchange to a handler thread and gets it back. Of libmicrohttpd it uses
 * only the response.
 */
#ifndef API_EXCHANGE_H
#define API_EXCHANGE_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

#include "api/api.h"
#include "api/http/answer.h"
#include "api/http/request.h"
#include "api/http/wire.h"
#include "mimo/clock.h"

/* The body of a refused request is read up to here, so that the client can receive the answer;
 * after more, the connection is closed. */
enum { EXCHANGE_DISCARD_MAXIMUM = 8 * 1024 * 1024 };

enum exchange_stage {
    EXCHANGE_HEADER, /* until the header is complete */
    EXCHANGE_BODY,   /* until the body is complete */
    EXCHANGE_SERVED, /* with its handler */
};

struct exchange {
    struct api *api;
    enum exchange_stage stage;
    struct monotonic started;
    char method[16]; /* cut; for the log */
    char peer[64];   /* address of the peer, for the log */
    bool has_address;
    struct in6_addr address; /* of the client: the peer, or the one a trusted proxy reports */
    bool via_proxy;          /* the peer is a trusted proxy and reported the client's address */
    struct request request;
    struct answer answer;               /* status 0 until there is one */
    const char *icm_header;             /* or NULL; lives as long as the request in the library */
    const gnutls_datum_t *certificates; /* the client's, or NULL; live as long as the connection */
    unsigned int certificate_count;
    bool expects_continue; /* the client waits before it sends its body */
    char *body;
    size_t body_length;
    size_t body_capacity;
    size_t held;                   /* bytes of api->budget that body and answer take */
    size_t discarded;              /* bytes of the body of a refused request */
    struct MHD_Response *response; /* once finished */
    int status;                    /* then */
};

/* NULL without memory. Texts are copied. `peer` is the peer's address as text, `address` the
 * address itself, or NULL for a local socket. */
struct exchange *exchange_new(struct api *api, const char *target, const char *peer,
                              const struct in6_addr *address);
void exchange_free(struct exchange *exchange);

/* -1: refused, the answer is filled in. */
int exchange_judge(struct exchange *exchange, const struct wire *wire, const char *method,
                   size_t header_block);

/* True when the request was refused and its body (-1: of unknown length) must not be waited for. */
bool exchange_answers_early(const struct exchange *exchange, long long body_length);

/* Adds a piece of the body; a body that is too large gets 413. -1: close the connection, too much
 * was sent. */
int exchange_take(struct exchange *exchange, const char *data, size_t length);

/* Runs the handler and finishes. Blocks if the handler does. */
void exchange_serve(struct exchange *exchange, bool closing);

/* Turns the answer into a response and writes the line in the log. `closing`: tell the client that
 * the connection ends. */
void exchange_finish(struct exchange *exchange, bool closing);

#endif
