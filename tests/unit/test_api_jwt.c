/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_jwt.c - access tokens, as they should be and as attackers make them. */
#include "json_text.h"
#include "jwt_fixture.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "api/auth/jwt.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"

#define ISSUER   "https://login.test/0f0e0d0c-0b0a-4908-8706-050403020100/v2.0"
#define TENANT   "0f0e0d0c-0b0a-4908-8706-050403020100"
#define AUDIENCE "11111111-2222-4333-8444-555555555555"
#define OBJECT   "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
#define CLIENT   "cccccccc-bbbb-4ccc-8ddd-eeeeeeeeeeee"
#define NOW      INT64_C(2000000000)

enum algorithm { RS256, PS256, RS512, HS256, NO_SIGNATURE };

/* ---- making tokens ---- */

static size_t sign_rsa(enum algorithm algorithm, const char *text, unsigned char *signature,
                       size_t size)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key_context;
    const EVP_MD *digest = algorithm == RS512 ? EVP_sha512() : EVP_sha256();
    assert_int_equal(EVP_DigestSignInit(context, &key_context, digest, NULL, jwt_fixture.key), 1);
    if (algorithm == PS256) {
        EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_DIGEST);
    }
    assert_int_equal(
        EVP_DigestSign(context, signature, &size, (const unsigned char *)text, strlen(text)), 1);
    EVP_MD_CTX_free(context);
    return size;
}

/* With the public key's PEM as the secret, which everybody has. */
static size_t sign_with_public_key(const char *text, unsigned char *signature)
{
    BIO *pem = BIO_new(BIO_s_mem());
    char *secret;
    unsigned int size;
    assert_int_equal(PEM_write_bio_PUBKEY(pem, jwt_fixture.key), 1);
    long length = BIO_get_mem_data(pem, &secret);
    HMAC(EVP_sha256(), secret, (int)length, (const unsigned char *)text, strlen(text), signature,
         &size);
    BIO_free(pem);
    return size;
}

/* A token of these texts. The caller frees. */
static char *mint(const char *header, const char *claims, enum algorithm algorithm)
{
    char *head = NULL, *token = NULL;
    unsigned char signature[512];
    size_t length = 0;
    cleanup_free char *first = encode(header, strlen(header));
    cleanup_free char *second = encode(claims, strlen(claims));
    assert_true(asprintf(&head, "%s.%s", first, second) > 0);
    if (algorithm == HS256)
        length = sign_with_public_key(head, signature);
    else if (algorithm != NO_SIGNATURE)
        length = sign_rsa(algorithm, head, signature, sizeof(signature));
    cleanup_free char *third = encode(signature, length);
    assert_true(asprintf(&token, "%s.%s", head, third) > 0);
    free(head);
    return token;
}

/* The members of an ordinary token, with one of them replaced by JSON text (NULL: taken away). */
static char *with(struct json_object *object, const char *member, const char *value)
{
    cleanup_json struct json_object *taken = object;
    if (member)
        json_put_member(taken, member, value);
    return document_format(taken);
}

static char *header_with(const char *member, const char *value)
{
    return with(document_pack("{s:s, s:s, s:s}", "typ", "JWT", "alg", "RS256", "kid", "k1"), member,
                value);
}

static char *claims_with(const char *member, const char *value)
{
    return with(document_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:s, s:s, s:[s], s:s}",
                              "iss", ISSUER, "aud", AUDIENCE, "tid", TENANT, "ver", "2.0", "exp",
                              (int64_t)(NOW + 3600), "nbf", (int64_t)(NOW - 5), "iat",
                              (int64_t)(NOW - 5), "oid", OBJECT, "azp", CLIENT, "scp", "access",
                              "roles", "MIMO.Operator", "preferred_username", "ann@example.com"),
                member, value);
}

/* ---- judging ---- */

