/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth.h - authentication and authorization of requests.
 *
 * An authentication method is a row of the table in auth.c, with functions that prepare it (as
 * root, at the start), load and reload its files, and check credentials. api.auth enables methods;
 * the first one that the credentials of a request are meant for decides. A bearer token takes
 * precedence over a client certificate. A check must not block, because it runs on the network
 * thread, before the body is read.
 */
#ifndef API_AUTH_H
#define API_AUTH_H

#include <gnutls/gnutls.h>
#include <stdbool.h>

#include "api/auth/actor.h"
#include "api/http/answer.h"
#include "mimo/config.h"
#include "mimo/error.h"
#include "mimo/privileges.h"

enum { AUTH_TOKEN_MAXIMUM = 16 * 1024 };

/* The credentials of a request; borrowed. */
struct credentials {
    const char *authorization;          /* the header field; NULL if the request has none */
    const gnutls_datum_t *certificates; /* of the client, its own first, DER; or NULL */
    unsigned int certificate_count;
    const char *request_id; /* for the log */
};

struct auth;

/* Creates the files that the first start needs, owned by `owner` (NULL: by the calling user). */
int auth_prepare(const struct config *config, const struct identity *owner, struct error *error);

/* Reads files. */
int auth_open(const struct config *config, struct auth **ret_auth, struct error *error);

/* Starts threads. Call it after dropping privileges. */
int auth_start(struct auth *auth, struct error *error);

void auth_close(struct auth *auth);

/* Reads files again. A method whose files have an error keeps its previous state. */
int auth_reload(struct auth *auth, struct error *error);

/* Checks credentials: fills `actor`, or answers 401, 403 if the role does not suffice, or 503 if
 * they cannot be checked now. The reason is logged and not told to the client. Any thread. */
int auth_check(struct auth *auth, const struct credentials *credentials, enum role needed,
               struct actor *ret_actor, struct answer *answer);

#endif
