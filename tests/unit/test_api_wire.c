/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_api_wire.c - what of HTTP the Admin API lets in.
 *
 * Requests are cut into pieces here as libmicrohttpd 0.9.75 cuts them: in place, line ends and
 * separators overwritten by NUL, so that the rules see what they would see there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/http/wire.h"

/* Cuts off the next line, which ends with CR LF or LF alone; NULL after the last. */
static char *cut_line(char **at)
{
    char *line = *at;
    char *end = strchr(line, '\n');
    if (!end)
        return NULL;
    *at = end + 1;
    *end = '\0';
    if (end > line && end[-1] == '\r')
        end[-1] = '\0';
    return line;
}

/* Hands a request's header to the rules; returns the HTTP status they answer with, 0 for none. */
static int judge(const char *text)
{
    char buffer[64 * 1024];
    size_t length = strlen(text);
    assert_true(length < sizeof(buffer));
    memcpy(buffer, text, length + 1);
    char *at = buffer;
    char *method = cut_line(&at);
    char *target = strchr(method, ' ');
    *target++ = '\0';
    char *version = strrchr(target, ' ');
    *version++ = '\0';

    struct wire wire;
    struct answer answer = {0};
    char *line;
    wire_begin(&wire, method, target, version, target);
    while ((line = cut_line(&at)) && line[0]) {
        char *value = strchr(line, ':');
        assert_non_null(value);
        *value++ = '\0';
        value += strspn(value, " \t");
        wire_field(&wire, line, strlen(line), value, strlen(value));
    }
    wire_check(&wire, method, (size_t)(at - buffer), &answer);
    int status = answer.status;
    answer_free(&answer);
    return status;
}

#define HOST "Host: localhost\r\n"

static void an_ordinary_request_is_let_in(void **state)
{
    (void)state;
    assert_int_equal(judge("GET /admin/tasks?api-version=admin HTTP/1.1\r\n" HOST
                           "Accept:  */*\r\nUser-Agent:\tcurl \r\n\r\n"),
                     0);
    assert_int_equal(judge("GET /healthz/live HTTP/1.0\r\n\r\n"), 0);
    assert_int_equal(
        judge("PUT /x HTTP/1.1\r\n" HOST "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"), 0);
    assert_int_equal(judge("PUT /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"), 0);
}