static enum jwt_verdict judge_at(int64_t now, const char *token, size_t length, struct actor *actor,
                                 struct error *reason)
{
    const struct jwt_rules rules = {.issuer = ISSUER,
                                    .audience = AUDIENCE,
                                    .tenant = TENANT,
                                    .keys = jwt_fixture.keys,
                                    .now = now};
    *actor = (struct actor){.role = ROLE_NONE};
    reason->message[0] = '\0';
    return jwt_check(token, length, &rules, actor, reason);
}

static enum jwt_verdict judge(const char *token, struct actor *actor, struct error *reason)
{
    return judge_at(NOW, token, strlen(token), actor, reason);
}

static void expect_refused(const char *what, const char *token, size_t length, const char *reason)
{
    struct actor actor;
    struct error error;
    enum jwt_verdict verdict = judge_at(NOW, token, length, &actor, &error);
    if (verdict != JWT_REFUSED || !strstr(error.message, reason))
        fail_msg("%s: verdict %d, \"%s\" instead of \"%s\"", what, (int)verdict, error.message,
                 reason);
    assert_string_equal(actor.name, "");
    assert_int_equal(actor.role, ROLE_NONE);
}

static void expect_valid(const char *header, const char *claims, enum algorithm algorithm,
                         enum role role, const char *name)
{
    struct actor actor;
    struct error error;
    cleanup_free char *token = mint(header, claims, algorithm);
    if (judge(token, &actor, &error) != JWT_VALID)
        fail_msg("refused: %s (%s %s)", error.message, header, claims);
    assert_int_equal(actor.role, role);
    assert_string_equal(actor.name, name);
}

/* ---- tests ---- */

static void a_good_token_tells_who_and_what_they_may(void **state)
{
    static const struct {
        const char *roles;
        enum role role;
    } cases[] = {
        {"[\"MIMO.Reader\"]", ROLE_READER},
        {"[\"MIMO.Operator\"]", ROLE_OPERATOR},
        {"[\"MIMO.Admin\"]", ROLE_ADMIN},
        {"[\"MIMO.Admin\", \"MIMO.Reader\"]", ROLE_ADMIN},
        {"[\"Other\", \"MIMO.Reader\", \"mimo.admin\"]", ROLE_READER},
        {"[\"Other\"]", ROLE_NONE},
        {NULL, ROLE_NONE}, /* scp is there */
    };
    (void)state;
    cleanup_free char *header = header_with(NULL, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup_free char *claims = claims_with("roles", cases[i].roles);
        expect_valid(header, claims, RS256, cases[i].role, "entra:" OBJECT ":ann@example.com");
    }
}

static void both_algorithms_and_both_types_are_taken(void **state)
{
    (void)state;
    cleanup_free char *claims = claims_with(NULL, NULL);
    cleanup_free char *at = header_with("typ", "\"at+jwt\"");
    cleanup_free char *ps = header_with("alg", "\"PS256\"");
    expect_valid(at, claims, RS256, ROLE_OPERATOR, "entra:" OBJECT ":ann@example.com");
    expect_valid(ps, claims, PS256, ROLE_OPERATOR, "entra:" OBJECT ":ann@example.com");
}

static void an_application_is_named_by_its_client_id(void **state)
{
    (void)state;
    cleanup_free char *header = header_with(NULL, NULL);
    cleanup_free char *claims = claims_with("preferred_username", NULL);
    expect_valid(header, claims, RS256, ROLE_OPERATOR, "entra:" OBJECT ":app=" CLIENT);
}

static void a_name_can_do_no_harm_in_the_log(void **state)
{
    (void)state;
    cleanup_free char *header = header_with(NULL, NULL);
    cleanup_free char *claims = claims_with("preferred_username", "\"a\\u0007\\nb\\u0085c\"");
    expect_valid(header, claims, RS256, ROLE_OPERATOR, "entra:" OBJECT ":a??b?c");
    char long_name[1000] = "\"";
    memset(long_name + 1, 'x', 900);
    strcpy(long_name + 901, "\"");
    cleanup_free char *more = claims_with("preferred_username", long_name);
    cleanup_free char *token = mint(header, more, RS256);
    struct actor actor;
    struct error error;
    assert_int_equal(judge(token, &actor, &error), JWT_VALID);
    assert_int_equal(strlen(actor.name), ACTOR_NAME_SIZE - 1);
}

