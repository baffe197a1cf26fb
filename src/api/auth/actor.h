/* SPDX-License-Identifier: Apache-2.0 */
/*
 * actor.h - roles, and the actor who makes a request.
 *
 * Roles are ordered: an operator may do everything that a reader may, an admin everything that an
 * operator may. Pure. A struct actor owns nothing.
 */
#ifndef API_ACTOR_H
#define API_ACTOR_H

#include <stdbool.h>

enum { ACTOR_NAME_SIZE = 257 };

enum role {
    ROLE_NONE,     /* authenticated without permissions; of a route: open to everybody */
    ROLE_READER,   /* read */
    ROLE_OPERATOR, /* also create, cancel, delete manifests */
    ROLE_ADMIN,    /* also clusters, bulk changes */
};

struct actor {
    char name[ACTOR_NAME_SIZE]; /* "" without authentication */
    enum role role;
};

const char *role_name(enum role role);
bool role_parse(const char *name, enum role *ret_role);

#endif
