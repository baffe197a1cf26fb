/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entra_fetch.h - fetches the keys that sign a tenant's tokens.
 *
 * Two requests: the discovery document of AUTHORITY/TENANT/v2.0, whose issuer must be that address,
 * and the key set that it names, which must be on the same server. Only HTTPS, verified with the
 * given certificates, without redirects, at most 5 s and 256 KiB each.
 */
#ifndef API_ENTRA_FETCH_H
#define API_ENTRA_FETCH_H

#include "api/auth/jwks.h"

enum { ENTRA_REQUEST_TIMEOUT = 5 * 1000 }; /* milliseconds */

struct entra_place {
    const char *authority; /* "https://login.microsoftonline.com" */
    const char *tenant;    /* UUID in lower case */
    const char *issuer;    /* AUTHORITY/TENANT/v2.0 */
    const char *ca;        /* PEM */
};

/* Blocks for at most twice the timeout. */
int entra_fetch(const struct entra_place *place, struct jwks **ret_keys, struct error *error);

#endif