/* What a client may not find in the key set's place. */
static void keys_that_a_token_brings_along_are_not_looked_at(void **state)
{
    (void)state;
    static const char *const members[] = {"jku", "x5u", "jwk", "x5c"};
    cleanup_free char *claims = claims_with(NULL, NULL);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        cleanup_free char *header = header_with(members[i], "\"https://evil.test/keys\"");
        expect_valid(header, claims, RS256, ROLE_OPERATOR, "entra:" OBJECT ":ann@example.com");
    }
}

static void a_wrong_header_is_refused(void **state)
{
    static const struct {
        const char *member;
        const char *value;
        enum algorithm algorithm;
        const char *reason;
    } cases[] = {
        {"alg", "\"none\"", NO_SIGNATURE, "its signature is not base64url"},
        {"alg", "\"none\"", RS256, "alg is \"none\""},
        {"alg", "\"None\"", RS256, "alg is \"None\""},
        {"alg", "\"NONE\"", RS256, "alg is \"NONE\""},
        {"alg", "\"nOnE\"", RS256, "alg is \"nOnE\""},
        {"alg", "\"\"", RS256, "alg is \"\""},
        {"alg", NULL, RS256, "alg is \"\""},
        {"alg", "256", RS256, "alg is \"\""},
        {"alg", "[\"RS256\"]", RS256, "alg is \"\""},
        {"alg", "\"HS256\"", HS256, "alg is \"HS256\", not RS256 or PS256"},
        {"alg", "\"rs256\"", RS256, "alg is \"rs256\""},
        {"alg", "\"RS512\"", RS256, "alg is \"RS512\""},
        {"alg", "\"RS512\"", RS512, "alg is \"RS512\""},
        {"alg", "\"ES256\"", RS256, "alg is \"ES256\""},
        {"alg", "\"PS256\"", RS256, "it is not signed by the key \"k1\""},
        {"typ", NULL, RS256, "typ is \"\""},
        {"typ", "\"jwt\"", RS256, "typ is \"jwt\""},
        {"typ", "\"id_token\"", RS256, "typ is \"id_token\""},
        {"crit", "[\"exp\"]", RS256, "demands an extension"},
        {"crit", "null", RS256, "demands an extension"},
        {"b64", "false", RS256, "demands an extension"},
        {"kid", NULL, RS256, "names no key"},
        {"kid", "7", RS256, "names no key"},
        {"kid", "\"\"", RS256, "names no key"},
        {"kid", "\"k2\"", RS256, "it is not signed by the key \"k2\""},
        {"deep", "[[[[[[[[1]]]]]]]]", RS256, "nested deeper than 8"},
    };
    (void)state;
    cleanup_free char *claims = claims_with(NULL, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup_free char *header = header_with(cases[i].member, cases[i].value);
        cleanup_free char *token = mint(header, claims, cases[i].algorithm);
        expect_refused(header, token, strlen(token), cases[i].reason);
    }
}

