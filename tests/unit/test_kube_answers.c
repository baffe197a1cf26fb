/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_kube_answers.c - what each answer means for a step: which are final, which pass, and what is
 * asked for again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kube_fixture.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"

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
    expect_message(&result, OUTCOME_TRANSIENT, "401 unauthorized: ");
    assert_int_equal(0, pauses.count);
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
        assert_int_equal(OUTCOME_TRANSIENT, result.outcome);
        assert_non_null(strstr(result.message, "not one of an API server"));
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
        {401, OUTCOME_TRANSIENT, "401 unauthorized: "},
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
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char rule[128];
        snprintf(rule, sizeof(rule), "{'status': %d, 'reason': 'Why', 'message': 'in words'}",
                 cases[i].status);
        struct step_result result = ask_in_trouble(rule, 0);
        expect_message(&result, cases[i].outcome, cases[i].message);
        assert_int_equal(cases[i].status == 403 || cases[i].status == 404, pauses.count);
    }
}

/* An API server that starts, or a load balancer between two of them: none of this is final. */
static void answers_that_are_no_status_are_transient(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        const char *message;
    } cases[] = {
        {"{'status': 404, 'answerBase64': 'NDA0IHBhZ2Ugbm90IGZvdW5kCg=='}",
         "404 " WHAT ": the answer is not one of an API server"},
        {"{'status': 403, 'answerBase64': 'PGh0bWw+'}", "403 " WHAT ": the answer is not one of"},
        {"{'status': 400, 'answerBase64': 'PGh0bWw+'}", "400 " WHAT ": the answer is not one of"},
        {"{'status': 200, 'answerBase64': 'PGh0bWw+'}", "the answer of 127.0.0.1:"},
        {"{'status': 200, 'answerBase64': ''}", "the answer of 127.0.0.1:"},
        {"{'redirect': 'https://127.0.0.1:1/'}", "307 " WHAT ": a redirect"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct step_result result = ask_in_trouble(cases[i].rule, 0);
        expect_message(&result, OUTCOME_TRANSIENT, cases[i].message);
        assert_int_equal(0, pauses.count);
    }
}

/* Red when the operator reads that the answer is no API server's, and not what it says. */
static void the_text_of_a_page_reaches_the_operator(void **state)
{
    (void)state;
    struct step_result result =
        ask_in_trouble("{'status': 404, 'answerBase64': 'NDA0IHBhZ2Ugbm90IGZvdW5kCg=='}", 0);
    expect_part(&result, "if it stays: the page says \"404 page not found\"");
}

/* A Status is one only with all its members, and with the HTTP status that it came with. */
static void an_incomplete_status_is_none(void **state)
{
    (void)state;
    static const char *const whole =
        "{'kind': 'Status', 'apiVersion': 'v1', 'status': 'Failure', 'code': 403}";
    static const char *const parts[] = {
        "{'apiVersion': 'v1', 'status': 'Failure', 'code': 403}",
        "{'kind': 'Status', 'status': 'Failure', 'code': 403}",
        "{'kind': 'Status', 'apiVersion': 'v1', 'code': 403}",
        "{'kind': 'Status', 'apiVersion': 'v1', 'status': 'Success', 'code': 403}",
        "{'kind': 'Status', 'apiVersion': 'v1', 'status': 'Failure'}",
        "{'kind': 'Status', 'apiVersion': 'v1', 'status': 'Failure', 'code': 404}",
    };
    struct kube_answer answer = {.status = 403, .document = json_of(whole)};
    assert_true(kube_answer_is_status(&answer));
    struct step_result result = kube_step_result(&answer, WHAT);
    assert_string_equal("forbidden: " WHAT, result.message);
    assert_int_equal(OUTCOME_TERMINAL, result.outcome);
    kube_answer_free(&answer);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        answer.document = json_of(parts[i]);
        assert_false(kube_answer_is_status(&answer));
        assert_int_equal(OUTCOME_TRANSIENT, kube_step_result(&answer, WHAT).outcome);
        kube_answer_free(&answer);
    }
}

static void a_refusal_must_be_repeated(void **state)
{
    (void)state;
    struct step_result result = ask_in_trouble("{'status': 403, 'times': 1}", 0);
    expect_message(&result, OUTCOME_SUCCEEDED, "");
    assert_int_equal(KUBE_CONFIRM_PAUSE, pauses.total);
    result = ask_in_trouble("{'status': 404, 'times': 1}", 0);
    expect_message(&result, OUTCOME_SUCCEEDED, "");
    result = ask_in_trouble("{'status': 404, 'times': 2}", 0);
    expect_message(&result, OUTCOME_TERMINAL, "404 " WHAT " not found");
    assert_int_equal(1, pauses.count);
    result = ask_in_trouble("[{'status': 404, 'times': 1}, {'status': 403, 'times': 1}]", 0);
    expect_message(&result, OUTCOME_TRANSIENT, "forbidden: ");
    result = ask_in_trouble("[{'status': 403, 'times': 1}, {'status': 503, 'times': 1}]", 0);
    expect_message(&result, OUTCOME_TRANSIENT, "503 ");
}

