/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jwks.h - the keys that tokens are signed with: a JSON Web Key Set (RFC 7517).
 *
 * Only usable keys are taken: RSA of 2048 to 4096 bits with an odd exponent of 3 or more, for
 * signatures, with an id of their own. Others are left out, each with its reason. Two keys with the
 * same id are both left out, because the id does not tell which one is meant. A set without a usable
 * key is an error.
 *
 * Pure: no I/O, no clock. A set does not change once it was made and may be asked by any thread.
 */
#ifndef API_JWKS_H
#define API_JWKS_H

#include <openssl/evp.h>
#include <stddef.h>

#include "mimo/error.h"

enum {
    JWKS_SIZE_MAXIMUM = 256 * 1024, /* bytes of a set */
    JWKS_KEYS_MAXIMUM = 64,         /* keys in it, those left out included */
    JWKS_ID_SIZE = 129,
    JWKS_BITS_MINIMUM = 2048,
    JWKS_BITS_MAXIMUM = 4096, /* the time of a check grows with the square */
};

struct jwks_key {
    char id[JWKS_ID_SIZE];
    char algorithm[8]; /* "RS256": the only one it may be used for; "" for any that we know */
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

/* How many keys were left out; *ret_reason tells why the last of them was. */
size_t jwks_left_out(const struct jwks *jwks, const char **ret_reason);

/* The key of that id, or NULL. NULL `jwks`: there are none yet. */
const struct jwks_key *jwks_find(const struct jwks *jwks, const char *id);

#endif
