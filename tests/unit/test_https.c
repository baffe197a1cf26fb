/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_https.c - what a client takes, says and hears, against a server that answers as it is told.
 * What an API server makes of it is test_kube_client.c's.
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
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "endpoint_fixture.h"
#include "hostile_server.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/https.h"

enum { RESPONSE_MAXIMUM = 1000 };

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

/* NULL when it is refused. */
static struct https_client *create(const char *url, struct json_object *endpoints,
                                   struct error *error)
{
    const struct https_options options = {.url = url,
                                          .ca = practice.config.ca,
                                          .endpoints = endpoints,
                                          .response_maximum = RESPONSE_MAXIMUM};
    struct https_client *client = NULL;
    int result = https_client_create(&options, &client, error);
    assert_int_equal(client ? 0 : -1, result);
    return client;
}

/* What a server that answers with these bytes is understood to say; it closes the connection. */
static void ask(const char *text, struct https_answer *ret_answer)
{
    const struct hostile_answer said = {.text = text};
    struct hostile_server server;
    char url[64], ignored[4096];
    hostile_server_start(&server, &practice, &said);
    snprintf(url, sizeof(url), "https://127.0.0.1:%d", server.port);
    struct https_client *client = create(url, NULL, NULL);
    assert_non_null(client);
    assert_string_equal(url + strlen("https://"), https_client_peer(client));
    const struct https_request request = {.method = "GET", .path = "/"};
    https_request(client, &request, ret_answer);
    https_client_free(client);
    hostile_server_stop(&server);
    hostile_server_read(&server, ignored, sizeof(ignored));
}

/* ---- where to ---- */

static void urls_that_are_no_https_server_are_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "is not a URL"},
        {"http://127.0.0.1", "is not https; "},
        {"file:///etc/passwd", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error error = {0};
        assert_null(create(cases[i][0], NULL, &error));
        if (error.kind != ERROR_INVALID || !strstr(error.message, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], error.message);
    }
    char url[600] = "https://";
    memset(url + strlen(url), 'a', 400);
    struct error error = {0};
    assert_null(create(url, NULL, &error));
    assert_int_equal(ERROR_INVALID, error.kind);
}

static void a_server_is_verified_or_not_spoken_to(void **state)
{
    (void)state;
    struct error error = {0};
    struct https_client *client = NULL;
    const struct https_options options = {.url = "https://127.0.0.1", .response_maximum = 1};
    assert_int_equal(-1, https_client_create(&options, &client, &error));
    assert_string_equal("there is no CA certificate to verify 127.0.0.1:443 with", error.message);
}

/* A port of 127.0.0.1 that refuses connections for as long as the socket in *ret_holder is open: it
 * is bound, and nobody listens. */
static int refusing_port(int *ret_holder)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int holder = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(holder >= 0);
    assert_int_equal(0, bind(holder, (struct sockaddr *)&address, size));
    assert_int_equal(0, getsockname(holder, (struct sockaddr *)&address, &size));
    *ret_holder = holder;
    return ntohs(address.sin_port);
}

/* A client with these options gets as far as the connection. */
static void expect_connection_refused(const char *scheme, const char *host, const char *path,
                                      struct https_options options)
{
    char url[64];
    char expected[64];
    int holder;
    struct https_client *client;
    struct https_answer answer;
    struct error error;
    int port = refusing_port(&holder);
    snprintf(url, sizeof(url), "%s://%s:%d%s", scheme, host, port, *path ? "" : "/p");
    snprintf(expected, sizeof(expected), "connection refused by %s:%d", host, port);
    options.url = url;
    assert_int_equal(0, https_client_create(&options, &client, &error));
    const struct https_request request = {.method = "GET", .path = path};
    https_request(client, &request, &answer);
    assert_string_equal(expected, answer.error.message);
    assert_int_equal(ERROR_UNAVAILABLE, answer.error.kind);
    assert_int_equal(0, answer.status);
    https_answer_free(&answer);
    https_client_free(client);
    close(holder);
}

static void a_host_is_looked_up_only_where_that_is_allowed(void **state)
{
    (void)state;
    struct error error = {0};
    assert_null(create("https://localhost:1", NULL, &error));
    assert_int_equal(ERROR_NOT_FOUND, error.kind);
    assert_string_equal("no address for localhost:1", error.message);
    expect_connection_refused("https", "localhost", "/",
                              (struct https_options){.ca = practice.config.ca,
                                                     .response_maximum = 1,
                                                     .resolves_names = true});
}

static void plain_http_is_spoken_where_that_is_allowed(void **state)
{
    (void)state;
    expect_connection_refused(
        "http", "127.0.0.1", "",
        (struct https_options){.response_maximum = 1, .is_plain_allowed = true});
}

