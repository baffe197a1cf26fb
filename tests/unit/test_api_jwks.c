/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_jwks.c - key sets, as they should be and as attackers make them; remembered signatures. */
#include "json_text.h"
#include "jwt_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "api/auth/jwt_memory.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"

static void keys_that_cannot_be_meant_are_left_out(void **state)
{
    static const struct {
        const char *member;
        const char *value;
        const char *reason;
    } cases[] = {
        {"use", "\"enc\"", "use is \"enc\", not sig"},
        {"use", "7", "member \"use\""},
        {"kty", "\"EC\"", "kty is \"EC\""},
        {"kty", "\"oct\"", "kty is \"oct\""},
        {"kty", NULL, "kty is \"\""},
        {"alg", "\"RS512\"", "alg is \"RS512\""},
        {"kid", NULL, "kid is not a string"},
        {"kid", "7", "kid is not a string"},
        {"kid", "\"\"", "kid is not a string"},
        {"kid", "\"k2\"", "another key has the same kid"},
        {"e", "\"AQ\"", "e is not an odd number"},
        {"e", "\"Ag\"", "e is not an odd number"},
        {"e", "\"AQAA\"", "e is not an odd number"},
        {"e", "\"AAEAAQ\"", "n and e must be base64url"},
        {"e", "\"AQABAAAB\"", "e is not an odd number"},
        {"e", "\"\"", "n and e must be base64url"},
        {"e", "65537", "n and e must be base64url"},
        {"e", "\"AQAB=\"", "n and e must be base64url"},
        {"n", "\"AQAB\"", "n is not an odd number of 2048 to 4096 bits"},
        {"n", "\"a b\"", "n and e must be base64url"},
        {"n", NULL, "n and e must be base64url"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct jwks *keys;
        struct error error;
        const char *reason;
        struct json_object *bad = jwk_of(jwt_fixture.key, "bad");
        json_put_member(bad, cases[i].member, cases[i].value);
        struct json_object *all = document_pack("[o, o, o]", bad, jwk_of(jwt_fixture.other, "k2"),
                                                jwk_of(jwt_fixture.other, "good"));
        expect_success(parse_keys(all, &keys, &error), &error);
        bool same = cases[i].value && strcmp(cases[i].value, "\"k2\"") == 0;
        assert_int_equal(jwks_left_out(keys, &reason), same ? 2 : 1);
        assert_int_equal(jwks_count(keys), same ? 1 : 2);
        if (!strstr(reason, cases[i].reason))
            fail_msg("\"%s\" instead of \"%s\"", reason, cases[i].reason);
        assert_null(jwks_find(keys, "bad"));
        assert_non_null(jwks_find(keys, "good"));
        assert_true(same == !jwks_find(keys, "k2"));
        jwks_free(keys);
    }
}

static void small_and_huge_keys_are_left_out(void **state)
{
    static const unsigned int bits[] = {1024, 2040, 4104};
    (void)state;
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        struct jwks *keys;
        struct error error;
        unsigned char modulus[513];
        memset(modulus, 0xff, sizeof(modulus));
        cleanup_free char *text = encode(modulus, bits[i] / 8);
        struct json_object *key = jwk_of(jwt_fixture.key, "bad");
        document_add(key, "n", document_new_string(text));
        expect_failure(parse_keys(document_pack("[o]", key), &keys, &error), &error, ERROR_INVALID,
                       "the key set has no key that can be used; key 0: n is not an odd number");
    }
}

static void a_set_that_is_none_is_an_error(void **state)
{
    static const struct {
        const char *text;
        enum error_kind kind;
        const char *message;
    } cases[] = {
        {"", ERROR_INVALID, "the key set: line 1"},
        {"[]", ERROR_INVALID, "the key set: document is not a JSON object"},
        {"{}", ERROR_INVALID, "no member \"keys\""},
        {"{\"keys\": {}}", ERROR_INVALID, "no member \"keys\""},
        {"{\"keys\": []}", ERROR_INVALID, "no key that can be used"},
        {"{\"keys\": [1, null, \"x\"]}", ERROR_INVALID, "key 2: it is not an object"},
        {"{\"keys\": [], \"keys\": []}", ERROR_INVALID, "duplicate member"},
    };
    (void)state;
    struct jwks *keys;
    struct error error;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_failure(jwks_parse(cases[i].text, strlen(cases[i].text), &keys, &error), &error,
                       cases[i].kind, cases[i].message);
    expect_failure(jwks_parse("", JWKS_SIZE_MAXIMUM + 1, &keys, &error), &error, ERROR_TOO_LARGE,
                   "the key set has 262145 bytes");
    struct json_object *many = json_object_new_array();
    for (int i = 0; i <= JWKS_KEYS_MAXIMUM; i++)
        document_append(many, json_object_new_object());
    expect_failure(parse_keys(many, &keys, &error), &error, ERROR_INVALID, "at most 64");
}

/* ---- remembered signatures ---- */

static void a_memory_stays_of_its_size(void **state)
{
    (void)state;
    struct jwt_memory *memory = jwt_memory_new();
    char token[16];
    int found = 0;
    for (int i = 0; i < 10000; i++) {
        int length = snprintf(token, sizeof(token), "%d", i);
        assert_false(jwt_memory_has(memory, token, (size_t)length));
        jwt_memory_keep(memory, token, (size_t)length);
        assert_true(jwt_memory_has(memory, token, (size_t)length));
    }
    for (int i = 0; i < 10000; i++)
        found += jwt_memory_has(memory, token, (size_t)snprintf(token, sizeof(token), "%d", i));
    assert_in_range(found, 400, 512);
    jwt_memory_free(memory);
    jwt_memory_keep(NULL, "x", 1);
    assert_false(jwt_memory_has(NULL, "x", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_that_cannot_be_meant_are_left_out),
        cmocka_unit_test(small_and_huge_keys_are_left_out),
        cmocka_unit_test(a_set_that_is_none_is_an_error),
        cmocka_unit_test(a_memory_stays_of_its_size),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
