/* SPDX-License-Identifier: Apache-2.0 */
/* jwt.c - checks a token's form, header, claims, key and signature, in this order. */
#include "api/auth/jwt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "mimo/base64.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/text.h"
#include "mimo/uuid.h"

enum { PARTS = 3 };

/* A parsed token. Texts are borrowed from the documents. */
struct token {
    struct json_object *header;
    struct json_object *claims;
    const char *algorithm;
    const char *key_id;
    uint8_t *signature;
    size_t signature_length;
    size_t signed_length; /* length of the signed text: header, dot and claims */
};

static void cleanup_token_function(struct token *token)
{
    json_object_put(token->header);
    json_object_put(token->claims);
    free(token->signature);
}
#define cleanup_token       __attribute__((cleanup(cleanup_token_function)))

#define refuse(reason, ...) error_set(reason, ERROR_DENIED, __VA_ARGS__)

bool jwt_has_form(const char *token)
{
    size_t dots = 0;
    for (const char *at = token; *at; at++)
        dots += *at == '.';
    return dots == PARTS - 1;
}

/* ---- form ---- */

/* Splits the token at its dots. */
static int find_parts(const char *token, size_t length, const char **parts, size_t *lengths,
                      struct error *reason)
{
    const char *rest = token, *end = token + length;
    if (length == 0 || length > JWT_SIZE_MAXIMUM)
        return refuse(reason, "it has %zu bytes; a token has 1 to %d", length, JWT_SIZE_MAXIMUM);
    for (int i = 0; i < PARTS; i++) {
        const char *dot = memchr(rest, '.', (size_t)(end - rest));
        if ((dot != NULL) != (i < PARTS - 1))
            return refuse(reason, "it does not have three parts separated by dots");
        parts[i] = rest;
        lengths[i] = (size_t)((dot ? dot : end) - rest);
        rest = dot ? dot + 1 : end;
    }
    return 0;
}

static int read_object(const char *text, size_t length, const char *what,
                       struct json_object **ret_object, struct error *reason)
{
    size_t size;
    cleanup_free uint8_t *data = base64url_decode(text, length, &size);
    if (!data)
        return refuse(reason, "its %s is not base64url", what);
    cleanup_json struct json_object *object = document_parse((const char *)data, size, reason);
    if (!object)
        return error_prefix(reason, "its %s", what);
    if (document_depth(object) > JWT_DEPTH_MAXIMUM)
        return refuse(reason, "its %s is nested deeper than %d", what, JWT_DEPTH_MAXIMUM);
    *ret_object = take_pointer(&object);
    return 0;
}

static int read_form(struct token *token, const char *text, size_t length, struct error *reason)
{
    const char *parts[PARTS];
    size_t lengths[PARTS];
    if (find_parts(text, length, parts, lengths, reason) < 0 ||
        read_object(parts[0], lengths[0], "header", &token->header, reason) < 0 ||
        read_object(parts[1], lengths[1], "claims", &token->claims, reason) < 0)
        return -1;
    token->signature = base64url_decode(parts[2], lengths[2], &token->signature_length);
    token->signed_length = (size_t)(parts[2] - 1 - text);
    return token->signature ? 0 : refuse(reason, "its signature is not base64url");
}

/* ---- header ---- */

/* A string member, or "" for anything else; no expected value is empty. */
static const char *text_of(const struct json_object *object, const char *name)
{
    const char *text = document_text(document_member(object, name));
    return text ? text : "";
}

static int check_header(struct token *token, struct error *reason)
{
    const char *type = text_of(token->header, "typ");
    token->algorithm = text_of(token->header, "alg");
    token->key_id = text_of(token->header, "kid");
    if (strcmp(token->algorithm, "RS256") != 0 && strcmp(token->algorithm, "PS256") != 0)
        return refuse(reason, "alg is \"%.32s\", not RS256 or PS256", token->algorithm);
    if (strcmp(type, "JWT") != 0 && strcmp(type, "at+jwt") != 0)
        return refuse(reason, "typ is \"%.32s\", not JWT or at+jwt", type);
    if (document_has(token->header, "crit") || document_has(token->header, "b64"))
        return refuse(reason, "its header demands an extension (crit or b64)");
    if (!token->key_id[0])
        return refuse(reason, "its header names no key (kid)");
    return 0;
}

