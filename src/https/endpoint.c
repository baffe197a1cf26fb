/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint.c - URLs of servers, taken apart by libcurl; endpoints as JSON.
 */
#include "mimo/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/urlapi.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/outcome.h"

enum { SHOWN_SIZE = 256 }; /* of a URL in a message */

static void free_url(CURLU **url)
{
    curl_url_cleanup(*url);
}
#define cleanup_url __attribute__((cleanup(free_url)))

static void free_part(char **part)
{
    curl_free(*part);
}
#define cleanup_part __attribute__((cleanup(free_part)))

/* The parts of a URL that are needed. */
struct parts {
    char *scheme;
    char *host; /* IPv6 addresses in brackets */
    char *port;
};

static void free_parts(struct parts *parts)
{
    curl_free(parts->scheme);
    curl_free(parts->host);
    curl_free(parts->port);
}
#define cleanup_parts __attribute__((cleanup(free_parts)))

static CURLUcode take_apart(CURLU *url, const char *text, struct parts *ret_parts)
{
    CURLUcode code = curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
    if (code == CURLUE_OK)
        code = curl_url_get(url, CURLUPART_SCHEME, &ret_parts->scheme, 0);
    if (code == CURLUE_OK)
        code = curl_url_get(url, CURLUPART_HOST, &ret_parts->host, 0);
    if (code == CURLUE_OK)
        code = curl_url_get(url, CURLUPART_PORT, &ret_parts->port, CURLU_DEFAULT_PORT);
    return code;
}

static bool has_part(CURLU *url, CURLUPart part)
{
    cleanup_part char *text = NULL;
    return curl_url_get(url, part, &text, 0) == CURLUE_OK;
}