static const struct {
    const char *member;
    const char *value;
    const char *reason;
} wrong_claims[] = {
    {"iss", "\"https://login.test/0f0e0d0c-0b0a-4908-8706-050403020100\"", "iss is"},
    {"iss", "\"" ISSUER "/\"", "iss is"},
    {"iss", "\"https://sts.windows.net/" TENANT "/\"", "iss is"},
    {"iss", "\"HTTPS://login.test/" TENANT "/v2.0\"", "iss is"},
    {"iss", NULL, "iss is \"\""},
    {"iss", "[\"" ISSUER "\"]", "iss is \"\""},
    {"aud", "\"11111111-2222-4333-8444-555555555556\"", "aud is"},
    {"aud", "\"11111111-2222-4333-8444\"", "aud is"},
    {"aud", "\"" AUDIENCE "0\"", "aud is"},
    {"aud", "[\"" AUDIENCE "\"]", "aud is \"\""},
    {"aud", "{\"" AUDIENCE "\": 1}", "aud is \"\""},
    {"aud", "\"\"", "aud is \"\""},
    {"aud", NULL, "aud is \"\""},
    {"tid", "\"0f0e0d0c-0b0a-4908-8706-050403020101\"", "tid is"},
    {"tid", "\"0F0E0D0C-0B0A-4908-8706-050403020100\"", "tid is"},
    {"tid", NULL, "tid is \"\""},
    {"ver", "\"1.0\"", "ver is \"1.0\", not 2.0"},
    {"ver", "2", "ver is \"\""},
    {"ver", NULL, "ver is \"\""},
    {"exp", NULL, "exp is not a time"},
    {"exp", "null", "exp is not a time"},
    {"exp", "[2000003600]", "exp is not a time"},
    {"exp", "\"2000003600\"", "exp is not a time"},
    {"exp", "2000003600.5", "exp is not a time"},
    {"exp", "1e300", "exp is not a time"},
    {"exp", "9223372036854775807", "exp is not a time"},
    {"exp", "-1", "exp is not a time"},
    {"exp", "0", "exp is not a time"},
    {"exp", "true", "exp is not a time"},
    {"exp", "1999999880", "it expired 120 s ago"},
    {"nbf", NULL, "nbf is not a time"},
    {"nbf", "\"x\"", "nbf is not a time"},
    {"nbf", "2000000121", "it is not valid for another 121 s"},
    {"nbf", "2000003600", "it is not valid for another 3600 s"},
    {"iat", NULL, "iat is not a time"},
    {"iat", "2000000121", "iat is in the future"},
    {"iat", "2000003601", "iat is in the future"},
    {"nonce", "\"n\"", "it is an ID token (it has nonce)"},
    {"at_hash", "\"n\"", "it is an ID token"},
    {"c_hash", "null", "it is an ID token"},
    {"idtyp", "\"device\"", "idtyp is \"device\""},
    {"idtyp", "1", "idtyp is \"\""},
    {"azp", NULL, "azp is not a UUID"},
    {"azp", "\"me\"", "azp is not a UUID"},
    {"oid", NULL, "oid is not a UUID"},
    {"oid", "\"" OBJECT "\\u0001\"", "oid is not a UUID"},
    {"roles", "\"MIMO.Admin\"", "roles is not an array"},
    {"roles", "{\"MIMO.Admin\": 1}", "roles is not an array"},
    {"roles", "[\"MIMO.Reader\", 1]", "roles has a member that is not a string"},
    {"roles", "[[\"MIMO.Admin\"]]", "roles has a member that is not a string"},
    {"scp", "[\"x\"]", "scp not a string"},
    {"deep", "[[[[[[[[1]]]]]]]]", "nested deeper than 8"},
};

static void a_wrong_claim_is_refused(void **state)
{
    (void)state;
    cleanup_free char *header = header_with(NULL, NULL);
    for (size_t i = 0; i < sizeof(wrong_claims) / sizeof(wrong_claims[0]); i++) {
        cleanup_free char *claims = claims_with(wrong_claims[i].member, wrong_claims[i].value);
        cleanup_free char *token = mint(header, claims, RS256);
        expect_refused(claims, token, strlen(token), wrong_claims[i].reason);
    }
}

static void a_token_without_roles_and_scope_is_refused(void **state)
{
    (void)state;
    cleanup_free char *header = header_with(NULL, NULL);
    for (int i = 0; i < 2; i++) {
        cleanup_free char *some = claims_with("scp", i ? "\"\"" : NULL);
        cleanup_free char *claims = with(json_of_text(some), "roles", i ? "[]" : NULL);
        cleanup_free char *token = mint(header, claims, RS256);
        expect_refused(claims, token, strlen(token), "it has neither roles nor scp");
    }
}

