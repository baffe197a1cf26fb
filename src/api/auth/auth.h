/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth.h - who is asking, and what they may.
 *
 * A way of logging in is a row of the table in auth.c: how it is prepared (as root, at the start),
 * loaded, reloaded and asked. api.auth chooses which rows are in force; the first that a request's
 * credentials are meant for decides. A bearer token counts before a client certificate. Asking must
 * not block: it happens on the network thread, before the body is read.
 *
 * Roles are ordered: operator may all that reader may, admin all that operator may.
 */
#ifndef API_AUTH_H
#define API_AUTH_H

#include <gnutls/gnutls.h>
#include <stdbool.h>

#include "api/http/answer.h"
#include "mimo/config.h"
#include "mimo/error.h"
#include "mimo/privileges.h"

enum { ACTOR_NAME_SIZE = 257, AUTH_TOKEN_MAXIMUM = 16 * 1024 };

enum role {
    ROLE_NONE,     /* known, but may nothing; of a route: open to everybody */
    ROLE_READER,   /* look */
    ROLE_OPERATOR, /* also create, cancel, delete manifests */
    ROLE_ADMIN,    /* also clusters, bulk changes */
};

struct actor {
    char name[ACTOR_NAME_SIZE]; /* "" for nobody */
    enum role role;
};

const char *role_name(enum role role);
bool role_parse(const char *name, enum role *ret_role);

/* What a request brings; borrowed. */
struct credentials {
    const char *authorization;          /* the field, or NULL when there is none */
    const gnutls_datum_t *certificates; /* of the client, its own first, DER; or NULL */
    unsigned int certificate_count;
    const char *request_id; /* for the log */
};

struct auth;

/* Makes what is missing for the first start, owned by `owner` (NULL: by whoever runs this). */
int auth_prepare(const struct config *config, const struct identity *owner, struct error *error);

/* Reads files. */
int auth_open(const struct config *config, struct auth **ret_auth, struct error *error);

/* Starts what needs threads: as the user that stays. */
int auth_start(struct auth *auth, struct error *error);

void auth_close(struct auth *auth);

/* Reads files again; a way whose files are wrong stays as it was. */
int auth_reload(struct auth *auth, struct error *error);

/* Judges credentials: fills `actor`, or answers 401, 403 when the role does not reach, or 503 when
 * nothing can be said of them now. The log gets the reason, the client does not. May be called by
 * any thread. */
int auth_check(struct auth *auth, const struct credentials *credentials, enum role needed,
               struct actor *ret_actor, struct answer *answer);

#endif
