/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jwt.h - checks one access token of Entra ID (a JWT, RFC 7519).
 *
 * Pure but for the memory of signatures, which changes no verdict: the token, the rules, the keys
 * and the time go in, a verdict comes out. OpenSSL checks the signature, everything else is checked
 * here, and strictly: libraries accept several spellings of a token, keys that the token brings
 * along, claims that are texts instead of numbers, or no claims at all.
 *
 * The order is that of cost and of what may be believed: form, header (the algorithm is pinned
 * before a key is looked for), claims, key, signature. So a token with a wrong claim never
 * causes a fetch of keys, and no claim is used before the signature was verified.
 *
 *   form       at most 16 KB; three parts of base64url in its one spelling; two JSON objects
 *              without duplicate members, not nested deeper than 8
 *   header     alg RS256 or PS256; typ JWT or at+jwt; kid a text that is looked up in the key set
 *              and nowhere else; no crit, no b64; jku, x5u, jwk and x5c are not looked at
 *   claims     iss, aud, tid, ver as the rules have them, byte for byte; exp, nbf and iat whole
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
    JWT_KEY_UNKNOWN, /* good but for its key, which is not in the set */
};

/* True for three parts of visible text: worth a judgement. Tokens of the token file may look so
 * too. */
bool jwt_has_form(const char *token);

/* `reason` says why it is not valid, for the log alone. It holds pieces of claims, never of the
 * signature, and may hold anything that JSON can spell: log_escape() it. */
enum jwt_verdict jwt_check(const char *token, size_t length, const struct jwt_rules *rules,
                           struct actor *ret_actor, struct error *reason);

#endif
