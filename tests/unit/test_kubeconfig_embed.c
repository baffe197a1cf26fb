/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_kubeconfig_embed.c - one context of an operator's kubeconfig, made to stand alone.
 */
#include "expect.h"

#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/kube.h"
#include "tls_identity.h"

static struct tls_identity identity;
static struct tls_identity other;
static char folder[PRIVATE_PATH_SIZE];

static void put(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    write_file(path, text);
}

static int make_files(void **state)
{
    (void)state;
    make_private_folder(folder);
    tls_identity_make("kubeconfig.test", &identity);
    tls_identity_make("other.test", &other);
    put("ca.crt", identity.certificate);
    put("client.crt", other.certificate);
    put("client.key", other.key);
    put("token", "\n  of.the-file\n");
    put("empty", "\n");
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    tls_identity_free(&identity);
    tls_identity_free(&other);
    remove_private_folder(folder);
    return 0;
}

/* An operator's kubeconfig with two contexts: the first refers to files for everything, the
 * second for nothing. */
static char *text_of(const char *cluster, const char *user)
{
    char *text;
    int length = asprintf(
        &text,
        "apiVersion: v1\n"
        "kind: Config\n"
        "current-context: files\n"
        "preferences: {colors: true}\n"
        "contexts:\n"
        "- {name: files, context: {cluster: fleet, user: admin, namespace: x}}\n"
        "- {name: inside, context: {cluster: open, user: holder}}\n"
        "clusters:\n"
        "- {name: fleet, cluster: %s}\n"
        "- name: open\n"
        "  cluster: {server: 'https://open.test', insecure-skip-tls-verify: true}\n"
        "users:\n"
        "- {name: admin, user: %s}\n"
        "- {name: holder, user: {token: of-the-holder}}\n",
        cluster ? cluster : "{server: 'https://api.test:6443', certificate-authority: ca.crt}",
        user ? user : "{client-certificate: client.crt, client-key: client.key}");
    assert_true(length > 0);
    return text;
}

static char *embed(const char *text, const char *context)
{
    struct error error;
    char *embedded = NULL;
    expect_success(kubeconfig_embed(text, strlen(text), context, folder, &embedded, &error),
                   &error);
    return embedded;
}

static struct kubeconfig embed_and_parse(const char *cluster, const char *user)
{
    struct kubeconfig config;
    struct error error;
    cleanup_free char *text = text_of(cluster, user);
    cleanup_free char *embedded = embed(text, NULL);
    expect_success(kubeconfig_parse(embedded, strlen(embedded), &config, &error), &error);
    return config;
}

static void expect_refused(const char *cluster, const char *user, const char *context,
                           const char *part)
{
    struct error error = {0};
    char *embedded = NULL;
    cleanup_free char *text = text_of(cluster, user);
    assert_int_equal(-1, kubeconfig_embed(text, strlen(text), context, folder, &embedded, &error));
    assert_null(embedded);
    if (!strstr(error.message, part))
        fail_msg("\"%s\" does not say \"%s\"", error.message, part);
}

static void what_files_hold_is_embedded(void **state)
{
    (void)state;
    struct kubeconfig config = embed_and_parse(NULL, NULL);
    assert_string_equal("https://api.test:6443", config.server);
    assert_string_equal(identity.certificate, config.ca);
    assert_string_equal(other.certificate, config.client_certificate);
    assert_string_equal(other.key, config.client_key);
    kubeconfig_free(&config);
}

static void paths_may_be_absolute(void **state)
{
    (void)state;
    char user[128];
    snprintf(user, sizeof(user), "{tokenFile: '%s/token'}", folder);
    struct kubeconfig config = embed_and_parse(NULL, user);
    assert_string_equal("of.the-file", config.token);
    kubeconfig_free(&config);
}

