/* SPDX-License-Identifier: Apache-2.0 */
/* jwks.c - reads a key set, and finds keys in it. */
#include "api/auth/jwks.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include "mimo/base64.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"

enum { EXPONENT_BYTES = 4 };

struct jwks {
    size_t count;
    size_t left_out;
    struct error reason; /* why the last ignored key is unusable */
    struct jwks_key keys[JWKS_KEYS_MAXIMUM];
};

void jwks_free(struct jwks *jwks)
{
    if (!jwks)
        return;
    for (size_t i = 0; i < jwks->count; i++)
        EVP_PKEY_free(jwks->keys[i].key);
    free(jwks);
}

size_t jwks_count(const struct jwks *jwks)
{
    return jwks->count;
}

size_t jwks_left_out(const struct jwks *jwks, const char **ret_reason)
{
    *ret_reason = jwks->reason.message;
    return jwks->left_out;
}

const struct jwks_key *jwks_find(const struct jwks *jwks, const char *id)
{
    for (size_t i = 0; jwks && i < jwks->count; i++)
        if (strcmp(jwks->keys[i].id, id) == 0)
            return &jwks->keys[i];
    return NULL;
}

/* Checks the use of a key; a missing member allows any use. */
static int check_purpose(const struct json_object *entry, struct jwks_key *key, struct error *error)
{
    const char *type, *use, *algorithm;
    if (document_read_string(entry, "kty", "", &type, error) < 0 ||
        document_read_string(entry, "use", "sig", &use, error) < 0 ||
        document_read_string(entry, "alg", "", &algorithm, error) < 0)
        return -1;
    if (strcmp(type, "RSA") != 0)
        return error_set(error, ERROR_INVALID, "kty is \"%.32s\", not RSA", type);
    if (strcmp(use, "sig") != 0)
        return error_set(error, ERROR_INVALID, "use is \"%.32s\", not sig", use);
    if (algorithm[0] && strcmp(algorithm, "RS256") != 0 && strcmp(algorithm, "PS256") != 0)
        return error_set(error, ERROR_INVALID, "alg is \"%.32s\", not RS256 or PS256", algorithm);
    snprintf(key->algorithm, sizeof(key->algorithm), "%s", algorithm);
    return 0;
}

static int check_id(const struct json_object *entry, struct jwks_key *key, struct error *error)
{
    const char *id = document_string(entry, "kid", "");
    size_t length = strlen(id);
    if (length == 0 || length >= sizeof(key->id))
        return error_set(error, ERROR_INVALID, "kid is not a string of 1 to %zu bytes",
                         sizeof(key->id) - 1);
    memcpy(key->id, id, length + 1);
    return 0;
}

/* A positive number of a key, big-endian; leading zero bytes are refused as RFC 7518 does. */
static uint8_t *read_number(const struct json_object *entry, const char *name, size_t *ret_length)
{
    const char *text = document_string(entry, name, "");
    cleanup_free uint8_t *number = base64url_decode(text, strlen(text), ret_length);
    return number && number[0] != 0 ? take_pointer(&number) : NULL;
}

static size_t bits_of(const uint8_t *number, size_t length)
{
    return 8 * length - (size_t)(__builtin_clz(number[0]) - 24);
}

/* NULL when OpenSSL refuses the numbers, or when out of memory. */
static EVP_PKEY *make_public_key(const uint8_t *modulus, size_t modulus_length,
                                 const uint8_t *exponent, size_t exponent_length)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    BIGNUM *n = BN_bin2bn(modulus, (int)modulus_length, NULL);
    BIGNUM *e = BN_bin2bn(exponent, (int)exponent_length, NULL);
    OSSL_PARAM *numbers = NULL;
    if (builder && n && e && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e))
        numbers = OSSL_PARAM_BLD_to_param(builder);
    if (!maker || !numbers || EVP_PKEY_fromdata_init(maker) <= 0 ||
        EVP_PKEY_fromdata(maker, &key, EVP_PKEY_PUBLIC_KEY, numbers) <= 0)
        key = NULL;
    OSSL_PARAM_free(numbers);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(maker);
    BN_free(n);
    BN_free(e);
    ERR_clear_error();
    return key;
}

