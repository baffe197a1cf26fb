/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_azure_setup.c - what of the configuration and the environment a reader of a Key Vault gets.
 */
#include "config_fixture.h"

#include "azure/azure_http.h"
#include "mimo/azure.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"

#define VAULT   "[tasks]\ncertificates = keyvault:https://fleet.vault.azure.net\n"
#define PROBLEM "nothing to verify Azure with (azure.ca_file): "

static int clear_environment(void **state)
{
    unsetenv("IDENTITY_ENDPOINT");
    unsetenv("IDENTITY_HEADER");
    return set_up(state);
}

static void expect_setting(const struct config *config, const char *name, const char *expected)
{
    cleanup_json struct json_object *settings = azure_settings(config);
    assert_string_equal(expected, document_string(settings, name, "(none)"));
}

/* ---- settings and servers ---- */

static void the_machine_s_identity_is_the_default(void **state)
{
    (void)state;
    struct config config;
    struct azure_endpoints endpoints;
    load(&config, VAULT);
    expect_setting(&config, "vault", "https://fleet.vault.azure.net");
    expect_setting(&config, "audience", "https://vault.azure.net");
    expect_setting(&config, "tenant", "");
    expect_setting(&config, "clientID", "");
    expect_setting(&config, "identityEndpoint",
                   "http://169.254.169.254/metadata/identity/oauth2/token");
    azure_endpoints(&config, &endpoints);
    assert_int_equal(1, endpoints.url_count);
    assert_string_equal("https://fleet.vault.azure.net", endpoints.urls[0]);
    assert_int_equal(80, endpoints.port);
    config_free(&config);
}

static void the_audience_is_where_the_vault_is_unless_configured(void **state)
{
    (void)state;
    struct config config;
    load(&config, "[tasks]\ncertificates = keyvault:https://x.vault.usgovcloudapi.net:8443\n");
    expect_setting(&config, "audience", "https://vault.usgovcloudapi.net");
    config_free(&config);
    load(&config, VAULT "[azure]\nvault_audience = https://elsewhere.test\n");
    expect_setting(&config, "audience", "https://elsewhere.test");
    config_free(&config);
}

static void the_platform_s_endpoint_counts_unless_one_is_configured(void **state)
{
    (void)state;
    struct config config;
    struct azure_endpoints endpoints;
    assert_int_equal(0, setenv("IDENTITY_ENDPOINT", "http://127.0.0.1:41741/msi/token", 1));
    load(&config, VAULT);
    expect_setting(&config, "identityEndpoint", "http://127.0.0.1:41741/msi/token");
    azure_endpoints(&config, &endpoints);
    assert_int_equal(41741, endpoints.port);
    config_free(&config);

    load(&config, VAULT "[azure]\nidentity_endpoint = https://identity.test/token\n");
    expect_setting(&config, "identityEndpoint", "https://identity.test/token");
    azure_endpoints(&config, &endpoints);
    assert_int_equal(2, endpoints.url_count);
    assert_string_equal("https://identity.test/token", endpoints.urls[1]);
    assert_int_equal(0, endpoints.port);
    config_free(&config);
}

/* A token would go there in clear. */
static void an_endpoint_of_the_environment_that_is_no_such_thing_is_not_used(void **state)
{
    (void)state;
    static const char *const endpoints[] = {"http://10.0.0.4/token", "http://evil.test/", "",
                                            "ftp://127.0.0.1/"};
    struct config config;
    load(&config, VAULT);
    for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
        assert_int_equal(0, setenv("IDENTITY_ENDPOINT", endpoints[i], 1));
        expect_setting(&config, "identityEndpoint",
                       "http://169.254.169.254/metadata/identity/oauth2/token");
    }
    config_free(&config);
}

static void an_application_logs_in_at_its_authority(void **state)
{
    (void)state;
    struct config config;
    struct azure_endpoints endpoints;
    load(&config, VAULT "[azure]\ntenant = t.test\nclient_id = app\n"
                        "client_secret_file = /etc/mimo/secret\n"
                        "authority = https://login.test\n");
    expect_setting(&config, "tenant", "t.test");
    expect_setting(&config, "clientID", "app");
    expect_setting(&config, "authority", "https://login.test");
    azure_endpoints(&config, &endpoints);
    assert_int_equal(2, endpoints.url_count);
    assert_string_equal("https://login.test", endpoints.urls[1]);
    assert_int_equal(0, endpoints.port);
    cleanup_json struct json_object *settings = azure_settings(&config);
    cleanup_free char *text = document_format(settings);
    assert_null(strstr(text, "/etc/mimo/secret"));
    config_free(&config);
}

/* ---- secrets ---- */

