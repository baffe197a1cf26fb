/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_azure_key_vault.c - what a reader of a Key Vault says to whom, and what it makes of the
 * answers: of the service that gives tokens, and of the vault.
 *
 * Each of the two is a server that answers everything alike.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hostile_server.h"
#include "mimo/azure.h"
#include "mimo/document.h"

#define AUDIENCE "https://vault.test"
#define GIVEN    "HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n{\"access_token\":\"t0k3n\"} "

static struct practice_server practice;

static int start_practice(void **state)
{
    (void)state;
    practice_server_start(&practice, "valid");
    return 0;
}

static int stop_practice(void **state)
{
    (void)state;
    practice_server_stop(&practice);
    return 0;
}

/* One reading. */
struct reading {
    /* what it goes by */
    const char *tokens; /* answer of the service that gives tokens */
    const char *vault;  /* answer of the vault */
    const char *tenant; /* of an application, or NULL */
    const char *client;
    const char *identity_header;
    const char *client_secret;
    /* what became of it */
    struct step_result result;
    struct certificate_data data;
    char said_to_tokens[16 * 1024];
    char said_to_vault[16 * 1024];
};

static void read_it(struct reading *reading)
{
    const struct hostile_answer tokens = {.text = reading->tokens};
    const struct hostile_answer vault = {.text = reading->vault};
    struct hostile_server token_server, vault_server;
    char token_url[64], vault_url[64];
    hostile_server_start(&token_server, &practice, &tokens);
    hostile_server_start(&vault_server, &practice, &vault);
    snprintf(token_url, sizeof(token_url), "https://127.0.0.1:%d", token_server.port);
    snprintf(vault_url, sizeof(vault_url), "https://127.0.0.1:%d", vault_server.port);
    cleanup_json struct json_object *settings = document_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s}", "vault", vault_url, "audience", AUDIENCE, "authority",
        token_url, "identityEndpoint", token_url, "tenant", reading->tenant ? reading->tenant : "",
        "clientID", reading->client ? reading->client : "");
    const struct azure_secrets secrets = {
        .ca = practice.config.ca,
        .identity_header = (char *)(uintptr_t)reading->identity_header,
        .client_secret = (char *)(uintptr_t)reading->client_secret,
    };
    reading->result = key_vault_read(settings, NULL, &secrets, "mdsd", &reading->data);
    hostile_server_stop(&token_server);
    hostile_server_stop(&vault_server);
    hostile_server_read(&token_server, reading->said_to_tokens, sizeof(reading->said_to_tokens));
    hostile_server_read(&vault_server, reading->said_to_vault, sizeof(reading->said_to_vault));
}

static void expect_end(const struct reading *reading, enum outcome_kind outcome, const char *start)
{
    if (reading->result.outcome != outcome ||
        strncmp(reading->result.message, start, strlen(start)) != 0)
        fail_msg("%s: \"%s\" is not %s: \"%s...\"", outcome_name(reading->result.outcome),
                 reading->result.message, outcome_name(outcome), start);
    assert_null(strstr(reading->result.message, "t0k3n"));
    assert_null(strstr(reading->result.message, "cl13nt"));
}

static int count(const char *text, const char *part)
{
    int found = 0;
    for (const char *c = strstr(text, part); c; c = strstr(c + 1, part))
        found++;
    return found;
}

