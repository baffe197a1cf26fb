/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ctl_connection.c - which Admin API is talked to and with which token: flags, environment,
 * configuration, in this order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "ctl/client/connection.h"
#include "ctl/client/regions.h"

static char folder[64]; /* the home directory of these tests */

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, 0600), 0);
}

/* A path in the home directory; one buffer for each of several in one expression. */
static const char *in_home(const char *name, char *buffer)
{
    snprintf(buffer, 128, "%s/%s", folder, name);
    return buffer;
}

static int make_home(void **state)
{
    (void)state;
    static const char *const variables[] = {"MIMO_URL",       "MIMO_TOKEN",       "MIMO_TOKEN_FILE",
                                            "MIMO_CACERT",    "MIMO_CLIENT_CERT", "MIMO_CLIENT_KEY",
                                            "XDG_CONFIG_HOME"};
    char path[128];
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        unsetenv(variables[i]);
    strcpy(folder, "/tmp/mimo-test-ctl-XXXXXX");
    assert_non_null(mkdtemp(folder));
    setenv("HOME", folder, 1);
    assert_int_equal(mkdir(in_home(".config", path), 0700), 0);
    assert_int_equal(mkdir(in_home(".config/mimo", path), 0700), 0);
    write_file("east.token", "\xef\xbb\xbf"
                             "east-token\n"); /* as Windows PowerShell writes it */
    write_file("ca.crt", "any text\n");
    return 0;
}

static int remove_home(void **state)
{
    (void)state;
    static const char *const names[] = {"east.token",   "ca.crt",  ".config/mimo/config",
                                        ".config/mimo", ".config", ""};
    char path[128];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        remove(in_home(names[i], path));
    return 0;
}

static const char two_regions[] = "default_location = east\n"
                                  "\n"
                                  "[region east]\n"
                                  "url = https://east.example.com\n"
                                  "token_file = ~/east.token\n"
                                  "cacert = ~/ca.crt\n"
                                  "[region west]\n"
                                  "  url = https://west.example.com:8443/admin\n"
                                  "  token_command = echo west-token\n";

static void expect(const struct connection_options *options, const char *url, const char *token,
                   const char *token_from, bool has_cacert)
{
    struct connection connection;
    struct error error;
    if (connection_open(&connection, options, &error) < 0)
        fail_msg("%s", error.message);
    assert_string_equal(connection.url, url);
    assert_string_equal(connection.token, token);
    if (!strstr(connection.token_from, token_from))
        fail_msg("token from \"%s\", not \"%s\"", connection.token_from, token_from);
    assert_int_equal(connection.cacert != NULL, has_cacert);
    connection_close(&connection);
}

static void expect_refusal(const struct connection_options *options, enum error_kind kind,
                           const char *message)
{
    struct connection connection;
    struct error error = {0};
    if (connection_open(&connection, options, &error) == 0)
        fail_msg("was taken, where \"%s\" was expected", message);
    if (error.kind != kind || !strstr(error.message, message))
        fail_msg("kind %d: \"%s\" does not say \"%s\"", (int)error.kind, error.message, message);
}

static void default_region_gives_all(void **state)
{
    (void)state;
    write_file(".config/mimo/config", two_regions);
    const struct connection_options options = {0};
    expect(&options, "https://east.example.com", "east-token", "token_file of region east", true);
}

static void location_chooses_the_region(void **state)
{
    (void)state;
    write_file(".config/mimo/config", two_regions);
    const struct connection_options options = {.location = "west"};
    expect(&options, "https://west.example.com:8443", "west-token", "token_command of region west",
           false);
    setenv("MIMO_URL", "https://other.example.com",
           1); /* the flag is nearer than the environment */
    expect(&options, "https://west.example.com:8443", "west-token", "token_command of region west",
           false);
}

static void environment_goes_before_the_default_region(void **state)
{
    (void)state;
    write_file(".config/mimo/config", two_regions);
    setenv("MIMO_URL", "https://env.example.com:1234/", 1);
    setenv("MIMO_TOKEN", " env-token\n", 1);
    const struct connection_options options = {0};
    expect(&options, "https://env.example.com:1234", "env-token", "MIMO_TOKEN", false);
}

static void token_of_a_region_is_never_sent_elsewhere(void **state)
{
    (void)state;
    write_file(".config/mimo/config", two_regions);
    const struct connection_options options = {.url = "https://other.example.com"};
    expect_refusal(&options, ERROR_UNAVAILABLE, "no token to log in at https://other.example.com");
}

static void flags_go_before_the_environment(void **state)
{
    (void)state;
    char token[128];
    char cacert[128];
    setenv("MIMO_URL", "https://env.example.com", 1);
    setenv("MIMO_TOKEN", "env-token", 1);
    setenv("MIMO_CACERT", "/no/such/file", 1);
    const struct connection_options options = {.url = "https://flag.example.com",
                                               .token_file = in_home("east.token", token),
                                               .cacert = in_home("ca.crt", cacert)};
    expect(&options, "https://flag.example.com", "east-token", "--token-file", true);
}