/* ---- claims ---- */

static int check_text(const struct json_object *claims, const char *name, const char *expected,
                      struct error *reason)
{
    const char *text = text_of(claims, name);
    return strcmp(text, expected) == 0
               ? 0
               : refuse(reason, "%s is \"%.100s\", not %s", name, text, expected);
}

static int read_time(const struct json_object *claims, const char *name, int64_t *ret_time,
                     struct error *reason)
{
    const struct json_object *value = document_member(claims, name);
    *ret_time = document_number(value); /* 0 for anything else */
    if (*ret_time <= 0 || *ret_time > CLOCK_MAXIMUM)
        return refuse(reason, "%s is not a time in whole seconds", name);
    return 0;
}

static int check_times(const struct json_object *claims, int64_t now, struct error *reason)
{
    int64_t expires, begins, issued;
    if (read_time(claims, "exp", &expires, reason) < 0 ||
        read_time(claims, "nbf", &begins, reason) < 0 ||
        read_time(claims, "iat", &issued, reason) < 0)
        return -1;
    if (now >= expires + JWT_LEEWAY)
        return refuse(reason, "it expired %" PRId64 " s ago", now - expires);
    if (begins > now + JWT_LEEWAY)
        return refuse(reason, "it is not valid for another %" PRId64 " s (nbf)", begins - now);
    if (issued > now + JWT_LEEWAY || issued > expires)
        return refuse(reason, "iat is in the future, or after exp");
    return 0;
}

/* ID tokens are signed by the same keys, but they only tell an application who its user is, and
 * give no access. */
static int check_kind(const struct json_object *claims, struct error *reason)
{
    static const char *const of_id_tokens[] = {"nonce", "at_hash", "c_hash"};
    const char *kind = text_of(claims, "idtyp");
    for (size_t i = 0; i < sizeof(of_id_tokens) / sizeof(of_id_tokens[0]); i++)
        if (document_has(claims, of_id_tokens[i]))
            return refuse(reason, "it is an ID token (it has %s); an access token is needed",
                          of_id_tokens[i]);
    if (document_has(claims, "idtyp") && strcmp(kind, "app") != 0 && strcmp(kind, "user") != 0)
        return refuse(reason, "idtyp is \"%.32s\", not app or user", kind);
    if (!uuid_is_valid(text_of(claims, "azp")))
        return refuse(reason, "azp is not a UUID: it is not an access token of version 2.0");
    if (!uuid_is_valid(text_of(claims, "oid")))
        return refuse(reason, "oid is not a UUID");
    return 0;
}

/* The highest of the roles of MIMO. */
static int read_role(const struct json_object *claims, enum role *ret_role, struct error *reason)
{
    static const char *const names[] = {
        [ROLE_READER] = "MIMO.Reader",
        [ROLE_OPERATOR] = "MIMO.Operator",
        [ROLE_ADMIN] = "MIMO.Admin",
    };
    const struct json_object *roles = document_member(claims, "roles"),
                             *scope = document_member(claims, "scp");
    *ret_role = ROLE_NONE;
    if ((document_has(claims, "roles") && !document_is_array(roles)) ||
        (document_has(claims, "scp") && !document_is_string(scope)))
        return refuse(reason, "roles is not an array, or scp not a string");
    if (document_length(roles) == 0 && !text_of(claims, "scp")[0])
        return refuse(reason, "it has neither roles nor scp");
    for (size_t i = 0; i < document_length(roles); i++) {
        const char *name = document_text(document_item(roles, i));
        if (!name)
            return refuse(reason, "roles has a member that is not a string");
        for (int role = ROLE_READER; role <= ROLE_ADMIN; role++)
            if (strcmp(name, names[role]) == 0 && (enum role)role > *ret_role)
                *ret_role = (enum role)role;
    }
    return 0;
}

