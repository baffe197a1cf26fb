/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_kubeconfig.c - what of a kubeconfig is understood, and what is refused in which words.
 *
 * Each case is a whole kubeconfig with one thing changed: lines of TEMPLATE are replaced.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mimo/cleanup.h"
#include "mimo/cluster.h"
#include "mimo/kube.h"
#include "tls_identity.h"

static struct tls_identity identity;
static struct tls_identity other_identity;

/* Its lines, so that a case can replace one. */
struct template
{
    const char *current;
    const char *contexts;
    const char *cluster;
    const char *user;
    const char *end;
};

static char certificate_line[8192];
static char authority_line[8192];

static int make_identities(void **state)
{
    (void)state;
    tls_identity_make("kubeconfig.test", &identity);
    tls_identity_make("other.test", &other_identity);
    snprintf(authority_line, sizeof(authority_line),
             "{server: 'https://api.example.com:6443', certificate-authority-data: %s}",
             identity.certificate_base64);
    snprintf(certificate_line, sizeof(certificate_line),
             "{client-certificate-data: %s, client-key-data: %s}", identity.certificate_base64,
             identity.key_base64);
    return 0;
}

static int free_identities(void **state)
{
    (void)state;
    tls_identity_free(&identity);
    tls_identity_free(&other_identity);
    return 0;
}

/* The kubeconfig of a case; what the case leaves out is as it should be. */
static char *build(const struct template *changed)
{
    char *text;
    int length =
        asprintf(&text,
                 "apiVersion: v1\n"
                 "kind: Config\n"
                 "%s\n"
                 "contexts: %s\n"
                 "clusters:\n"
                 "- name: other\n"
                 "  cluster: {server: 'https://elsewhere.example.com'}\n"
                 "- name: fleet\n"
                 "  cluster: %s\n"
                 "users:\n"
                 "- name: admin\n"
                 "  user: %s\n"
                 "%s",
                 changed->current ? changed->current : "current-context: main",
                 changed->contexts ? changed->contexts
                                   : "[{name: main, context: {cluster: fleet, user: admin}}]",
                 changed->cluster ? changed->cluster : authority_line,
                 changed->user ? changed->user : "{token: abc}", changed->end ? changed->end : "");
    assert_true(length > 0);
    return text;
}

static struct kubeconfig parse_template(struct template changed)
{
    struct kubeconfig config;
    struct error error = {0};
    cleanup_free char *text = build(&changed);
    if (kubeconfig_parse(text, strlen(text), &config, &error) < 0)
        fail_msg("%s", error.message);
    return config;
}

static void expect_refused_text(const char *text, size_t length, const char *words)
{
    struct kubeconfig config;
    struct error error = {0};
    assert_int_equal(-1, kubeconfig_parse(text, length, &config, &error));
    if (!strstr(error.message, words))
        fail_msg("\"%s\" does not say \"%s\"", error.message, words);
    assert_null(config.server);
    assert_null(config.token);
}

static void expect_refused(struct template changed, const char *words)
{
    cleanup_free char *text = build(&changed);
    expect_refused_text(text, strlen(text), words);
}

static void all_members_of_the_current_context_are_read(void **state)
{
    (void)state;
    char cluster[8192];
    snprintf(cluster, sizeof(cluster),
             "{server: 'https://API.example.com:6443/base/', tls-server-name: inner.example.com, "
             "certificate-authority-data: %s}",
             identity.certificate_base64);
    struct kubeconfig config =
        parse_template((struct template){.cluster = cluster, .user = certificate_line});
    assert_string_equal("https://API.example.com:6443/base", config.server);
    assert_string_equal("API.example.com", config.host);
    assert_int_equal(6443, config.port);
    assert_string_equal("inner.example.com", config.tls_server_name);
    assert_string_equal(identity.certificate, config.ca);
    assert_string_equal(identity.certificate, config.client_certificate);
    assert_string_equal(identity.key, config.client_key);
    assert_null(config.token);
    assert_false(config.insecure);
    kubeconfig_free(&config);
}

static void a_token_is_credentials_enough(void **state)
{
    (void)state;
    struct kubeconfig config = parse_template((struct template){.user = "{token: \"a.b-c\"}"});
    assert_string_equal("a.b-c", config.token);
    assert_null(config.client_key);
    kubeconfig_free(&config);
}

