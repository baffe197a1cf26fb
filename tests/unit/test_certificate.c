/* SPDX-License-Identifier: Apache-2.0 */
/* test_certificate.c - bundles of certificates: which are taken, in which order, and what is said
 * of those that are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "certificate_maker.h"
#include "mimo/certificate.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"

enum { DAY = 86400 };

static struct made root, middle, leaf, stranger;

static int make_all(void **state)
{
    (void)state;
    root = make_certificate("root", NULL, (struct made_dates){0});
    middle = make_certificate("middle", &root, (struct made_dates){0});
    leaf = make_certificate("api.example.com", &middle, (struct made_dates){0});
    stranger = make_certificate("stranger", NULL, (struct made_dates){0});
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    made_free(&root);
    made_free(&middle);
    made_free(&leaf);
    made_free(&stranger);
    return 0;
}

/* Any certificate in date will do. */
static const struct certificate_purpose lenient = {.role = CERTIFICATE_CLIENT};

static int parse_bytes(const void *bytes, size_t length, bool is_pkcs12,
                       struct certificate_bundle *bundle, struct error *error)
{
    struct certificate_data data = {
        .bytes = malloc(length + 1), .length = length, .is_pkcs12 = is_pkcs12};
    assert_non_null(data.bytes);
    memcpy(data.bytes, bytes, length);
    *error = (struct error){0};
    int result = certificate_bundle_parse(&data, &lenient, clock_unix_seconds(), bundle, error);
    certificate_data_wipe(&data);
    assert_null(data.bytes);
    return result;
}

static void expect_bundle(const char *pem, const char *key, const char *chain)
{
    struct certificate_bundle bundle;
    struct error error;
    if (parse_bytes(pem, strlen(pem), false, &bundle, &error) < 0)
        fail_msg("%s", error.message);
    assert_string_equal(bundle.key, key);
    assert_string_equal(bundle.chain, chain);
    assert_true(certificate_same_key(bundle.source_key, key));
    certificate_bundle_wipe(&bundle);
    assert_null(bundle.key);
    assert_null(bundle.source_key);
}

static void expect_refusal(const char *pem, const char *message)
{
    struct certificate_bundle bundle = {0};
    struct error error;
    assert_int_equal(parse_bytes(pem, strlen(pem), false, &bundle, &error), -1);
    assert_int_equal(error.kind, ERROR_INVALID);
    if (!strstr(error.message, message))
        fail_msg("\"%s\" is not in \"%s\"", message, error.message);
    assert_null(bundle.key);
}

static void chain_begins_with_the_certificate_of_the_key_and_climbs(void **state)
{
    (void)state;
    const char *const k = leaf.key_pem, *const l = leaf.certificate_pem,
                      *const m = middle.certificate_pem, *const r = root.certificate_pem;
    cleanup_free char *chain = join_pem(l, m, r, NULL);
    const char *const orders[][4] = {
        {k, l, m, r}, {l, m, r, k}, {r, m, l, k}, {m, k, r, l}, {r, l, k, m},
    };
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        cleanup_free char *pem =
            join_pem(orders[i][0], orders[i][1], orders[i][2], orders[i][3], NULL);
        expect_bundle(pem, k, chain);
    }
}

static void longer_chain_climbs_step_by_step(void **state)
{
    (void)state;
    struct made low = make_certificate("low", &middle, (struct made_dates){0});
    struct made last = make_certificate("last", &low, (struct made_dates){0});
    const char *const k = last.key_pem, *const a = last.certificate_pem,
                      *const l = low.certificate_pem, *const m = middle.certificate_pem,
                      *const r = root.certificate_pem;
    cleanup_free char *chain = join_pem(a, l, m, r, NULL);
    const char *const orders[][4] = {{a, r, m, l}, {r, m, l, a}, {m, l, r, a}, {l, a, r, m}};
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        cleanup_free char *pem =
            join_pem(k, orders[i][0], orders[i][1], orders[i][2], orders[i][3], NULL);
        expect_bundle(pem, k, chain);
    }
    made_free(&low);
    made_free(&last);
}

static void certificates_outside_of_the_chain_stay_at_its_end(void **state)
{
    (void)state;
    cleanup_free char *pem = join_pem(leaf.key_pem, stranger.certificate_pem, root.certificate_pem,
                                      leaf.certificate_pem, NULL);
    cleanup_free char *chain =
        join_pem(leaf.certificate_pem, stranger.certificate_pem, root.certificate_pem, NULL);
    expect_bundle(pem, leaf.key_pem, chain);
}

