/* SPDX-License-Identifier: Apache-2.0 */
/*
 * https_address.c - where a server is, and under which name it is verified.
 */
#include <stdio.h>
#include <string.h>

#include "https/address_list.h"
#include "https/https_private.h"
#include "mimo/cleanup.h"
#include "mimo/outcome.h"

/* A URL in its parts. */
struct place {
    char *scheme;
    char *host; /* IPv6 addresses in brackets */
    char *port;
    char *path; /* "" or "/..." without a slash at its end, the query with it */
};

static void free_place(struct place *place)
{
    curl_free(place->scheme);
    curl_free(place->host);
    curl_free(place->port);
    free(place->path);
}
#define cleanup_place __attribute__((cleanup(free_place)))

int https_append(struct curl_slist **list, const char *text, struct error *error)
{
    struct curl_slist *longer = curl_slist_append(*list, text);
    if (!longer)
        return error_set(error, ERROR_SYSTEM, "out of memory");
    *list = longer;
    return 0;
}

/* Everything behind host and port. */
static char *path_of(const char *url)
{
    const char *host = strstr(url, "://");
    const char *path = host ? host + 3 + strcspn(host + 3, "/?") : "";
    return strdup(strcmp(path, "/") == 0 ? "" : path);
}

static int take_apart(const char *url, struct place *ret_place, struct error *error)
{
    CURLU *parser = curl_url();
    CURLUcode code = parser ? curl_url_set(parser, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME)
                            : CURLUE_OUT_OF_MEMORY;
    if (code == CURLUE_OK)
        code = curl_url_get(parser, CURLUPART_SCHEME, &ret_place->scheme, 0);
    if (code == CURLUE_OK)
        code = curl_url_get(parser, CURLUPART_HOST, &ret_place->host, 0);
    if (code == CURLUE_OK)
        code = curl_url_get(parser, CURLUPART_PORT, &ret_place->port, CURLU_DEFAULT_PORT);
    curl_url_cleanup(parser);
    ret_place->path = path_of(url);
    if (code == CURLUE_OUT_OF_MEMORY || !ret_place->path)
        return error_set(error, ERROR_SYSTEM, "out of memory");
    if (code == CURLUE_OK && strlen(ret_place->host) < HTTPS_PEER_SIZE - 8)
        return 0;
    char shown[256];
    status_text_copy(shown, sizeof shown, url);
    return error_set(error, ERROR_INVALID, "%s is no https://host[:port][/path]: %s", shown,
                     code == CURLUE_OK ? "its host is too long" : curl_url_strerror(code));
}

static int check_scheme(const struct place *place, const struct https_options *options,
                        struct error *error)
{
    if (strcmp(place->scheme, "https") == 0 ||
        (options->is_plain_allowed && strcmp(place->scheme, "http") == 0))
        return 0;
    return error_set(error, ERROR_INVALID, "%s is not https: nothing else is spoken", place->host);
}

/* Says where the server is, so that libcurl asks no resolver. */
static int set_addresses(struct https_client *client, const struct place *place,
                         const struct https_options *options, struct error *error)
{
    struct address_list list;
    char line[HTTPS_PEER_SIZE + ADDRESS_LIST_SIZE];
    if (place->host[0] == '[' || address_is_valid(place->host))
        return 0;
    if (address_list_collect(options->addresses, place->host, atoi(place->port), &list, error) < 0)
        return -1;
    if (list.count > 0) {
        snprintf(line, sizeof line, "%s:%s", client->peer, list.text);
        return https_append(&client->resolve, line, error);
    }
    if (options->resolves_names)
        return 0;
    return error_set(error, ERROR_NOT_FOUND, "there is no address of %s", client->peer);
}

/* Where the certificate is to be checked for another name than the server's, the URL bears that
 * name (libcurl takes the name for SNI and verification from nowhere else), and the connection is
 * turned to the server. */
static int set_names(struct https_client *client, const struct place *place,
                     const struct https_options *options, struct error *error)
{
    const char *name = options->tls_server_name;
    cleanup_free char *line = NULL;
    if (asprintf(&client->base, "%s://%s:%s%s", place->scheme, name ? name : place->host,
                 place->port, place->path) < 0) {
        client->base = NULL;
        return error_set(error, ERROR_SYSTEM, "out of memory");
    }
    if (!name)
        return 0;
    client->is_renamed = true;
    if (asprintf(&line, "%s:%s:%s", name, place->port, client->peer) < 0) {
        line = NULL;
        return error_set(error, ERROR_SYSTEM, "out of memory");
    }
    return https_append(&client->connect_to, line, error);
}

int https_client_locate(struct https_client *client, const struct https_options *options,
                        struct error *error)
{
    cleanup_place struct place place = {0};
    if (take_apart(options->url, &place, error) < 0 || check_scheme(&place, options, error) < 0)
        return -1;
    snprintf(client->peer, sizeof client->peer, "%s:%s", place.host, place.port);
    if (set_addresses(client, &place, options, error) < 0)
        return -1;
    return set_names(client, &place, options, error);
}
