/* SPDX-License-Identifier: Apache-2.0 */
/*
 * https.h - requests to one server over HTTPS: the only way in which MIMO's library code speaks to
 * Kubernetes, to Azure, and to whoever else serves HTTP.
 *
 * A client keeps one connection alive between its requests (libcurl). It verifies TLS (1.2 or
 * later) unless told not to, follows no redirect, knows no proxy, whatever the environment says, no
 * .netrc, no cookies, asks for no compression, and reads no file: all that it needs is in memory.
 * So it can live in a worker's sandbox.
 *
 *     struct https_options options = {.url = "https://host:443", .ca = pem, .addresses = addresses,
 *                                     .response_maximum = 1024 * 1024};
 *     if (https_client_create(&options, &client, error) < 0)
 *         return -1;
 *     struct https_request request = {.method = "GET", .path = "/version"};
 *     struct https_answer answer;
 *     https_request(client, &request, &answer);
 *     cleanup_json json_t *document = https_answer_document(&answer);
 *     if (answer.error.kind != ERROR_NONE) ... // no whole answer
 *     else if (answer.status != 200) ...
 *     https_answer_free(&answer);
 *     https_client_free(client);
 *
 * Bounds: HTTPS_CONNECT_TIMEOUT, HTTPS_REQUEST_TIMEOUT for all of a request, so that a server which
 * sends slowly gains nothing by it, HTTPS_HEADERS_MAXIMUM, options.response_maximum. One thread at
 * a time may use a client.
 */
#ifndef MIMO_HTTPS_H
#define MIMO_HTTPS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "mimo/error.h"

enum {
    HTTPS_CONNECT_TIMEOUT = 10 * 1000, /* milliseconds */
    HTTPS_REQUEST_TIMEOUT = 30 * 1000,
    HTTPS_HEADERS_MAXIMUM = 64 * 1024, /* bytes of all header lines of an answer */
    HTTPS_REQUEST_HEADERS = 4,
    HTTPS_CONTENT_TYPE_SIZE = 128,
    HTTPS_CHALLENGE_SIZE = 1024,
};

/* The system's CA bundle, for io_read_file() before a sandbox closes; a machine may have none. */
#define HTTPS_SYSTEM_CA "/etc/ssl/certs/ca-certificates.crt"
enum { HTTPS_SYSTEM_CA_MAXIMUM = 4 * 1024 * 1024 };

/* Called once, before the first client, the first thread and the first fork: sets up what libcurl
 * and OpenSSL would otherwise look for at their first use, which a sandbox forbids. */
int https_warm_up(struct error *error);

/* PEM texts are borrowed until https_client_free(), everything else for the call alone. */
struct https_options {
    const char *url; /* "https://host[:port][/path]"; paths of requests are appended to it */
    const char *ca;  /* PEM: what to verify the server with */
    const char *client_certificate; /* PEM, or NULL */
    const char *client_key;         /* PEM, or NULL */
    const char *tls_server_name;    /* the name to verify in place of the host's, or NULL */
    json_t *addresses;       /* of servers: array of "host:port:address[,address]...", or NULL */
    size_t response_maximum; /* bytes of a body */
    bool resolves_names;     /* looks up a host that `addresses` lacks: never in a sandbox */
    bool is_insecure;        /* verifies nothing */
    bool is_plain_allowed;   /* takes "http://host" as well, and speaks HTTP with it */
};

struct https_client;

/* ERROR_NOT_FOUND when names are not to be resolved and `addresses` has none of the server (a host
 * that is an address needs none). */
int https_client_create(const struct https_options *options, struct https_client **ret_client,
                        struct error *error);
void https_client_free(struct https_client *client);

/* Other bounds than the usual ones. */
void https_client_set_timeouts(struct https_client *client, long connect_milliseconds,
                               long request_milliseconds);

/* "host:port", as messages name the server. */
const char *https_client_peer(const struct https_client *client);

struct https_request {
    const char *method;
    const char *path;                           /* "" for the URL of the options alone */
    const char *headers[HTTPS_REQUEST_HEADERS]; /* "Name: value"; NULL behind the last */
    const char *body;                           /* or NULL */
};

/* What came back. Whole unless `error` says otherwise:
 *   ERROR_UNAVAILABLE  timeout; refused, reset or closed connection; a certificate that does not
 *                      verify: may be gone by the next attempt
 *   ERROR_INVALID      no HTTP, or a client certificate that cannot be used
 *   ERROR_TOO_LARGE        larger than allowed
 *   ERROR_DENIED       a sandbox allows no connection to that server
 *   ERROR_SYSTEM       out of memory */
struct https_answer {
    long status;      /* 0 when there was none; may be there although the rest is not */
    char *body;       /* NUL behind it; NULL without an answer */
    size_t length;    /* of the body */
    long retry_after; /* seconds that Retry-After asks for, given as number or date; else 0 */
    char content_type[HTTPS_CONTENT_TYPE_SIZE]; /* or "" */
    char challenge[HTTPS_CHALLENGE_SIZE];       /* WWW-Authenticate (the last one), or "" */
    struct error error;
};

/* Fills *ret_answer in any case. */
void https_request(struct https_client *client, const struct https_request *request,
                   struct https_answer *ret_answer);

/* The JSON object of an answer (new reference), or NULL. Errors (3xx and up) may come without one;
 * for a whole 2xx (204 excepted) its lack fills answer->error. */
json_t *https_answer_document(struct https_answer *answer, const struct https_client *client);

/* Overwrites and frees the body. */
void https_answer_free(struct https_answer *answer);

#endif