static void a_short_retry_after_is_waited_for(void **state)
{
    (void)state;
    static const int statuses[] = {429, 503};
    for (size_t i = 0; i < 2; i++) {
        char rule[128];
        snprintf(rule, sizeof(rule), "{'status': %d, 'headers': {'Retry-After': '8'}, 'times': 2}",
                 statuses[i]);
        struct step_result result = ask_in_trouble(rule, 0);
        expect_message(&result, OUTCOME_SUCCEEDED, "");
        assert_int_equal(2, pauses.count);
        assert_int_equal(16000, pauses.total);
    }
    struct step_result result =
        ask_in_trouble("{'status': 429, 'headers': {'Retry-After': '15'}}", 0);
    expect_message(&result, OUTCOME_TRANSIENT, "429 " WHAT);
    assert_int_equal(1000 * KUBE_RETRY_AFTER_TOTAL, pauses.total);
    assert_int_equal(15, result.retry_after);
}

static void a_long_retry_after_is_passed_on(void **state)
{
    (void)state;
    struct step_result result =
        ask_in_trouble("{'status': 503, 'headers': {'Retry-After': '16'}}", 0);
    expect_message(&result, OUTCOME_TRANSIENT, "503 " WHAT);
    assert_int_equal(0, pauses.count);
    assert_int_equal(16, result.retry_after);
    result = ask_in_trouble("{'status': 500, 'headers': {'Retry-After': '1'}}", 0);
    expect_message(&result, OUTCOME_TRANSIENT, "500 " WHAT);
    assert_int_equal(0, pauses.count);
    result = ask_in_trouble("{'status': 503}", 0);
    assert_int_equal(0, result.retry_after);
}

static void redirects_are_not_followed(void **state)
{
    (void)state;
    int before = practice_server_count(&practice, "\"path\": \"/elsewhere\"");
    struct step_result result = ask_in_trouble("{'redirect': '/elsewhere', 'times': 1}", 0);
    expect_message(&result, OUTCOME_TRANSIENT, "307 " WHAT ": a redirect, which no API server");
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

static void answers_that_are_no_json_objects_are_transient(void **state)
{
    (void)state;
    struct step_result result = ask_in_trouble("{'garbage': true}", 0);
    expect_message(&result, OUTCOME_TRANSIENT, "the answer of 127.0.0.1:");
    expect_part(&result, "is not usable: line 1, column ");
    result = ask_in_trouble("{'noHttp': true}", 0);
    expect_message(&result, OUTCOME_TRANSIENT, "no HTTP/1.1 answer from 127.0.0.1:");
}

/* Half a kilobyte of spaces, so that an endless answer is not made of tiny TLS records. */
#define SPACES64 "                                                                "
#define SPACES   SPACES64 SPACES64 SPACES64 SPACES64 SPACES64 SPACES64 SPACES64 SPACES64

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
    result = ask_hostile((struct hostile_answer){
        .text = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 48\r\n\r\n<html>\r\n <b class='x'>no "
                "backend</b>\x1b[2J</html>\n"});
    assert_string_equal("502 " WHAT ": the page says \"no backend ?[2J\"", result.message);
    result =
        ask_hostile((struct hostile_answer){.text = "HTTP/1.1 404 Not Found\r\nContent-Length: "
                                                    "39\r\n\r\n{\"kind\":\"Pod\",\"message\":\"no "
                                                    "Status\"}   "});
    expect_message(&result, OUTCOME_TRANSIENT, "404 " WHAT ": the answer is not one of an API");
}

static void bodies_that_cannot_be_used_are_transient(void **state)
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
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct step_result result = ask_hostile((struct hostile_answer){.text = cases[i].text});
        expect_part(&result, cases[i].part);
        assert_int_equal(cases[i].part[0] ? OUTCOME_TRANSIENT : OUTCOME_SUCCEEDED, result.outcome);
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
    assert_int_equal(OUTCOME_TRANSIENT, result.outcome);
    static const char forty_levels[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 86\r\n\r\n"
        "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}";
    result = ask_hostile((struct hostile_answer){.text = forty_levels});
    expect_part(&result, "nested deeper than the 32 levels");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(objects_are_read_with_a_token_and_with_a_certificate),
        TEST(what_is_missing_is_404),
        TEST(who_may_not_is_forbidden),
        TEST(wrong_credentials_are_unauthorized),
        TEST(what_is_no_final_status_is_no_success),
        TEST(every_status_has_its_outcome),
        TEST(answers_that_are_no_status_are_transient),
        TEST(the_text_of_a_page_reaches_the_operator),
        TEST(an_incomplete_status_is_none),
        TEST(a_refusal_must_be_repeated),
        TEST(a_short_retry_after_is_waited_for),
        TEST(a_long_retry_after_is_passed_on),
        TEST(redirects_are_not_followed),
        TEST(control_characters_of_a_server_are_not_passed_on),
        TEST(long_words_of_a_server_are_cut),
        TEST(answers_that_are_no_json_objects_are_transient),
        TEST(an_error_stays_what_its_status_says),
        TEST(bodies_that_cannot_be_used_are_transient),
        TEST(deep_nesting_is_refused_and_does_not_crash),
    };
    return cmocka_run_group_tests(tests, start_practice, stop_practice);
}
