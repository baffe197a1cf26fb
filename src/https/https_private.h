/* SPDX-License-Identifier: Apache-2.0 */
/*
 * https_private.h - what the files of this folder share.
 */
#ifndef MIMO_HTTPS_HTTPS_PRIVATE_H
#define MIMO_HTTPS_HTTPS_PRIVATE_H

#include <curl/curl.h>

#include "mimo/https.h"

enum { HTTPS_PEER_SIZE = 300 };

struct https_client {
    CURL *curl;
    char *base;                 /* what paths are appended to */
    char peer[HTTPS_PEER_SIZE]; /* "host:port", for messages and the Host line */
    bool is_renamed;            /* the URL bears another name than the server's */
    size_t response_maximum;
    struct curl_slist *resolve;
    struct curl_slist *connect_to;
    int handshake_messages; /* received for the request that runs */
    long connect_timeout;
    long request_timeout;
    char curl_message[CURL_ERROR_SIZE];
};

/* Says where the server is: fills peer, base, resolve and connect_to (https_address.c). */
int https_client_locate(struct https_client *client, const struct https_options *options,
                        struct error *error);

/* Appends to a list of libcurl; its copy is the list's. */
int https_append(struct curl_slist **list, const char *text, struct error *error);

/* What a failure of libcurl was (https_failure.c). */
void https_describe_failure(struct https_client *client, CURLcode code, struct error *error);

#endif