static void token_file_of_the_environment_is_read(void **state)
{
    (void)state;
    char path[128];
    setenv("MIMO_URL", "https://env.example.com", 1);
    setenv("MIMO_TOKEN_FILE", in_home("east.token", path), 1);
    const struct connection_options options = {0};
    expect(&options, "https://env.example.com", "east-token", "MIMO_TOKEN_FILE", false);
}

static void single_region_needs_no_default(void **state)
{
    (void)state;
    write_file(".config/mimo/config",
               "[region north]\nurl=https://north.example.com\ntoken_command=echo t\n");
    const struct connection_options options = {0};
    expect(&options, "https://north.example.com", "t", "region north", false);
}

static void without_any_address_the_ways_to_give_one_are_told(void **state)
{
    (void)state;
    const struct connection_options options = {0};
    const struct connection_options nowhere = {.location = "mars"};
    expect_refusal(&options, ERROR_INVALID, "give --url, set MIMO_URL");
    expect_refusal(&nowhere, ERROR_INVALID, "there is no [region mars]");
}

static void addresses_that_would_show_a_token_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *message;
    } cases[] = {
        {"http://mimo.example.com", "is not https"},
        {"http://127.evil.example.com:80", "is not https"},
        {"ftp://127.0.0.1", "is not https; "},
        {"mimo.example.com:8443", "--url"},
        {"https://mimo.example.com/other", "must end after host and port"},
        {"", "is not a URL of the form https://host[:port][/path]"},
    };
    setenv("MIMO_TOKEN", "t", 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct connection_options options = {.url = cases[i].url};
        expect_refusal(&options, ERROR_INVALID, cases[i].message);
    }
    const struct connection_options loopback = {.url = "http://127.0.0.1:8080"};
    expect(&loopback, "http://127.0.0.1:8080", "t", "MIMO_TOKEN", false);
}

static void tokens_that_no_header_can_hold_are_refused(void **state)
{
    (void)state;
    const struct connection_options options = {.url = "https://mimo.example.com"};
    setenv("MIMO_TOKEN", "two words", 1);
    expect_refusal(&options, ERROR_UNAVAILABLE, "MIMO_TOKEN: the token must be one word");
    setenv("MIMO_TOKEN", "a\r\nX-Evil: 1", 1);
    expect_refusal(&options, ERROR_UNAVAILABLE, "MIMO_TOKEN: the token must be one word");
    setenv("MIMO_TOKEN", "caf\xc3\xa9", 1);
    expect_refusal(&options, ERROR_UNAVAILABLE, "visible ASCII");
    setenv("MIMO_TOKEN", " \n", 1);
    expect_refusal(&options, ERROR_UNAVAILABLE, "MIMO_TOKEN: the token is empty");
}

static void token_sources_that_fail_are_named(void **state)
{
    (void)state;
    const struct connection_options file = {.url = "https://mimo.example.com",
                                            .token_file = "/no/such/file"};
    const struct connection_options west = {.location = "west"};
    const struct connection_options cacert = {.location = "west", .cacert = "/no/such/file"};
    expect_refusal(&file, ERROR_UNAVAILABLE, "--token-file /no/such/file");
    write_file(".config/mimo/config",
               "[region west]\nurl=https://w.example.com\ntoken_command=exit 7\n");
    expect_refusal(&west, ERROR_UNAVAILABLE, "\"exit 7\" failed (exit status 7)");
    write_file(".config/mimo/config",
               "[region west]\nurl=https://w.example.com\ntoken_command=echo t\n");
    expect_refusal(&cacert, ERROR_INVALID, "CA certificates (--cacert)");
}

/* `login` NULL: the certificate alone. */
static void expect_certificate(const struct connection_options *options, const char *cert,
                               const char *key, const char *token, const char *login)
{
    struct connection connection;
    struct error error;
    char path[128], text[CONNECTION_LOGIN_SIZE];
    if (connection_open(&connection, options, &error) < 0)
        fail_msg("%s", error.message);
    assert_true(!cert == !connection.cert && !token == !connection.token);
    if (cert)
        assert_string_equal(connection.cert, in_home(cert, path));
    if (cert)
        assert_string_equal(connection.key, in_home(key, path));
    if (token)
        assert_string_equal(connection.token, token);
    assert_non_null(strstr(connection_login(&connection, text), login));
    connection_close(&connection);
}

