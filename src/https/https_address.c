/* SPDX-License-Identifier: Apache-2.0 */
/*
 * https_address.c - which addresses a client connects to, which name it verifies, and whether it
 * uses a proxy.
 */
#include <stdio.h>
#include <string.h>

#include "https/https_private.h"
#include "mimo/cleanup.h"

int https_append(struct curl_slist **list, const char *text, struct error *error)
{
    struct curl_slist *longer = curl_slist_append(*list, text);
    if (!longer)
        return error_set_memory(error);
    *list = longer;
    return 0;
}

/* Gives libcurl the addresses in its own form, "host:port:address,[address]", so that it resolves
 * nothing. */
static int set_addresses(struct https_client *client, const struct https_options *options,
                         struct error *error)
{
    struct endpoint_addresses found;
    char line[ENDPOINT_NAME_SIZE * (1 + ENDPOINT_ADDRESSES_MAXIMUM)];
    char address[ENDPOINT_NAME_SIZE];
    if (endpoint_is_address(client->endpoint.host))
        return 0;
    if (endpoint_find_addresses(options->endpoints, &client->endpoint, &found, error) < 0)
        return -1;
    if (found.count == 0)
        return options->resolves_names
                   ? 0
                   : error_set(error, ERROR_NOT_FOUND, "no address for %s", client->peer);
    int length = snprintf(line, sizeof(line), "%s", client->peer);
    for (size_t i = 0; i < found.count; i++)
        length += snprintf(line + length, sizeof(line) - (size_t)length, "%c%s", i ? ',' : ':',
                           endpoint_format_host(found.texts[i], address));
    return https_append(&client->resolve, line, error);
}

/* libcurl takes the name for SNI and verification from the URL only. To verify another name than
 * the host's, the URL has that name, and the connection is redirected to the server. */
static int set_names(struct https_client *client, const struct https_options *options,
                     const char *path, struct error *error)
{
    const char *name = options->tls_server_name;
    const char *scheme = client->endpoint.is_plain ? "http" : "https";
    char host[ENDPOINT_NAME_SIZE];
    cleanup_free char *line = NULL;
    if (asprintf(&client->base, "%s://%s:%u%s", scheme,
                 name ? name : endpoint_format_host(client->endpoint.host, host),
                 client->endpoint.port, path) < 0) {
        client->base = NULL;
        return error_set_memory(error);
    }
    if (!name)
        return 0;
    client->is_renamed = true;
    if (asprintf(&line, "%s:%u:%s", name, client->endpoint.port, client->peer) < 0) {
        line = NULL;
        return error_set_memory(error);
    }
    return https_append(&client->connect_to, line, error);
}

/* Finds the proxy that libcurl would take from the environment. Plain http looks at the variable in
 * lower case only, as curl(1) does: a CGI server sets HTTP_PROXY from a header of its client. */
static void find_proxy(struct https_client *client)
{
    static const char *const for_https[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
    static const char *const for_http[] = {"http_proxy", "all_proxy", "ALL_PROXY", NULL};
    const char *const *names = client->endpoint.is_plain ? for_http : for_https;
    for (size_t i = 0; i < sizeof(for_https) / sizeof(for_https[0]) && names[i]; i++) {
        const char *value = getenv(names[i]);
        if (!value || !value[0])
            continue;
        const char *password_end = strrchr(value, '@');
        snprintf(client->proxy, sizeof(client->proxy), "%s (%s)",
                 password_end ? password_end + 1 : value, names[i]);
        return;
    }
}

int https_client_locate(struct https_client *client, const struct https_options *options,
                        struct error *error)
{
    cleanup_free char *path = NULL;
    if (endpoint_parse(options->url,
                       options->is_plain_allowed ? ENDPOINT_HTTPS_OR_HTTP : ENDPOINT_HTTPS,
                       &client->endpoint, &path, error) < 0)
        return -1;
    endpoint_format(&client->endpoint, client->peer);
    if (options->uses_proxy && !endpoint_is_loopback(&client->endpoint))
        find_proxy(client);
    if (set_addresses(client, options, error) < 0)
        return -1;
    return set_names(client, options, path, error);
}
