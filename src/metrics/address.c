/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address.c - converts "HOST:PORT" of configuration keys to socket addresses.
 */
#include "metrics/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct host_and_port {
    char host[256];
    char port[8];
};

static int split(const char *text, struct host_and_port *ret_parts, struct error *error)
{
    const char *colon = strrchr(text, ':');
    const char *host = text;
    size_t length = colon ? (size_t)(colon - text) : 0;

    if (length >= 2 && text[0] == '[' && colon[-1] == ']') {
        host += 1;
        length -= 2;
    } else if (colon && memchr(text, ':', length)) {
        return error_set(error, ERROR_INVALID,
                         "\"%s\": write an IPv6 address in brackets, as in [::1]:9464", text);
    }
    if (length == 0 || length >= sizeof(ret_parts->host))
        return error_set(error, ERROR_INVALID, "\"%s\" is not HOST:PORT", text);

    char *end;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (colon[1] < '0' || colon[1] > '9' || *end || port > 65535)
        return error_set(error, ERROR_INVALID, "\"%s\": the port is not a number from 0 to 65535",
                         text);

    memcpy(ret_parts->host, host, length);
    ret_parts->host[length] = '\0';
    snprintf(ret_parts->port, sizeof(ret_parts->port), "%lu", port);
    return 0;
}

/* Returns 0 or the code of getaddrinfo(3). */
static int resolve(const struct host_and_port *parts, int flags, struct address *ret_address)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags};
    struct addrinfo *found = NULL;
    int failure = getaddrinfo(parts->host, parts->port, &hints, &found);
    if (failure != 0)
        return failure;
    *ret_address = (struct address){.length = found->ai_addrlen};
    memcpy(&ret_address->socket, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return 0;
}

int address_parse(const char *text, struct address *ret_address, bool *ret_numeric,
                  struct error *error)
{
    struct host_and_port parts;
    *ret_address = (struct address){.length = 0};
    if (split(text, &parts, error) < 0)
        return -1;
    *ret_numeric = resolve(&parts, AI_NUMERICHOST, ret_address) == 0;
    return 0;
}

int address_resolve(const char *text, struct address *ret_address, struct error *error)
{
    struct host_and_port parts;
    if (split(text, &parts, error) < 0)
        return -1;
    int failure = resolve(&parts, 0, ret_address);
    if (failure != 0)
        return error_set(error, ERROR_UNAVAILABLE, "cannot resolve \"%s\": %s", parts.host,
                         gai_strerror(failure));
    return 0;
}

bool address_is_loopback(const struct address *address)
{
    if (address->socket.ss_family == AF_INET) {
        const struct sockaddr_in *ip4 = (const struct sockaddr_in *)&address->socket;
        return ntohl(ip4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    const struct sockaddr_in6 *ip6 = (const struct sockaddr_in6 *)&address->socket;
    return IN6_IS_ADDR_LOOPBACK(&ip6->sin6_addr);
}

const char *address_format(const struct address *address, char *buffer)
{
    char host[INET6_ADDRSTRLEN] = "";
    if (address->socket.ss_family == AF_INET) {
        const struct sockaddr_in *ip4 = (const struct sockaddr_in *)&address->socket;
        inet_ntop(AF_INET, &ip4->sin_addr, host, sizeof(host));
        snprintf(buffer, ADDRESS_TEXT_SIZE, "%s:%u", host, ntohs(ip4->sin_port));
    } else {
        const struct sockaddr_in6 *ip6 = (const struct sockaddr_in6 *)&address->socket;
        inet_ntop(AF_INET6, &ip6->sin6_addr, host, sizeof(host));
        snprintf(buffer, ADDRESS_TEXT_SIZE, "[%s]:%u", host, ntohs(ip6->sin6_port));
    }
    return buffer;
}
