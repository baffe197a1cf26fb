/* SPDX-License-Identifier: Apache-2.0 */
/* entra_fetch.c - fetches the discovery document and the key set. */
#include "api/auth/entra_fetch.h"

#include <stdio.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/https.h"

static void cleanup_client_function(struct https_client **client)
{
    https_client_free(*client);
}
#define cleanup_client __attribute__((cleanup(cleanup_client_function)))

static void cleanup_answer_function(struct https_answer *answer)
{
    https_answer_free(answer);
}
#define cleanup_https_answer __attribute__((cleanup(cleanup_answer_function)))

/* A complete answer with status 200, or an error. */
static int get(struct https_client *client, const char *path, const char *what,
               struct https_answer *ret_answer, struct error *error)
{
    const struct https_request request = {
        .method = "GET", .path = path, .headers = {"Accept: application/json"}};
    https_request(client, &request, ret_answer);
    if (ret_answer->error.kind != ERROR_NONE)
        return error_set(error, ret_answer->error.kind, "%s: %s", what, ret_answer->error.message);
    if (ret_answer->status != 200)
        return error_set(error, ERROR_UNAVAILABLE, "%s: %s%s answered %ld", what,
                         https_client_peer(client), path, ret_answer->status);
    return 0;
}

/* The path of a URL on the authority's own server, or NULL for any other. */
static const char *path_at(const char *authority, const char *url)
{
    size_t length = strlen(authority);
    if (strncmp(url, authority, length) != 0 || url[length] != '/')
        return NULL;
    for (const char *at = url; *at; at++)
        if (*at <= ' ' || *at > '~')
            return NULL;
    return url + length;
}

/* *ret_path points into *ret_document. */
static int find_keys(const struct entra_place *place, const struct https_answer *answer,
                     struct json_object **ret_document, const char **ret_path, struct error *error)
{
    cleanup_json struct json_object *document = document_parse(answer->body, answer->length, error);
    if (!document)
        return error_prefix(error, "discovery document");
    const char *issuer = document_string(document, "issuer", "");
    const char *keys = document_string(document, "jwks_uri", "");
    if (strcmp(issuer, place->issuer) != 0)
        return error_set(error, ERROR_INVALID,
                         "discovery document: its issuer is \"%.200s\", not %s; check "
                         "api.entra_authority and api.entra_tenant",
                         issuer, place->issuer);
    *ret_path = path_at(place->authority, keys);
    if (!*ret_path)
        return error_set(error, ERROR_INVALID,
                         "discovery document: its jwks_uri \"%.200s\" is not on %s", keys,
                         place->authority);
    *ret_document = take_pointer(&document);
    return 0;
}

static int fetch_keys(struct https_client *client, const char *path, struct jwks **ret_keys,
                      struct error *error)
{
    cleanup_https_answer struct https_answer answer;
    if (get(client, path, "key set", &answer, error) < 0)
        return -1;
    return jwks_parse(answer.body, answer.length, ret_keys, error);
}

int entra_fetch(const struct entra_place *place, struct jwks **ret_keys, struct error *error)
{
    cleanup_client struct https_client *client = NULL;
    cleanup_json struct json_object *document = NULL;
    cleanup_https_answer struct https_answer answer = {0};
    cleanup_free char *path = NULL;
    const char *keys_path;
    const struct https_options options = {.url = place->authority,
                                          .ca = place->ca,
                                          .response_maximum = JWKS_SIZE_MAXIMUM,
                                          .resolves_names = true};
    if (asprintf(&path, "/%s/v2.0/.well-known/openid-configuration", place->tenant) < 0) {
        path = NULL;
        return error_set_memory(error);
    }
    if (https_client_create(&options, &client, error) < 0)
        return -1;
    https_client_set_timeouts(client, ENTRA_REQUEST_TIMEOUT, ENTRA_REQUEST_TIMEOUT);
    if (get(client, path, "discovery document", &answer, error) < 0 ||
        find_keys(place, &answer, &document, &keys_path, error) < 0)
        return -1;
    return fetch_keys(client, keys_path, ret_keys, error);
}
