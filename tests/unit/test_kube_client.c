/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_kube_client.c - a client against a practice cluster in and out of trouble, and against
 * servers that mean ill.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "endpoint_fixture.h"
#include "hostile_server.h"
#include "kube/kube_private.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"
#include "practice_server.h"

#define OPERATOR_PATH "/apis/config.openshift.io/v1/clusteroperators/kube-apiserver"
#define WHAT          "clusteroperator kube-apiserver"
#define ARO_PATH      "/apis/aro.openshift.io/v1alpha1/clusters/cluster"

static struct practice_server practice;

static int start_practice(void **state)
{
    (void)state;
    practice_server_start(&practice, "valid");
    return 0;
}

static int stop_practice(void **state)
{
    struct error error;
    (void)state;
    practice_server_stop(&practice);
    return kube_set_system_ca(NULL, &error);
}

static int clear_trouble(void **state)
{
    (void)state;
    practice_server_trouble(&practice, NULL);
    return 0;
}

static struct step_result ask(struct kube_client *client, const char *path, const char *what)
{
    struct kube_answer answer;
    kube_request(client, "GET", path, NULL, &answer);
    struct step_result result = kube_step_result(&answer, what);
    kube_answer_free(&answer);
    return result;
}

static void expect_message(const struct step_result *result, enum outcome_kind outcome,
                           const char *start)
{
    if (strncmp(result->message, start, strlen(start)) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", result->message, start);
    assert_int_equal(outcome, result->outcome);
}

static void expect_part(const struct step_result *result, const char *part)
{
    if (!strstr(result->message, part))
        fail_msg("\"%s\" does not say \"%s\"", result->message, part);
}

/* Asks for the cluster operator under a rule of trouble. */
static struct step_result ask_in_trouble(const char *rule, long request_timeout)
{
    struct kube_client *client = practice_server_client(&practice, "-token");
    practice_server_trouble(&practice, rule);
    if (request_timeout)
        kube_client_set_timeouts(client, request_timeout, request_timeout);
    struct step_result result = ask(client, OPERATOR_PATH, WHAT);
    kube_client_free(client);
    return result;
}

/* ---- answers ---- */

static void objects_are_read_with_a_token_and_with_a_certificate(void **state)
{
    (void)state;
    static const char *const suffixes[] = {"", "-token", "-viewer"};
    for (size_t i = 0; i < 3; i++) {
        struct kube_client *client = practice_server_client(&practice, suffixes[i]);
        struct kube_answer answer;
        kube_request(client, "GET", OPERATOR_PATH, NULL, &answer);
        assert_int_equal(200, answer.status);
        assert_int_equal(ERROR_NONE, answer.error.kind);
        assert_string_equal("kube-apiserver",
                            document_string(answer.document, "metadata.name", ""));
        assert_int_equal(OUTCOME_SUCCEEDED, kube_step_result(&answer, WHAT).outcome);
        kube_answer_free(&answer);
        kube_client_free(client);
    }
}

static void what_is_missing_is_404(void **state)
{
    (void)state;
    struct step_result result =
        ask(practice.admin, "/apis/config.openshift.io/v1/clusteroperators/nothing",
            "clusteroperator nothing");
    assert_int_equal(OUTCOME_TERMINAL, result.outcome);
    assert_string_equal("404 clusteroperator nothing not found", result.message);
    result = ask(practice.admin, "/apis/nothing.example.com/v1/things/a", "thing a");
    expect_message(&result, OUTCOME_TERMINAL, "404 thing a not found: ");
}

static void who_may_not_is_forbidden(void **state)
{
    (void)state;
    struct kube_client *viewer = practice_server_client(&practice, "-viewer");
    struct kube_answer answer;
    cleanup_json struct json_object *patch = json_of("{'spec': {}}");
    kube_request(viewer, "PATCH", ARO_PATH, patch, &answer);
    struct step_result result = kube_step_result(&answer, "the cluster");
    assert_int_equal(403, answer.status);
    expect_message(&result, OUTCOME_TERMINAL, "forbidden: the cluster: Forbidden: ");
    kube_answer_free(&answer);
    kube_client_free(viewer);
}

static void wrong_credentials_are_unauthorized(void **state)
{
    (void)state;
    struct kubeconfig config;
    struct kube_client *client;
    struct error error;
    practice_server_kubeconfig(&practice, "-token", &config);
    config.token[0] ^= 1;
    assert_int_equal(0, kube_client_create(&config, NULL, &client, &error));
    struct step_result result = ask(client, OPERATOR_PATH, WHAT);
    expect_message(&result, OUTCOME_TERMINAL, "401 unauthorized: ");
    kube_client_free(client);
    kubeconfig_free(&config);
}

/* libcurl waits on behind 100 and 103, but 101 may be the last that a server says. */
static void what_is_no_final_status_is_no_success(void **state)
{
    (void)state;
    for (long status = 100; status < 200; status++) {
        const struct kube_answer answer = {.status = status};
        struct step_result result = kube_step_result(&answer, WHAT);
        assert_int_equal(OUTCOME_TERMINAL, result.outcome);
        assert_non_null(strstr(result.message, "no request may end with"));
    }
}

static void every_status_has_its_outcome(void **state)
{
    (void)state;
    static const struct {
        int status;
        enum outcome_kind outcome;
        const char *message;
    } cases[] = {
        {400, OUTCOME_TERMINAL, "400 " WHAT ": Why: in words"},
        {401, OUTCOME_TERMINAL, "401 unauthorized: "},
        {403, OUTCOME_TERMINAL, "forbidden: " WHAT ": Why: in words"},
        {404, OUTCOME_TERMINAL, "404 " WHAT " not found: Why: in words"},
        {408, OUTCOME_TRANSIENT, "408 " WHAT ": Why: in words"},
        {409, OUTCOME_TRANSIENT, "409 " WHAT ": Why: in words"},
        {422, OUTCOME_TERMINAL, "422 " WHAT ": Why: in words"},
        {429, OUTCOME_TRANSIENT, "429 " WHAT ": Why: in words"},
        {500, OUTCOME_TRANSIENT, "500 " WHAT ": Why: in words"},
        {503, OUTCOME_TRANSIENT, "503 " WHAT ": Why: in words"},
        {504, OUTCOME_TRANSIENT, "504 " WHAT ": Why: in words"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char rule[128];
        snprintf(rule, sizeof rule, "{'status': %d, 'reason': 'Why', 'message': 'in words'}",
                 cases[i].status);
        struct step_result result = ask_in_trouble(rule, 0);
        expect_message(&result, cases[i].outcome, cases[i].message);
    }
}

static void redirects_are_not_followed(void **state)
{
    (void)state;
    int before = practice_server_count(&practice, "\"path\": \"/elsewhere\"");
    struct step_result result = ask_in_trouble("{'redirect': '/elsewhere', 'times': 1}", 0);
    expect_message(&result, OUTCOME_TERMINAL, "307 " WHAT ": a redirect, which no API server");
    assert_int_equal(before, practice_server_count(&practice, "\"path\": \"/elsewhere\""));
}

static void control_characters_of_a_server_are_not_passed_on(void **state)
{
    (void)state;
    struct step_result result = ask_in_trouble(
        "{'status': 500, 'reason': 'A\\u001b[2J', 'message': 'b\\nTerminalError: c\\u0007'}", 0);
    assert_string_equal("500 " WHAT ": A?[2J: b?TerminalError: c?", result.message);
}

static void long_words_of_a_server_are_cut(void **state)
{
    (void)state;
    char rule[6000] = "{'status': 500, 'reason': 'Why', 'message': '";
    size_t length = strlen(rule);
    memset(rule + length, 'x', 5000);
    strcpy(rule + length + 5000, "'}");
    struct step_result result = ask_in_trouble(rule, 0);
    expect_message(&result, OUTCOME_TRANSIENT, "500 " WHAT ": Why: xxx");
    assert_in_range(strlen(result.message), 1000, 1100);
}

/* ---- trouble on the wire ---- */

static void lost_connections_are_transient(void **state)
{
    (void)state;
    static const char *const rules[][2] = {
        {"{'drop': true}", "connection closed without an answer by 127.0.0.1:"},
        {"{'reset': true}", "connection lost while waiting for 127.0.0.1:"},
        {"{'half': true}", "connection closed in the middle of an answer by 127.0.0.1:"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct step_result result = ask_in_trouble(rules[i][0], 0);
        expect_message(&result, OUTCOME_TRANSIENT, rules[i][1]);
        expect_part(&result, "(" WHAT ")");
    }
}

static void a_slow_server_is_a_timeout(void **state)
{
    (void)state;
    static const char *const rules[] = {"{'delayMs': 60000}", "{'slowBytesMs': 100}"};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct monotonic start = clock_monotonic();
        struct step_result result = ask_in_trouble(rules[i], 1000);
        expect_message(&result, OUTCOME_TRANSIENT, "timeout waiting for an answer of 127.0.0.1:");
        expect_part(&result, " after 1s (" WHAT ")");
        assert_true(clock_elapsed(start) >= 1000);
        assert_true(clock_elapsed(start) < 20000);
    }
}

static void a_refused_connection_is_transient(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    cleanup_fd int bound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(0, bind(bound, (struct sockaddr *)&address, sizeof address));
    assert_int_equal(0, getsockname(bound, (struct sockaddr *)&address, &length));
    struct hostile_server nobody = {.port = ntohs(address.sin_port)};
    struct kube_client *client = hostile_server_client(&nobody, &practice);
    char expected[128];
    snprintf(expected, sizeof expected, "connection refused by 127.0.0.1:%d (" WHAT ")",
             nobody.port);
    struct step_result result = ask(client, OPERATOR_PATH, WHAT);
    assert_string_equal(expected, result.message);
    assert_int_equal(OUTCOME_TRANSIENT, result.outcome);
    assert_int_equal(0, listen(bound, 1)); /* connects now, and hears nothing */
    kube_client_set_timeouts(client, 500, 20000);
    result = ask(client, OPERATOR_PATH, WHAT);
    snprintf(expected, sizeof expected, "timeout connecting to 127.0.0.1:%d after 500ms",
             nobody.port);
    expect_message(&result, OUTCOME_TRANSIENT, expected);
    kube_client_free(client);
}

static void answers_that_are_no_json_objects_are_terminal(void **state)
{
    (void)state;
    struct step_result result = ask_in_trouble("{'garbage': true}", 0);
    expect_message(&result, OUTCOME_TERMINAL, "the answer of 127.0.0.1:");
    expect_part(&result, "is not usable: line 1, column ");
    result = ask_in_trouble("{'noHttp': true}", 0);
    expect_message(&result, OUTCOME_TRANSIENT, "no HTTP/1.1 answer from 127.0.0.1:");
}

static void large_answers_are_read_up_to_the_bound(void **state)
{
    (void)state;
    struct step_result result = ask_in_trouble("{'hugeBytes': 8000000}", 0);
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
    result = ask_in_trouble("{'hugeBytes': 8000000, 'chunked': true}", 0);
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
    result = ask_in_trouble("{'hugeBytes': 9000000}", 0);
    expect_message(&result, OUTCOME_TERMINAL, "the answer of 127.0.0.1:");
    expect_part(&result, "is too large (at most 65536 bytes of headers and 8388608 of body)");
}

/* ---- TLS ---- */

/* Asks a practice cluster with a certificate of this kind, after `change` has altered the
 * kubeconfig. */
static struct step_result ask_certificate(const char *certificate,
                                          void (*change)(struct kubeconfig *config))
{
    struct practice_server server;
    struct kubeconfig config;
    struct kube_client *client = NULL;
    struct error error = {0};
    practice_server_start(&server, certificate);
    practice_server_kubeconfig(&server, "-token", &config);
    if (change)
        change(&config);
    if (kube_client_create(&config, NULL, &client, &error) < 0)
        fail_msg("%s", error.message);
    struct step_result result = ask(client, OPERATOR_PATH, WHAT);
    kube_client_free(client);
    kubeconfig_free(&config);
    practice_server_stop(&server);
    return result;
}

static void trust_anybody(struct kubeconfig *config)
{
    free(config->ca);
    config->ca = NULL;
    config->insecure = true;
}

static void expect_wrong_name(struct kubeconfig *config)
{
    config->tls_server_name = strdup("wrong-name.practice.test");
}

static void certificates_that_do_not_verify_are_transient(void **state)
{
    (void)state;
    struct step_result result = ask_certificate("expired", NULL);
    expect_message(&result, OUTCOME_TRANSIENT, "TLS: untrusted certificate of ");
    expect_part(&result, "certificate has expired");
    result = ask_certificate("wrong-name", NULL);
    expect_message(&result, OUTCOME_TRANSIENT, "TLS: untrusted certificate of ");
    expect_part(&result, "127.0.0.1");
    result = ask_certificate("other-ca", NULL);
    expect_message(&result, OUTCOME_TRANSIENT, "TLS: untrusted certificate of ");
    expect_part(&result, "unable to get local issuer certificate");
}

static void the_insecure_flag_verifies_nothing(void **state)
{
    (void)state;
    struct step_result result = ask_certificate("other-ca", trust_anybody);
    assert_string_equal("", result.message);
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
}

static void another_server_name_may_be_verified(void **state)
{
    (void)state;
    struct step_result result = ask_certificate("wrong-name", expect_wrong_name);
    assert_string_equal("", result.message);
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
}

static void without_a_ca_the_system_is_trusted(void **state)
{
    (void)state;
    struct kubeconfig config;
    struct kube_client *client = NULL;
    struct error error = {0};
    practice_server_kubeconfig(&practice, "-token", &config);
    cleanup_free char *ca = config.ca;
    config.ca = NULL;
    assert_int_equal(0, kube_set_system_ca(NULL, &error));
    assert_int_equal(-1, kube_client_create(&config, NULL, &client, &error));
    assert_int_equal(ERROR_INVALID, error.kind);
    assert_non_null(strstr(error.message, "no CA bundle to verify 127.0.0.1:"));
    assert_int_equal(0, kube_set_system_ca(ca, &error));
    assert_int_equal(0, kube_client_create(&config, NULL, &client, &error));
    assert_int_equal(OUTCOME_SUCCEEDED, ask(client, OPERATOR_PATH, WHAT).outcome);
    kube_client_free(client);
    kubeconfig_free(&config);
    assert_int_equal(0, kube_set_system_ca(NULL, &error));
}

/* ---- names and addresses ---- */

/* Gives the practice cluster's kubeconfig a server by name. */
static void name_server(struct kubeconfig *config, const char *host)
{
    free(config->host);
    free(config->server);
    config->host = strdup(host);
    assert_true(asprintf(&config->server, "https://%s:%d", host, config->port) > 0);
}

static void names_are_taken_from_the_job_alone(void **state)
{
    (void)state;
    struct kubeconfig config;
    struct kube_client *client;
    struct error error = {0};
    practice_server_kubeconfig(&practice, "-token", &config);
    name_server(&config, "api.cluster-0.practice.test");
    cleanup_json struct json_object *endpoints =
        document_pack("[o, o, o]", endpoint_of("elsewhere.test", 443, "192.0.2.1"),
                      endpoint_of("fd00::1", 443, "fd00::1"),
                      endpoint_of("API.cluster-0.practice.test", config.port, "::1 127.0.0.1"));
    assert_int_equal(0, kube_client_create(&config, endpoints, &client, &error));
    assert_int_equal(OUTCOME_SUCCEEDED, ask(client, OPERATOR_PATH, WHAT).outcome);
    kube_client_free(client);
    kubeconfig_free(&config);
}

static void a_server_without_an_address_is_refused(void **state)
{
    (void)state;
    struct kubeconfig config;
    struct kube_client *client;
    struct error error = {0};
    practice_server_kubeconfig(&practice, "-token", &config);
    name_server(&config, "localhost"); /* which libcurl would know by itself */
    cleanup_json struct json_object *endpoints =
        document_pack("[o, o]", endpoint_of("localhost", 1, "127.0.0.1"),
                      endpoint_of("elsewhere.test", config.port, "127.0.0.1"));
    assert_int_equal(-1, kube_client_create(&config, NULL, &client, &error));
    assert_int_equal(-1, kube_client_create(&config, endpoints, &client, &error));
    assert_non_null(strstr(error.message, "the job has no address of localhost:"));
    kubeconfig_free(&config);
}

static void proxies_of_the_environment_are_ignored(void **state)
{
    (void)state;
    assert_int_equal(0, setenv("https_proxy", "http://127.0.0.1:1", 1));
    assert_int_equal(0, setenv("ALL_PROXY", "http://127.0.0.1:1", 1));
    struct kube_client *client = practice_server_client(&practice, "-token");
    struct step_result result = ask(client, OPERATOR_PATH, WHAT);
    unsetenv("https_proxy");
    unsetenv("ALL_PROXY");
    assert_string_equal("", result.message);
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
    kube_client_free(client);
}

/* ---- servers that mean ill, and what they hear ---- */

static struct step_result ask_hostile(struct hostile_answer answer)
{
    struct hostile_server server;
    char ignored[4096];
    hostile_server_start(&server, &practice, &answer);
    struct kube_client *client = hostile_server_client(&server, &practice);
    struct step_result result = ask(client, OPERATOR_PATH, WHAT);
    kube_client_free(client);
    hostile_server_stop(&server);
    hostile_server_read(&server, ignored, sizeof ignored);
    return result;
}

/* Half a kilobyte of spaces, so that an endless answer is not made of tiny TLS records. */
#define SPACES64 "                                                                "
#define SPACES   SPACES64 SPACES64 SPACES64 SPACES64 SPACES64 SPACES64 SPACES64 SPACES64

static void endless_answers_end_at_the_bound(void **state)
{
    (void)state;
    struct step_result result =
        ask_hostile((struct hostile_answer){.text = "HTTP/1.1 200 OK\r\n\r\n{", .repeat = SPACES});
    expect_part(&result, "is too large");
    assert_int_equal(OUTCOME_TERMINAL, result.outcome);
    result = ask_hostile((struct hostile_answer){.text = "HTTP/1.1 200 OK\r\n",
                                                 .repeat = "X-More: and more and more\r\n"});
    expect_part(&result, "is too large");
    assert_int_equal(OUTCOME_TERMINAL, result.outcome);
    result = ask_hostile((struct hostile_answer){.text = "HTTP/1.1 100 Continue\r\n\r\n",
                                                 .repeat = "HTTP/1.1 100 Continue\r\n\r\n"});
    expect_part(&result, "is too large");
    assert_int_equal(OUTCOME_TERMINAL, result.outcome);
}

static void an_error_stays_what_its_status_says(void **state)
{
    (void)state;
    struct step_result result =
        ask_hostile((struct hostile_answer){.text = "HTTP/1.1 503 Busy\r\n\r\n", .repeat = SPACES});
    assert_string_equal("503 " WHAT, result.message);
    assert_int_equal(OUTCOME_TRANSIENT, result.outcome);
    result = ask_hostile((struct hostile_answer){
        .text = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 13\r\n\r\n<html></html>"});
    assert_string_equal("502 " WHAT, result.message);
    result =
        ask_hostile((struct hostile_answer){.text = "HTTP/1.1 404 Not Found\r\nContent-Length: "
                                                    "39\r\n\r\n{\"kind\":\"Pod\",\"message\":\"no "
                                                    "Status\"}   "});
    assert_string_equal("404 " WHAT " not found", result.message);
}

static void bodies_that_cannot_be_used_are_terminal(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *part;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "is not usable: line 1"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "not a JSON object"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"a\":\"\xff\xfe\xfd\"} ",
         "byte 0xff is not UTF-8"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"a\":1,\"a\":2}", "duplicate"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"a\":\"\\u0000\"} ", "is not usable"},
        {"HTTP/1.1 204 No Content\r\n\r\n", ""},
        {"HTTP/1.1 304 Not Modified\r\n\r\n", "304 " WHAT ": a redirect"},
        {"HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n", "999 " WHAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct step_result result = ask_hostile((struct hostile_answer){.text = cases[i].text});
        expect_part(&result, cases[i].part);
    }
}

static void deep_nesting_is_refused_and_does_not_crash(void **state)
{
    (void)state;
    enum { DEPTH = 100000 };
    cleanup_free char *text = malloc(2 * DEPTH + 256);
    assert_non_null(text);
    int length =
        sprintf(text, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n{\"a\":", 2 * DEPTH + 6);
    memset(text + length, '[', DEPTH);
    memset(text + length + DEPTH, ']', DEPTH);
    strcpy(text + length + 2 * DEPTH, "}");
    struct step_result result = ask_hostile((struct hostile_answer){.text = text});
    expect_part(&result, "is not usable: ");
    expect_part(&result, "nested deeper");
    assert_int_equal(OUTCOME_TERMINAL, result.outcome);
    static const char forty_levels[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 86\r\n\r\n"
        "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}";
    result = ask_hostile((struct hostile_answer){.text = forty_levels});
    expect_part(&result, "nested deeper than the 32 levels");
}

static void one_connection_carries_all_requests(void **state)
{
    (void)state;
    struct hostile_answer answer = {
        .text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        .keep_open = 1,
    };
    struct hostile_server server;
    char heard[8192];
    hostile_server_start(&server, &practice, &answer);
    struct kube_client *client = hostile_server_client(&server, &practice);
    for (int i = 0; i < 3; i++)
        assert_int_equal(OUTCOME_SUCCEEDED, ask(client, "/version", "version").outcome);
    kube_client_free(client);
    hostile_server_stop(&server);
    hostile_server_read(&server, heard, sizeof heard);
    char *first = strstr(heard, "[connection]");
    assert_non_null(first);
    assert_null(strstr(first + 1, "[connection]"));
    char *second_request = strstr(strstr(heard, "GET /version HTTP/1.1\r\n") + 1, "GET /version");
    assert_non_null(second_request);
}

static void a_connection_that_was_closed_meanwhile_is_made_again(void **state)
{
    (void)state;
    struct hostile_answer answer = {.text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"};
    struct hostile_server server;
    char heard[8192];
    hostile_server_start(&server, &practice, &answer);
    struct kube_client *client = hostile_server_client(&server, &practice);
    for (int i = 0; i < 3; i++)
        assert_int_equal(OUTCOME_SUCCEEDED, ask(client, "/version", "version").outcome);
    kube_client_free(client);
    hostile_server_stop(&server);
    hostile_server_read(&server, heard, sizeof heard);
    assert_non_null(strstr(strstr(heard, "[connection]") + 1, "[connection]"));
}

static void requests_say_what_they_should_and_no_more(void **state)
{
    (void)state;
    struct hostile_answer answer = {
        .text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        .keep_open = 1,
    };
    struct hostile_server server;
    struct kube_answer reply;
    char heard[8192];
    char host[64];
    hostile_server_start(&server, &practice, &answer);
    struct kube_client *client = hostile_server_client(&server, &practice);
    cleanup_json struct json_object *body = json_of("{'a': 1}");
    kube_request(client, "PUT", "/put", body, &reply);
    kube_answer_free(&reply);
    kube_request(client, "PATCH", "/patch", body, &reply);
    kube_answer_free(&reply);
    kube_request(client, "GET", "/get", NULL, &reply);
    kube_answer_free(&reply);
    kube_client_free(client);
    hostile_server_stop(&server);
    hostile_server_read(&server, heard, sizeof heard);
    snprintf(host, sizeof host, "\r\nHost: 127.0.0.1:%d\r\n", server.port);
    assert_non_null(strstr(heard, host));
    assert_non_null(strstr(heard, "PUT /put HTTP/1.1\r\n"));
    assert_non_null(strstr(heard, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(heard, "\r\n\r\n{\"a\":1}"));
    assert_non_null(strstr(heard, "\r\nContent-Type: application/merge-patch+json\r\n"));
    assert_non_null(strstr(heard, "\r\nAuthorization: Bearer "));
    assert_non_null(strstr(heard, "\r\nUser-Agent: mimo/"));
    assert_non_null(strstr(heard, "\r\nAccept: application/json\r\n"));
    assert_null(strstr(heard, "Expect"));
    assert_null(strstr(heard, "Accept-Encoding"));
    const char *get = strstr(heard, "GET /get HTTP/1.1\r\n");
    assert_non_null(get);
    assert_null(strstr(get, "Content-"));
}

static void the_host_line_keeps_the_server_when_another_name_is_verified(void **state)
{
    (void)state;
    struct hostile_answer answer = {.text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"};
    struct hostile_server server;
    struct kubeconfig config;
    struct kube_client *client;
    struct error error = {0};
    char heard[8192];
    char expected[128];
    hostile_server_start(&server, &practice, &answer);
    practice_server_kubeconfig(&practice, "-token", &config);
    config.port = server.port;
    name_server(&config, "public.example.test");
    config.tls_server_name = strdup("api.cluster-0.practice.test");
    cleanup_json struct json_object *endpoints =
        endpoints_of("public.example.test", server.port, "127.0.0.1");
    assert_int_equal(0, kube_client_create(&config, endpoints, &client, &error));
    struct step_result result = ask(client, "/version", "version");
    assert_string_equal("", result.message);
    kube_client_free(client);
    kubeconfig_free(&config);
    hostile_server_stop(&server);
    hostile_server_read(&server, heard, sizeof heard);
    snprintf(expected, sizeof expected, "\r\nHost: public.example.test:%d\r\n", server.port);
    assert_non_null(strstr(heard, expected));
}

/* ---- changing objects ---- */

struct change {
    int calls;
    int verdict; /* what it returns from the first call on */
};

static int change_label(struct json_object *object, void *context, struct error *error)
{
    struct change *change = context;
    char value[32];
    change->calls++;
    if (change->verdict < 0)
        return error_set(error, ERROR_INVALID, "not what it should be");
    snprintf(value, sizeof value, "v%d", change->calls);
    if (change->verdict > 0)
        document_set_string(object, "metadata.labels.changed", value);
    return change->verdict;
}

static struct step_result modify(struct change *change, bool *ret_changed)
{
    return kube_modify(practice.admin, ARO_PATH, "the cluster", change_label, change, ret_changed);
}

static void a_change_is_written_once(void **state)
{
    (void)state;
    bool changed = false;
    struct change change = {.verdict = 1};
    int before = practice_server_count(&practice, "\"changed\": true");
    struct step_result result = modify(&change, &changed);
    assert_string_equal("", result.message);
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
    assert_true(changed);
    assert_int_equal(1, change.calls);
    assert_int_equal(before + 1, practice_server_count(&practice, "\"changed\": true"));
}

static void nothing_to_change_writes_nothing(void **state)
{
    (void)state;
    bool changed = true;
    struct change change = {.verdict = 0};
    int before = practice_server_count(&practice, "\"write\": true");
    assert_int_equal(OUTCOME_SUCCEEDED, modify(&change, &changed).outcome);
    assert_false(changed);
    assert_int_equal(before, practice_server_count(&practice, "\"write\": true"));
}

static void an_object_that_cannot_be_changed_is_terminal(void **state)
{
    (void)state;
    bool changed = true;
    struct change change = {.verdict = -1};
    struct step_result result = modify(&change, &changed);
    assert_int_equal(OUTCOME_TERMINAL, result.outcome);
    assert_string_equal("the cluster: not what it should be", result.message);
    assert_false(changed);
}

static void a_conflict_is_read_again_five_times(void **state)
{
    (void)state;
    bool changed = false;
    struct change change = {.verdict = 1};
    practice_server_trouble(&practice, "{'method': 'PUT', 'path': '/clusters/cluster', "
                                       "'interfere': true, 'times': 5}");
    struct step_result result = modify(&change, &changed);
    assert_string_equal("", result.message);
    assert_true(changed);
    assert_int_equal(6, change.calls);

    change = (struct change){.verdict = 1};
    practice_server_trouble(&practice,
                            "{'method': 'PUT', 'path': '/clusters/cluster', 'interfere': true}");
    result = modify(&change, &changed);
    assert_int_equal(OUTCOME_TRANSIENT, result.outcome);
    assert_string_equal("409 the cluster was changed by somebody else 6 times while this was to be "
                        "written",
                        result.message);
    assert_false(changed);
    assert_int_equal(6, change.calls);
}

static void failures_of_reading_and_writing_come_through(void **state)
{
    (void)state;
    bool changed = true;
    struct change change = {.verdict = 1};
    practice_server_trouble(&practice,
                            "{'method': 'PUT', 'path': '/clusters/cluster', 'status': 503}");
    struct step_result result = modify(&change, &changed);
    expect_message(&result, OUTCOME_TRANSIENT, "503 the cluster: ");
    assert_false(changed);
    assert_int_equal(1, change.calls);
    practice_server_trouble(&practice, "{'path': '/clusters/cluster', 'status': 404}");
    result = modify(&change, &changed);
    expect_message(&result, OUTCOME_TERMINAL, "404 the cluster not found");
    assert_int_equal(1, change.calls);
}

static void an_object_without_a_version_is_not_written(void **state)
{
    (void)state;
    struct hostile_answer answer = {
        .text =
            "HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n{\"metadata\":{\"name\":\"cluster\"}}",
        .keep_open = 1,
    };
    struct hostile_server server;
    struct change change = {.verdict = 1};
    char heard[8192];
    bool changed = true;
    hostile_server_start(&server, &practice, &answer);
    struct kube_client *client = hostile_server_client(&server, &practice);
    struct step_result result =
        kube_modify(client, ARO_PATH, "the cluster", change_label, &change, &changed);
    kube_client_free(client);
    hostile_server_stop(&server);
    hostile_server_read(&server, heard, sizeof heard);
    assert_int_equal(OUTCOME_TERMINAL, result.outcome);
    assert_string_equal("the cluster has no metadata.resourceVersion: it cannot be changed safely",
                        result.message);
    assert_int_equal(0, change.calls);
    assert_null(strstr(heard, "PUT"));
}

#define TEST(function) cmocka_unit_test_teardown(function, clear_trouble)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(objects_are_read_with_a_token_and_with_a_certificate),
        TEST(what_is_missing_is_404),
        TEST(who_may_not_is_forbidden),
        TEST(wrong_credentials_are_unauthorized),
        TEST(what_is_no_final_status_is_no_success),
        TEST(every_status_has_its_outcome),
        TEST(redirects_are_not_followed),
        TEST(control_characters_of_a_server_are_not_passed_on),
        TEST(long_words_of_a_server_are_cut),
        TEST(lost_connections_are_transient),
        TEST(a_slow_server_is_a_timeout),
        TEST(a_refused_connection_is_transient),
        TEST(answers_that_are_no_json_objects_are_terminal),
        TEST(large_answers_are_read_up_to_the_bound),
        TEST(certificates_that_do_not_verify_are_transient),
        TEST(the_insecure_flag_verifies_nothing),
        TEST(another_server_name_may_be_verified),
        TEST(without_a_ca_the_system_is_trusted),
        TEST(names_are_taken_from_the_job_alone),
        TEST(a_server_without_an_address_is_refused),
        TEST(proxies_of_the_environment_are_ignored),
        TEST(endless_answers_end_at_the_bound),
        TEST(an_error_stays_what_its_status_says),
        TEST(bodies_that_cannot_be_used_are_terminal),
        TEST(deep_nesting_is_refused_and_does_not_crash),
        TEST(one_connection_carries_all_requests),
        TEST(a_connection_that_was_closed_meanwhile_is_made_again),
        TEST(requests_say_what_they_should_and_no_more),
        TEST(the_host_line_keeps_the_server_when_another_name_is_verified),
        TEST(a_change_is_written_once),
        TEST(nothing_to_change_writes_nothing),
        TEST(an_object_that_cannot_be_changed_is_terminal),
        TEST(a_conflict_is_read_again_five_times),
        TEST(failures_of_reading_and_writing_come_through),
        TEST(an_object_without_a_version_is_not_written),
    };
    return cmocka_run_group_tests(tests, start_practice, stop_practice);
}
