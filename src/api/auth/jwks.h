/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jwks.h - keys that verify tokens: a JSON Web Key Set (RFC 7517).
 *
 * Usable keys are RSA keys of 2048 to 4096 bits with an odd exponent of 3 or more, for signatures,
 * with a unique id. Others are ignored, each with a reason. Two keys with the same id are both
 * ignored, because the id is ambiguous. A set without a usable key is an error.
 *
 * Pure: no I/O, no clock. A set never changes, so any thread may use it.
 */
#ifndef API_JWKS_H
#define API_JWKS_H

#include <openssl/evp.h>
#include <stddef.h>

#include "mimo/error.h"

enum {
    JWKS_SIZE_MAXIMUM = 256 * 1024, /* bytes of a set */
    JWKS_KEYS_MAXIMUM = 64,         /* keys in it, including ignored ones */
    JWKS_ID_SIZE = 129,
    JWKS_BITS_MINIMUM = 2048,
    JWKS_BITS_MAXIMUM = 4096, /* the time of a check grows with its square */
};

struct jwks_key {
    char id[JWKS_ID_SIZE];
    char algorithm[8]; /* the only algorithm it may be used for, such as "RS256"; "" for any */
    EVP_PKEY *key;
};

struct jwks;

int jwks_parse(const char *text, size_t length, struct jwks **ret_jwks, struct error *error);
void jwks_free(struct jwks *jwks);

static inline void cleanup_jwks_function(struct jwks **jwks)
{
    jwks_free(*jwks);
}
#define cleanup_jwks __attribute__((cleanup(cleanup_jwks_function)))

size_t jwks_count(const struct jwks *jwks);

/* The number of ignored keys; *ret_reason is the reason for the last one. */
size_t jwks_left_out(const struct jwks *jwks, const char **ret_reason);

/* The key with that id, or NULL. `jwks` may be NULL before the first fetch. */
const struct jwks_key *jwks_find(const struct jwks *jwks, const char *id);

#endif