/* "entra:OID:ann@contoso.com", "entra:OID:app=CLIENT-ID". The colon distinguishes it from names of
 * the token file; the object ID distinguishes people of the same name. */
static void write_name(const struct json_object *claims, char *name, size_t size)
{
    const char *user = text_of(claims, "preferred_username");
    int length = snprintf(name, size, "entra:%s:", text_of(claims, "oid"));
    char *rest = name + length;
    if (user[0])
        text_copy_clean(rest, size - (size_t)length, user, '?');
    else
        snprintf(rest, size - (size_t)length, "app=%s", text_of(claims, "azp"));
}

static int check_claims(const struct json_object *claims, const struct jwt_rules *rules,
                        struct actor *actor, struct error *reason)
{
    if (check_text(claims, "iss", rules->issuer, reason) < 0 ||
        check_text(claims, "aud", rules->audience, reason) < 0 ||
        check_text(claims, "tid", rules->tenant, reason) < 0 ||
        check_text(claims, "ver", "2.0", reason) < 0 ||
        check_times(claims, rules->now, reason) < 0 || check_kind(claims, reason) < 0 ||
        read_role(claims, &actor->role, reason) < 0)
        return -1;
    write_name(claims, actor->name, sizeof(actor->name));
    return 0;
}

/* ---- signature ---- */

/* True if `signature` is the key's signature of the text before the second dot. PS256 has a salt as
 * long as the digest (RFC 7518, section 3.5). */
static bool is_signed_by(const struct token *token, const char *text, const struct jwks_key *key)
{
    bool pss = strcmp(token->algorithm, "PS256") == 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *rules = NULL; /* the context's */
    bool good =
        context &&
        EVP_DigestVerifyInit_ex(context, &rules, "SHA256", NULL, NULL, key->key, NULL) > 0 &&
        EVP_PKEY_CTX_set_rsa_padding(rules, pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) > 0 &&
        (!pss || EVP_PKEY_CTX_set_rsa_pss_saltlen(rules, RSA_PSS_SALTLEN_DIGEST) > 0) &&
        EVP_DigestVerify(context, token->signature, token->signature_length,
                         (const unsigned char *)text, token->signed_length) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return good;
}

static int check_signature(const char *text, const struct token *token, const struct jwks_key *key,
                           struct error *reason)
{
    if (key->algorithm[0] && strcmp(key->algorithm, token->algorithm) != 0)
        return refuse(reason, "its key \"%.64s\" is for %s, not for %s", key->id, key->algorithm,
                      token->algorithm);
    return is_signed_by(token, text, key)
               ? 0
               : refuse(reason, "it is not signed by the key \"%.64s\"", key->id);
}

enum jwt_verdict jwt_check(const char *text, size_t length, const struct jwt_rules *rules,
                           struct actor *ret_actor, struct error *reason)
{
    cleanup_token struct token token = {0};
    struct actor actor = {.role = ROLE_NONE};
    if (read_form(&token, text, length, reason) < 0 || check_header(&token, reason) < 0 ||
        check_claims(token.claims, rules, &actor, reason) < 0)
        return JWT_REFUSED;
    const struct jwks_key *key = jwks_find(rules->keys, token.key_id);
    if (!key) {
        refuse(reason, "its key \"%.64s\" is not known", token.key_id);
        return JWT_KEY_UNKNOWN;
    }
    if (!jwt_memory_has(rules->memory, text, length)) {
        if (check_signature(text, &token, key, reason) < 0)
            return JWT_REFUSED;
        jwt_memory_keep(rules->memory, text, length);
    }
    *ret_actor = actor;
    return JWT_VALID;
}
