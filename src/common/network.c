/* SPDX-License-Identifier: Apache-2.0 */
/* network.c - addresses and networks. */
#include "mimo/network.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { ADDRESS_BITS = 128, MAPPED_BITS = 96, MAPPED_BYTES = 12 };

static struct in6_addr map_four(const struct in_addr *four)
{
    struct in6_addr six = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
    memcpy(six.s6_addr + MAPPED_BYTES, four, sizeof(*four));
    return six;
}

bool network_address_parse(const char *text, size_t length, struct in6_addr *ret_address)
{
    char copy[NETWORK_ADDRESS_SIZE];
    struct in_addr four;
    if (length >= sizeof(copy))
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    if (inet_pton(AF_INET6, copy, ret_address) == 1)
        return true;
    if (inet_pton(AF_INET, copy, &four) != 1)
        return false;
    *ret_address = map_four(&four);
    return true;
}

bool network_address_of(const struct sockaddr *socket_address, struct in6_addr *ret_address)
{
    if (socket_address && socket_address->sa_family == AF_INET) {
        struct sockaddr_in four;
        memcpy(&four, socket_address, sizeof(four));
        *ret_address = map_four(&four.sin_addr);
        return true;
    }
    if (socket_address && socket_address->sa_family == AF_INET6) {
        struct sockaddr_in6 six;
        memcpy(&six, socket_address, sizeof(six));
        *ret_address = six.sin6_addr;
        return true;
    }
    return false;
}

const char *network_address_format(const struct in6_addr *address, char *buffer)
{
    const bool four = IN6_IS_ADDR_V4MAPPED(address);
    if (!inet_ntop(four ? AF_INET : AF_INET6,
                   four ? address->s6_addr + MAPPED_BYTES : address->s6_addr, buffer,
                   NETWORK_ADDRESS_SIZE))
        snprintf(buffer, NETWORK_ADDRESS_SIZE, "?");
    return buffer;
}

/* "ADDRESS" or "ADDRESS/BITS" of `length` bytes. */
static bool parse_network(const char *text, size_t length, struct network *ret_network)
{
    const char *slash = memchr(text, '/', length);
    const size_t address = slash ? (size_t)(slash - text) : length;
    if (!network_address_parse(text, address, &ret_network->address))
        return false;
    const bool four = memchr(text, ':', address) == NULL;
    const unsigned offset = four ? MAPPED_BITS : 0;
    ret_network->bits = ADDRESS_BITS;
    if (!slash)
        return true;
    unsigned bits = 0;
    const char *end = text + length;
    if (slash + 1 == end || end - slash > 4)
        return false;
    for (const char *at = slash + 1; at < end; at++) {
        if (!isdigit((unsigned char)*at))
            return false;
        bits = 10 * bits + (unsigned)(*at - '0');
    }
    ret_network->bits = offset + bits;
    return ret_network->bits <= ADDRESS_BITS;
}

int network_list_parse(const char *text, struct network_list *ret_list, struct error *error)
{
    static const char blanks[] = " \t";
    ret_list->count = 0;
    text += strspn(text, blanks);
    if (!*text)
        return 0;
    for (;;) {
        text += strspn(text, blanks);
        const size_t length = strcspn(text, ",");
        size_t used = length;
        while (used > 0 && strchr(blanks, text[used - 1]))
            used--;
        if (ret_list->count == NETWORK_LIST_MAXIMUM)
            return error_set(error, ERROR_TOO_LARGE, "more than %d addresses",
                             NETWORK_LIST_MAXIMUM);
        if (!parse_network(text, used, &ret_list->networks[ret_list->count]))
            return error_set(error, ERROR_INVALID,
                             "\"%.*s\" is not an address or network such as 127.0.0.1, 10.0.0.0/8 "
                             "or fd00::/8",
                             used > 64 ? 64 : (int)used, text);
        ret_list->count++;
        if (!text[length])
            return 0;
        text += length + 1;
    }
}

static bool network_has(const struct network *network, const struct in6_addr *address)
{
    const unsigned bytes = network->bits / 8, bits = network->bits % 8;
    if (memcmp(network->address.s6_addr, address->s6_addr, bytes) != 0)
        return false;
    if (bits == 0)
        return true;
    const unsigned mask = 0xffu << (8 - bits);
    return ((network->address.s6_addr[bytes] ^ address->s6_addr[bytes]) & mask & 0xffu) == 0;
}

bool network_list_has(const struct network_list *list, const struct in6_addr *address)
{
    for (size_t i = 0; i < list->count; i++)
        if (network_has(&list->networks[i], address))
            return true;
    return false;
}
