/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubeconfig.c - reads a kubeconfig, and refuses what a worker could not work with.
 *
 * The format: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/. Only what the current
 * context names is looked at. Secrets are wiped from the tree that they were read from.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "kube/kubeconfig_tree.h"
#include "kube/pem.h"
#include "kube/yaml_tree.h"
#include "mimo/base64.h"
#include "mimo/cleanup.h"
#include "mimo/cluster.h"
#include "mimo/document.h"
#include "mimo/endpoint.h"
#include "mimo/kube.h"
#include "mimo/outcome.h"

#define EMBED_ADVICE                                                                               \
    "a worker reads no files; mimoctl cluster register embeds them, and so does: "                 \
    "kubectl config view --flatten --minify --raw"

/* Members that would have to be obeyed, and cannot be. Tools that write every member write these
 * as "", [] or {}, which means the same as leaving them out. */
struct refusal {
    const char *member;
    const char *advice;
    bool counts_empty; /* also without anything in it */
};

static const struct refusal cluster_refusals[] = {
    {"certificate-authority", EMBED_ADVICE},
    {"proxy-url", "workers connect to the API server directly, never through a proxy"},
    {NULL, NULL},
};

#define IMPERSONATION_ADVICE "workers act as the user that they log in as; leave it out"
#define BASIC_ADVICE         "Kubernetes has given up passwords; use a client certificate or a token"
#define PLUGIN_ADVICE        "a worker runs no programs; use a client certificate or a token"

static const struct refusal user_refusals[] = {
    {"client-certificate", EMBED_ADVICE},
    {"client-key", EMBED_ADVICE},
    {"tokenFile", EMBED_ADVICE},
    {"exec", PLUGIN_ADVICE, true},
    {"auth-provider", PLUGIN_ADVICE, true},
    {"username", BASIC_ADVICE},
    {"password", BASIC_ADVICE},
    {"as", IMPERSONATION_ADVICE},
    {"as-uid", IMPERSONATION_ADVICE},
    {"as-groups", IMPERSONATION_ADVICE},
    {"as-user-extra", IMPERSONATION_ADVICE},
    {NULL, NULL},
};

static char *copy_text(const char *text, struct error *error)
{
    char *copy = strdup(text);
    if (!copy)
        error_set_memory(error);
    return copy;
}

/* Overwrites and frees. */
static void wipe_text(char *text)
{
    if (text)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
}

/* ---- values ---- */

/* Base64 into newly allocated text; NULL stays NULL. */
static int read_embedded(const struct place *place, const char *member, char **ret_text,
                         struct error *error)
{
    const char *encoded;
    *ret_text = NULL;
    if (kubeconfig_read_text(place, member, &encoded, error) < 0)
        return -1;
    if (!encoded)
        return 0;
    unsigned char *data;
    size_t length;
    if (base64_decode_lines(encoded, &data, &length, error) < 0)
        return error_prefix(error, "%s: %s is not base64", place->words, member);
    if (strlen((char *)data) != length) {
        OPENSSL_cleanse(data, length);
        free(data);
        return error_set(error, ERROR_INVALID, "%s: %s is not base64 of a text", place->words,
                         member);
    }
    *ret_text = (char *)data;
    return 0;
}

static bool is_empty(const struct json_object *value)
{
    if (document_is_string(value))
        return json_object_get_string_len(value) == 0;
    return document_length(value) == 0 && document_member_count(value) == 0;
}

static int refuse_members(const struct place *place, const struct refusal *refusals,
                          struct error *error)
{
    for (const struct refusal *refusal = refusals; refusal->member; refusal++) {
        const struct json_object *value = kubeconfig_find_member(place, refusal->member);
        if (value && (refusal->counts_empty || !is_empty(value)))
            return error_set(error, ERROR_INVALID, "%s has %s, which cannot be used: %s",
                             place->words, refusal->member, refusal->advice);
    }
    return 0;
}

/* ---- the server ---- */

/* Takes the URL apart, and puts it together again in the one form that is compared and used. */
static int set_server(struct kubeconfig *config, const char *server, struct error *error)
{
    struct endpoint endpoint;
    cleanup_free char *path = NULL;
    char name[ENDPOINT_NAME_SIZE];
    if (endpoint_parse(server, ENDPOINT_HTTPS, &endpoint, &path, error) < 0)
        return error_prefix(error, "server");
    if (strchr(path, '?'))
        return error_set(error, ERROR_INVALID, "server %s has a query in its URL: leave it out",
                         endpoint_format(&endpoint, name));
    config->host = copy_text(endpoint.host, error);
    if (!config->host)
        return -1;
    config->port = endpoint.port;
    size_t length = strlen(path);
    while (length > 0 && path[length - 1] == '/')
        length--;
    if (asprintf(&config->server, "https://%s%.*s", endpoint_format(&endpoint, name), (int)length,
                 path) < 0) {
        config->server = NULL;
        return error_set_memory(error);
    }
    return 0;
}

