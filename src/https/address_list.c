/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address_list.c - the addresses that came with the job.
 */
#include "https/address_list.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mimo/outcome.h"

/* "host:port:address,address" in its parts; the host without brackets. */
struct entry {
    char host[256];
    int port;
    const char *addresses; /* points into the entry's text */
};

/* Copies `length` bytes of `text` without brackets around them. False when they do not fit. */
static bool copy_unbracketed(char *buffer, size_t size, const char *text, size_t length)
{
    if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    }
    if (length == 0 || length >= size)
        return false;
    memcpy(buffer, text, length);
    buffer[length] = '\0';
    return true;
}

static bool parse_entry(const char *text, struct entry *ret_entry)
{
    const char *host_end = text[0] == '[' ? strchr(text, ']') : NULL;
    host_end = host_end ? host_end + 1 : text + strcspn(text, ":");
    if (*host_end != ':' ||
        !copy_unbracketed(ret_entry->host, sizeof ret_entry->host, text, (size_t)(host_end - text)))
        return false;
    char *port_end;
    long port = strtol(host_end + 1, &port_end, 10);
    if (!(host_end[1] >= '0' && host_end[1] <= '9') || *port_end != ':' || port < 1 || port > 65535)
        return false;
    ret_entry->port = (int)port;
    ret_entry->addresses = port_end + 1;
    return true;
}

/* Adds an address to the list; one too many is left out. */
static void add_address(const char *address, struct address_list *list)
{
    if (list->count == ADDRESSES_MAXIMUM)
        return;
    list->length +=
        (size_t)snprintf(list->text + list->length, sizeof list->text - list->length,
                         strchr(address, ':') ? "%s[%s]" : "%s%s", list->count ? "," : "", address);
    list->count++;
}

/* Checks the addresses of an entry, and adds them to `list` unless that is NULL. */
static bool read_addresses(const char *text, struct address_list *list)
{
    for (;;) {
        char address[INET6_ADDRSTRLEN];
        size_t length = strcspn(text, ",");
        if (!copy_unbracketed(address, sizeof address, text, length) || !address_is_valid(address))
            return false;
        if (list)
            add_address(address, list);
        if (!text[length])
            return true;
        text += length + 1;
    }
}

int address_list_collect(json_t *entries, const char *host, int port, struct address_list *ret_list,
                         struct error *error)
{
    size_t index;
    json_t *element;
    *ret_list = (struct address_list){0};
    json_array_foreach(entries, index, element) {
        struct entry entry;
        const char *text = json_is_string(element) ? json_string_value(element) : "";
        bool is_good = parse_entry(text, &entry);
        bool is_wanted = is_good && entry.port == port && strcasecmp(entry.host, host) == 0;
        if (!is_good || !read_addresses(entry.addresses, is_wanted ? ret_list : NULL)) {
            char shown[160];
            status_text_copy(shown, sizeof shown, text);
            return error_set(error, ERROR_INVALID,
                             "the job's address \"%s\" is not host:port:address", shown);
        }
    }
    return 0;
}

bool address_is_valid(const char *host)
{
    struct in6_addr ignored;
    return inet_pton(AF_INET, host, &ignored) == 1 || inet_pton(AF_INET6, host, &ignored) == 1;
}