static void key_comes_out_as_pkcs8_whatever_it_was(void **state)
{
    (void)state;
    cleanup_free char *key = make_traditional_key(&leaf);
    cleanup_free char *pem =
        join_pem("Bag Attributes: free text between blocks\n", key, leaf.certificate_pem, NULL);
    assert_non_null(strstr(key, "BEGIN EC PRIVATE KEY"));
    expect_bundle(pem, leaf.key_pem, leaf.certificate_pem);
}

static void key_of_the_source_keeps_its_encoding(void **state)
{
    (void)state;
    struct certificate_bundle bundle;
    struct error error;
    cleanup_free char *key = make_traditional_key(&leaf);
    cleanup_free char *pem = join_pem(key, leaf.certificate_pem, NULL);
    assert_int_equal(parse_bytes(pem, strlen(pem), false, &bundle, &error), 0);
    assert_string_equal(bundle.source_key, key);
    certificate_bundle_wipe(&bundle);
}

static void keys_and_chains_are_compared_by_value(void **state)
{
    (void)state;
    cleanup_free char *key = make_traditional_key(&leaf);
    cleanup_free char *chain = join_pem(leaf.certificate_pem, middle.certificate_pem, NULL);
    cleanup_free char *spaced =
        join_pem("\n", leaf.certificate_pem, "text\n", middle.certificate_pem, NULL);
    cleanup_free char *turned = join_pem(middle.certificate_pem, leaf.certificate_pem, NULL);
    assert_true(certificate_same_key(key, leaf.key_pem));
    assert_false(certificate_same_key(key, stranger.key_pem));
    assert_false(certificate_same_key("", leaf.key_pem));
    assert_false(certificate_same_key(leaf.certificate_pem, leaf.certificate_pem));
    assert_true(certificate_same_chain(chain, spaced));
    assert_false(certificate_same_chain(chain, turned));
    assert_false(certificate_same_chain(chain, leaf.certificate_pem));
    assert_false(certificate_same_chain("", ""));
    assert_false(certificate_same_chain("damaged", chain));
}

static void description_names_subject_serial_and_expiry(void **state)
{
    (void)state;
    struct certificate_bundle bundle;
    struct error error;
    cleanup_free char *pem = join_pem(leaf.key_pem, leaf.certificate_pem, NULL);
    assert_int_equal(parse_bytes(pem, strlen(pem), false, &bundle, &error), 0);
    static const char expected[] = "CN=api.example.com, serial 0A2B, expires 20";
    assert_int_equal(strncmp(bundle.description, expected, strlen(expected)), 0);
    char when[CLOCK_TEXT_SIZE];
    int64_t expiry, now = clock_unix_seconds();
    snprintf(when, sizeof(when), "%s", strrchr(bundle.description, ' ') + 1);
    assert_int_equal(clock_parse(when, &expiry, &error), 0);
    assert_true(expiry > now + 29 * DAY && expiry <= now + 30 * DAY);
    certificate_bundle_wipe(&bundle);
}

static void names_cannot_bring_control_characters_into_messages(void **state)
{
    (void)state;
    struct certificate_bundle bundle;
    struct error error;
    struct made odd = make_certificate("a\033[2Jb\nc\xc3\xa9", NULL, (struct made_dates){0});
    cleanup_free char *pem = join_pem(odd.key_pem, odd.certificate_pem, NULL);
    assert_int_equal(parse_bytes(pem, strlen(pem), false, &bundle, &error), 0);
    for (const char *c = bundle.description; *c; c++)
        assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
    assert_non_null(strstr(bundle.description, "\xc3\xa9"));
    certificate_bundle_wipe(&bundle);
    made_free(&odd);
}

static void key_of_somebody_else_is_refused(void **state)
{
    (void)state;
    cleanup_free char *pem = join_pem(stranger.key_pem, leaf.certificate_pem, NULL);
    expect_refusal(pem, "belongs to none of its certificates");
}

static void missing_and_surplus_parts_are_refused(void **state)
{
    (void)state;
    cleanup_free char *two = join_pem(leaf.key_pem, leaf.certificate_pem, stranger.key_pem, NULL);
    cleanup_free char *many = join_pem(leaf.key_pem, NULL);
    for (int i = 0; i <= CERTIFICATE_CHAIN_MAXIMUM; i++) {
        char *longer = join_pem(many, leaf.certificate_pem, NULL);
        free(many);
        many = longer;
    }
    expect_refusal("", "holds no private key");
    expect_refusal("garbage \x01\xff\n", "holds no private key");
    expect_refusal(leaf.certificate_pem, "holds no private key");
    expect_refusal(leaf.key_pem, "holds no certificate");
    expect_refusal(two, "more than one private key");
    expect_refusal(many, "more than 16 certificates");
}