/* An answer with its length, in `buffer`. */
static const char *answer(char *buffer, const char *head, const char *body)
{
    sprintf(buffer, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s", head, strlen(body), body);
    return buffer;
}

/* ---- what is said ---- */

static void a_machine_asks_for_metadata_and_the_vault_gets_the_token(void **state)
{
    (void)state;
    char vault[256];
    struct reading reading = {
        .tokens = GIVEN,
        .vault = answer(vault, "200 OK", "{\"value\":\"PEM\"}"),
    };
    read_it(&reading);
    expect_end(&reading, OUTCOME_SUCCEEDED, "");
    assert_false(reading.data.is_pkcs12);
    assert_int_equal(3, reading.data.length);
    assert_memory_equal("PEM", reading.data.bytes, 3);
    certificate_data_wipe(&reading.data);
    assert_non_null(strstr(reading.said_to_tokens,
                           "GET /?api-version=2018-02-01&resource=https%3A%2F%2Fvault.test HTTP"));
    assert_non_null(strstr(reading.said_to_tokens, "\r\nMetadata: true\r\n"));
    assert_null(strstr(reading.said_to_tokens, "client_id"));
    assert_null(strstr(reading.said_to_tokens, "X-IDENTITY-HEADER"));
    assert_non_null(
        strstr(reading.said_to_vault, "GET /secrets/mdsd?api-version=7.4 HTTP/1.1\r\n"));
    assert_non_null(strstr(reading.said_to_vault, "\r\nAuthorization: Bearer t0k3n\r\n"));
    assert_non_null(strstr(reading.said_to_vault, "\r\nAccept: application/json\r\n"));
    assert_null(strstr(reading.said_to_vault, "Metadata"));
}

static void a_platform_gets_its_header_and_the_name_of_the_identity(void **state)
{
    (void)state;
    char vault[256];
    struct reading reading = {
        .tokens = GIVEN,
        .vault = answer(vault, "200 OK", "{\"value\":\"PEM\"}"),
        .identity_header = "h34d3r",
        .client = "an identity",
    };
    read_it(&reading);
    expect_end(&reading, OUTCOME_SUCCEEDED, "");
    certificate_data_wipe(&reading.data);
    assert_non_null(strstr(reading.said_to_tokens, "GET /?api-version=2019-08-01&resource="));
    assert_non_null(strstr(reading.said_to_tokens, "&client_id=an%20identity HTTP"));
    assert_non_null(strstr(reading.said_to_tokens, "\r\nX-IDENTITY-HEADER: h34d3r\r\n"));
    assert_null(strstr(reading.said_to_tokens, "Metadata"));
    assert_null(strstr(reading.said_to_vault, "h34d3r"));
}

static void an_application_posts_its_secret_to_its_tenant_alone(void **state)
{
    (void)state;
    char vault[256];
    struct reading reading = {
        .tokens = GIVEN,
        .vault = answer(vault, "200 OK", "{\"value\":\"PEM\"}"),
        .tenant = "t.test",
        .client = "app",
        .client_secret = "cl13nt &=",
    };
    read_it(&reading);
    expect_end(&reading, OUTCOME_SUCCEEDED, "");
    certificate_data_wipe(&reading.data);
    assert_non_null(strstr(reading.said_to_tokens, "POST /t.test/oauth2/v2.0/token HTTP/1.1\r\n"));
    assert_non_null(
        strstr(reading.said_to_tokens, "\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
    assert_non_null(strstr(reading.said_to_tokens,
                           "\r\n\r\ngrant_type=client_credentials&client_id=app&client_secret="
                           "cl13nt%20%26%3D&scope=https%3A%2F%2Fvault.test%2F.default"));
    assert_null(strstr(reading.said_to_vault, "cl13nt"));
    reading.client_secret = NULL;
    read_it(&reading);
    expect_end(&reading, OUTCOME_TERMINAL, "there is no client secret: ");
    assert_string_equal("", reading.said_to_tokens);
}

/* ---- what comes back ---- */

/* An error object of Key Vault. */
#define ERROR(code, message) "{\"error\":{\"code\":\"" code "\",\"message\":\"" message "\"}}"

static void every_answer_of_the_vault_has_its_outcome(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        const char *body;
        enum outcome_kind outcome;
        const char *start;
    } cases[] = {
        {"400 Bad", ERROR("BadParameter", ""), OUTCOME_TERMINAL,
         "400 certificate mdsd in https://127.0.0.1:"},
        {"400 Bad", "<html>", OUTCOME_TRANSIENT, "400 certificate mdsd in https://127.0.0.1:"},
        {"401 No", ERROR("Unauthorized", "no"), OUTCOME_TRANSIENT, "401 unauthorized: "},
        {"403 No", "{}", OUTCOME_TRANSIENT, "403 certificate mdsd in https://127.0.0.1:"},
        {"404 No", "<html>", OUTCOME_TRANSIENT, "404 certificate mdsd in https://127.0.0.1:"},
        {"403 No", ERROR("Forbidden", "Not you"), OUTCOME_TERMINAL,
         "forbidden: certificate mdsd in https://127.0.0.1:"},
        {"404 No", ERROR("SecretNotFound", ""), OUTCOME_TERMINAL,
         "404 certificate mdsd not found in https://127.0.0.1:"},
        {"408 Slow", "{}", OUTCOME_TRANSIENT, "408 certificate mdsd in "},
        {"429 Busy", "{}", OUTCOME_TRANSIENT, "429 certificate mdsd in "},
        {"500 Oops", "", OUTCOME_TRANSIENT, "500 certificate mdsd in "},
        {"502 Bad", "<html>", OUTCOME_TRANSIENT, "502 certificate mdsd in "},
        {"503 Busy", "{}", OUTCOME_TRANSIENT, "503 certificate mdsd in "},
        {"504 Slow", "{}", OUTCOME_TRANSIENT, "504 certificate mdsd in "},
        {"302 Away\r\nLocation: https://evil.test/", "", OUTCOME_TRANSIENT, "302 certificate mdsd"},
        {"200 OK", "", OUTCOME_TRANSIENT, "the answer of 127.0.0.1:"},
        {"200 OK", "[]", OUTCOME_TRANSIENT, "the answer of 127.0.0.1:"},
        {"200 OK", "<html>", OUTCOME_TRANSIENT, "the answer of 127.0.0.1:"},
        {"200 OK", "{\"value\":\"\xff\"}", OUTCOME_TRANSIENT, "the answer of 127.0.0.1:"},
        {"200 OK", "{\"value\":1}", OUTCOME_TERMINAL, "certificate mdsd in "},
        {"200 OK", "{\"value\":\"\"}", OUTCOME_TERMINAL, "certificate mdsd in "},
        {"200 OK", "{\"value\":\"x\",\"contentType\":\"text/plain\"}", OUTCOME_TERMINAL,
         "certificate mdsd in "},
        {"200 OK", "{\"value\":\"?\",\"contentType\":\"application/x-pkcs12\"}", OUTCOME_TERMINAL,
         "certificate mdsd in "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char vault[512];
        struct reading reading = {.tokens = GIVEN,
                                  .vault = answer(vault, cases[i].head, cases[i].body)};
        read_it(&reading);
        expect_end(&reading, cases[i].outcome, cases[i].start);
        assert_null(reading.data.bytes);
        /* After a 401 it asks with another token. */
        assert_int_equal(strncmp(cases[i].head, "401", 3) == 0 ? 2 : 1,
                         count(reading.said_to_vault, "GET /secrets/"));
    }
}

static void no_whole_answer_is_transient(void **state)
{
    (void)state;
    struct reading reading = {.tokens = GIVEN,
                              .vault = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"};
    read_it(&reading);
    expect_end(&reading, OUTCOME_TRANSIENT, "connection closed in the middle of an answer by ");
    reading.vault = "no HTTP\r\n\r\n";
    read_it(&reading);
    expect_end(&reading, OUTCOME_TRANSIENT, "no HTTP/1.1 answer from 127.0.0.1:");
    reading.tokens = "no HTTP\r\n\r\n";
    read_it(&reading);
    expect_end(&reading, OUTCOME_TRANSIENT, "no HTTP/1.1 answer from 127.0.0.1:");
    assert_string_equal("", reading.said_to_vault);
}

static void retry_after_is_told(void **state)
{
    (void)state;
    char vault[256];
    struct reading reading = {
        .tokens = GIVEN,
        .vault = answer(vault, "429 Busy\r\nRetry-After: 17", "{}"),
    };
    read_it(&reading);
    expect_end(&reading, OUTCOME_TRANSIENT, "429 certificate mdsd in ");
    assert_int_equal(17, reading.result.retry_after);
}

static void pkcs12_is_decoded(void **state)
{
    (void)state;
    char vault[256];
    struct reading reading = {
        .tokens = GIVEN,
        .vault = answer(vault, "200 OK",
                        "{\"value\":\"AAH/\\nAA==\",\"contentType\":\"application/x-pkcs12\"}"),
    };
    read_it(&reading);
    expect_end(&reading, OUTCOME_SUCCEEDED, "");
    assert_true(reading.data.is_pkcs12);
    assert_int_equal(4, reading.data.length);
    assert_memory_equal("\x00\x01\xff\x00", reading.data.bytes, 4);
    certificate_data_wipe(&reading.data);
}

static void every_answer_to_a_request_for_a_token_has_its_outcome(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        const char *body;
        enum outcome_kind of_machine;
        enum outcome_kind of_application;
        const char *part;
    } cases[] = {
        {"400 Bad", "{\"error\":\"invalid_request\",\"error_description\":\"Identity not found\"}",
         OUTCOME_TERMINAL, OUTCOME_TERMINAL, ": Identity not found: "},
        {"401 No", "{\"error\":\"invalid_client\"}", OUTCOME_TERMINAL, OUTCOME_TERMINAL,
         ": invalid_client: "},
        {"400 Bad", "{\"error\":\"temporarily_unavailable\"}", OUTCOME_TRANSIENT, OUTCOME_TRANSIENT,
         "400 token of the "},
        {"401 No", "<html>", OUTCOME_TRANSIENT, OUTCOME_TRANSIENT, "401 token of the "},
        {"404 No", "{\"error\":\"x\"}", OUTCOME_TRANSIENT, OUTCOME_TERMINAL, "404 token of the "},
        {"410 Gone", "{\"error\":\"x\"}", OUTCOME_TRANSIENT, OUTCOME_TERMINAL, "410 token of the "},
        {"429 Busy", "{}", OUTCOME_TRANSIENT, OUTCOME_TRANSIENT, "429 token of the "},
        {"500 Oops", "", OUTCOME_TRANSIENT, OUTCOME_TRANSIENT, "500 token of the "},
        {"503 Busy", "<html>", OUTCOME_TRANSIENT, OUTCOME_TRANSIENT, "503 token of the "},
        {"200 OK", "{}", OUTCOME_TERMINAL, OUTCOME_TERMINAL, ": the answer has no access_token"},
        {"200 OK", "{\"access_token\":1}", OUTCOME_TERMINAL, OUTCOME_TERMINAL,
         ": the answer has no access_token"},
        {"200 OK", "nothing", OUTCOME_TRANSIENT, OUTCOME_TRANSIENT, "the answer of 127.0.0.1:"},
    };
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        char tokens[512];
        bool is_application = i % 2;
        struct reading reading = {
            .tokens = answer(tokens, cases[i / 2].head, cases[i / 2].body),
            .vault = GIVEN,
            .tenant = is_application ? "t.test" : NULL,
            .client_secret = "cl13nt",
        };
        read_it(&reading);
        expect_end(&reading, is_application ? cases[i / 2].of_application : cases[i / 2].of_machine,
                   "");
        if (!strstr(reading.result.message, cases[i / 2].part))
            fail_msg("\"%s\" does not say \"%s\"", reading.result.message, cases[i / 2].part);
        assert_string_equal("", reading.said_to_vault);
    }
}

/* ---- the 401 challenge ---- */

static void a_challenge_is_answered_once_and_only_to_whom_the_token_is_for(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        int requests;
        const char *resource; /* of the second token */
        const char *start;
    } cases[] = {
        {"WWW-Authenticate: Bearer authorization=\"https://login/t\", resource=\"" AUDIENCE "\"", 2,
         "https%3A%2F%2Fvault.test", "401 unauthorized: certificate mdsd in "},
        {"X: y", 2, "https%3A%2F%2Fvault.test", "401 unauthorized: certificate mdsd in "},
        {"WWW-Authenticate: Bearer resource=\"\"", 2, "https%3A%2F%2Fvault.test",
         "401 unauthorized: certificate mdsd in "},
        {"WWW-Authenticate: Bearer resource=\"https://vault.test", 2, "https%3A%2F%2Fvault.test",
         "401 unauthorized: certificate mdsd in "},
        {"WWW-Authenticate: Bearer resource=\"https://0.0.1\"", 2, "https%3A%2F%2F0.0.1",
         "401 unauthorized: certificate mdsd in "},
        {"WWW-Authenticate: Bearer resource=\"https://evil.test\"", 1, NULL,
         "401 certificate mdsd in "},
        {"WWW-Authenticate: Bearer resource=\"http://0.0.1\"", 1, NULL, "401 certificate mdsd in "},
        {"WWW-Authenticate: Bearer resource=\"https://.0.1\"", 1, NULL, "401 certificate mdsd in "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char vault[512], head[256];
        snprintf(head, sizeof(head), "401 Unauthorized\r\n%s", cases[i].header);
        struct reading reading = {.tokens = GIVEN, .vault = answer(vault, head, "{}")};
        read_it(&reading);
        expect_end(&reading, cases[i].requests == 2 ? OUTCOME_TRANSIENT : OUTCOME_TERMINAL,
                   cases[i].start);
        assert_int_equal(cases[i].requests, count(reading.said_to_vault, "GET /secrets/"));
        assert_int_equal(cases[i].requests, count(reading.said_to_tokens, "GET /?"));
        if (!cases[i].resource)
            continue;
        const char *second = strstr(reading.said_to_tokens, "resource=") + 1;
        second = strstr(second, "resource=") + strlen("resource=");
        assert_int_equal(0, strncmp(second, cases[i].resource, strlen(cases[i].resource)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_machine_asks_for_metadata_and_the_vault_gets_the_token),
        cmocka_unit_test(a_platform_gets_its_header_and_the_name_of_the_identity),
        cmocka_unit_test(an_application_posts_its_secret_to_its_tenant_alone),
        cmocka_unit_test(every_answer_of_the_vault_has_its_outcome),
        cmocka_unit_test(no_whole_answer_is_transient),
        cmocka_unit_test(retry_after_is_told),
        cmocka_unit_test(pkcs12_is_decoded),
        cmocka_unit_test(every_answer_to_a_request_for_a_token_has_its_outcome),
        cmocka_unit_test(a_challenge_is_answered_once_and_only_to_whom_the_token_is_for),
    };
    return cmocka_run_group_tests(tests, start_practice, stop_practice);
}