static void exactly_one_host_is_required(void **state)
{
    (void)state;
    assert_int_equal(judge("GET /x HTTP/1.1\r\n\r\n"), 400);
    assert_int_equal(judge("GET /x HTTP/1.1\r\n" HOST HOST "\r\n"), 400);
    assert_int_equal(judge("GET /x HTTP/1.1\r\nHost: a b\r\n\r\n"), 400);
    assert_int_equal(judge("GET /x HTTP/1.1\r\nHost:\r\n\r\n"), 400);
    assert_int_equal(judge("GET /x HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400);
    assert_int_equal(judge("GET /x HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n"), 0);
}

static void targets_that_are_not_plain_paths_are_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "http://other/x", "x",    "/a/../b", "/./b",   "/%2e%2e%2fx", "/%2e%2e/x",
        "/.%2E",          "/..",  "/%00",    "/a%zz",  "/a%2",        "/a#b",
        "/a\x80",         "/a b", "/a\x01",  "/a\x7f", "*",
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n" HOST "\r\n", refused[i]);
        print_message("%s\n", refused[i]);
        assert_int_equal(judge(text), 400);
    }
    /* no path of ours, but none of these means "go up": routing answers 404 */
    assert_int_equal(judge("GET /..%5cx HTTP/1.1\r\n" HOST "\r\n"), 0);
    assert_int_equal(judge("GET /%252e%252e/x HTTP/1.1\r\n" HOST "\r\n"), 0);
    assert_int_equal(judge("GET //x;y=1?a=/../ HTTP/1.1\r\n" HOST "\r\n"), 0);
    assert_int_equal(judge("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), 0);
}

static void a_target_of_9_kilobytes_is_too_long(void **state)
{
    (void)state;
    char text[10000];
    snprintf(text, sizeof(text), "GET /%0*d HTTP/1.1\r\n" HOST "\r\n", 9000, 0);
    assert_int_equal(judge(text), 414);
    snprintf(text, sizeof(text), "GET /%0*d HTTP/1.1\r\n" HOST "\r\n", WIRE_TARGET_MAXIMUM - 1, 0);
    assert_int_equal(judge(text), 0);
}

static void names_of_fields_are_tokens_and_values_have_no_control_characters(void **state)
{
    (void)state;
    assert_int_equal(judge("GET /x HTTP/1.1\r\n" HOST "X : y\r\n\r\n"), 400);
    assert_int_equal(judge("GET /x HTTP/1.1\r\n" HOST ": y\r\n\r\n"), 400);
    assert_int_equal(judge("GET /x HTTP/1.1\r\n" HOST "X\x01: y\r\n\r\n"), 400);
    assert_int_equal(judge("GET /x HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n"), 400);
    assert_int_equal(judge("GET /x HTTP/1.1\r\n" HOST "X: a\x0b\r\n\r\n"), 400);
    assert_int_equal(judge("GET /x HTTP/1.1\r\n" HOST "X: a\tb\r\n\r\n"), 0);
}

static void bare_line_feeds_and_doubled_spaces_are_noticed(void **state)
{
    (void)state;
    assert_int_equal(judge("GET /x HTTP/1.1\n" HOST "\r\n"), 400);
    assert_int_equal(judge("GET /x HTTP/1.1\r\nHost: localhost\n\r\n"), 400);
    assert_int_equal(judge("GET /x HTTP/1.1\r\n" HOST "X: y\r\n\n"), 400);
    assert_int_equal(judge("GET  /x HTTP/1.1\r\n" HOST "\r\n"), 400);
    assert_int_equal(judge("GET /x HTTP/1.1 \r\n" HOST "\r\n"), 400);
}

static void a_nul_in_target_or_value_is_noticed(void **state)
{
    (void)state;
    /* as the library hands it out: texts end at the NUL, the next one begins where it really begins
     */
    static const char block[] = "GET\0/x\0junk HTTP/1.1\0\0Host\0l\0\0\0";
    const char *target = block + 4;
    const char *version = strstr(target + 3, "HTTP");
    struct wire wire;
    struct answer answer = {0};
    wire_begin(&wire, block, target, version, target);
    wire_field(&wire, version + 10, 4, version + 15, 1);
    assert_int_equal(wire_check(&wire, block, (size_t)(version - block) + 20, &answer), -1);
    assert_int_equal(answer.status, 400);
    answer_free(&answer);
}

static void sizes_and_numbers_of_fields_are_bounded(void **state)
{
    (void)state;
    char *text = malloc(80000);
    int length = sprintf(text, "GET /x HTTP/1.1\r\n" HOST);
    for (int i = 0; i < WIRE_HEADERS_MAXIMUM; i++)
        length += sprintf(text + length, "X-%d: y\r\n", i);
    strcpy(text + length, "\r\n");
    assert_int_equal(judge(text), 431);

    sprintf(text, "GET /x HTTP/1.1\r\n" HOST "X: %0*d\r\n\r\n", 7000, 0);
    assert_int_equal(judge(text), 0);
    sprintf(text, "GET /x HTTP/1.1\r\n" HOST "X: %0*d\r\n\r\n", 20000, 0);
    assert_int_equal(judge(text), 431);
    sprintf(text, "GET /x HTTP/1.1\r\n" HOST "X: %0*d\r\nY: %0*d\r\nZ: %0*d\r\n\r\n", 12000, 0,
            12000, 0, 12000, 0);
    assert_int_equal(judge(text), 431);
    free(text);
}

static void a_body_has_one_length(void **state)
{
    (void)state;
    assert_int_equal(
        judge("PUT /x HTTP/1.1\r\n" HOST "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"),
        400);
    assert_int_equal(
        judge("PUT /x HTTP/1.1\r\n" HOST "Content-Length: 2\r\ncontent-length: 2\r\n\r\n"), 400);
    static const char *const no_lengths[] = {"-2", "+2", "0x2", "2,2", "", "9999999999999999999"};
    for (size_t i = 0; i < sizeof(no_lengths) / sizeof(no_lengths[0]); i++) {
        char text[128];
        snprintf(text, sizeof(text), "PUT /x HTTP/1.1\r\n" HOST "Content-Length: %s\r\n\r\n",
                 no_lengths[i]);
        assert_int_equal(judge(text), 400);
    }
    assert_int_equal(
        judge("PUT /x HTTP/1.1\r\n" HOST "Content-Length: 2\r\nContent-Length: 3\r\n\r\n"), 400);
    assert_int_equal(judge("PUT /x HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n"), 501);
    assert_int_equal(
        judge("PUT /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, identity\r\n\r\n"), 501);
    assert_int_equal(
        judge("PUT /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, chunked\r\n\r\n"), 400);
    assert_int_equal(judge("PUT /x HTTP/1.1\r\n" HOST
                           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
                     400);
    assert_int_equal(judge("PUT /x HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"), 400);
    assert_int_equal(judge("PUT /x HTTP/1.1\r\n" HOST "Transfer-Encoding: \vchunked\r\n\r\n"), 400);
}

static void expectations_other_than_100_continue_fail(void **state)
{
    (void)state;
    assert_int_equal(judge("PUT /x HTTP/1.1\r\n" HOST "Expect: miracles\r\n\r\n"), 417);
}

static void decoding_happens_once_and_within_bounds(void **state)
{
    (void)state;
    char buffer[8];
    assert_int_equal(wire_decode("a%20b+c", 7, true, buffer, sizeof(buffer)), 0);
    assert_string_equal(buffer, "a b c");
    assert_int_equal(wire_decode("a+%252e", 7, false, buffer, sizeof(buffer)), 0);
    assert_string_equal(buffer, "a+%2e");
    assert_int_equal(wire_decode("%00", 3, true, buffer, sizeof(buffer)), -1);
    assert_int_equal(wire_decode("%4", 2, true, buffer, sizeof(buffer)), -1);
    assert_int_equal(wire_decode("12345678", 8, true, buffer, sizeof(buffer)), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ordinary_request_is_let_in),
        cmocka_unit_test(exactly_one_host_is_required),
        cmocka_unit_test(targets_that_are_not_plain_paths_are_refused),
        cmocka_unit_test(a_target_of_9_kilobytes_is_too_long),
        cmocka_unit_test(names_of_fields_are_tokens_and_values_have_no_control_characters),
        cmocka_unit_test(bare_line_feeds_and_doubled_spaces_are_noticed),
        cmocka_unit_test(a_nul_in_target_or_value_is_noticed),
        cmocka_unit_test(sizes_and_numbers_of_fields_are_bounded),
        cmocka_unit_test(a_body_has_one_length),
        cmocka_unit_test(expectations_other_than_100_continue_fail),
        cmocka_unit_test(decoding_happens_once_and_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
