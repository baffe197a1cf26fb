/* SPDX-License-Identifier: Apache-2.0 */
/* jwt_fixture.c - keys that are made for one run of a test program. */
#include "jwt_fixture.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"

struct jwt_fixture jwt_fixture;

char *encode(const void *data, size_t length)
{
    char *text = calloc(1, length / 3 * 4 + 5);
    assert_non_null(text);
    EVP_EncodeBlock((unsigned char *)text, data, (int)length);
    for (char *at = text; *at; at++)
        *at = (char)(*at == '+' ? '-' : *at == '/' ? '_' : *at == '=' ? '\0' : *at);
    return text;
}

static char *number_of(EVP_PKEY *key, const char *name)
{
    BIGNUM *number = NULL;
    unsigned char bytes[1024];
    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &number), 1);
    int length = BN_bn2bin(number, bytes);
    BN_free(number);
    return encode(bytes, (size_t)length);
}

/* The public half as a JSON Web Key. */
struct json_object *jwk_of(EVP_PKEY *key, const char *id)
{
    cleanup_free char *modulus = number_of(key, OSSL_PKEY_PARAM_RSA_N);
    cleanup_free char *exponent = number_of(key, OSSL_PKEY_PARAM_RSA_E);
    return document_pack("{s:s, s:s, s:s, s:s, s:s}", "kty", "RSA", "use", "sig", "kid", id, "n",
                         modulus, "e", exponent);
}

/* Takes over the reference to `keys`, an array. */
int parse_keys(struct json_object *keys, struct jwks **ret_jwks, struct error *error)
{
    cleanup_json struct json_object *document = document_pack("{s:o}", "keys", keys);
    cleanup_free char *text = document_format(document);
    return jwks_parse(text, strlen(text), ret_jwks, error);
}

int make_keys(void **state)
{
    struct error error;
    (void)state;
    jwt_fixture.key = EVP_RSA_gen(2048);
    jwt_fixture.other = EVP_RSA_gen(2048);
    assert_non_null(jwt_fixture.key);
    assert_non_null(jwt_fixture.other);
    struct json_object *keys =
        document_pack("[o, o]", jwk_of(jwt_fixture.key, "k1"), jwk_of(jwt_fixture.other, "k2"));
    return parse_keys(keys, &jwt_fixture.keys, &error);
}

int free_keys(void **state)
{
    (void)state;
    EVP_PKEY_free(jwt_fixture.key);
    EVP_PKEY_free(jwt_fixture.other);
    jwks_free(jwt_fixture.keys);
    return 0;
}
