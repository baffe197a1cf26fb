/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_kubeconfig_format.c - the kubeconfig that programs of others get: what a strict reader reads
 * in it again.
 */
#include "endpoint_fixture.h"
#include "expect.h"
#include "json_text.h"

#include "kube/kube_private.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/kube.h"
#include "tls_identity.h"

static struct tls_identity identity;
static struct tls_identity authority;

static int make_identities(void **state)
{
    (void)state;
    tls_identity_make("admin", &identity);
    tls_identity_make("authority", &authority);
    return 0;
}

static int free_identities(void **state)
{
    struct error error;
    (void)state;
    tls_identity_free(&identity);
    tls_identity_free(&authority);
    return kube_set_system_ca(NULL, &error);
}

/* A kubeconfig with this in its cluster and in its user. */
static struct kubeconfig parse(const char *cluster, const char *user)
{
    struct kubeconfig config;
    struct error error;
    cleanup_free char *text = NULL;
    assert_true(
        asprintf(&text,
                 "{current-context: c, contexts: [{name: c, context: {cluster: k, user: u}}], "
                 "clusters: [{name: k, cluster: {%s}}], users: [{name: u, user: {%s}}]}",
                 cluster, user) > 0);
    expect_success(kubeconfig_parse(text, strlen(text), &config, &error), &error);
    return config;
}

/* `addresses` are those of api.test:6443, separated by blanks; NULL: it is not in the list. */
static int format(const char *cluster, const char *user, const char *addresses, unsigned position,
                  struct kubeconfig *ret_config, struct error *error)
{
    struct kubeconfig config = parse(cluster, user);
    cleanup_free char *text = NULL;
    cleanup_json struct json_object *array =
        document_pack("[o, o]", endpoint_of("other.test", 6443, "192.0.2.9"),
                      endpoint_of("api.test", 443, "192.0.2.8"));
    if (addresses)
        document_append(array, endpoint_of("api.test", 6443, addresses));
    int result = kubeconfig_format(&config, array, position, &text, error);
    kubeconfig_free(&config);
    if (result == 0)
        expect_success(kubeconfig_parse(text, strlen(text), ret_config, error), error);
    return result;
}

/* The server and the name for its certificate ("" for none) that come out. */
static void expect_server(const char *cluster, const char *addresses, unsigned position,
                          const char *server, const char *name)
{
    struct kubeconfig config;
    struct error error;
    cleanup_free char *insecure = NULL;
    assert_true(asprintf(&insecure, "%s, insecure-skip-tls-verify: true", cluster) > 0);
    expect_success(format(insecure, "token: t", addresses, position, &config, &error), &error);
    assert_string_equal(config.server, server);
    assert_string_equal(config.tls_server_name ? config.tls_server_name : "", name);
    assert_true(config.insecure);
    kubeconfig_free(&config);
}

static void name_becomes_an_address_and_stays_the_certificate_s(void **state)
{
    (void)state;
    expect_server("server: 'https://api.test:6443'", "192.0.2.1", 0, "https://192.0.2.1:6443",
                  "api.test");
    expect_server("server: 'https://API.test'", "192.0.2.1", 0, "https://192.0.2.8:443",
                  "API.test");
    expect_server("server: 'https://api.test:6443/k8s/c1'", "192.0.2.1", 0,
                  "https://192.0.2.1:6443/k8s/c1", "api.test");
    expect_server("server: 'https://api.test:6443', tls-server-name: inner.test", "192.0.2.1", 0,
                  "https://192.0.2.1:6443", "inner.test");
}

static void ipv6_stands_in_brackets(void **state)
{
    (void)state;
    expect_server("server: 'https://api.test:6443'", "fd00::1", 0, "https://[fd00::1]:6443",
                  "api.test");
    expect_server("server: 'https://[fd00::2]:6443'", NULL, 0, "https://[fd00::2]:6443", "");
}

static void server_that_is_an_address_needs_none(void **state)
{
    (void)state;
    expect_server("server: 'https://192.0.2.7:6443'", NULL, 0, "https://192.0.2.7:6443", "");
    expect_server("server: 'https://192.0.2.7:6443', tls-server-name: api.test", NULL, 0,
                  "https://192.0.2.7:6443", "api.test");
}

/* Each attempt of a manifest asks the next. */
static void position_goes_around_all_addresses(void **state)
{
    (void)state;
    static const char *const expected[] = {"https://192.0.2.1:6443", "https://[fd00::1]:6443",
                                           "https://192.0.2.2:6443", "https://192.0.2.1:6443"};
    for (unsigned i = 0; i < 4; i++)
        expect_server("server: 'https://api.test:6443'", "192.0.2.1 fd00::1 192.0.2.2", i,
                      expected[i], "api.test");
}

static void expect_refusal(const char *addresses, const char *message)
{
    struct kubeconfig config;
    struct error error;
    expect_failure(format("server: 'https://api.test:6443', insecure-skip-tls-verify: true",
                          "token: t", addresses, 0, &config, &error),
                   &error, ERROR_INVALID, message);
}

static void server_without_an_address_is_refused(void **state)
{
    (void)state;
    expect_refusal(NULL, "the job has no address for api.test:6443");
    expect_refusal("", "the job has no address for api.test:6443");
    expect_refusal("elsewhere.test",
                   "endpoint 3 of the job: \"elsewhere.test\" is not an IP address");
}

static void credentials_and_authority_are_embedded(void **state)
{
    (void)state;
    struct kubeconfig config;
    struct error error;
    cleanup_free char *cluster = NULL, *user = NULL;
    assert_true(asprintf(&cluster, "server: 'https://192.0.2.1', certificate-authority-data: %s",
                         authority.certificate_base64) > 0);
    assert_true(asprintf(&user, "client-certificate-data: %s, client-key-data: %s, token: t-1",
                         identity.certificate_base64, identity.key_base64) > 0);
    expect_success(format(cluster, user, NULL, 0, &config, &error), &error);
    assert_string_equal(config.ca, authority.certificate);
    assert_string_equal(config.client_certificate, identity.certificate);
    assert_string_equal(config.client_key, identity.key);
    assert_string_equal(config.token, "t-1");
    assert_false(config.insecure);
    kubeconfig_free(&config);
}

static void authorities_of_the_system_are_embedded_where_it_has_none(void **state)
{
    (void)state;
    struct kubeconfig config;
    struct error error;
    expect_success(kube_set_system_ca(authority.certificate, &error), &error);
    expect_success(format("server: 'https://192.0.2.1'", "token: t", NULL, 0, &config, &error),
                   &error);
    assert_string_equal(config.ca, authority.certificate);
    kubeconfig_free(&config);
    expect_success(kube_set_system_ca(NULL, &error), &error);
    expect_failure(format("server: 'https://192.0.2.1'", "token: t", NULL, 0, &config, &error),
                   &error, ERROR_INVALID, "no CA bundle to verify 192.0.2.1 with");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_becomes_an_address_and_stays_the_certificate_s),
        cmocka_unit_test(ipv6_stands_in_brackets),
        cmocka_unit_test(server_that_is_an_address_needs_none),
        cmocka_unit_test(position_goes_around_all_addresses),
        cmocka_unit_test(server_without_an_address_is_refused),
        cmocka_unit_test(credentials_and_authority_are_embedded),
        cmocka_unit_test(authorities_of_the_system_are_embedded_where_it_has_none),
    };
    return cmocka_run_group_tests(tests, make_identities, free_identities);
}