static int make_key(const struct json_object *entry, struct jwks_key *key, struct error *error)
{
    size_t modulus_length = 0, exponent_length = 0;
    cleanup_free uint8_t *modulus = read_number(entry, "n", &modulus_length);
    cleanup_free uint8_t *exponent = read_number(entry, "e", &exponent_length);
    if (!modulus || !exponent)
        return error_set(error, ERROR_INVALID, "n and e must be base64url");
    size_t bits = bits_of(modulus, modulus_length);
    if (bits < JWKS_BITS_MINIMUM || bits > JWKS_BITS_MAXIMUM || !(modulus[modulus_length - 1] & 1))
        return error_set(error, ERROR_INVALID, "n is not an odd number of %d to %d bits",
                         JWKS_BITS_MINIMUM, JWKS_BITS_MAXIMUM);
    if (exponent_length > EXPONENT_BYTES || !(exponent[exponent_length - 1] & 1) ||
        (exponent_length == 1 && exponent[0] < 3))
        return error_set(error, ERROR_INVALID,
                         "e is not an odd number of at least 3 and at most %d bits",
                         8 * EXPONENT_BYTES);
    key->key = make_public_key(modulus, modulus_length, exponent, exponent_length);
    return key->key ? 0 : error_set(error, ERROR_INVALID, "OpenSSL cannot make a key of n and e");
}

/* Keys that share their id with the entry at `index`. */
static bool is_alone(const struct json_object *entries, size_t index, const char *id)
{
    size_t other;
    struct json_object *entry;
    document_foreach_item(entries, other, entry) {
        if (other != index && strcmp(document_string(entry, "kid", ""), id) == 0)
            return false;
    }
    return true;
}

static int take_key(struct jwks *jwks, const struct json_object *entries, size_t index,
                    struct error *error)
{
    const struct json_object *entry = document_item(entries, index);
    struct jwks_key *key = &jwks->keys[jwks->count];
    if (!document_is_object(entry))
        return error_set(error, ERROR_INVALID, "it is not an object");
    if (check_purpose(entry, key, error) < 0 || check_id(entry, key, error) < 0)
        return -1;
    if (!is_alone(entries, index, key->id))
        return error_set(error, ERROR_INVALID, "another key has the same kid");
    if (make_key(entry, key, error) < 0)
        return -1;
    jwks->count++;
    return 0;
}

int jwks_parse(const char *text, size_t length, struct jwks **ret_jwks, struct error *error)
{
    if (length > JWKS_SIZE_MAXIMUM)
        return error_set(error, ERROR_TOO_LARGE, "the key set has %zu bytes; %d are allowed",
                         length, JWKS_SIZE_MAXIMUM);
    cleanup_json struct json_object *document = document_parse(text, length, error);
    if (!document)
        return error_prefix(error, "the key set");
    const struct json_object *entries = document_member(document, "keys");
    if (!document_is_array(entries) || document_length(entries) > JWKS_KEYS_MAXIMUM)
        return error_set(error, ERROR_INVALID,
                         "the key set has no member \"keys\" that is an array of at most %d",
                         JWKS_KEYS_MAXIMUM);
    cleanup_jwks struct jwks *jwks = calloc(1, sizeof(*jwks));
    if (!jwks)
        return error_set_memory(error);
    for (size_t i = 0; i < document_length(entries); i++) {
        if (take_key(jwks, entries, i, &jwks->reason) == 0)
            continue;
        error_prefix(&jwks->reason, "key %zu", i);
        jwks->left_out++;
    }
    if (jwks->count == 0)
        return error_set(error, ERROR_INVALID, "the key set has no key that can be used%s%s",
                         jwks->left_out ? "; " : "", jwks->reason.message);
    *ret_jwks = take_pointer(&jwks);
    return 0;
}
