/* SPDX-License-Identifier: Apache-2.0 */
/* resolver.c - names to addresses on libuv's thread pool. */
#include "supervisor/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/endpoint.h"

struct resolution {
    uv_getaddrinfo_t request;
    resolver_done_f *done;
    void *context;
    struct endpoint endpoint;
};

static const char *format_address(const struct sockaddr *address, char *buffer)
{
    if (address->sa_family == AF_INET6)
        return inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, buffer,
                         INET6_ADDRSTRLEN);
    return inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, buffer,
                     INET6_ADDRSTRLEN);
}

/* NULL without memory. */
static struct json_object *describe(const struct endpoint *endpoint, const struct addrinfo *found)
{
    char texts[ENDPOINT_ADDRESSES_MAXIMUM][INET6_ADDRSTRLEN];
    const char *addresses[ENDPOINT_ADDRESSES_MAXIMUM];
    size_t count = 0;
    for (const struct addrinfo *one = found; one && count < ENDPOINT_ADDRESSES_MAXIMUM;
         one = one->ai_next) {
        addresses[count] = format_address(one->ai_addr, texts[count]);
        count += addresses[count] != NULL;
    }
    return endpoint_describe(endpoint, addresses, count);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    cleanup_free struct resolution *resolution = request->data;
    struct error error = {0};
    struct json_object *endpoint = status == 0 ? describe(&resolution->endpoint, found) : NULL;
    if (status < 0)
        error_set(&error, ERROR_UNAVAILABLE, "cannot resolve %s: %s", resolution->endpoint.host,
                  uv_strerror(status));
    else if (!endpoint)
        error_set_memory(&error);
    uv_freeaddrinfo(found);
    resolution->done(resolution->context, endpoint, &error);
    json_object_put(endpoint);
}

int resolver_start(uv_loop_t *loop, const char *url, resolver_done_f *done, void *context,
                   struct error *error)
{
    cleanup_free struct resolution *resolution = calloc(1, sizeof(*resolution));
    if (!resolution)
        return error_set_memory(error);
    if (endpoint_parse(url, ENDPOINT_HTTPS, &resolution->endpoint, NULL, error) < 0)
        return -1;
    resolution->done = done;
    resolution->context = context;
    resolution->request.data = resolution;

    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    const char *host = resolution->endpoint.host;
    int status = uv_getaddrinfo(loop, &resolution->request, on_resolved, host, NULL, &hints);
    if (status < 0)
        return error_set(error, ERROR_UNAVAILABLE, "cannot resolve %s: %s", host,
                         uv_strerror(status));
    take_pointer(&resolution);
    return 0;
}