static void bad_endpoints_of_the_job_are_refused(void **state)
{
    (void)state;
    struct error error = {0};
    cleanup_json struct json_object *endpoints = endpoints_of("host", 443, "10.0.0.1 name");
    assert_null(create("https://host", endpoints, &error));
    assert_int_equal(ERROR_INVALID, error.kind);
    assert_string_equal("endpoint 1 of the job: \"name\" is not an IP address", error.message);
}

/* ---- what came back ---- */

static void an_answer_has_status_body_and_headers(void **state)
{
    (void)state;
    struct https_answer answer;
    ask("HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json; charset=utf-8\r\n"
        "WWW-Authenticate: Basic\r\nwww-authenticate:  Bearer resource=\"a\" \r\n"
        "Retry-After: 17\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
        &answer);
    assert_string_equal("", answer.error.message);
    assert_int_equal(401, answer.status);
    assert_int_equal(7, answer.length);
    assert_string_equal("{\"a\":1}", answer.body);
    assert_string_equal("application/json; charset=utf-8", answer.content_type);
    assert_string_equal("Bearer resource=\"a\"", answer.challenge);
    assert_int_equal(17, answer.retry_after);
    https_answer_free(&answer);
    assert_null(answer.body);
    ask("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", &answer);
    assert_int_equal(200, answer.status);
    assert_string_equal("", answer.body);
    assert_string_equal("", answer.content_type);
    assert_string_equal("", answer.challenge);
    assert_int_equal(0, answer.retry_after);
    https_answer_free(&answer);
}

static void retry_after_may_be_a_date_and_may_be_nonsense(void **state)
{
    (void)state;
    struct https_answer answer;
    char text[256], date[64];
    time_t later = time(NULL) + 100;
    struct tm fields;
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&later, &fields));
    snprintf(text, sizeof(text),
             "HTTP/1.1 503 Busy\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n", date);
    ask(text, &answer);
    assert_in_range(answer.retry_after, 60, 100);
    https_answer_free(&answer);
    static const char *const nonsense[] = {"soon", "", "-5", "Mon, 01 Jan 2001 00:00:00 GMT"};
    for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
        snprintf(text, sizeof(text),
                 "HTTP/1.1 503 Busy\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n", nonsense[i]);
        ask(text, &answer);
        assert_int_equal(503, answer.status);
        assert_int_equal(0, answer.retry_after);
        https_answer_free(&answer);
    }
}

static void long_headers_are_cut(void **state)
{
    (void)state;
    struct https_answer answer;
    char text[8192] = "HTTP/1.1 401 No\r\nContent-Length: 0\r\nWWW-Authenticate: ";
    memset(text + strlen(text), 'x', 4000);
    strcat(text, "\r\n\r\n");
    ask(text, &answer);
    assert_int_equal(HTTPS_CHALLENGE_SIZE - 1, strlen(answer.challenge));
    https_answer_free(&answer);
}

static void a_body_of_the_maximum_is_taken_and_not_one_byte_more(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        struct https_answer answer;
        char text[2 * RESPONSE_MAXIMUM];
        int head = snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n",
                            RESPONSE_MAXIMUM + more);
        memset(text + head, 'b', RESPONSE_MAXIMUM + 1);
        text[head + RESPONSE_MAXIMUM + more] = '\0';
        ask(text, &answer);
        assert_int_equal(200, answer.status);
        assert_int_equal(more ? ERROR_TOO_LARGE : ERROR_NONE, answer.error.kind);
        assert_true(answer.length <= RESPONSE_MAXIMUM);
        if (!more)
            assert_int_equal(RESPONSE_MAXIMUM, strlen(answer.body));
        https_answer_free(&answer);
    }
}

/* ---- a handshake that never ends ---- */

/* What `said` leads to, and that it does so soon. */
static void expect_endless_handshake(const struct hostile_answer *said)
{
    struct hostile_server server;
    struct https_answer answer;
    char url[64], ignored[4096];
    struct monotonic start = clock_monotonic();
    hostile_server_start(&server, &practice, said);
    snprintf(url, sizeof(url), "https://127.0.0.1:%d", server.port);
    struct https_client *client = create(url, NULL, NULL);
    const struct https_request request = {.method = "GET", .path = "/"};
    https_request(client, &request, &answer);
    assert_int_equal(ERROR_UNAVAILABLE, answer.error.kind);
    assert_non_null(strstr(answer.error.message, ": endless handshake messages"));
    assert_true(clock_elapsed(start) < HTTPS_CONNECT_TIMEOUT);
    https_answer_free(&answer);
    https_client_free(client);
    hostile_server_stop(&server);
    hostile_server_read(&server, ignored, sizeof(ignored));
}

