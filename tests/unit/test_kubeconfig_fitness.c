/* SPDX-License-Identifier: Apache-2.0 */
/* test_kubeconfig_fitness.c - credentials that are not valid yet, or not any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "certificate_maker.h"
#include "expect.h"
#include "mimo/base64.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/kube.h"

enum { DAY = 86400 };

static struct made valid, expired, early;

static int make_all(void **state)
{
    (void)state;
    valid = make_certificate("valid", NULL, (struct made_dates){0});
    expired = make_certificate("expired", NULL, (struct made_dates){-9 * DAY, -DAY});
    early = make_certificate("early", NULL, (struct made_dates){DAY, 9 * DAY});
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    made_free(&valid);
    made_free(&expired);
    made_free(&early);
    return 0;
}

static void expect_dates(const struct kubeconfig *config, const char *problem)
{
    struct error error;
    int result = kubeconfig_check_dates(config, clock_unix_seconds(), &error);
    if (problem)
        expect_failure(result, &error, ERROR_INVALID, problem);
    else
        expect_success(result, &error);
}

static void a_client_certificate_must_be_valid(void **state)
{
    (void)state;
    expect_dates(&(struct kubeconfig){.client_certificate = valid.certificate_pem}, NULL);
    expect_dates(&(struct kubeconfig){.client_certificate = expired.certificate_pem},
                 "the certificate in client-certificate-data expired at 20");
    expect_dates(&(struct kubeconfig){.client_certificate = early.certificate_pem},
                 "the certificate in client-certificate-data is not valid before 20");
    /* Issuers that follow it are the server's matter. */
    cleanup_free char *chain = join_pem(valid.certificate_pem, expired.certificate_pem, NULL);
    expect_dates(&(struct kubeconfig){.client_certificate = chain}, NULL);
    cleanup_free char *other = join_pem(expired.certificate_pem, valid.certificate_pem, NULL);
    expect_dates(&(struct kubeconfig){.client_certificate = other}, "expired at");
}

static void one_ca_of_several_must_be_valid(void **state)
{
    (void)state;
    cleanup_free char *one = join_pem(expired.certificate_pem, valid.certificate_pem, NULL);
    cleanup_free char *none = join_pem(expired.certificate_pem, early.certificate_pem, NULL);
    expect_dates(&(struct kubeconfig){.ca = one}, NULL);
    expect_dates(&(struct kubeconfig){.ca = none},
                 "the certificate in certificate-authority-data is not valid before");
    expect_dates(&(struct kubeconfig){.ca = expired.certificate_pem},
                 "the certificate in certificate-authority-data expired at");
    expect_dates(&(struct kubeconfig){.ca = expired.certificate_pem, .insecure = true}, NULL);
}

/* A token of three parts with this payload, in base64url without padding. */
static char *make_token(const char *payload)
{
    cleanup_free char *encoded = NULL;
    struct error error;
    char *token;
    expect_success(base64_encode(payload, strlen(payload), &encoded, &error), &error);
    for (char *c = encoded; *c; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c == '=' ? '\0' : *c;
    assert_true(asprintf(&token, "e30.%s.c2ln", encoded) > 0);
    return token;
}

static void a_token_must_be_valid(void **state)
{
    (void)state;
    static const struct {
        const char *payload;
        const char *problem;
    } cases[] = {
        {"{\"exp\":1600000000}", "the token expired at 2020-09-13"},
        {"{\"exp\":1600000000,\"a\":1}", "the token expired at 2020-09-13"},
        {"{\"exp\":1600000000,\"sub\":\"\xc3\xbf\xc3\xbf\xc3\xbe>>>???\"}", "the token expired at"},
        {"{\"exp\":4000000000}", NULL},
        {"{\"nbf\":4000000000}", "the token is not valid before 2096-10-02"},
        {"{\"nbf\":9223372036854775807}", "the token is not valid before 9999-12-31"},
        {"{\"exp\":-1}", NULL},
        {"{}", NULL},
        {"not JSON", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup_free char *token = make_token(cases[i].payload);
        expect_dates(&(struct kubeconfig){.token = token}, cases[i].problem);
    }
}

static void tokens_of_other_kinds_have_no_dates(void **state)
{
    (void)state;
    static const char *const tokens[] = {"",           ".",   "..",    "abc",
                                         "sha256~abc", "a.b", "a.!.c", "a..c"};
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        cleanup_free char *token = strdup(tokens[i]);
        expect_dates(&(struct kubeconfig){.token = token}, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_certificate_must_be_valid),
        cmocka_unit_test(one_ca_of_several_must_be_valid),
        cmocka_unit_test(a_token_must_be_valid),
        cmocka_unit_test(tokens_of_other_kinds_have_no_dates),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
