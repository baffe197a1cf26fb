/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_forwarded.c - what a proxy tells: the client is the last address that is no proxy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "api/http/forwarded.h"

static struct forwarded result;

static void read_fields(const char *forwarded, const char *addresses, const char *host,
                        const char *scheme)
{
    const char *fields[WIRE_FIELD_COUNT] = {[WIRE_FORWARDED] = forwarded,
                                            [WIRE_FORWARDED_FOR] = addresses,
                                            [WIRE_FORWARDED_HOST] = host,
                                            [WIRE_FORWARDED_PROTO] = scheme};
    struct network_list proxies;
    struct error error;
    assert_int_equal(network_list_parse("127.0.0.1, 10.0.0.0/9 ,fd00::/8", &proxies, &error), 0);
    forwarded_read(fields, &proxies, &result);
}

static const char *client(void)
{
    static char buffer[NETWORK_ADDRESS_SIZE];
    return result.has_client ? network_address_format(&result.client, buffer) : "none";
}

static void the_client_is_the_last_address_that_is_no_proxy(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"192.0.2.1", "192.0.2.1"},
        {"192.0.2.1:4711", "192.0.2.1"},
        {"[2001:db8::1]:80", "2001:db8::1"},
        {"2001:db8::1", "2001:db8::1"},
        {"[2001:db8::1]", "2001:db8::1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"6.6.6.6, 192.0.2.1", "192.0.2.1"},
        {"6.6.6.6, 192.0.2.1 , 10.127.0.1,127.0.0.1", "192.0.2.1"},
        {"6.6.6.6, 10.128.0.1", "10.128.0.1"},
        {"192.0.2.1, fd12::1", "192.0.2.1"},
        {"10.0.0.1, 127.0.0.1", "10.0.0.1"}, /* proxies alone: the first */
        {"192.0.2.1, unknown", "none"},
        {"192.0.2.1, unknown, 10.0.0.1", "10.0.0.1"},
        {"", "none"},
        {",", "none"},
        {"[", "none"},
        {"[::1", "none"},
        {"1.2.3.4.5", "none"},
        {"1.2.3", "none"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        read_fields(NULL, cases[i][0], NULL, NULL);
        assert_string_equal(client(), cases[i][1]);
    }
    read_fields(NULL, NULL, NULL, NULL);
    assert_string_equal(client(), "none");
}

static void host_and_scheme_are_those_of_the_last_proxy(void **state)
{
    (void)state;
    read_fields(NULL, NULL, "forged.example, api.example:8443", "http, HTTPS");
    assert_string_equal(result.host, "api.example:8443");
    assert_string_equal(result.scheme, "https");
    read_fields(NULL, NULL, "no host", "gopher");
    assert_string_equal(result.host, "");
    assert_null(result.scheme);
    char longest[FORWARDED_HOST_SIZE + 1];
    memset(longest, 'a', sizeof(longest));
    longest[FORWARDED_HOST_SIZE] = '\0';
    read_fields(NULL, NULL, longest, "http");
    assert_string_equal(result.host, "");
    assert_string_equal(result.scheme, "http");
    longest[FORWARDED_HOST_SIZE - 1] = '\0';
    read_fields(NULL, NULL, longest, NULL);
    assert_string_equal(result.host, longest);
}

static void the_field_of_the_standard_counts_first(void **state)
{
    (void)state;
    read_fields("for=192.0.2.1;proto=https;host=\"a.example:1\"", "6.6.6.6", "x.example", "http");
    assert_string_equal(client(), "192.0.2.1");
    assert_string_equal(result.host, "a.example:1");
    assert_string_equal(result.scheme, "https");
    read_fields("for=6.6.6.6;host=forged.example;proto=https, For=\"[2001:db8::1]:47\";Proto=http,"
                " for=10.0.0.1; host=b.example",
                NULL, NULL, NULL);
    assert_string_equal(client(), "2001:db8::1");
    assert_string_equal(result.host, "b.example");
    assert_null(result.scheme);
    read_fields("for=192.0.2.1, proto=https", NULL, NULL, NULL); /* the last one tells no address */
    assert_string_equal(client(), "none");
    assert_string_equal(result.scheme, "https");
    read_fields("for=\"192.0.2.1, 192.0.2.2\"", NULL, NULL, NULL); /* quoted: one address, wrong */
    assert_string_equal(client(), "none");
    read_fields("forx=192.0.2.1;for=_hidden", NULL, NULL, NULL);
    assert_string_equal(client(), "none");
}

static void lists_of_networks_are_read_strictly(void **state)
{
    (void)state;
    static const char *const wrong[] = {"a",         "10.0.0.0/33", "10.0.0.0/",  "10.0.0.0/-1",
                                        "1.2.3.4,",  ",1.2.3.4",    "::/129",     "10.0.0.0/8/8",
                                        "1.2.3.4 5", "/8",          "10.0.0.0/8x"};
    struct network_list list;
    struct error error;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(network_list_parse(wrong[i], &list, &error), -1);
        assert_non_null(strstr(error.message, "is not an address or network"));
    }
    assert_int_equal(network_list_parse("  ", &list, &error), 0);
    assert_int_equal(list.count, 0);
    assert_int_equal(network_list_parse("0.0.0.0/0", &list, &error), 0);
    struct in6_addr address;
    assert_true(network_address_parse("255.1.2.3", 9, &address));
    assert_true(network_list_has(&list, &address));
    assert_true(network_address_parse("2001::1", 7, &address));
    assert_false(network_list_has(&list, &address));
    char many[NETWORK_LIST_MAXIMUM * 4 + 8] = "::1";
    for (int i = 1; i < NETWORK_LIST_MAXIMUM; i++)
        strcat(many, ",::1");
    assert_int_equal(network_list_parse(many, &list, &error), 0);
    strcat(many, ",::1");
    assert_int_equal(network_list_parse(many, &list, &error), -1);
    assert_int_equal(error.kind, ERROR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_client_is_the_last_address_that_is_no_proxy),
        cmocka_unit_test(host_and_scheme_are_those_of_the_last_proxy),
        cmocka_unit_test(the_field_of_the_standard_counts_first),
        cmocka_unit_test(lists_of_networks_are_read_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
