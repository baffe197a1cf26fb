/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection_state.h - address, log-in and CA of the Admin API: connection.h fills them in, http.h
 * uses them.
 */
#ifndef MIMO_CTL_CLIENT_CONNECTION_STATE_H
#define MIMO_CTL_CLIENT_CONNECTION_STATE_H

#include <stdbool.h>

struct http; /* http.h */

/* All texts are owned. */
struct connection {
    char *url;      /* "https://host:port", without a path */
    char *url_from; /* "MIMO_URL", "--url", "region eastus of /root/.config/mimo/config" */
    char *token;    /* NULL: the certificate alone */
    char *token_from;
    char *cert; /* file of the client certificate, or NULL */
    char *key;  /* file of its key; may be the same */
    char *cert_from;
    char *cacert; /* NULL: the system's certificates */
    char *cacert_from;
    bool verbose;
    bool hurried;      /* give up after a second or two */
    struct http *http; /* NULL until opened */
};

#endif
