/* SPDX-License-Identifier: Apache-2.0 */
/*
 * https.h - requests to one server over HTTPS. All programs use this client: for Kubernetes, Azure,
 * Entra ID and the Admin API.
 *
 * A client keeps one connection alive between its requests (libcurl). It verifies TLS (1.2 or
 * later) unless told not to, follows no redirect, and uses no .netrc, no cookies and no
 * compression. By default it also uses no proxy, reads no file and resolves no name: everything it
 * needs is in memory, so it works inside a worker's sandbox.
 *
 *     struct https_options options = {.url = "https://host:443", .ca = pem, .endpoints = endpoints,
 *                                     .response_maximum = 1024 * 1024};
 *     if (https_client_create(&options, &client, error) < 0)
 *         return -1;
 *     struct https_request request = {.method = "GET", .path = "/version"};
 *     struct https_answer answer;
 *     https_request(client, &request, &answer);
 *     cleanup_json struct json_object *document = https_answer_document(&answer, client);
 *     if (answer.error.kind != ERROR_NONE) ... // no whole answer
 *     else if (answer.status != 200) ...
 *     https_answer_free(&answer);
 *     https_client_free(client);
 *
 * Limits: HTTPS_CONNECT_TIMEOUT; HTTPS_REQUEST_TIMEOUT for the whole request, so a server gains
 * nothing by sending slowly; HTTPS_HEADERS_MAXIMUM; options.response_maximum.
 * Threads: a client is used by one thread at a time.
 */
#ifndef MIMO_HTTPS_H
#define MIMO_HTTPS_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>

#include "mimo/document.h"
#include "mimo/error.h"

enum {
    HTTPS_CONNECT_TIMEOUT = 10 * 1000, /* milliseconds */
    HTTPS_REQUEST_TIMEOUT = 30 * 1000,
    HTTPS_HEADERS_MAXIMUM = 64 * 1024, /* bytes of all header lines of an answer */
    HTTPS_REQUEST_HEADERS = 6,
    HTTPS_CONTENT_TYPE_SIZE = 128,
    HTTPS_CHALLENGE_SIZE = 1024,
};

/* The system's CA bundle, to be read by io_read_file() before a program enters its sandbox. Not
 * every machine has one. */
#define HTTPS_SYSTEM_CA "/etc/ssl/certs/ca-certificates.crt"
enum { HTTPS_SYSTEM_CA_MAXIMUM = 4 * 1024 * 1024 };

/* Sets up libcurl and OpenSSL, which would otherwise read files at their first use; a sandbox
 * forbids that. Call it once, before the first client, the first thread and the first fork. */
int https_warm_up(struct error *error);

/* PEM texts are borrowed until https_client_free(), everything else only during the call. */
struct https_options {
    const char *url; /* "https://host[:port][/path]"; paths of requests are appended to it */
    const char *ca;  /* PEM: certificates to verify the server with */
    const char *client_certificate;      /* PEM, or NULL */
    const char *client_key;              /* PEM, or NULL */
    const char *tls_server_name;         /* the name to verify in place of the host's, or NULL */
    const char *user_agent;              /* NULL: name and version of the package */
    const struct json_object *endpoints; /* array of endpoints with their addresses (endpoint.h) */
    size_t response_maximum;             /* bytes of a body */
    bool resolves_names;   /* resolves a host that `endpoints` does not have: never in a sandbox */
    bool trusts_system;    /* without `ca`: reads the system's CAs from their files */
    bool uses_proxy;       /* the one of the environment, except for loopback */
    bool is_insecure;      /* verifies nothing */
    bool is_plain_allowed; /* accepts http:// as well */
};

struct https_client;

/* ERROR_NOT_FOUND: names must not be resolved, and `endpoints` has no address of the host (a host
 * that is an address needs none). */
int https_client_create(const struct https_options *options, struct https_client **ret_client,
                        struct error *error);
void https_client_free(struct https_client *client);

/* Replaces the default timeouts. */
void https_client_set_timeouts(struct https_client *client, long connect_milliseconds,
                               long request_milliseconds);

/* "host:port", the name of the server in messages. */
const char *https_client_peer(const struct https_client *client);

/* Copies the value of the last header `name` of the latest answer, or "" without one. */
void https_client_read_header(const struct https_client *client, const char *name, char *value,
                              size_t size);

struct https_request {
    const char *method;
    const char *path;                           /* "" for the URL of the options alone */
    const char *headers[HTTPS_REQUEST_HEADERS]; /* "Name: value"; NULL behind the last */
    const char *body;                           /* or NULL */
};

/* Why there is no whole answer, for callers that give advice. */
enum https_trouble {
    HTTPS_TROUBLE_NONE,
    HTTPS_TROUBLE_NAME,               /* the host name cannot be resolved */
    HTTPS_TROUBLE_CONNECT,            /* no TCP connection */
    HTTPS_TROUBLE_PROXY,              /* a failure on a way that may lead through a proxy */
    HTTPS_TROUBLE_TLS,                /* no TLS, or the handshake failed */
    HTTPS_TROUBLE_DISTRUST,           /* the server's certificate does not verify */
    HTTPS_TROUBLE_CA,                 /* the CA certificates cannot be used */
    HTTPS_TROUBLE_CLIENT_CERTIFICATE, /* the client certificate or its key cannot be used */
    HTTPS_TROUBLE_CLIENT_REFUSED,     /* the server refused the client certificate */
    HTTPS_TROUBLE_TIMEOUT,
    HTTPS_TROUBLE_LOST,    /* the connection was closed too early */
    HTTPS_TROUBLE_NO_HTTP, /* the server does not speak HTTP/1.1 */
    HTTPS_TROUBLE_TOO_LARGE,
    HTTPS_TROUBLE_OTHER,
};

/* An answer. It is whole unless `error` has a kind:
 *   ERROR_UNAVAILABLE  timeout; refused, reset or closed connection; a certificate that does not
 *                      verify; no HTTP: the next attempt may succeed
 *   ERROR_INVALID      a client certificate or CA that cannot be used
 *   ERROR_TOO_LARGE    larger than allowed
 *   ERROR_DENIED       the sandbox allows no connection to that server
 *   ERROR_MEMORY       out of memory */
struct https_answer {
    long status;      /* 0 without an answer; may be set even if the rest is missing */
    char *body;       /* followed by a NUL; NULL without an answer */
    size_t length;    /* of the body */
    long retry_after; /* seconds of Retry-After, which is a number or a date; 0 without it */
    char content_type[HTTPS_CONTENT_TYPE_SIZE]; /* or "" */
    char challenge[HTTPS_CHALLENGE_SIZE];       /* WWW-Authenticate (the last one), or "" */
    enum https_trouble trouble;
    struct error error;
};

/* Always fills *ret_answer. */
void https_request(struct https_client *client, const struct https_request *request,
                   struct https_answer *ret_answer);

/* The JSON object of an answer (new reference), or NULL. A whole 2xx answer (except 204) without
 * one fills answer->error; other answers need not have one. */
struct json_object *https_answer_document(struct https_answer *answer,
                                          const struct https_client *client);

/* Overwrites and frees the body. */
void https_answer_free(struct https_answer *answer);

#endif
