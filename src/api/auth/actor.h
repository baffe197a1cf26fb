/* SPDX-License-Identifier: Apache-2.0 */
/*
 * actor.h - roles, and the actor that a request is made by.
 *
 * Roles are ordered: operator may all that reader may, admin all that operator may.
 * Pure. A struct actor owns nothing.
 */
#ifndef API_ACTOR_H
#define API_ACTOR_H

#include <stdbool.h>

enum { ACTOR_NAME_SIZE = 257 };

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

#endif