static void json_is_read_as_well(void **state)
{
    (void)state;
    static const char text[] =
        "{\"kind\":\"Config\",\"apiVersion\":\"v1\",\"current-context\":\"m\",\n"
        "\t\"contexts\":[{\"name\":\"m\",\"context\":{\"cluster\":\"c\",\"user\":\"u\"}}],\n"
        "\t\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":\"https:\\/\\/10.0.0.1:6443\","
        "\"insecure-skip-tls-verify\":true,\"certificate-authority-data\":null}}],"
        "\"users\":[{\"name\":\"u\",\"user\":{\"token\":\"t\\u0041\"}}]}";
    struct kubeconfig config;
    struct error error = {0};
    if (kubeconfig_parse(text, sizeof(text) - 1, &config, &error) < 0)
        fail_msg("%s", error.message);
    assert_string_equal("https://10.0.0.1:6443", config.server);
    assert_string_equal("tA", config.token);
    assert_true(config.insecure);
    assert_null(config.ca);
    kubeconfig_free(&config);
}

static void the_server_gets_one_form(void **state)
{
    (void)state;
    static const char *const cases[][4] = {
        {"https://api.example.com", "https://api.example.com:443", "api.example.com", "443"},
        {"https://api.example.com/", "https://api.example.com:443", "api.example.com", "443"},
        {"HTTPS://10.1.2.3:6443//", "https://10.1.2.3:6443", "10.1.2.3", "6443"},
        {"https://[fd00::1]:6443/k8s/c1/", "https://[fd00::1]:6443/k8s/c1", "fd00::1", "6443"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char cluster[256];
        snprintf(cluster, sizeof(cluster), "{server: '%s'}", cases[i][0]);
        struct kubeconfig config = parse_template((struct template){.cluster = cluster});
        assert_string_equal(cases[i][1], config.server);
        assert_string_equal(cases[i][2], config.host);
        assert_int_equal(atoi(cases[i][3]), config.port);
        kubeconfig_free(&config);
    }
}

static void servers_that_cannot_be_used_are_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"http://api.example.com", "is not https"},
        {"api.example.com:6443", "https"},
        {"https://user@api.example.com", "has a user"},
        {"https://api.example.com?a=b", "has a query"},
        {"https://api.example.com#a", "has a fragment"},
        {"https://api.example.com:0x10", "https://host[:port]"},
        {"https://api.example.com:70000", "https://host[:port]"},
        {"https://", "https://host[:port]"},
        {"https://b\xc3\xbc.example.com", "its host is not a host name or an IP address"},
        {"https://a%0db.example.com", "https://host"},
        {"https://[::1", "https://host[:port]"},
        {"https://a b.example.com", "https://host[:port]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char cluster[256];
        snprintf(cluster, sizeof(cluster), "{server: '%s'}", cases[i][0]);
        expect_refused((struct template){.cluster = cluster}, cases[i][1]);
    }
    expect_refused((struct template){.cluster = "{insecure-skip-tls-verify: true}"},
                   "cluster \"fleet\" names no server");
}

