/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubeconfig_format.c - writes a kubeconfig for a program that resolves no names and reads no CA
 * bundle: kubectl and client libraries take it as it is.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "kube/kube_private.h"
#include "kube/yaml_tree.h"
#include "mimo/base64.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/endpoint.h"
#include "mimo/kube.h"

/* The address of the server to use: its own, or the one at `position`, modulo their number. */
static int choose_address(const struct endpoint *endpoint, const struct json_object *endpoints,
                          unsigned position, const char **ret_address, struct error *error)
{
    struct endpoint_addresses found;
    char name[ENDPOINT_NAME_SIZE];
    *ret_address = endpoint->host;
    if (endpoint_is_address(endpoint->host))
        return 0;
    if (endpoint_find_addresses(endpoints, endpoint, &found, error) < 0)
        return -1;
    if (found.count == 0)
        return error_set(error, ERROR_INVALID,
                         "the job has no address for %s: it is not the server of the cluster's "
                         "apiserverProfile.url",
                         endpoint_format(endpoint, name));
    *ret_address = found.texts[position % found.count];
    return 0;
}

static int set_base64(struct json_object *mapping, const char *member, const char *text,
                      struct error *error)
{
    char *encoded = NULL;
    if (!text)
        return 0;
    if (base64_encode(text, strlen(text), &encoded, error) < 0)
        return -1;
    int result = document_set_string(mapping, member, encoded);
    OPENSSL_cleanse(encoded, strlen(encoded));
    free(encoded);
    return result < 0 ? error_set_memory(error) : 0;
}

static int set_server(struct json_object *cluster, const struct kubeconfig *config,
                      const struct json_object *endpoints, unsigned position, struct error *error)
{
    struct endpoint endpoint;
    cleanup_free char *path = NULL;
    cleanup_free char *server = NULL;
    const char *address;
    const char *name = config->tls_server_name;
    char host[ENDPOINT_NAME_SIZE];
    if (endpoint_parse(config->server, ENDPOINT_HTTPS, &endpoint, &path, error) < 0 ||
        choose_address(&endpoint, endpoints, position, &address, error) < 0)
        return -1;
    if (!name && address != endpoint.host)
        name = endpoint.host;
    if (asprintf(&server, "https://%s:%u%s", endpoint_format_host(address, host), endpoint.port,
                 path) < 0)
        server = NULL;
    if (!server || document_set_string(cluster, "server", server) < 0 ||
        document_set_string(cluster, "tls-server-name", name) < 0)
        return error_set_memory(error);
    return 0;
}

static int set_trust(struct json_object *cluster, const struct kubeconfig *config,
                     struct error *error)
{
    const char *ca = config->ca ? config->ca : kube_system_ca();
    if (config->insecure)
        return document_set(cluster, "insecure-skip-tls-verify", json_object_new_boolean(true)) < 0
                   ? error_set_memory(error)
                   : 0;
    if (ca)
        return set_base64(cluster, "certificate-authority-data", ca, error);
    return error_set(error, ERROR_INVALID,
                     "the kubeconfig has no certificate-authority-data and this machine has no "
                     "CA bundle to verify %s with",
                     config->host);
}

static int set_cluster(struct json_object *cluster, const struct kubeconfig *config,
                       const struct json_object *endpoints, unsigned position, struct error *error)
{
    if (set_server(cluster, config, endpoints, position, error) < 0)
        return -1;
    return set_trust(cluster, config, error);
}

static int set_user(struct json_object *user, const struct kubeconfig *config, struct error *error)
{
    if (set_base64(user, "client-certificate-data", config->client_certificate, error) < 0 ||
        set_base64(user, "client-key-data", config->client_key, error) < 0)
        return -1;
    if (document_set_string(user, "token", config->token) < 0)
        return error_set_memory(error);
    return 0;
}

int kubeconfig_format(const struct kubeconfig *config, const struct json_object *endpoints,
                      unsigned position, char **ret_text, struct error *error)
{
    struct json_object *tree = document_pack(
        "{s:s, s:s, s:s, s:[{s:s, s:{}}], s:[{s:s, s:{}}],"
        " s:[{s:s, s:{s:s, s:s}}]}",
        "apiVersion", "v1", "kind", "Config", "current-context", "cluster", "clusters", "name",
        "cluster", "cluster", "users", "name", "user", "user", "contexts", "name", "cluster",
        "context", "cluster", "cluster", "user", "user");
    struct json_object *cluster =
        document_member(document_item(document_member(tree, "clusters"), 0), "cluster");
    struct json_object *user =
        document_member(document_item(document_member(tree, "users"), 0), "user");
    int result = tree ? 0 : error_set_memory(error);
    if (result == 0)
        result = set_cluster(cluster, config, endpoints, position, error);
    if (result == 0)
        result = set_user(user, config, error);
    if (result == 0) {
        *ret_text = document_format(tree);
        result = *ret_text ? 0 : error_set_memory(error);
    }
    yaml_tree_wipe(tree);
    return result;
}
