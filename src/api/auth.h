/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth.h - who is asking, and what they may.
 *
 * A way of logging in is a row of the table in auth.c: how it is prepared (as root, at the start),
 * opened, reloaded and asked. api.auth chooses which rows are in force; a request is let in by the
 * first that knows its credentials. Asking must not block: it happens on the network thread, before
 * the body is read.
 *
 * Roles are ordered: operator may all that reader may, admin all that operator may.
 */
#ifndef API_AUTH_H
#define API_AUTH_H

#include <stdbool.h>

#include "api/answer.h"
#include "mimo/config.h"
#include "mimo/error.h"
#include "mimo/privileges.h"

enum { ACTOR_NAME_SIZE = 129, AUTH_TOKEN_MAXIMUM = 16 * 1024 };

enum role {
    ROLE_NONE,     /* open to everybody: health */
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

struct auth;

/* Makes what is missing for the first start, owned by `owner` (NULL: by whoever runs this). */
int auth_prepare(const struct config *config, const struct identity *owner, struct error *error);

int auth_open(const struct config *config, struct auth **ret_auth, struct error *error);
void auth_close(struct auth *auth);

/* Reads files again; after an error everything stays as it was. */
int auth_reload(struct auth *auth, struct error *error);

/* Judges the Authorization field (NULL when there is none): fills `actor`, or answers 401, or 403
 * when the role does not reach. May be called by any thread. */
int auth_check(struct auth *auth, const char *authorization, enum role needed,
               struct actor *ret_actor, struct answer *answer);

#endif
