/* SPDX-License-Identifier: Apache-2.0 */
/* jwt_fixture.h - two RSA keys and a set of them, for tests of tokens and key sets. */
#ifndef MIMO_TESTS_JWT_FIXTURE_H
#define MIMO_TESTS_JWT_FIXTURE_H

#include "expect.h"

#include <json-c/json_object.h>
#include <openssl/evp.h>

#include "api/auth/jwks.h"

struct jwt_fixture {
    EVP_PKEY *key;
    EVP_PKEY *other;
    struct jwks *keys;
};
extern struct jwt_fixture jwt_fixture;

/* cmocka set-up and tear-down of a group. */
int make_keys(void **state);
int free_keys(void **state);

/* base64url; the caller frees. */
char *encode(const void *data, size_t length);

/* The public half as a JSON Web Key. New reference. */
struct json_object *jwk_of(EVP_PKEY *key, const char *id);

/* jwks_parse() of {"keys": keys}; takes over the reference. */
int parse_keys(struct json_object *keys, struct jwks **ret_jwks, struct error *error);

#endif