static void a_handshake_without_end_ends(void **state)
{
    (void)state;
    /* a record of handshake messages of type 0, HelloRequest, of no length */
    static const char zeros[] = "\x16\x03\x03\x10\x00";
    char record[5 + 4096] = "";
    memcpy(record, zeros, 5);
    const struct hostile_answer requests = {
        .text = record, .length = sizeof(record), .repeat = "", .is_raw = 1};
    expect_endless_handshake(&requests);
    const struct hostile_answer tickets = {.text = "", .tickets = 1};
    expect_endless_handshake(&tickets);
}

/* ---- documents ---- */

static struct json_object *document_of(const char *text, struct https_answer *answer)
{
    struct https_client *client = create("https://127.0.0.1", NULL, NULL);
    ask(text, answer);
    struct json_object *document = https_answer_document(answer, client);
    https_client_free(client);
    return document;
}

static void documents_are_objects_and_a_success_has_one(void **state)
{
    (void)state;
    struct https_answer answer;
    struct json_object *document =
        document_of("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}", &answer);
    assert_int_equal(1, document_integer(document, "a", 0));
    assert_int_equal(ERROR_NONE, answer.error.kind);
    json_object_put(document);
    https_answer_free(&answer);

    static const char success[] = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n[]";
    assert_null(document_of(success, &answer));
    assert_int_equal(ERROR_INVALID, answer.error.kind);
    assert_non_null(strstr(answer.error.message, "the answer of 127.0.0.1:443 is not usable: "));
    https_answer_free(&answer);

    static const char empty[] = "HTTP/1.1 204 No Content\r\n\r\n";
    assert_null(document_of(empty, &answer));
    assert_int_equal(ERROR_NONE, answer.error.kind);
    https_answer_free(&answer);

    static const char failure[] = "HTTP/1.1 502 Bad\r\nContent-Length: 6\r\n\r\n<html>";
    assert_null(document_of(failure, &answer));
    assert_int_equal(ERROR_NONE, answer.error.kind);
    https_answer_free(&answer);

    static const char half[] = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{\"a\":1}";
    assert_null(document_of(half, &answer));
    assert_int_equal(ERROR_UNAVAILABLE, answer.error.kind);
    https_answer_free(&answer);
}

/* ---- what is said ---- */

static void a_body_is_sent_with_the_headers_of_the_request(void **state)
{
    (void)state;
    const struct hostile_answer said = {.text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                                        .keep_open = 1};
    struct hostile_server server;
    struct https_answer answer;
    char url[64], heard[8192];
    hostile_server_start(&server, &practice, &said);
    snprintf(url, sizeof(url), "https://127.0.0.1:%d/base?x=1", server.port);
    struct https_client *client = create(url, NULL, NULL);
    struct https_request request = {
        .method = "POST", .path = "", .headers = {"A: 1", "B: 2", "C: 3", "D: 4"}, .body = "a=b"};
    https_request(client, &request, &answer);
    assert_string_equal("", answer.error.message);
    https_answer_free(&answer);
    request = (struct https_request){.method = "GET", .path = "&y=2"};
    https_request(client, &request, &answer);
    https_answer_free(&answer);
    https_client_free(client);
    hostile_server_stop(&server);
    hostile_server_read(&server, heard, sizeof(heard));
    assert_non_null(strstr(heard, "POST /base?x=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(heard, "\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n"));
    assert_non_null(strstr(heard, "\r\nContent-Length: 3\r\n"));
    assert_null(strstr(heard, "Expect"));
    const char *second = strstr(heard, "GET /base?x=1&y=2 HTTP/1.1\r\n");
    assert_non_null(second);
    assert_null(strstr(second, "A: 1"));
    assert_null(strstr(second, "Content-Length"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_that_are_no_https_server_are_refused),
        cmocka_unit_test(a_server_is_verified_or_not_spoken_to),
        cmocka_unit_test(a_host_is_looked_up_only_where_that_is_allowed),
        cmocka_unit_test(plain_http_is_spoken_where_that_is_allowed),
        cmocka_unit_test(bad_endpoints_of_the_job_are_refused),
        cmocka_unit_test(an_answer_has_status_body_and_headers),
        cmocka_unit_test(retry_after_may_be_a_date_and_may_be_nonsense),
        cmocka_unit_test(long_headers_are_cut),
        cmocka_unit_test(a_body_of_the_maximum_is_taken_and_not_one_byte_more),
        cmocka_unit_test(a_handshake_without_end_ends),
        cmocka_unit_test(documents_are_objects_and_a_success_has_one),
        cmocka_unit_test(a_body_is_sent_with_the_headers_of_the_request),
    };
    return cmocka_run_group_tests(tests, start_practice, stop_practice);
}
