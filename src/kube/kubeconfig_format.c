/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubeconfig_format.c - writes a kubeconfig for a program that resolves no names and reads no CA
 * bundle: kubectl and client libraries take it as it is.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "kube/kube_private.h"
#include "kube/yaml_tree.h"
#include "mimo/base64.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/kube.h"

enum { ADDRESSES_MAXIMUM = 64 };

static bool is_address(const char *text)
{
    struct in6_addr ignored;
    return inet_pton(AF_INET, text, &ignored) == 1 || inet_pton(AF_INET6, text, &ignored) == 1;
}

/* What stands behind "host:port:" in an entry of that server, else NULL. */
static const char *addresses_of(const char *entry, const struct kubeconfig *config)
{
    char head[300];
    int length = snprintf(head, sizeof head, "%s:%d:", config->host, config->port);
    if (length < 0 || (size_t)length >= sizeof head ||
        strncasecmp(entry, head, (size_t)length) != 0)
        return NULL;
    return entry + length;
}

/* The address of the server at `position`, counted around all that there are. */
static int choose_address(const struct kubeconfig *config, const json_t *addresses,
                          unsigned position, char *buffer, size_t size, struct error *error)
{
    const char *found[ADDRESSES_MAXIMUM];
    size_t count = 0, index;
    json_t *element;
    json_array_foreach(addresses, index, element) {
        const char *entry = json_is_string(element) ? json_string_value(element) : "";
        const char *address = addresses_of(entry, config);
        while (address && *address && count < ADDRESSES_MAXIMUM) {
            found[count++] = address;
            address += strcspn(address, ",");
            address += *address == ',';
        }
    }
    if (count == 0)
        return error_set(error, ERROR_INVALID,
                         "the job has no address of %s:%d: it is not the server of the cluster's "
                         "apiserverProfile.url",
                         config->host, config->port);
    const char *chosen = found[position % count];
    size_t length = strcspn(chosen, ",");
    bool has_brackets = length > 2 && chosen[0] == '[' && chosen[length - 1] == ']';
    snprintf(buffer, size, "%.*s", (int)(has_brackets ? length - 2 : length),
             has_brackets ? chosen + 1 : chosen);
    if (is_address(buffer))
        return 0;
    return error_set(error, ERROR_INVALID, "the job has an address of %s that is none",
                     config->host);
}

static int set_base64(json_t *mapping, const char *member, const char *text, struct error *error)
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

static int set_cluster(json_t *cluster, const struct kubeconfig *config, const json_t *addresses,
                       unsigned position, struct error *error)
{
    char address[INET6_ADDRSTRLEN + 1], server[2048];
    const char *path = strchr(config->server + strlen("https://"), '/') ?: "";
    const char *name = config->tls_server_name;
    const char *ca = config->ca ? config->ca : kube_system_ca();
    if (is_address(config->host))
        snprintf(address, sizeof address, "%s", config->host);
    else if (choose_address(config, addresses, position, address, sizeof address, error) < 0)
        return -1;
    if (!name && !is_address(config->host))
        name = config->host;
    int length = snprintf(server, sizeof server,
                          strchr(address, ':') ? "https://[%s]:%d%s" : "https://%s:%d%s", address,
                          config->port, path);
    if (length < 0 || (size_t)length >= sizeof server)
        return error_set(error, ERROR_TOO_LARGE, "the server's URL is too long");
    if (!config->insecure && !ca)
        return error_set(error, ERROR_INVALID,
                         "the kubeconfig has no certificate-authority-data and this machine has no "
                         "CA bundle: nothing to verify %s with",
                         config->host);
    if (document_set_string(cluster, "server", server) < 0 ||
        document_set_string(cluster, "tls-server-name", name) < 0 ||
        (config->insecure && document_set(cluster, "insecure-skip-tls-verify", json_true()) < 0))
        return error_set_memory(error);
    return config->insecure ? 0 : set_base64(cluster, "certificate-authority-data", ca, error);
}

static int set_user(json_t *user, const struct kubeconfig *config, struct error *error)
{
    if (set_base64(user, "client-certificate-data", config->client_certificate, error) < 0 ||
        set_base64(user, "client-key-data", config->client_key, error) < 0)
        return -1;
    if (document_set_string(user, "token", config->token) < 0)
        return error_set_memory(error);
    return 0;
}

int kubeconfig_format(const struct kubeconfig *config, const json_t *addresses, unsigned position,
                      char **ret_text, struct error *error)
{
    json_t *tree =
        json_pack("{s:s, s:s, s:s, s:[{s:s, s:{}}], s:[{s:s, s:{}}],"
                  " s:[{s:s, s:{s:s, s:s}}]}",
                  "apiVersion", "v1", "kind", "Config", "current-context", "cluster", "clusters",
                  "name", "cluster", "cluster", "users", "name", "user", "user", "contexts", "name",
                  "cluster", "context", "cluster", "cluster", "user", "user");
    json_t *cluster =
        json_object_get(json_array_get(json_object_get(tree, "clusters"), 0), "cluster");
    json_t *user = json_object_get(json_array_get(json_object_get(tree, "users"), 0), "user");
    int result = tree ? 0 : error_set_memory(error);
    if (result == 0)
        result = set_cluster(cluster, config, addresses, position, error);
    if (result == 0)
        result = set_user(user, config, error);
    if (result == 0) {
        *ret_text = document_format(tree);
        result = *ret_text ? 0 : error_set_memory(error);
    }
    yaml_tree_wipe(tree);
    return result;
}