static bool is_same_server(const struct kubeconfig *one, const struct kubeconfig *other)
{
    struct endpoint endpoints[2];
    cleanup_free char *path = NULL;
    cleanup_free char *other_path = NULL;
    return endpoint_parse(one->server, ENDPOINT_HTTPS, &endpoints[0], &path, NULL) == 0 &&
           endpoint_parse(other->server, ENDPOINT_HTTPS, &endpoints[1], &other_path, NULL) == 0 &&
           endpoint_equals(&endpoints[0], &endpoints[1]) && strcmp(path, other_path) == 0;
}

int kubeconfig_expect_server(const struct kubeconfig *config, const char *url, struct error *error)
{
    struct kubeconfig expected = {0};
    int result = set_server(&expected, url, error);
    if (result < 0)
        error_prefix(error, "the cluster's apiserverProfile.url");
    else if (!is_same_server(config, &expected))
        result = error_set(error, ERROR_INVALID,
                           "the kubeconfig is for server %s, but the cluster's "
                           "apiserverProfile.url is %s: register the cluster again",
                           config->server, expected.server);
    kubeconfig_free(&expected);
    return result;
}

/* ---- cluster and user ---- */

static int read_cluster(const struct place *cluster, struct kubeconfig *config, struct error *error)
{
    const char *server;
    const char *name;
    if (refuse_members(cluster, cluster_refusals, error) < 0 ||
        kubeconfig_read_required(cluster, "server", "server", &server, error) < 0 ||
        set_server(config, server, error) < 0 ||
        read_embedded(cluster, "certificate-authority-data", &config->ca, error) < 0 ||
        kubeconfig_read_boolean(cluster, "insecure-skip-tls-verify", &config->insecure, error) <
            0 ||
        kubeconfig_read_text(cluster, "tls-server-name", &name, error) < 0)
        return -1;
    if (config->insecure && config->ca)
        return error_set(error, ERROR_INVALID,
                         "%s has both certificate-authority-data and insecure-skip-tls-verify: "
                         "leave one of them out",
                         cluster->words);
    if (config->ca && pem_check_certificates(config->ca, "certificate-authority-data", error) < 0)
        return -1;
    if (!name)
        return 0;
    if (!endpoint_is_host_name(name))
        return error_set(error, ERROR_INVALID, "%s: tls-server-name is not a host name",
                         cluster->words);
    config->tls_server_name = copy_text(name, error);
    return config->tls_server_name ? 0 : -1;
}

/* A token goes into a header line as it is: nothing in it may end the line. */
static bool is_token(const char *text)
{
    for (const char *c = text; *c; c++)
        if (*c <= ' ' || *c > '~')
            return false;
    return true;
}

static int read_user(const struct place *user, struct kubeconfig *config, struct error *error)
{
    const char *token;
    if (refuse_members(user, user_refusals, error) < 0 ||
        read_embedded(user, "client-certificate-data", &config->client_certificate, error) < 0 ||
        read_embedded(user, "client-key-data", &config->client_key, error) < 0 ||
        kubeconfig_read_text(user, "token", &token, error) < 0)
        return -1;
    if (!config->client_certificate != !config->client_key)
        return error_set(error, ERROR_INVALID,
                         "%s has one of client-certificate-data and client-key-data without the "
                         "other",
                         user->words);
    if (!config->client_certificate && !token)
        return error_set(error, ERROR_INVALID,
                         "%s has no credentials: neither client-certificate-data and "
                         "client-key-data nor token",
                         user->words);
    if (config->client_certificate &&
        (pem_check_certificates(config->client_certificate, "client-certificate-data", error) < 0 ||
         pem_check_key(config->client_key, config->client_certificate, "client-key-data", error) <
             0))
        return -1;
    if (!token)
        return 0;
    if (!is_token(token))
        return error_set(error, ERROR_INVALID,
                         "%s: token holds spaces or other characters that no token has",
                         user->words);
    config->token = copy_text(token, error);
    return config->token ? 0 : -1;
}

static int read_tree(const struct json_object *tree, struct kubeconfig *config, struct error *error)
{
    struct kubeconfig_parts parts;
    if (kubeconfig_find_parts(tree, NULL, &parts, error) < 0)
        return -1;
    const struct place cluster = {parts.cluster, parts.cluster_words};
    const struct place user = {parts.user, parts.user_words};
    if (read_cluster(&cluster, config, error) < 0)
        return -1;
    return read_user(&user, config, error);
}

int kubeconfig_parse(const char *text, size_t length, struct kubeconfig *ret_config,
                     struct error *error)
{
    *ret_config = (struct kubeconfig){0};
    if (length > CLUSTER_KUBECONFIG_SIZE_MAXIMUM)
        return error_set(error, ERROR_TOO_LARGE, "the kubeconfig is longer than %d bytes",
                         CLUSTER_KUBECONFIG_SIZE_MAXIMUM);
    struct json_object *tree = yaml_tree_parse(text, length, error);
    if (!tree)
        return -1;
    int result = read_tree(tree, ret_config, error);
    yaml_tree_wipe(tree);
    if (result < 0)
        kubeconfig_free(ret_config);
    return result;
}

void kubeconfig_free(struct kubeconfig *config)
{
    free(config->server);
    free(config->host);
    free(config->tls_server_name);
    free(config->ca);
    free(config->client_certificate);
    wipe_text(config->client_key);
    wipe_text(config->token);
    *config = (struct kubeconfig){0};
}