static void times_are_right_within_two_minutes(void **state)
{
    static const struct {
        int64_t now;
        enum jwt_verdict verdict;
    } cases[] = {
        {NOW + 3600 + 119, JWT_VALID}, {NOW + 3600 + 120, JWT_REFUSED}, {NOW - 5 - 120, JWT_VALID},
        {NOW - 5 - 121, JWT_REFUSED},  {INT64_MAX / 2, JWT_REFUSED},    {0, JWT_REFUSED},
    };
    (void)state;
    struct actor actor;
    struct error error;
    cleanup_free char *header = header_with(NULL, NULL);
    cleanup_free char *claims = claims_with(NULL, NULL);
    cleanup_free char *token = mint(header, claims, RS256);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(judge_at(cases[i].now, token, strlen(token), &actor, &error),
                         cases[i].verdict);
}

/* Objects that libraries read, and that are none. */
static void texts_that_are_no_strict_json_are_refused(void **state)
{
    (void)state;
    cleanup_free char *header = header_with(NULL, NULL);
    cleanup_free char *claims = claims_with(NULL, NULL);
    char deep[8000];
    memset(deep, '[', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = '\0';
    const struct {
        const char *before;
        const char *instead; /* of the claims; NULL: the claims themselves */
        const char *behind;
        const char *reason;
    } cases[] = {
        {"", "[]", "", "document is not a JSON object"},
        {"", "not json", "", "its claims: line 1"},
        {"", "\"text\"", "", "its claims"},
        {"", NULL, "x", "its claims: line 1"},
        {"", NULL, "{}", "its claims: line 1"},
        {"\xef\xbb\xbf", NULL, "", "its claims: line 1"},
        {"", "{\"exp\": 1, \"exp\": 2}", "", "duplicate member"},
        {"", "{\"sub\": \"\xff\"}", "", "its claims: line 1"},
        {"", "{\"sub\": \"a\\u0000b\"}", "", "its claims: line 1"},
        {"", "{\"sub\": \"\\ud800\"}", "", "its claims: line 1"},
        {"", "{\"exp\": 9223372036854775808}", "", "its claims: line 1"},
        {"", "{\"exp\": NaN}", "", "its claims: line 1"},
        {"", deep, "", "its claims: document is nested deeper than"},
        {"", "{", "", "its claims: line 1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup_free char *text = NULL;
        assert_true(asprintf(&text, "%s%s%s", cases[i].before,
                             cases[i].instead ? cases[i].instead : claims, cases[i].behind) > 0);
        cleanup_free char *token = mint(header, text, RS256);
        expect_refused(text, token, strlen(token), cases[i].reason);
    }
    cleanup_free char *twice =
        mint("{\"alg\":\"RS256\",\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"k1\"}", claims, RS256);
    expect_refused("alg twice", twice, strlen(twice), "its header: line 1");
}

/* One good token, cut, extended and bent. */
static void a_token_has_one_spelling(void **state)
{
    (void)state;
    cleanup_free char *header = header_with(NULL, NULL);
    cleanup_free char *claims = claims_with(NULL, NULL);
    cleanup_free char *good = mint(header, claims, RS256);
    const char *second = strchr(good, '.') + 1, *third = strrchr(good, '.') + 1;
    int first_length = (int)(second - good) - 1, second_length = (int)(third - second) - 1;
    const struct {
        const char *format; /* of first, second, third part */
        const char *reason;
    } cases[] = {
        {" %.*s.%.*s.%s", "its header is not base64url"},
        {"%.*s.%.*s.%s ", "its signature is not base64url"},
        {"%.*s.%.*s.%s\n", "its signature is not base64url"},
        {"%.*s.%.*s.%s==", "its signature is not base64url"},
        {"%.*s=.%.*s.%s", "its header is not base64url"},
        {"%.*s.%.*s==.%s", "its claims is not base64url"},
        {"%.*s.%.*s.%s.x", "not have three parts"},
        {"%.*s.%.*s.%s.x.x", "not have three parts"},
        {"%.*s.%.*s.%s.", "not have three parts"},
        {".%.*s.%.*s.%s", "not have three parts"},
        {"%.*s+.%.*s.%s", "its header is not base64url"},
        {"%.*s.%.*s/.%s", "its claims is not base64url"},
        {"x%.*s.%.*s.%s", "its header"},
        {"%.*s.%.*s.AAAA%s", "it is not signed by"},
        {"%.*s.%.*s.%sAAAA", "it is not signed by"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup_free char *token = NULL;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        assert_true(asprintf(&token, cases[i].format, first_length, good, second_length, second,
                             third) > 0);
#pragma GCC diagnostic pop
        expect_refused(cases[i].format, token, strlen(token), cases[i].reason);
    }
    expect_refused("empty", "", 0, "it has 0 bytes");
    expect_refused("one part", good, (size_t)first_length, "not have three parts");
    expect_refused("two parts", good, (size_t)(third - good) - 1, "not have three parts");
    expect_refused("no signature", good, (size_t)(third - good), "its signature is not base64url");
    expect_refused("dots alone", "..", 2, "its header is not base64url");
    /* decoders that pass over what is not of the alphabet are left with a length that none has */
    expect_refused("padding", "AAAAA===.e30.AAAA", 17, "its header is not base64url");
    expect_refused("blanks", "AAAAA   .e30.AAAA", 17, "its header is not base64url");
    expect_refused("other bytes", "AAAA\007A\377\377.e30.AAAA", 17, "its header is not base64url");
    expect_refused("cut", good, strlen(good) - 2, "it is not signed by");
}

/* Every single character of the token matters: none can be another one. */
static void no_character_can_be_changed(void **state)
{
    (void)state;
    cleanup_free char *header = header_with(NULL, NULL);
    cleanup_free char *claims = claims_with(NULL, NULL);
    cleanup_free char *token = mint(header, claims, RS256);
    for (size_t i = 0; i < strlen(token); i++) {
        char was = token[i];
        token[i] = was == 'A' ? 'B' : 'A';
        struct actor actor;
        struct error error;
        if (judge(token, &actor, &error) == JWT_VALID)
            fail_msg("character %zu of %zu was changed, and it is valid", i, strlen(token));
        token[i] = was;
    }
}

static void a_token_may_have_16_kilobytes_and_no_more(void **state)
{
    (void)state;
    char *large = malloc(20000);
    struct actor actor;
    struct error error;
    cleanup_free char *header = header_with(NULL, NULL);
    for (size_t size = 11000; size < 13000; size += 300) {
        memset(large, 'x', size);
        large[0] = large[size - 1] = '"';
        large[size] = '\0';
        cleanup_free char *claims = claims_with("more", large);
        cleanup_free char *token = mint(header, claims, RS256);
        size_t length = strlen(token);
        enum jwt_verdict verdict = judge(token, &actor, &error);
        assert_int_equal(verdict, length <= JWT_SIZE_MAXIMUM ? JWT_VALID : JWT_REFUSED);
    }
    free(large);
}

static void a_key_that_is_not_known_is_asked_for_only_by_what_is_good_otherwise(void **state)
{
    (void)state;
    struct actor actor;
    struct error error;
    static const char *const ids[] = {"\"k3\"", "\"../../../dev/null\"", "\"' OR 1=1\"", "\"K1\"",
                                      "\"k1 \""};
    cleanup_free char *claims = claims_with(NULL, NULL);
    cleanup_free char *expired = claims_with("exp", "1000000000");
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        cleanup_free char *header = header_with("kid", ids[i]);
        cleanup_free char *token = mint(header, claims, RS256);
        cleanup_free char *late = mint(header, expired, RS256);
        assert_int_equal(judge(token, &actor, &error), JWT_KEY_UNKNOWN);
        assert_int_equal(judge(late, &actor, &error), JWT_REFUSED);
    }
    struct jwks *keys = take_pointer(&jwt_fixture.keys);
    cleanup_free char *header = header_with(NULL, NULL);
    cleanup_free char *token = mint(header, claims, RS256);
    assert_int_equal(judge(token, &actor, &error), JWT_KEY_UNKNOWN);
    jwt_fixture.keys = keys;
}

static void a_key_is_used_for_its_own_algorithm_alone(void **state)
{
    (void)state;
    struct error error;
    struct json_object *key = jwk_of(jwt_fixture.key, "k1");
    document_add(key, "alg", document_new_string("PS256"));
    struct jwks *keys = jwt_fixture.keys;
    assert_int_equal(parse_keys(document_pack("[o]", key), &jwt_fixture.keys, &error), 0);
    cleanup_free char *claims = claims_with(NULL, NULL);
    cleanup_free char *rs = header_with(NULL, NULL);
    cleanup_free char *token = mint(rs, claims, RS256);
    expect_refused("RS256", token, strlen(token), "its key \"k1\" is for PS256, not for RS256");
    cleanup_free char *ps = header_with("alg", "\"PS256\"");
    expect_valid(ps, claims, PS256, ROLE_OPERATOR, "entra:" OBJECT ":ann@example.com");
    jwks_free(jwt_fixture.keys);
    jwt_fixture.keys = keys;
}

/* Only signatures are remembered, and those of one key set. */
static void a_remembered_signature_is_not_computed_again(void **state)
{
    (void)state;
    struct actor actor;
    struct error error;
    struct jwks *others;
    assert_int_equal(
        parse_keys(document_pack("[o]", jwk_of(jwt_fixture.other, "k1")), &others, &error), 0);
    cleanup_free char *header = header_with(NULL, NULL);
    cleanup_free char *claims = claims_with(NULL, NULL);
    cleanup_free char *token = mint(header, claims, RS256);
    size_t length = strlen(token);
    struct jwt_rules rules = {.issuer = ISSUER, .audience = AUDIENCE, .tenant = TENANT, .now = NOW};
    rules.memory = jwt_memory_new();
    rules.keys = others;
    assert_int_equal(jwt_check(token, length, &rules, &actor, &error), JWT_REFUSED);
    assert_int_equal(jwt_check(token, length, &rules, &actor, &error), JWT_REFUSED);
    rules.keys = jwt_fixture.keys;
    assert_int_equal(jwt_check(token, length, &rules, &actor, &error), JWT_VALID);
    rules.keys = others; /* which did not sign it: so nobody looked */
    assert_int_equal(jwt_check(token, length, &rules, &actor, &error), JWT_VALID);
    assert_string_equal(actor.name, "entra:" OBJECT ":ann@example.com");
    token[length - 3] = token[length - 3] == 'A' ? 'B' : 'A';
    assert_int_equal(jwt_check(token, length, &rules, &actor, &error), JWT_REFUSED);
    token[length - 3] = token[length - 3] == 'A' ? 'B' : 'A';
    rules.keys = NULL;
    assert_int_equal(jwt_check(token, length, &rules, &actor, &error), JWT_KEY_UNKNOWN);
    rules.keys = jwt_fixture.keys;
    rules.now = NOW + 4000;
    assert_int_equal(jwt_check(token, length, &rules, &actor, &error), JWT_REFUSED);
    jwt_memory_free(rules.memory);
    jwks_free(others);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_token_tells_who_and_what_they_may),
        cmocka_unit_test(both_algorithms_and_both_types_are_taken),
        cmocka_unit_test(an_application_is_named_by_its_client_id),
        cmocka_unit_test(a_name_can_do_no_harm_in_the_log),
        cmocka_unit_test(keys_that_a_token_brings_along_are_not_looked_at),
        cmocka_unit_test(a_wrong_header_is_refused),
        cmocka_unit_test(a_wrong_claim_is_refused),
        cmocka_unit_test(a_token_without_roles_and_scope_is_refused),
        cmocka_unit_test(times_are_right_within_two_minutes),
        cmocka_unit_test(texts_that_are_no_strict_json_are_refused),
        cmocka_unit_test(a_token_has_one_spelling),
        cmocka_unit_test(no_character_can_be_changed),
        cmocka_unit_test(a_token_may_have_16_kilobytes_and_no_more),
        cmocka_unit_test(a_key_that_is_not_known_is_asked_for_only_by_what_is_good_otherwise),
        cmocka_unit_test(a_key_is_used_for_its_own_algorithm_alone),
        cmocka_unit_test(a_remembered_signature_is_not_computed_again),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