static void damaged_blocks_are_refused(void **state)
{
    (void)state;
    cleanup_free char *cut = join_pem(leaf.key_pem, leaf.certificate_pem, NULL);
    cut[strlen(cut) - 40] = '\0';
    cleanup_free char *wrong = join_pem(leaf.key_pem, leaf.certificate_pem, NULL);
    strstr(wrong, "BEGIN CERT")[60] = '*';
    expect_refusal(cut, "a PEM block of it is damaged");
    expect_refusal(wrong, "a PEM block of it is damaged");
    expect_refusal("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                   "certificate 1 of it is damaged: export it again");
    expect_refusal("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                   "its private key is damaged or of an unknown kind");
    expect_refusal("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
                   "\"X509 CRL\", which is neither");
}

static void key_under_a_pass_phrase_is_refused(void **state)
{
    (void)state;
    cleanup_free char *locked = make_locked_key(&leaf);
    cleanup_free char *traditional = make_locked_traditional_key(&leaf);
    cleanup_free char *first = join_pem(locked, leaf.certificate_pem, NULL);
    cleanup_free char *second = join_pem(traditional, leaf.certificate_pem, NULL);
    expect_refusal(first, "pass phrase: store the key without one");
    expect_refusal(second, "pass phrase: store the key without one");
}

static void certificate_out_of_date_is_refused(void **state)
{
    (void)state;
    struct made old = make_certificate("old", NULL, (struct made_dates){-2 * DAY, -DAY});
    struct made new = make_certificate("new", NULL, (struct made_dates){DAY, 2 * DAY});
    cleanup_free char *expired = join_pem(old.key_pem, old.certificate_pem, NULL);
    cleanup_free char *early = join_pem(new.key_pem, new.certificate_pem, NULL);
    expect_refusal(expired, "it expired at 20");
    expect_refusal(early, "it is not valid before 20");
    made_free(&old);
    made_free(&new);
}

static void pkcs12_without_a_password_is_read(void **state)
{
    (void)state;
    struct certificate_bundle bundle;
    struct error error;
    size_t length;
    cleanup_free unsigned char *bytes = make_pkcs12(&leaf, &middle, "", &length);
    cleanup_free char *chain = join_pem(leaf.certificate_pem, middle.certificate_pem, NULL);
    if (parse_bytes(bytes, length, true, &bundle, &error) < 0)
        fail_msg("%s", error.message);
    assert_string_equal(bundle.key, leaf.key_pem);
    assert_string_equal(bundle.chain, chain);
    certificate_bundle_wipe(&bundle);
}

static void pkcs12_that_is_none_or_has_a_password_is_refused(void **state)
{
    (void)state;
    struct certificate_bundle bundle = {0};
    struct error error;
    size_t length;
    cleanup_free unsigned char *locked = make_pkcs12(&leaf, NULL, "sesame", &length);
    assert_int_equal(parse_bytes(locked, length, true, &bundle, &error), -1);
    assert_non_null(
        strstr(error.message, "its PKCS#12 is protected by a password: export it without one"));
    assert_int_equal(parse_bytes("nothing", 7, true, &bundle, &error), -1);
    assert_non_null(strstr(error.message, "its PKCS#12 is damaged: export it again"));
    assert_int_equal(parse_bytes(locked, length / 2, true, &bundle, &error), -1);
    assert_int_equal(error.kind, ERROR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chain_begins_with_the_certificate_of_the_key_and_climbs),
        cmocka_unit_test(longer_chain_climbs_step_by_step),
        cmocka_unit_test(certificates_outside_of_the_chain_stay_at_its_end),
        cmocka_unit_test(key_comes_out_as_pkcs8_whatever_it_was),
        cmocka_unit_test(key_of_the_source_keeps_its_encoding),
        cmocka_unit_test(keys_and_chains_are_compared_by_value),
        cmocka_unit_test(description_names_subject_serial_and_expiry),
        cmocka_unit_test(names_cannot_bring_control_characters_into_messages),
        cmocka_unit_test(key_of_somebody_else_is_refused),
        cmocka_unit_test(missing_and_surplus_parts_are_refused),
        cmocka_unit_test(damaged_blocks_are_refused),
        cmocka_unit_test(key_under_a_pass_phrase_is_refused),
        cmocka_unit_test(certificate_out_of_date_is_refused),
        cmocka_unit_test(pkcs12_without_a_password_is_read),
        cmocka_unit_test(pkcs12_that_is_none_or_has_a_password_is_refused),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
