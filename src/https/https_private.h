/* SPDX-License-Identifier: Apache-2.0 */
/*
 * https_private.h - shared by the files of this folder.
 */
#ifndef MIMO_HTTPS_HTTPS_PRIVATE_H
#define MIMO_HTTPS_HTTPS_PRIVATE_H

#include <curl/curl.h>
#include <openssl/ssl.h>

#include "mimo/endpoint.h"
#include "mimo/https.h"

enum { HTTPS_NO_ALERT = -1, HTTPS_PROXY_SIZE = 300 };

struct https_client {
    CURL *curl;
    char *base; /* paths of requests are appended to it */
    struct endpoint endpoint;
    char peer[ENDPOINT_NAME_SIZE]; /* "host:port", for messages and the Host line */
    char proxy[HTTPS_PROXY_SIZE];  /* "host:port (https_proxy)", or "" if none is used */
    bool is_renamed;               /* the URL has another name than the server's */
    bool has_certificate;          /* a client certificate is shown to the server */
    bool answered;                 /* an answer came over a connection of this client */
    size_t response_maximum;
    struct curl_slist *resolve;
    struct curl_slist *connect_to;
    int handshake_messages; /* received during the current request */
    SSL *ssl;               /* of the current connection, borrowed from libcurl */
    curl_socket_t socket;   /* the same */
    int alert;              /* the last TLS alert received during the request, or HTTPS_NO_ALERT */
    long connect_timeout;
    long request_timeout;
    char curl_message[CURL_ERROR_SIZE];
};

/* Fills endpoint, peer, proxy, base, resolve and connect_to (https_address.c). */
int https_client_locate(struct https_client *client, const struct https_options *options,
                        struct error *error);

/* Appends a copy of `text` to a list of libcurl. */
int https_append(struct curl_slist **list, const char *text, struct error *error);

/* Fills error and trouble of the answer from libcurl's code (https_failure.c). */
void https_describe_failure(struct https_client *client, CURLcode code,
                            struct https_answer *answer);

#endif
