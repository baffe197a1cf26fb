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

#include "certificate_maker.h"
#include "endpoint_fixture.h"
#include "kube_fixture.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"

/* ---- trouble on the wire ---- */

static void lost_connections_are_transient(void **state)
{
    (void)state;
    static const char *const rules[][2] = {
        {"{'drop': true}", "connection closed without an answer by 127.0.0.1:"},
        {"{'reset': true}", "connection lost while waiting for 127.0.0.1:"},
        {"{'half': true}", "connection closed in the middle of an answer by 127.0.0.1:"},
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        struct step_result result = ask_in_trouble(rules[i][0], 0);
        expect_message(&result, OUTCOME_TRANSIENT, rules[i][1]);
        expect_part(&result, "(" WHAT ")");
    }
}

static void a_slow_server_is_a_timeout(void **state)
{
    (void)state;
    static const char *const rules[] = {"{'delayMs': 60000}", "{'slowBytesMs': 100}"};
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
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
    socklen_t length = sizeof(address);
    cleanup_fd int bound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(0, bind(bound, (struct sockaddr *)&address, sizeof(address)));
    assert_int_equal(0, getsockname(bound, (struct sockaddr *)&address, &length));
    struct hostile_server nobody = {.port = ntohs(address.sin_port)};
    struct kube_client *client = hostile_server_client(&nobody, &practice);
    char expected[128];
    snprintf(expected, sizeof(expected), "connection refused by 127.0.0.1:%d (" WHAT ")",
             nobody.port);
    struct step_result result = ask(client, OPERATOR_PATH, WHAT);
    assert_string_equal(expected, result.message);
    assert_int_equal(OUTCOME_TRANSIENT, result.outcome);
    assert_int_equal(0, listen(bound, 1)); /* connects now, and hears nothing */
    kube_client_set_timeouts(client, 500, 20000);
    result = ask(client, OPERATOR_PATH, WHAT);
    snprintf(expected, sizeof(expected), "timeout connecting to 127.0.0.1:%d after 500ms",
             nobody.port);
    expect_message(&result, OUTCOME_TRANSIENT, expected);
    kube_client_free(client);
}

static void large_answers_are_read_up_to_the_bound(void **state)
{
    (void)state;
    struct step_result result = ask_in_trouble("{'hugeBytes': 8000000}", 0);
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
    result = ask_in_trouble("{'hugeBytes': 8000000, 'chunked': true}", 0);
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
    result = ask_in_trouble("{'hugeBytes': 9000000}", 0);
    expect_message(&result, OUTCOME_TRANSIENT, "the answer of 127.0.0.1:");
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

/* In TLS 1.3 the refusal comes after the client has finished its handshake, as an alert. */
static void a_refused_client_certificate_is_called_so(void **state)
{
    (void)state;
    static const struct {
        struct made_dates dates;
    } cases[] = {{{0}}, {{-9000, -1000}}};
    for (size_t i = 0; i < 2; i++) {
        struct made stranger = make_certificate("stranger", NULL, cases[i].dates);
        struct kubeconfig config;
        struct kube_client *client;
        struct error error;
        practice_server_kubeconfig(&practice, "-token", &config);
        config.client_certificate = strdup(stranger.certificate_pem);
        config.client_key = strdup(stranger.key_pem);
        assert_int_equal(0, kube_client_create(&config, NULL, &client, &error));
        struct step_result result = ask(client, OPERATOR_PATH, WHAT);
        expect_message(&result, OUTCOME_TRANSIENT, "TLS: 127.0.0.1:");
        expect_part(&result,
                    " refused the client certificate: the server does not know its issuer");
        kube_client_free(client);
        kubeconfig_free(&config);
        made_free(&stranger);
    }
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
    assert_non_null(strstr(error.message, "the job has no address for localhost:"));
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

/* Half a kilobyte of spaces, so that an endless answer is not made of tiny TLS records. */
#define SPACES64 "                                                                "
#define SPACES   SPACES64 SPACES64 SPACES64 SPACES64 SPACES64 SPACES64 SPACES64 SPACES64

static void endless_answers_end_at_the_bound(void **state)
{
    (void)state;
    struct step_result result =
        ask_hostile((struct hostile_answer){.text = "HTTP/1.1 200 OK\r\n\r\n{", .repeat = SPACES});
    expect_part(&result, "is too large");
    assert_int_equal(OUTCOME_TRANSIENT, result.outcome);
    result = ask_hostile((struct hostile_answer){.text = "HTTP/1.1 200 OK\r\n",
                                                 .repeat = "X-More: and more and more\r\n"});
    expect_part(&result, "is too large");
    assert_int_equal(OUTCOME_TRANSIENT, result.outcome);
    result = ask_hostile((struct hostile_answer){.text = "HTTP/1.1 100 Continue\r\n\r\n",
                                                 .repeat = "HTTP/1.1 100 Continue\r\n\r\n"});
    expect_part(&result, "is too large");
    assert_int_equal(OUTCOME_TRANSIENT, result.outcome);
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
    hostile_server_read(&server, heard, sizeof(heard));
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
    hostile_server_read(&server, heard, sizeof(heard));
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
    hostile_server_read(&server, heard, sizeof(heard));
    snprintf(host, sizeof(host), "\r\nHost: 127.0.0.1:%d\r\n", server.port);
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
    hostile_server_read(&server, heard, sizeof(heard));
    snprintf(expected, sizeof(expected), "\r\nHost: public.example.test:%d\r\n", server.port);
    assert_non_null(strstr(heard, expected));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lost_connections_are_transient),
        TEST(a_slow_server_is_a_timeout),
        TEST(a_refused_connection_is_transient),
        TEST(large_answers_are_read_up_to_the_bound),
        TEST(certificates_that_do_not_verify_are_transient),
        TEST(the_insecure_flag_verifies_nothing),
        TEST(another_server_name_may_be_verified),
        TEST(without_a_ca_the_system_is_trusted),
        TEST(a_refused_client_certificate_is_called_so),
        TEST(names_are_taken_from_the_job_alone),
        TEST(a_server_without_an_address_is_refused),
        TEST(proxies_of_the_environment_are_ignored),
        TEST(endless_answers_end_at_the_bound),
        TEST(one_connection_carries_all_requests),
        TEST(a_connection_that_was_closed_meanwhile_is_made_again),
        TEST(requests_say_what_they_should_and_no_more),
        TEST(the_host_line_keeps_the_server_when_another_name_is_verified),
    };
    return cmocka_run_group_tests(tests, start_practice, stop_practice);
}
