/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_jwt.c - a token of Entra ID that a caller of the Admin API sends.
 *
 * No input can be signed, for nobody has the key: what is found is what may be said of a token
 * before its signature was looked at, and that none is ever taken.
 */
#include "fuzz.h"

#include "api/auth/jwks.h"
#include "api/auth/jwt.h"

/* Of a key pair whose private half was thrown away. */
static const char key_set[] =
    "{\"keys\":[{\"kty\":\"RSA\",\"use\":\"sig\",\"kid\":\"k1\",\"e\":\"AQAB\",\"n\":\""
    "vbIezIPYqvFFWleaUqzWT7jUng6U4UpYWClm2LcZgvfO3Tl9LdkSLYzlbk5IUFlDsgTZmmZiirc9X_IZ"
    "0WlWcJurKYm1_3NYZHd3WpfpGG1nk2XEO5SShrO3gfu3sXJVxb8OlMdMbDf29S-hA5p_8pM4eDYcEv8u"
    "kwom-m-Rdb4NL94FNui7A343hpc1ZT-XLAMX27T2uwyiAbHIcfhBlZiJu_Im_-n_FFcmzxhB9xcQOTbR"
    "lNxUyWC8Qj8GxnhB4_Gw92GyLGGsc_P7bz9401hzqQgmQHYwNwS_3njeIoBmo8ckf_NZkQlCCCKZeMrl"
    "bwr_sMm30e8tBwiZDcTmJQ"
    "\"}]}";

static struct jwks *keys;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    struct error error;
    if (jwks_parse(key_set, sizeof(key_set) - 1, &keys, &error) < 0) {
        fprintf(stderr, "%s\n", error.message);
        abort();
    }
    return 0;
}

static void check(const char *token, size_t size, const struct jwks *set)
{
    const struct jwt_rules rules = {
        .issuer = "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0",
        .audience = "6f1cbe4e-3d8f-4a9b-9f0e-111111111111",
        .tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47",
        .keys = set,
        .now = 1800000000,
    };
    struct actor actor;
    struct error reason = {0};
    enum jwt_verdict verdict = jwt_check(token, size, &rules, &actor, &reason);
    PROMISE(verdict == JWT_REFUSED || verdict == JWT_KEY_UNKNOWN);
    PROMISE(reason.message[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_free char *text = fuzz_text(data, size);
    struct jwks *set;
    struct error error;
    (void)jwt_has_form(text);
    check(text, size, keys);
    check(text, size, NULL);
    if (jwks_parse(text, size, &set, &error) < 0) {
        promise_error(&error);
    } else {
        PROMISE(jwks_count(set) >= 1 && jwks_count(set) <= JWKS_KEYS_MAXIMUM);
        jwks_free(set);
    }
    return 0;
}
