/* SPDX-License-Identifier: Apache-2.0 */
/* forwarded.c - parses the header fields of proxies. */
#include "api/http/forwarded.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct span {
    const char *text;
    size_t length;
};

static struct span trim(const char *text, size_t length)
{
    while (length > 0 && strchr(" \t", *text)) {
        text++;
        length--;
    }
    while (length > 0 && strchr(" \t", text[length - 1]))
        length--;
    return (struct span){text, length};
}

/* Removes the last item of a list with this separator, outside of quotes; false when none is
 * left. */
static bool take_last(struct span *list, char separator, struct span *ret_item)
{
    if (!list->text)
        return false;
    size_t start = 0;
    bool quoted = false, found = false;
    for (size_t i = 0; i < list->length; i++) {
        if (list->text[i] == '"')
            quoted = !quoted;
        else if (list->text[i] == separator && !quoted) {
            start = i + 1;
            found = true;
        }
    }
    *ret_item = trim(list->text + start, list->length - start);
    if (found)
        list->length = start - 1;
    else
        list->text = NULL;
    return true;
}

static struct span whole(const char *text)
{
    return text ? trim(text, strlen(text)) : (struct span){NULL, 0};
}

/* An address with or without port and brackets. */
static bool read_address(struct span text, struct in6_addr *ret_address)
{
    if (text.length > 0 && text.text[0] == '[') {
        const char *end = memchr(text.text, ']', text.length);
        return end &&
               network_address_parse(text.text + 1, (size_t)(end - text.text) - 1, ret_address);
    }
    if (network_address_parse(text.text, text.length, ret_address))
        return true;
    const char *colon = text.length ? memchr(text.text, ':', text.length) : NULL;
    return colon && network_address_parse(text.text, (size_t)(colon - text.text), ret_address);
}

static void take_scheme(struct span text, struct forwarded *forwarded)
{
    static const char *const schemes[] = {"https", "http"};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (text.length == strlen(schemes[i]) &&
            strncasecmp(text.text, schemes[i], text.length) == 0)
            forwarded->scheme = schemes[i];
}

static void take_host(struct span text, struct forwarded *forwarded)
{
    char host[FORWARDED_HOST_SIZE];
    if (text.length >= sizeof(host))
        return;
    snprintf(host, sizeof(host), "%.*s", (int)text.length, text.text);
    if (wire_is_host(host))
        memcpy(forwarded->host, host, sizeof(host));
}

/* False if the address is a trusted proxy's: then the client is further to the front. An unreadable
 * address ends the search, because nothing before it can be trusted. */
static bool take_client(struct span text, const struct network_list *proxies,
                        struct forwarded *forwarded)
{
    struct in6_addr address;
    if (!read_address(text, &address))
        return true;
    forwarded->has_client = true;
    forwarded->client = address;
    return !network_list_has(proxies, &address);
}

static void read_addresses(const char *field, const struct network_list *proxies,
                           struct forwarded *forwarded)
{
    struct span list = whole(field), item;
    while (take_last(&list, ',', &item))
        if (take_client(item, proxies, forwarded))
            return;
}

/* The value of `name` in "for=...;proto=...", without its quotes. */
static bool find_pair(struct span element, const char *name, struct span *ret_value)
{
    struct span pair;
    const size_t length = strlen(name);
    while (take_last(&element, ';', &pair)) {
        if (pair.length <= length || pair.text[length] != '=' ||
            strncasecmp(pair.text, name, length) != 0)
            continue;
        struct span value = {pair.text + length + 1, pair.length - length - 1};
        if (value.length >= 2 && value.text[0] == '"' && value.text[value.length - 1] == '"')
            value = (struct span){value.text + 1, value.length - 2};
        *ret_value = value;
        return true;
    }
    return false;
}

static void read_forwarded(const char *field, const struct network_list *proxies,
                           struct forwarded *forwarded)
{
    struct span list = whole(field), element, value;
    bool is_last = true, found = false;
    while (!found && take_last(&list, ',', &element)) {
        if (is_last && find_pair(element, "proto", &value))
            take_scheme(value, forwarded);
        if (is_last && find_pair(element, "host", &value))
            take_host(value, forwarded);
        is_last = false;
        found = !find_pair(element, "for", &value) || take_client(value, proxies, forwarded);
    }
}

void forwarded_read(const char *const fields[WIRE_FIELD_COUNT], const struct network_list *proxies,
                    struct forwarded *ret_forwarded)
{
    struct span item, list;
    *ret_forwarded = (struct forwarded){.has_client = false};
    if (fields[WIRE_FORWARDED]) {
        read_forwarded(fields[WIRE_FORWARDED], proxies, ret_forwarded);
        return;
    }
    read_addresses(fields[WIRE_FORWARDED_FOR], proxies, ret_forwarded);
    list = whole(fields[WIRE_FORWARDED_HOST]);
    if (take_last(&list, ',', &item))
        take_host(item, ret_forwarded);
    list = whole(fields[WIRE_FORWARDED_PROTO]);
    if (take_last(&list, ',', &item))
        take_scheme(item, ret_forwarded);
}