static void the_first_place_that_has_a_login_counts_alone(void **state)
{
    (void)state;
    char cert[128], key[128], token[128];
    write_file("a.crt", "any text\n");
    write_file("a.key", "any text\n");
    write_file("b.pem", "-----BEGIN EC PRIVATE KEY-----\n");
    write_file(".config/mimo/config", "[region lab]\nurl = https://lab.example.com\n"
                                      "client_cert = ~/a.crt\nclient_key = ~/a.key\n");
    struct connection_options options = {0};
    expect_certificate(&options, "a.crt", "a.key", NULL, "a.crt (region lab of");
    setenv("MIMO_CLIENT_CERT", in_home("b.pem", cert), 1);
    expect_certificate(&options, "b.pem", "b.pem", NULL, "b.pem (MIMO_CLIENT_CERT)");
    setenv("MIMO_CLIENT_KEY", in_home("a.key", key), 1);
    setenv("MIMO_TOKEN", "t", 1);
    expect_certificate(&options, "b.pem", "a.key", "t", "the token of MIMO_TOKEN");
    options.cert = in_home("a.crt", cert);
    options.key = in_home("a.key", key);
    expect_certificate(&options, "a.crt", "a.key", NULL, "a.crt (--cert)");
    options.token_file = in_home("east.token", token);
    expect_certificate(&options, "a.crt", "a.key", "east-token", "the token of --token-file");
    options.cert = options.key = NULL;
    expect_certificate(&options, NULL, NULL, "east-token", "the token of --token-file");
}

static void certificates_that_cannot_be_read_are_named(void **state)
{
    (void)state;
    char path[128];
    setenv("MIMO_URL", "https://mimo.example.com", 1);
    const struct connection_options lonely = {.key = "/no/such/file"};
    const struct connection_options cert = {.cert = "/no/such/file"};
    const struct connection_options key = {.cert = in_home("ca.crt", path), .key = "/no/such/file"};
    expect_refusal(&lonely, ERROR_INVALID, "--key needs --cert");
    expect_refusal(&cert, ERROR_INVALID, "client certificate (--cert)");
    expect_refusal(&key, ERROR_INVALID, "key of the client certificate (--cert)");
}

static void mistakes_in_the_configuration_are_named_by_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"[region a]\nurl=https://a\nulr=x\n", "config:3: unknown key \"ulr\" in a region"},
        {"[region a]\nurl=https://a\n\nurl=https://b\n", "config:4: url is given a second time"},
        {"[region a]\nurl=https://a\ntoken_file=x\ntoken_command=y\n",
         "config:4: give token_file or"},
        {"[region a]\nurl=\n", "config:2: url is empty"},
        {"[regions]\nurl=https://a\n", "config:2: unknown section [regions]"},
        {"url=https://a\n", "config:1: unknown key \"url\" before"},
        {"[region a]\nurl=https://a\nnonsense\n", "config:3: this is neither"},
        {"[region a]\ncacert=x\n", "[region a] has no url"},
        {"[region a]\nurl=https://a\nclient_key=x\n",
         "[region a] has client_key without client_cert"},
        {"default_location=b\n[region a]\nurl=https://a\n", "there is no [region b]"},
    };
    const struct connection_options options = {0};
    setenv("MIMO_TOKEN", "t", 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_file(".config/mimo/config", cases[i].text);
        expect_refusal(&options, ERROR_INVALID, cases[i].message);
    }
    char line[512];
    snprintf(line, sizeof(line), "[region a]\nurl=https://a\ntoken_command=%0300d\n", 1);
    write_file(".config/mimo/config", line);
    expect_refusal(&options, ERROR_INVALID, "config:3: the line has 314 bytes");
}

static void url_and_location_exclude_each_other(void **state)
{
    (void)state;
    const struct connection_options options = {.url = "https://a", .location = "b"};
    expect_refusal(&options, ERROR_INVALID, "exclude each other");
}

#define HOME_TEST(name) cmocka_unit_test_setup_teardown(name, make_home, remove_home)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOME_TEST(default_region_gives_all),
        HOME_TEST(location_chooses_the_region),
        HOME_TEST(environment_goes_before_the_default_region),
        HOME_TEST(token_of_a_region_is_never_sent_elsewhere),
        HOME_TEST(flags_go_before_the_environment),
        HOME_TEST(token_file_of_the_environment_is_read),
        HOME_TEST(single_region_needs_no_default),
        HOME_TEST(without_any_address_the_ways_to_give_one_are_told),
        HOME_TEST(addresses_that_would_show_a_token_are_refused),
        HOME_TEST(tokens_that_no_header_can_hold_are_refused),
        HOME_TEST(token_sources_that_fail_are_named),
        HOME_TEST(the_first_place_that_has_a_login_counts_alone),
        HOME_TEST(certificates_that_cannot_be_read_are_named),
        HOME_TEST(mistakes_in_the_configuration_are_named_by_line),
        HOME_TEST(url_and_location_exclude_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
