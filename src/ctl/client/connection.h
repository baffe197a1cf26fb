/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection.h - the address of the Admin API, the log-in, and the CA.
 *
 *   address   --url, else the region of --location, else MIMO_URL, else the default region of
 *             ~/.config/mimo/config (the only one, if there is one)
 *   log-in    --token-file, or --cert with --key; else the environment:
 *             MIMO_TOKEN or MIMO_TOKEN_FILE, MIMO_CLIENT_CERT with MIMO_CLIENT_KEY; else the
 *             region's, if the address is the region's: a token is sent only to the address it is
 *             meant for. If one place gives a token and a certificate, the token counts
 *   CA        --cacert, else MIMO_CACERT, else the region's, else the system's
 *
 * The source of each value is kept, so that an error can name what to correct.
 */
#ifndef MIMO_CTL_CLIENT_CONNECTION_H
#define MIMO_CTL_CLIENT_CONNECTION_H

#include <stdbool.h>

#include "ctl/client/connection_state.h"
#include "mimo/error.h"

/* Values of the command line; NULL for those not given. Borrowed. */
struct connection_options {
    const char *url;
    const char *location;
    const char *token_file;
    const char *cert;
    const char *key;
    const char *cacert;
    bool verbose;
    bool hurried;
};

/* Chooses address, log-in and CA. ERROR_INVALID: the configuration or an option is wrong or
 * missing; ERROR_UNAVAILABLE: there is neither a token nor a certificate. */
int connection_open(struct connection *connection, const struct connection_options *options,
                    struct error *error);

void connection_close(struct connection *connection);

/* "the token of MIMO_TOKEN", "the client certificate of --cert": for messages. Written into
 * `buffer`. */
enum { CONNECTION_LOGIN_SIZE = 512 };
const char *connection_login(const struct connection *connection, char *buffer);

#endif
