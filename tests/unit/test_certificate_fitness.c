/* SPDX-License-Identifier: Apache-2.0 */
/* test_certificate_fitness.c - a certificate that cannot do its job is refused, with the reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "certificate_maker.h"
#include "mimo/certificate.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"

enum { DAY = 86400, DAYS_LEFT = 7 };

static const struct made_wishes authority = {.is_authority = true};
static struct made root, middle;

static int make_authorities(void **state)
{
    (void)state;
    root = make_certificate_of("root", NULL, &authority);
    middle = make_certificate_of("middle", &root, &authority);
    return 0;
}

static int free_authorities(void **state)
{
    (void)state;
    made_free(&root);
    made_free(&middle);
    return 0;
}

static int judge(const char *pem, const struct certificate_purpose *purpose, struct error *error)
{
    struct certificate_bundle bundle = {0};
    struct certificate_data data = {.bytes = (unsigned char *)strdup(pem), .length = strlen(pem)};
    *error = (struct error){0};
    int result = certificate_bundle_parse(&data, purpose, clock_unix_seconds(), &bundle, error);
    certificate_data_wipe(&data);
    if (result == 0)
        certificate_bundle_wipe(&bundle);
    return result;
}

static struct certificate_purpose serving(const char *host)
{
    return (struct certificate_purpose){CERTIFICATE_SERVER, host, DAYS_LEFT};
}

/* The bundle of a leaf as wished for, with the given certificate behind it ("": none). */
static char *bundle_of(const struct made_wishes *wishes, const struct made *issuer,
                       const char *behind)
{
    struct made leaf = make_certificate_of("leaf", issuer, wishes);
    char *pem = join_pem(leaf.key_pem, leaf.certificate_pem, behind, NULL);
    made_free(&leaf);
    return pem;
}

static void expect_fit(const struct made_wishes *wishes, const struct made *issuer,
                       const char *behind, struct certificate_purpose purpose)
{
    struct error error;
    cleanup_free char *pem = bundle_of(wishes, issuer, behind);
    if (judge(pem, &purpose, &error) < 0)
        fail_msg("%s", error.message);
}

static void expect_unfit(const struct made_wishes *wishes, const struct made *issuer,
                         const char *behind, struct certificate_purpose purpose,
                         const char *expected)
{
    struct error error;
    cleanup_free char *pem = bundle_of(wishes, issuer, behind);
    assert_int_equal(judge(pem, &purpose, &error), -1);
    assert_int_equal(error.kind, ERROR_INVALID);
    if (!strstr(error.message, expected))
        fail_msg("\"%s\" is not in \"%s\"", expected, error.message);
}

static void the_host_must_be_among_the_names(void **state)
{
    (void)state;
    const struct made_wishes wishes = {.names = "DNS:api.a.example,DNS:*.apps.a.example"};
    const struct made_wishes unnamed = {.usage = "serverAuth"};
    const char *behind = middle.certificate_pem;
    expect_fit(&wishes, &middle, behind, serving("api.a.example"));
    expect_fit(&wishes, &middle, behind, serving("API.a.example"));
    expect_fit(&wishes, &middle, behind, serving("*.apps.a.example"));
    expect_unfit(&wishes, &middle, behind, serving("api.b.example"),
                 "it is for api.a.example, *.apps.a.example, not for api.b.example");
    expect_unfit(&wishes, &middle, behind, serving("*.apps.b.example"),
                 "not for *.apps.b.example: have it issued for that name");
    expect_unfit(&unnamed, &middle, behind, serving("leaf"),
                 "it names no host (no subjectAltName), but has to be for leaf");
}

static void names_in_a_message_carry_no_control_characters(void **state)
{
    (void)state;
    const struct made_wishes wishes = {.names = "DNS:a\x1b[2Jb.example"};
    struct error error;
    const struct certificate_purpose purpose = serving("api.b.example");
    cleanup_free char *pem = bundle_of(&wishes, &middle, middle.certificate_pem);
    assert_int_equal(judge(pem, &purpose, &error), -1);
    assert_null(strchr(error.message, 0x1b));
}

