/* SPDX-License-Identifier: Apache-2.0 */
/* test_endpoint.c - URLs of servers, their names, and endpoints as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "endpoint_fixture.h"
#include "expect.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"

static void urls_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *host;
        int port;
        const char *name;
        const char *path;
    } rows[] = {
        {"https://api.example.com:6443", "api.example.com", 6443, "api.example.com:6443", ""},
        {"https://api.example.com", "api.example.com", 443, "api.example.com:443", ""},
        {"HTTPS://api.example.com/", "api.example.com", 443, "api.example.com:443", ""},
        {"https://a/k8s/c1?x=1", "a", 443, "a:443", "/k8s/c1?x=1"},
        {"https://a?x=/", "a", 443, "a:443", "?x=/"},
        {"https://10.0.0.4:6443/path", "10.0.0.4", 6443, "10.0.0.4:6443", "/path"},
        {"https://[fd00::1]:6443/", "fd00::1", 6443, "[fd00::1]:6443", ""},
        {"https://[fd00::1]", "fd00::1", 443, "[fd00::1]:443", ""},
        {"https://[::1]:1", "::1", 1, "[::1]:1", ""},
        {"https://h:65535", "h", 65535, "h:65535", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct endpoint endpoint;
        struct error error;
        cleanup_free char *path = NULL;
        char name[ENDPOINT_NAME_SIZE];
        expect_success(endpoint_parse(rows[i].url, ENDPOINT_HTTPS, &endpoint, &path, &error),
                       &error);
        assert_string_equal(rows[i].host, endpoint.host);
        assert_int_equal(rows[i].port, endpoint.port);
        assert_false(endpoint.is_plain);
        assert_string_equal(rows[i].path, path);
        assert_string_equal(rows[i].name, endpoint_format(&endpoint, name));
    }
}

static void other_urls_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *reason;
    } rows[] = {
        {"", "\"\" is not a URL of the form https://host[:port][/path]: "},
        {"https://", "is not a URL"},
        {"https://:6443", "is not a URL"},
        {"https://host:65536", "is not a URL"},
        {"https://host:64x", "is not a URL"},
        {"https://[fd00::1", "is not a URL"},
        {"https://[fd00::1]x", "is not a URL"},
        {"https://a b", "is not a URL"},
        {"https://host:0", "0 is not a valid port"},
        {"http://host", "http://host is not https; no other scheme is allowed"},
        {"ftp://host/x", "is not https; "},
        {"https://u@host", "has a user in its URL: leave it out"},
        {"https://u:hidden@host:6443/x", "https://...@host:6443/x has a user"},
        {"https://u:hid/den@host", "https://...@host"},
        {"u:hidden@host", "...@host"},
        {"u:hidden@host://x", "...@host"},
        {"ftp://u:hidden@host", "ftp://...@host is not https"},
        {"https://host#f", "has a fragment in its URL"},
        {"https://[fe80::1%25eth0]", "has an IPv6 zone in its URL"},
        {"https://h%C3%A9st", "its host is not a host name or an IP address"},
    };
    char url[600] = "https://";
    struct endpoint endpoint;
    struct error error;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_failure(endpoint_parse(rows[i].url, ENDPOINT_HTTPS, &endpoint, NULL, &error), &error,
                       ERROR_INVALID, rows[i].reason);
    memset(url + strlen(url), 'a', ENDPOINT_HOST_SIZE - 1);
    expect_success(endpoint_parse(url, ENDPOINT_HTTPS, &endpoint, NULL, &error), &error);
    memset(url + strlen(url), 'a', 1);
    expect_failure(endpoint_parse(url, ENDPOINT_HTTPS, &endpoint, NULL, &error), &error,
                   ERROR_INVALID, "its host is not a host name");
}

static void plain_http_is_taken_where_it_is_allowed(void **state)
{
    (void)state;
    struct endpoint endpoint;
    struct error error;
    expect_success(
        endpoint_parse("http://[::1]/x", ENDPOINT_HTTPS_OR_HTTP, &endpoint, NULL, &error), &error);
    assert_true(endpoint.is_plain);
    assert_int_equal(80, endpoint.port);
    expect_success(endpoint_parse("https://h", ENDPOINT_HTTPS_OR_HTTP, &endpoint, NULL, &error),
                   &error);
    assert_false(endpoint.is_plain);
}

static bool is_loopback(const char *host)
{
    struct endpoint endpoint = {.port = 1};
    snprintf(endpoint.host, sizeof(endpoint.host), "%s", host);
    return endpoint_is_loopback(&endpoint);
}

static void loopback_is_known(void **state)
{
    (void)state;
    assert_true(is_loopback("127.0.0.1"));
    assert_true(is_loopback("127.9.8.7"));
    assert_true(is_loopback("::1"));
    assert_true(is_loopback("LocalHost"));
    assert_false(is_loopback("128.0.0.1"));
    assert_false(is_loopback("::2"));
    assert_false(is_loopback("localhost.example.com"));
}

static void equal_endpoints_are_found_equal(void **state)
{
    (void)state;
    const struct endpoint one = {.host = "API.test", .port = 1};
    const struct endpoint same = {.host = "api.TEST", .port = 1};
    const struct endpoint port = {.host = "api.test", .port = 2};
    const struct endpoint host = {.host = "api.tes", .port = 1};
    const struct endpoint shorter = {.host = "fd00::1", .port = 1};
    const struct endpoint longer = {.host = "fd00:0:0:0::1", .port = 1};
    assert_true(endpoint_equals(&one, &same));
    assert_false(endpoint_equals(&one, &port));
    assert_false(endpoint_equals(&one, &host));
    assert_true(endpoint_equals(&shorter, &longer));
    assert_false(endpoint_equals(&shorter, &one));
}

static void addresses_of_an_endpoint_are_found(void **state)
{
    (void)state;
    const struct endpoint endpoint = {.host = "api.test", .port = 6443};
    struct endpoint_addresses found;
    struct error error;
    cleanup_json struct json_object *list = document_pack(
        "[o, o, o, o]", endpoint_of("other.test", 6443, "10.0.0.1"),
        endpoint_of("API.test", 6443, "10.0.0.2 fd00::4"), endpoint_of("api.test", 1, "10.0.0.3"),
        endpoint_of("api.test", 6443, "10.0.0.5"));
    expect_success(endpoint_find_addresses(list, &endpoint, &found, &error), &error);
    assert_int_equal(3, found.count);
    assert_string_equal("10.0.0.2", found.texts[0]);
    assert_string_equal("fd00::4", found.texts[1]);
    assert_string_equal("10.0.0.5", found.texts[2]);
    expect_success(endpoint_find_addresses(NULL, &endpoint, &found, &error), &error);
    assert_int_equal(0, found.count);
}

static void no_more_addresses_are_taken_than_there_is_room_for(void **state)
{
    (void)state;
    const struct endpoint endpoint = {.host = "h", .port = 1};
    struct endpoint_addresses found;
    struct error error;
    cleanup_json struct json_object *list =
        endpoints_of("h", 1, "::1 ::2 ::3 ::4 ::5 ::6 ::7 ::8 ::9 ::a ::b ::c");
    expect_success(endpoint_find_addresses(list, &endpoint, &found, &error), &error);
    assert_int_equal(ENDPOINT_ADDRESSES_MAXIMUM, found.count);
    assert_string_equal("::8", found.texts[found.count - 1]);
}

static void bad_endpoints_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *reason;
    } rows[] = {
        {"[1]", "endpoint 1 of the job: an endpoint must be an object"},
        {"[\"host:443:10.0.0.1\"]", "an endpoint must be an object"},
        {"[{}]", "member \"host\" must have 1 to 253 characters"},
        {"[{\"host\": \"\"}]", "member \"host\" must have 1 to 253 characters"},
        {"[{\"host\": 1}]", "member \"host\" must be a string"},
        {"[{\"host\": \"h\"}]", "member \"port\" must be from 1 to 65535"},
        {"[{\"host\": \"h\", \"port\": 65536}]", "member \"port\" must be from 1 to 65535"},
        {"[{\"host\": \"h\", \"port\": 1}]", "member \"addresses\" must be an array"},
        {"[{\"host\": \"h\", \"port\": 1, \"addresses\": [\"[::1]\"]}]",
         "\"[::1]\" is not an IP address"},
        {"[{\"host\": \"h\", \"port\": 1, \"addresses\": [\"10.0.0.256\"]}]",
         "\"10.0.0.256\" is not an IP address"},
        {"[{\"host\": \"o\", \"port\": 65535, \"addresses\": [7]}]", "is not an IP address"},
    };
    const struct endpoint endpoint = {.host = "h", .port = 1};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[256];
        struct endpoint_addresses found;
        struct error error;
        snprintf(text, sizeof(text), "{\"endpoints\": %s}", rows[i].text);
        cleanup_json struct json_object *document = document_parse(text, strlen(text), &error);
        assert_non_null(document);
        expect_failure(
            endpoint_find_addresses(document_get(document, "endpoints"), &endpoint, &found, &error),
            &error, ERROR_INVALID, rows[i].reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_taken_apart),
        cmocka_unit_test(other_urls_are_refused_with_the_reason),
        cmocka_unit_test(plain_http_is_taken_where_it_is_allowed),
        cmocka_unit_test(loopback_is_known),
        cmocka_unit_test(equal_endpoints_are_found_equal),
        cmocka_unit_test(addresses_of_an_endpoint_are_found),
        cmocka_unit_test(no_more_addresses_are_taken_than_there_is_room_for),
        cmocka_unit_test(bad_endpoints_are_refused_with_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
