/* SPDX-License-Identifier: Apache-2.0 */
/* Names to addresses on libuv's thread pool. */
#include "supervisor/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"

enum { HOST_SIZE = 256, ADDRESSES_SIZE = 1024, DEFAULT_HTTPS_PORT = 443 };

struct resolution {
    uv_getaddrinfo_t request;
    resolver_done_f *done;
    void *context;
    char host[HOST_SIZE];
    uint16_t port;
};

/* Where the host ends and what stands behind it, brackets of IPv6 taken off. */
static int split_host(const char *authority, size_t length, char *host, size_t host_size,
                      const char **ret_rest)
{
    const char *end = authority + length;
    const char *host_end;
    if (length > 0 && authority[0] == '[') {
        host_end = memchr(authority, ']', length);
        if (!host_end)
            return -1;
        authority++;
        *ret_rest = host_end + 1;
    } else {
        host_end = memchr(authority, ':', length);
        if (!host_end)
            host_end = end;
        *ret_rest = host_end;
    }
    size_t host_length = (size_t)(host_end - authority);
    if (host_length == 0 || host_length >= host_size)
        return -1;
    memcpy(host, authority, host_length);
    host[host_length] = '\0';
    return 0;
}

int resolver_split_url(const char *url, char *host, size_t host_size, uint16_t *ret_port,
                       struct error *error)
{
    static const char scheme[] = "https://";
    if (strncmp(url, scheme, sizeof(scheme) - 1) != 0)
        return error_set(error, ERROR_INVALID, "\"%s\" is not an https URL", url);
    const char *authority = url + sizeof(scheme) - 1;
    size_t length = strcspn(authority, "/?#");
    const char *rest;
    if (split_host(authority, length, host, host_size, &rest) < 0)
        return error_set(error, ERROR_INVALID, "\"%s\" has no valid host", url);

    long port = DEFAULT_HTTPS_PORT;
    if (rest < authority + length) {
        char *end;
        port = *rest == ':' ? strtol(rest + 1, &end, 10) : 0;
        if (port < 1 || port > UINT16_MAX || end != authority + length)
            return error_set(error, ERROR_INVALID, "\"%s\" has no valid port", url);
    }
    *ret_port = (uint16_t)port;
    return 0;
}

/* "host:port:address,address" of all that was found. */
static json_t *format_addresses(const struct resolution *resolution, const struct addrinfo *found)
{
    char text[HOST_SIZE + ADDRESSES_SIZE];
    int length =
        snprintf(text, sizeof(text), "%s:%u:", resolution->host, (unsigned)resolution->port);
    const char *separator = "";
    for (const struct addrinfo *one = found; one; one = one->ai_next) {
        char address[NI_MAXHOST];
        if (getnameinfo(one->ai_addr, one->ai_addrlen, address, sizeof(address), NULL, 0,
                        NI_NUMERICHOST) != 0)
            continue;
        size_t room = sizeof(text) - (size_t)length;
        char part[NI_MAXHOST + 4];
        int needed = one->ai_family == AF_INET6
                         ? snprintf(part, sizeof(part), "%s[%s]", separator, address)
                         : snprintf(part, sizeof(part), "%s%s", separator, address);
        if (needed < 0 || (size_t)needed >= room)
            break;
        memcpy(text + length, part, (size_t)needed + 1);
        length += needed;
        separator = ",";
    }
    return *separator ? json_pack("[s]", text) : NULL;
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    cleanup_free struct resolution *resolution = request->data;
    struct error error = {0};
    json_t *addresses = status == 0 ? format_addresses(resolution, found) : NULL;
    if (!addresses)
        error_set(&error, ERROR_UNAVAILABLE, "cannot resolve %s: %s", resolution->host,
                  status < 0 ? uv_strerror(status) : "no address");
    uv_freeaddrinfo(found);
    resolution->done(resolution->context, addresses, resolution->port, &error);
    json_decref(addresses);
}

int resolver_start(uv_loop_t *loop, const char *url, resolver_done_f *done, void *context,
                   struct error *error)
{
    cleanup_free struct resolution *resolution = calloc(1, sizeof(*resolution));
    if (!resolution)
        return error_set_memory(error);
    if (resolver_split_url(url, resolution->host, sizeof(resolution->host), &resolution->port,
                           error) < 0)
        return -1;
    resolution->done = done;
    resolution->context = context;
    resolution->request.data = resolution;

    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    int status =
        uv_getaddrinfo(loop, &resolution->request, on_resolved, resolution->host, NULL, &hints);
    if (status < 0)
        return error_set(error, ERROR_UNAVAILABLE, "cannot resolve %s: %s", resolution->host,
                         uv_strerror(status));
    take_pointer(&resolution);
    return 0;
}