static void a_certificate_that_is_about_to_expire_is_refused(void **state)
{
    (void)state;
    const struct made_wishes last_day = {.names = "DNS:a.example",
                                         .dates = {-DAY, (long)DAYS_LEFT * DAY - 60}};
    const struct made_wishes enough = {.names = "DNS:a.example",
                                       .dates = {-DAY, (long)DAYS_LEFT * DAY + 3600}};
    expect_unfit(&last_day, &middle, middle.certificate_pem, serving("a.example"),
                 "in less than 7 days: renew it first");
    expect_fit(&enough, &middle, middle.certificate_pem, serving("a.example"));
}

static void usage_must_allow_the_role(void **state)
{
    (void)state;
    const struct certificate_purpose client = {.role = CERTIFICATE_CLIENT};
    const struct made_wishes for_clients = {.names = "DNS:a.example", .usage = "clientAuth"};
    const struct made_wishes for_servers = {.names = "DNS:a.example", .usage = "serverAuth"};
    const struct made_wishes for_both = {.names = "DNS:a.example",
                                         .usage = "serverAuth,clientAuth"};
    const char *behind = middle.certificate_pem;
    expect_unfit(&for_clients, &middle, behind, serving("a.example"),
                 "does not allow a TLS server: have it issued for server authentication");
    expect_fit(&for_clients, &middle, "", client);
    expect_unfit(&for_servers, &middle, behind, client, "does not allow a TLS client");
    expect_fit(&for_both, &middle, behind, serving("a.example"));
    expect_fit(&for_both, &middle, behind, client);
}

static void a_short_rsa_key_is_refused(void **state)
{
    (void)state;
    const struct made_wishes weak = {.names = "DNS:a.example", .rsa_bits = 1024};
    const struct made_wishes strong = {.names = "DNS:a.example", .rsa_bits = 2048};
    expect_unfit(&weak, &middle, middle.certificate_pem, serving("a.example"),
                 "its RSA key has 1024 bits");
    expect_fit(&strong, &middle, middle.certificate_pem, serving("a.example"));
}

static void the_issuer_must_be_in_the_bundle(void **state)
{
    (void)state;
    const struct made_wishes wishes = {.names = "DNS:a.example"};
    cleanup_free char *both = join_pem(middle.certificate_pem, root.certificate_pem, NULL);
    expect_unfit(&wishes, &middle, "", serving("a.example"),
                 "the certificate of its issuer /CN=middle is missing");
    expect_unfit(&wishes, &middle, root.certificate_pem, serving("a.example"),
                 "is missing, without which clients do not trust it: append it to the bundle");
    expect_fit(&wishes, &middle, middle.certificate_pem, serving("a.example"));
    expect_fit(&wishes, &middle, both, serving("a.example"));
    expect_fit(&wishes, NULL, "", serving("a.example")); /* self-signed: nothing is missing */
}

static void an_issuer_must_be_able_to_issue(void **state)
{
    (void)state;
    const struct made_wishes wishes = {.names = "DNS:a.example"};
    const struct made_wishes old = {.is_authority = true, .dates = {-2 * DAY, -DAY}};
    struct made impostor = make_certificate_of("middle", &root, &authority);
    struct made expired = make_certificate_of("expired", &root, &old);
    struct made ordinary = make_certificate_of("ordinary", &root, &wishes);
    expect_unfit(&wishes, &middle, impostor.certificate_pem, serving("a.example"),
                 "CN=middle has the name of its issuer but did not sign it");
    expect_unfit(&wishes, &expired, expired.certificate_pem, serving("a.example"),
                 "CN=expired expired at 20");
    expect_unfit(&wishes, &ordinary, ordinary.certificate_pem, serving("a.example"),
                 "CN=ordinary above it is not allowed to issue certificates");
    made_free(&impostor);
    made_free(&expired);
    made_free(&ordinary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_host_must_be_among_the_names),
        cmocka_unit_test(names_in_a_message_carry_no_control_characters),
        cmocka_unit_test(a_certificate_that_is_about_to_expire_is_refused),
        cmocka_unit_test(usage_must_allow_the_role),
        cmocka_unit_test(a_short_rsa_key_is_refused),
        cmocka_unit_test(the_issuer_must_be_in_the_bundle),
        cmocka_unit_test(an_issuer_must_be_able_to_issue),
    };
    return cmocka_run_group_tests(tests, make_authorities, free_authorities);
}