static void what_is_missing_is_named(void **state)
{
    (void)state;
    static const struct {
        struct template changed;
        const char *words;
    } cases[] = {
        {{.current = ""}, "no current-context"},
        {{.current = "current-context: ''"}, "no current-context"},
        {{.current = "current-context: nowhere"}, "there is no context \"nowhere\""},
        {{.current = "current-context: [a]"}, "current-context is not a text"},
        {{.contexts = "~"}, "missing list contexts"},
        {{.contexts = "{main: a}"}, "missing list contexts"},
        {{.contexts = "[main]"}, "there is no context \"main\""},
        {{.contexts = "[{name: main}]"}, "context \"main\" is empty"},
        {{.contexts = "[{name: main, context: {cluster: fleet}}]"},
         "context \"main\" names no user"},
        {{.contexts = "[{name: main, context: {user: admin}}]"},
         "context \"main\" names no cluster"},
        {{.contexts = "[{name: main, context: {cluster: x, user: admin}}]"},
         "there is no cluster \"x\""},
        {{.contexts = "[{name: main, context: {cluster: fleet, user: x}}]"},
         "there is no user \"x\""},
        {{.user = "{}"}, "user \"admin\" has no credentials"},
        {{.user = "{token: ''}"}, "user \"admin\" has no credentials"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_refused(cases[i].changed, cases[i].words);
}

static void what_is_said_twice_is_refused(void **state)
{
    (void)state;
    expect_refused((struct template){.end = "current-context: other\n"},
                   "line 13, column 1: duplicate key");
    expect_refused((struct template){.user = "{token: a, token: b}"}, "duplicate key");
    expect_refused((struct template){.contexts =
                                         "[{name: main, context: {cluster: fleet, user: admin}}, "
                                         "{name: main, context: {cluster: other, user: admin}}]"},
                   "context \"main\" is defined twice");
    expect_refused((struct template){.end = "---\na: b\n"}, "more than one document");
}

static void files_and_plugins_are_refused_with_advice(void **state)
{
    (void)state;
    static const struct {
        struct template changed;
        const char *words;
    } cases[] = {
        {{.cluster = "{server: 'https://a', certificate-authority: /etc/ca.crt}"},
         "certificate-authority, which cannot be used: a worker reads no files; mimoctl cluster "
         "register embeds them"},
        {{.user = "{client-certificate: a.crt, client-key: a.key}"}, "--flatten"},
        {{.user = "{client-key: a.key}"}, "--flatten"},
        {{.user = "{tokenFile: /run/token}"}, "--flatten"},
        {{.user = "{exec: {command: kubelogin}}"}, "runs no programs"},
        {{.user = "{auth-provider: {name: azure}}"}, "runs no programs"},
        {{.user = "{username: a, password: b}"}, "given up passwords"},
        {{.user = "{token: a, as: root}"}, "act as the user that they log in as"},
        {{.cluster = "{server: 'https://a', proxy-url: 'http://proxy'}"}, "never through a proxy"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_refused(cases[i].changed, cases[i].words);
}

static void certificates_and_keys_are_checked(void **state)
{
    (void)state;
    char line[16384];
    expect_refused((struct template){.user = "{client-certificate-data: YQ==}"},
                   "without the other");
    expect_refused(
        (struct template){.user = "{client-certificate-data: '*', client-key-data: YQ==}"},
        "client-certificate-data is not base64");
    expect_refused(
        (struct template){.user = "{client-certificate-data: YQ==, client-key-data: YQ==}"},
        "client-certificate-data holds no PEM certificate");
    snprintf(line, sizeof(line), "{client-certificate-data: %s, client-key-data: YQ==}",
             identity.certificate_base64);
    expect_refused((struct template){.user = line}, "client-key-data is not a PEM private key");
    snprintf(line, sizeof(line), "{client-certificate-data: %s, client-key-data: %s}",
             identity.certificate_base64, other_identity.key_base64);
    expect_refused((struct template){.user = line},
                   "client-key-data does not belong to the client certificate");
    snprintf(line, sizeof(line), "{client-certificate-data: %s, client-key-data: %s}",
             identity.certificate_base64, identity.locked_key_base64);
    expect_refused((struct template){.user = line}, "protected by a pass phrase");
    snprintf(line, sizeof(line), "{server: 'https://a', certificate-authority-data: %s}",
             identity.key_base64);
    expect_refused((struct template){.cluster = line},
                   "certificate-authority-data holds no PEM certificate");
    snprintf(line, sizeof(line), "{server: 'https://a', certificate-authority-data: AAAA}");
    expect_refused((struct template){.cluster = line}, "is not base64 of a text");
}

static void trusting_everybody_and_somebody_is_refused(void **state)
{
    (void)state;
    char line[8192];
    snprintf(line, sizeof(line),
             "{server: 'https://a', insecure-skip-tls-verify: true, "
             "certificate-authority-data: %s}",
             identity.certificate_base64);
    expect_refused((struct template){.cluster = line}, "leave one of them out");
    expect_refused(
        (struct template){.cluster = "{server: 'https://a', insecure-skip-tls-verify: maybe}"},
        "insecure-skip-tls-verify must be true or false");
    expect_refused((struct template){.cluster = "{server: 'https://a', tls-server-name: 'a/b'}"},
                   "tls-server-name is not a host name");
}

static void a_token_cannot_smuggle_a_header(void **state)
{
    (void)state;
    expect_refused((struct template){.user = "{token: \"a\\r\\nX-Evil: 1\"}"}, "token holds");
    expect_refused((struct template){.user = "{token: \"a b\"}"}, "token holds");
    expect_refused((struct template){.user = "{token: \"a\\0b\"}"}, "a text holds a NUL");
}

static void text_that_is_no_kubeconfig_is_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "empty document"},
        {"# nothing\n", "empty document"},
        {"- a\n- b\n", "no mapping"},
        {"hello", "no mapping"},
        {"a: b: c", "line 1, column"},
        {"a: \xff\xfe", "line "},
        {"kind: Secret\n", "kind must be Config"},
        {"kind: *a\n", "line 1, column 7: an alias of an anchor that is not defined before it"},
        {"a: &a [*a]\n", "an alias of an anchor that is not defined"},
        {"a: {<<: [b]}\n", "a merge key (<<) of something that is not a mapping"},
        {"a: !!binary \"*\"\n", "!!binary is not base64"},
        {"a: !!binary /w==\n", "!!binary is not text"},
        {"a: !!binary AA==\n", "!!binary is not text"},
        {"? [a]\n: b\n", "a key that is not a scalar"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_refused_text(cases[i][0], strlen(cases[i][0]), cases[i][1]);
}

/* What the tools and hands of others write, and kubectl takes. */
static void yaml_of_others_is_understood(void **state)
{
    (void)state;
    static const struct template cases[] = {
        {.end = "---\n"},
        {.end = "...\n"},
        {.user = "{token: !!binary YWJj}"},
        {.user = "{token: &t abc, x: *t}"},
        {.user = "{<<: {token: abc, username: ''}}"},
        {.user = "{token: abc, <<: [{token: a}, {token: b}]}"},
        {.user =
             "{token: abc, username: '', password: '', as: '', as-groups: [], as-user-extra: {}}"},
        {.user = "{token: abc, exec: Null, auth-provider: ~}"},
        {.contexts = "[~, 7, {name: main, context: {cluster: fleet, user: admin}}, {a: 1, a: 2}]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kubeconfig config = parse_template(cases[i]);
        assert_string_equal("abc", config.token);
        kubeconfig_free(&config);
    }
    expect_refused((struct template){.user = "{token: abc, exec: {}}"}, "has exec, which cannot");
    expect_refused((struct template){.user = "{token: abc, as-groups: [a]}"}, "has as-groups");
    expect_refused((struct template){.user = "{token: abc, <<: x}"}, "merge key");
}

/* Nested aliases double with each line. */
static void aliases_are_copied_up_to_a_bound(void **state)
{
    (void)state;
    char text[4096] = "a0: &a0 [x, x]\n";
    for (int i = 1; i < 25; i++)
        sprintf(text + strlen(text), "a%d: &a%d [*a%d, *a%d]\n", i, i, i - 1, i - 1);
    expect_refused_text(text, strlen(text), "aliases of too much text");
    strcpy(text, "a0: &a0 [x]\n");
    for (int i = 1; i < 40; i++)
        sprintf(text + strlen(text), "a%d: &a%d [*a%d]\n", i, i, i - 1);
    expect_refused_text(text, strlen(text), "nested too deeply");
}

static void hostile_yaml_stays_within_bounds(void **state)
{
    (void)state;
    enum { LENGTH = CLUSTER_KUBECONFIG_SIZE_MAXIMUM };
    cleanup_free char *deep = malloc(LENGTH + 1);
    assert_non_null(deep);
    memset(deep, '[', LENGTH + 1);
    expect_refused_text(deep, LENGTH, "line 1, column 1: no mapping");
    expect_refused_text(deep, LENGTH + 1, "is longer than");
    for (int i = 0; i < LENGTH; i++)
        deep[i] = "{a: "[i % 4];
    expect_refused_text(deep, LENGTH, "nested too deeply");
    for (int i = 0; i < LENGTH; i++)
        deep[i] = "{? "[i % 3];
    expect_refused_text(deep, LENGTH, "a key that is not a scalar");
}

static void names_from_outside_are_shown_without_control_characters(void **state)
{
    (void)state;
    struct kubeconfig config;
    struct error error = {0};
    static const char text[] = "contexts: []\ncurrent-context: \"a\\e[2Jb\\n\"\n";
    assert_int_equal(-1, kubeconfig_parse(text, sizeof(text) - 1, &config, &error));
    assert_string_equal("there is no context \"a?[2Jb?\"", error.message);
}

static void only_the_expected_server_passes(void **state)
{
    (void)state;
    struct error error = {0};
    struct kubeconfig config = parse_template((struct template){0});
    assert_int_equal(0, kubeconfig_expect_server(&config, "https://API.example.com:6443/", &error));
    assert_int_equal(-1, kubeconfig_expect_server(&config, "https://api.example.com", &error));
    assert_non_null(strstr(error.message, "register the cluster again"));
    assert_int_equal(-1, kubeconfig_expect_server(&config, "https://b.example.com:6443", &error));
    assert_int_equal(-1,
                     kubeconfig_expect_server(&config, "https://api.example.com:6443/b", &error));
    assert_int_equal(-1, kubeconfig_expect_server(&config, "nonsense", &error));
    assert_non_null(strstr(error.message, "apiserverProfile.url"));
    kubeconfig_free(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_members_of_the_current_context_are_read),
        cmocka_unit_test(a_token_is_credentials_enough),
        cmocka_unit_test(json_is_read_as_well),
        cmocka_unit_test(the_server_gets_one_form),
        cmocka_unit_test(servers_that_cannot_be_used_are_refused),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(what_is_said_twice_is_refused),
        cmocka_unit_test(files_and_plugins_are_refused_with_advice),
        cmocka_unit_test(certificates_and_keys_are_checked),
        cmocka_unit_test(trusting_everybody_and_somebody_is_refused),
        cmocka_unit_test(a_token_cannot_smuggle_a_header),
        cmocka_unit_test(text_that_is_no_kubeconfig_is_refused),
        cmocka_unit_test(yaml_of_others_is_understood),
        cmocka_unit_test(aliases_are_copied_up_to_a_bound),
        cmocka_unit_test(hostile_yaml_stays_within_bounds),
        cmocka_unit_test(names_from_outside_are_shown_without_control_characters),
        cmocka_unit_test(only_the_expected_server_passes),
    };
    return cmocka_run_group_tests(tests, make_identities, free_identities);
}