static void the_header_is_taken_with_its_endpoint_alone(void **state)
{
    (void)state;
    struct config config;
    struct azure_secrets secrets;
    struct error error;
    load(&config, VAULT);
    assert_int_equal(0, setenv("IDENTITY_HEADER", "the-header", 1));
    expect_success(azure_secrets_take_environment(&config, &secrets, &error), &error);
    assert_null(secrets.identity_header);
    assert_int_equal(0, setenv("IDENTITY_ENDPOINT", "http://127.0.0.1:1/token", 1));
    expect_success(azure_secrets_take_environment(&config, &secrets, &error), &error);
    assert_string_equal("the-header", secrets.identity_header);
    azure_secrets_wipe(&secrets);
    assert_null(secrets.identity_header);
    config_free(&config);

    load(&config, VAULT "[azure]\nidentity_endpoint = http://127.0.0.1:1/token\n");
    expect_success(azure_secrets_take_environment(&config, &secrets, &error), &error);
    assert_null(secrets.identity_header);
    config_free(&config);

    load(&config, "[tasks]\ncertificates = dir:/etc/mimo/certificates\n");
    expect_success(azure_secrets_take_environment(&config, &secrets, &error), &error);
    assert_null(secrets.identity_header);
    config_free(&config);
}

/* Loads what the files hold; `secret` NULL is a file that is not there. */
static int load_files(const char *ca, const char *secret, struct azure_secrets *secrets,
                      struct error *error)
{
    char text[1024], ca_path[128], secret_path[128];
    struct config config;
    snprintf(ca_path, sizeof(ca_path), "%s/ca.pem", fixture.folder);
    snprintf(secret_path, sizeof(secret_path), "%s/secret", fixture.folder);
    snprintf(text, sizeof(text),
             VAULT "[azure]\nca_file = %s\ntenant = t.test\nclient_id = app\n"
                   "client_secret_file = %s\n",
             ca_path, secret_path);
    unlink(secret_path);
    unlink(ca_path);
    if (ca)
        write_file(ca_path, ca);
    if (secret)
        write_file(secret_path, secret);
    load(&config, text);
    *secrets = (struct azure_secrets){0};
    int result = azure_secrets_load(&config, secrets, error);
    config_free(&config);
    return result;
}

static void files_are_read_and_the_end_of_a_line_is_no_secret(void **state)
{
    (void)state;
    static const char *const texts[] = {"s3cret", "s3cret\n", "s3cret\r\n", "s3cret\nmore\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct azure_secrets secrets;
        struct error error;
        expect_success(load_files("the CA", texts[i], &secrets, &error), &error);
        assert_string_equal("the CA", secrets.ca);
        assert_string_equal("s3cret", secrets.client_secret);
        azure_secrets_wipe(&secrets);
        assert_null(secrets.ca);
        assert_null(secrets.client_secret);
    }
}

static void files_that_cannot_be_used_are_named(void **state)
{
    (void)state;
    struct azure_secrets secrets;
    struct error error;
    int result = load_files(NULL, "s", &secrets, &error);
    expect_failure(result, &error, ERROR_NOT_FOUND, PROBLEM);
    azure_secrets_wipe(&secrets);
    result = load_files("ca", NULL, &secrets, &error);
    expect_failure(result, &error, ERROR_NOT_FOUND, "azure.client_secret_file: ");
    azure_secrets_wipe(&secrets);
    result = load_files("ca", "\n", &secrets, &error);
    expect_failure(result, &error, ERROR_INVALID, "/secret is empty");
    azure_secrets_wipe(&secrets);
}

/* ---- parameters ---- */

static void parameters_are_escaped(void **state)
{
    (void)state;
    cleanup_secret char *text = NULL;
    assert_int_equal(0, azure_add_parameter(&text, "resource", "https://vault.azure.net"));
    assert_string_equal("resource=https%3A%2F%2Fvault.azure.net", text);
    assert_int_equal(0, azure_add_parameter(&text, "secret", "a&b=c d+\xc3\xa9%"));
    assert_string_equal("resource=https%3A%2F%2Fvault.azure.net&secret=a%26b%3Dc%20d%2B%C3%A9%25",
                        text);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, clear_environment, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_machine_s_identity_is_the_default),
        TEST(the_audience_is_where_the_vault_is_unless_configured),
        TEST(the_platform_s_endpoint_counts_unless_one_is_configured),
        TEST(an_endpoint_of_the_environment_that_is_no_such_thing_is_not_used),
        TEST(an_application_logs_in_at_its_authority),
        TEST(the_header_is_taken_with_its_endpoint_alone),
        TEST(files_are_read_and_the_end_of_a_line_is_no_secret),
        TEST(files_that_cannot_be_used_are_named),
        TEST(parameters_are_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
