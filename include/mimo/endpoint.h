/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint.h - the host and port of a server, and the addresses that its name resolves to.
 *
 * endpoint_parse() is the only reader of URLs of servers. Between processes an endpoint travels as
 * JSON, with the addresses that the supervisor found, because a worker resolves no names:
 *
 *     {"host": "api.example.com", "port": 6443, "addresses": ["10.0.0.4", "fd00::4"]}
 *
 *     struct endpoint endpoint;
 *     if (endpoint_parse(url, ENDPOINT_HTTPS, &endpoint, NULL, error) < 0)
 *         return -1;
 *     char name[ENDPOINT_NAME_SIZE];
 *     printf("%s\n", endpoint_format(&endpoint, name)); // "api.example.com:6443", "[fd00::4]:6443"
 *
 * IPv6 addresses are written without brackets in the struct and in JSON. Only URLs and names for
 * people have the brackets.
 *
 * Ownership: a struct endpoint owns nothing. Threads: every function may be called from any thread.
 * Errors: ERROR_INVALID names the URL or entry and what is wrong with it.
 */
#ifndef MIMO_ENDPOINT_H
#define MIMO_ENDPOINT_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mimo/error.h"

enum {
    ENDPOINT_HOST_SIZE = 253 + 1,
    ENDPOINT_NAME_SIZE = ENDPOINT_HOST_SIZE + 8, /* brackets, colon and port */
    ENDPOINT_ADDRESSES_MAXIMUM = 8,              /* further addresses of a name are not used */
};

struct endpoint {
    bool is_plain; /* http; else https */
    char host[ENDPOINT_HOST_SIZE];
    uint16_t port;
};

/* Schemes that a URL may have. */
enum endpoint_schemes { ENDPOINT_HTTPS, ENDPOINT_HTTPS_OR_HTTP };

/* Reads "https://host[:port][/path][?query]". Users, passwords, fragments and IPv6 zones are
 * refused. If `ret_path` is not NULL, the caller frees *ret_path: path and query as they are in the
 * URL, "" if there is only a slash. */
int endpoint_parse(const char *url, enum endpoint_schemes schemes, struct endpoint *ret_endpoint,
                   char **ret_path, struct error *error);

/* True for letters, digits, "-", "." and "_": a name, or an IPv4 address. */
bool endpoint_is_host_name(const char *text);

/* True for an IPv4 or IPv6 address without brackets. */
bool endpoint_is_address(const char *host);

/* True for localhost and for loopback addresses. */
bool endpoint_is_loopback(const struct endpoint *endpoint);

/* Same host (names in any case) and port. */
bool endpoint_equals(const struct endpoint *one, const struct endpoint *other);

/* Writes the host as in URLs, an IPv6 address in brackets, into `buffer` of ENDPOINT_NAME_SIZE
 * bytes, which is returned. */
const char *endpoint_format_host(const char *host, char *buffer);

/* Writes "host:port" into `buffer` of ENDPOINT_NAME_SIZE bytes, which is returned. */
const char *endpoint_format(const struct endpoint *endpoint, char *buffer);

/* Describes the endpoint and its addresses as JSON. New reference; NULL only without memory. */
struct json_object *endpoint_describe(const struct endpoint *endpoint, const char *const *addresses,
                                      size_t count);

/* Checks every entry of the array `endpoints` and collects the addresses of `endpoint`, borrowed
 * from the array; none is not an error. */
struct endpoint_addresses {
    const char *texts[ENDPOINT_ADDRESSES_MAXIMUM];
    size_t count;
};
int endpoint_find_addresses(const struct json_object *endpoints, const struct endpoint *endpoint,
                            struct endpoint_addresses *ret_addresses, struct error *error);

#endif
