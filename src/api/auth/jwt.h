/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jwt.h - checks one access token of Entra ID (a JWT, RFC 7519).
 *
 * Pure, except for the cache of signatures, which never changes a verdict. The verdict depends on
 * the token, the rules, the keys and the time alone. OpenSSL checks the signature. Everything else
 * is checked here, strictly, because libraries accept several spellings of a token, keys inside the
 * token, claims that are strings instead of numbers, or missing claims.
 *
 * The order is form, header (the algorithm is fixed before the key is looked up), claims, key,
 * signature. So a token with a wrong claim never causes a fetch of keys, and no claim is used
 * before the signature has been verified.
 *
 *   form       at most 16 KB; three parts of base64url in its one spelling; two JSON objects
 *              without duplicate members, not nested deeper than 8
 *   header     alg RS256 or PS256; typ JWT or at+jwt; kid a string, looked up only in the key set;
 *   no crit, no b64; jku, x5u, jwk and x5c are ignored claims     iss, aud, tid, ver equal to the
 *   rules, byte for byte; exp, nbf and iat whole
 *              numbers and right within 2 minutes; azp and oid UUIDs; roles or scp; nothing that
 *              only ID tokens have
 */
#ifndef API_JWT_H
#define API_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/auth/actor.h"
#include "api/auth/jwks.h"
#include "api/auth/jwt_memory.h"
#include "mimo/error.h"

enum { JWT_SIZE_MAXIMUM = 16 * 1024, JWT_DEPTH_MAXIMUM = 8, JWT_LEEWAY = 120 };

struct jwt_rules {
    const char *issuer;        /* "https://login.microsoftonline.com/TENANT/v2.0" */
    const char *audience;      /* client ID of this API's registration */
    const char *tenant;        /* UUID in lower case */
    const struct jwks *keys;   /* NULL: none yet */
    struct jwt_memory *memory; /* of signatures by these keys; NULL: compute each */
    int64_t now;               /* Unix seconds */
};

enum jwt_verdict {
    JWT_VALID,       /* the actor is filled in; its role may be ROLE_NONE */
    JWT_REFUSED,     /* invalid, whatever the keys */
    JWT_KEY_UNKNOWN, /* valid so far, but its key is not in the set */
};

/* True for three parts of visible text, which may be a token of Entra ID. Tokens of the token file
 * may have this form too. */
bool jwt_has_form(const char *token);

/* `reason` says why it is not valid, for the log alone. It may contain parts of claims, but never
 * of the signature, and any character that JSON allows: log_escape() it. */
enum jwt_verdict jwt_check(const char *token, size_t length, const struct jwt_rules *rules,
                           struct actor *ret_actor, struct error *reason);

#endif