/* As kubectl does: data before files, but a file of a token before the token. */
static void where_both_are_given_one_counts(void **state)
{
    (void)state;
    char cluster[8192];
    snprintf(cluster, sizeof(cluster),
             "{server: 'https://api.test', certificate-authority: /does/not/exist, "
             "certificate-authority-data: %s}",
             other.certificate_base64);
    struct kubeconfig config = embed_and_parse(cluster, "{token: old, tokenFile: token}");
    assert_string_equal(other.certificate, config.ca);
    assert_string_equal("of.the-file", config.token);
    kubeconfig_free(&config);
}

static void nothing_but_the_context_is_in_it(void **state)
{
    (void)state;
    struct error error;
    cleanup_free char *text = text_of(NULL, NULL);
    cleanup_free char *embedded = embed(text, "inside");
    cleanup_json struct json_object *made = document_parse(embedded, strlen(embedded), &error);
    cleanup_json struct json_object *expected = document_pack(
        "{s:s, s:s, s:s, s:[{s:s, s:{s:s, s:s}}], s:[{s:s, s:{s:s, s:b}}], s:[{s:s, s:{s:s}}]}",
        "apiVersion", "v1", "kind", "Config", "current-context", "inside", "contexts", "name",
        "inside", "context", "cluster", "open", "user", "holder", "clusters", "name", "open",
        "cluster", "server", "https://open.test", "insecure-skip-tls-verify", 1, "users", "name",
        "holder", "user", "token", "of-the-holder");
    if (!document_equal(made, expected))
        fail_msg("%s", embedded);
}

static void what_is_embedded_once_stays_as_it_is(void **state)
{
    (void)state;
    cleanup_free char *text = text_of(NULL, NULL);
    cleanup_free char *once = embed(text, NULL);
    cleanup_free char *twice = embed(once, NULL);
    assert_string_equal(once, twice);
    cleanup_free char *named = embed(once, "files");
    assert_string_equal(once, named);
}

static void what_cannot_be_embedded_is_refused(void **state)
{
    (void)state;
    expect_refused(NULL, NULL, "elsewhere", "there is no context \"elsewhere\"");
    expect_refused(NULL, "{client-certificate: none.crt, client-key: client.key}", NULL,
                   "user \"admin\": client-certificate: cannot open ");
    expect_refused(NULL, "{client-certificate: ., client-key: client.key}", NULL,
                   "user \"admin\": client-certificate: ");
    expect_refused(NULL, "{client-certificate: ca.crt, client-key: client.key}", NULL,
                   "client-key-data does not belong to the client certificate");
    expect_refused(NULL, "{client-certificate: token, client-key: client.key}", NULL,
                   "client-certificate-data holds no PEM certificate");
    expect_refused(NULL, "{tokenFile: empty}", NULL, "user \"admin\" has no credentials");
    expect_refused(NULL, "{tokenFile: []}", NULL, "tokenFile is not a text");
    expect_refused(NULL, "{exec: {command: kubelogin}}", NULL, "a worker runs no programs");
    expect_refused(NULL, "{auth-provider: {name: azure}}", NULL, "a worker runs no programs");
    expect_refused("{server: 'https://a', proxy-url: 'http://p', certificate-authority: ca.crt}",
                   NULL, NULL, "never through a proxy");
    expect_refused("{server: 'http://a', certificate-authority: ca.crt}", NULL, NULL,
                   "is not https");
}

static void a_file_is_not_read_beyond_what_a_kubeconfig_may_hold(void **state)
{
    (void)state;
    cleanup_free char *large = malloc(300 * 1024);
    assert_non_null(large);
    memset(large, 'x', 300 * 1024 - 1);
    large[300 * 1024 - 1] = '\0';
    put("large", large);
    expect_refused(NULL, "{tokenFile: large}", NULL, "user \"admin\": tokenFile: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_files_hold_is_embedded),
        cmocka_unit_test(paths_may_be_absolute),
        cmocka_unit_test(where_both_are_given_one_counts),
        cmocka_unit_test(nothing_but_the_context_is_in_it),
        cmocka_unit_test(what_is_embedded_once_stays_as_it_is),
        cmocka_unit_test(what_cannot_be_embedded_is_refused),
        cmocka_unit_test(a_file_is_not_read_beyond_what_a_kubeconfig_may_hold),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