static int refuse_parts(CURLU *url, const char *shown, struct error *error)
{
    static const struct {
        CURLUPart part;
        const char *name;
    } refused[] = {
        {CURLUPART_USER, "a user"},
        {CURLUPART_PASSWORD, "a password"},
        {CURLUPART_FRAGMENT, "a fragment"},
        {CURLUPART_ZONEID, "an IPv6 zone"},
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (has_part(url, refused[i].part))
            return error_set(error, ERROR_INVALID, "%s has %s in its URL: leave it out", shown,
                             refused[i].name);
    return 0;
}

bool endpoint_is_host_name(const char *text)
{
    static const char characters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    size_t length = strlen(text);
    return length > 0 && length < ENDPOINT_HOST_SIZE && strspn(text, characters) == length;
}

/* Copies the host of a URL without brackets. False if it is neither a name nor an address. */
static bool take_host(const char *text, char *host)
{
    struct in6_addr ignored;
    size_t length = strlen(text);
    if (text[0] != '[') {
        snprintf(host, ENDPOINT_HOST_SIZE, "%s", text);
        return endpoint_is_host_name(text);
    }
    if (length < 4 || length > INET6_ADDRSTRLEN || text[length - 1] != ']')
        return false;
    snprintf(host, ENDPOINT_HOST_SIZE, "%.*s", (int)length - 2, text + 1);
    return inet_pton(AF_INET6, host, &ignored) == 1;
}

static int take_scheme(const char *scheme, enum endpoint_schemes schemes, const char *shown,
                       bool *ret_plain, struct error *error)
{
    *ret_plain = strcmp(scheme, "http") == 0;
    if (strcmp(scheme, "https") == 0 || (*ret_plain && schemes == ENDPOINT_HTTPS_OR_HTTP))
        return 0;
    return error_set(error, ERROR_INVALID, "%s is not https; no other scheme is allowed", shown);
}

static int take_path(const char *url, char **ret_path, struct error *error)
{
    const char *host = strstr(url, "://");
    const char *path = host ? host + 3 + strcspn(host + 3, "/?") : "";
    *ret_path = strdup(strcmp(path, "/") == 0 ? "" : path);
    return *ret_path ? 0 : error_set_memory(error);
}

/* The URL for a message, into `buffer` (SHOWN_SIZE bytes): without what comes before an @, which may be
 * a password, also in a URL that cannot be parsed. */
static void show_url(char *buffer, const char *url)
{
    char raw[SHOWN_SIZE];
    const char *scheme = strstr(url, "://");
    const char *start = scheme && scheme < url + strcspn(url, "@") ? scheme + strlen("://") : url;
    const char *at = strrchr(start, '@');
    if (at)
        snprintf(raw, sizeof(raw), "%.*s...%s", (int)(start - url), url, at);
    status_text_copy(buffer, SHOWN_SIZE, at ? raw : url);
}

int endpoint_parse(const char *url, enum endpoint_schemes schemes, struct endpoint *ret_endpoint,
                   char **ret_path, struct error *error)
{
    cleanup_parts struct parts parts = {0};
    cleanup_url CURLU *parser = curl_url();
    char shown[SHOWN_SIZE];
    show_url(shown, url);
    *ret_endpoint = (struct endpoint){0};
    CURLUcode code = parser ? take_apart(parser, url, &parts) : CURLUE_OUT_OF_MEMORY;
    if (code == CURLUE_OUT_OF_MEMORY)
        return error_set_memory(error);
    if (code != CURLUE_OK)
        return error_set(error, ERROR_INVALID,
                         "\"%s\" is not a URL of the form https://host[:port][/path]: %s", shown,
                         curl_url_strerror(code));
    if (take_scheme(parts.scheme, schemes, shown, &ret_endpoint->is_plain, error) < 0 ||
        refuse_parts(parser, shown, error) < 0)
        return -1;
    if (!take_host(parts.host, ret_endpoint->host))
        return error_set(error, ERROR_INVALID, "%s: its host is not a host name or an IP address",
                         shown);
    ret_endpoint->port = (uint16_t)strtoul(parts.port, NULL, 10);
    if (ret_endpoint->port == 0)
        return error_set(error, ERROR_INVALID, "%s: 0 is not a valid port", shown);
    return ret_path ? take_path(url, ret_path, error) : 0;
}

bool endpoint_is_address(const char *host)
{
    struct in6_addr ignored;
    return inet_pton(AF_INET, host, &ignored) == 1 || inet_pton(AF_INET6, host, &ignored) == 1;
}

bool endpoint_is_loopback(const struct endpoint *endpoint)
{
    struct in_addr ipv4;
    struct in6_addr ipv6;
    if (inet_pton(AF_INET, endpoint->host, &ipv4) == 1)
        return ntohl(ipv4.s_addr) >> 24 == IN_LOOPBACKNET;
    if (inet_pton(AF_INET6, endpoint->host, &ipv6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&ipv6);
    return strcasecmp(endpoint->host, "localhost") == 0;
}

bool endpoint_equals(const struct endpoint *one, const struct endpoint *other)
{
    struct in6_addr one_address, other_address;
    if (one->port != other->port)
        return false;
    if (inet_pton(AF_INET6, one->host, &one_address) == 1 &&
        inet_pton(AF_INET6, other->host, &other_address) == 1)
        return memcmp(&one_address, &other_address, sizeof(one_address)) == 0;
    return strcasecmp(one->host, other->host) == 0;
}

const char *endpoint_format_host(const char *host, char *buffer)
{
    snprintf(buffer, ENDPOINT_NAME_SIZE, strchr(host, ':') ? "[%s]" : "%s", host);
    return buffer;
}

const char *endpoint_format(const struct endpoint *endpoint, char *buffer)
{
    endpoint_format_host(endpoint->host, buffer);
    size_t length = strlen(buffer);
    snprintf(buffer + length, ENDPOINT_NAME_SIZE - length, ":%u", endpoint->port);
    return buffer;
}

struct json_object *endpoint_describe(const struct endpoint *endpoint, const char *const *addresses,
                                      size_t count)
{
    cleanup_json struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < count; i++)
        if (!list || document_append(list, document_new_string(addresses[i])) < 0)
            return NULL;
    return list ? document_pack("{s:s, s:i, s:O}", "host", endpoint->host, "port", endpoint->port,
                                "addresses", list)
                : NULL;
}

/* Reads one entry; *ret_addresses is borrowed from it. */
static int read_entry(const struct json_object *entry, struct endpoint *ret_endpoint,
                      struct json_object **ret_addresses, struct error *error)
{
    const char *host;
    int64_t port;
    if (!document_is_object(entry))
        return error_set(error, ERROR_INVALID, "an endpoint must be an object");
    if (document_read_string(entry, "host", "", &host, error) < 0 ||
        document_read_integer(entry, "port", 0, &port, error) < 0)
        return -1;
    if (host[0] == '\0' || strlen(host) >= ENDPOINT_HOST_SIZE)
        return error_set(error, ERROR_INVALID, "member \"host\" must have 1 to %d characters",
                         ENDPOINT_HOST_SIZE - 1);
    if (port < 1 || port > UINT16_MAX)
        return error_set(error, ERROR_INVALID, "member \"port\" must be from 1 to %d", UINT16_MAX);
    *ret_addresses = document_get(entry, "addresses");
    if (!document_is_array(*ret_addresses))
        return error_set(error, ERROR_INVALID, "member \"addresses\" must be an array");
    snprintf(ret_endpoint->host, sizeof(ret_endpoint->host), "%s", host);
    ret_endpoint->port = (uint16_t)port;
    return 0;
}

/* Checks the addresses of an entry, and adds them to `found` unless that is NULL. */
static int read_addresses(const struct json_object *addresses, struct endpoint_addresses *found,
                          struct error *error)
{
    size_t index;
    struct json_object *element;
    document_foreach_item(addresses, index, element) {
        const char *text = document_is_string(element) ? document_text(element) : "";
        char shown[80];
        if (!endpoint_is_address(text)) {
            status_text_copy(shown, sizeof(shown), text);
            return error_set(error, ERROR_INVALID, "\"%s\" is not an IP address", shown);
        }
        if (found && found->count < ENDPOINT_ADDRESSES_MAXIMUM)
            found->texts[found->count++] = text;
    }
    return 0;
}

int endpoint_find_addresses(const struct json_object *endpoints, const struct endpoint *endpoint,
                            struct endpoint_addresses *ret_addresses, struct error *error)
{
    size_t index;
    struct json_object *element;
    *ret_addresses = (struct endpoint_addresses){0};
    document_foreach_item(endpoints, index, element) {
        struct endpoint entry = {0};
        struct json_object *addresses = NULL;
        if (read_entry(element, &entry, &addresses, error) < 0 ||
            read_addresses(addresses, endpoint_equals(&entry, endpoint) ? ret_addresses : NULL,
                           error) < 0)
            return error_prefix(error, "endpoint %zu of the job", index + 1);
    }
    return 0;
}
