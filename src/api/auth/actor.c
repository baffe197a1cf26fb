/* SPDX-License-Identifier: Apache-2.0 */
/* actor.c - the names of roles. */
#include "api/auth/actor.h"

#include <string.h>

static const char *const role_names[] = {
    [ROLE_NONE] = "nobody",
    [ROLE_READER] = "reader",
    [ROLE_OPERATOR] = "operator",
    [ROLE_ADMIN] = "admin",
};

const char *role_name(enum role role)
{
    return role_names[role];
}

bool role_parse(const char *name, enum role *ret_role)
{
    for (int role = ROLE_READER; role <= ROLE_ADMIN; role++) {
        if (strcmp(name, role_names[role]) != 0)
            continue;
        *ret_role = (enum role)role;
        return true;
    }
    return false;
}
