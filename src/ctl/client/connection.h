/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection.h - which Admin API is talked to, and as whom.
 *
 *   address   --url, else the region of --location, else MIMO_URL, else the default region of
 *             ~/.config/mimo/config (the only one, if there is one)
 *   log-in    what the command line says: --token-file, --cert with --key; else the environment:
 *             MIMO_TOKEN or MIMO_TOKEN_FILE, MIMO_CLIENT_CERT with MIMO_CLIENT_KEY; else the
 *             region's, if the address is the region's: a token is never sent to an address it was
 *             not made for. Of one place a token and a certificate may both come; then the token
 *             counts
 *   CA        --cacert, else MIMO_CACERT, else the region's, else the system's
 *
 * Where each came from is kept, so that an error can tell its reader what to correct.
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

/* Decides all of it. ERROR_INVALID: the configuration or an option is wrong or missing;
 * ERROR_UNAVAILABLE: there is nothing to log in with. */
int connection_open(struct connection *connection, const struct connection_options *options,
                    struct error *error);

void connection_close(struct connection *connection);

/* "the token of MIMO_TOKEN", "the client certificate of --cert": for messages. The result is in
 * `buffer`. */
enum { CONNECTION_LOGIN_SIZE = 512 };
const char *connection_login(const struct connection *connection, char *buffer);

#endif
