/* SPDX-License-Identifier: Apache-2.0 */
/*
 * azure_setup.c - what of the configuration reaches a worker that reads from a Key Vault, and on
 * which way: as part of its job, or inherited from the launcher.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/provider.h>

#include "azure/azure_http.h"
#include "mimo/azure.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/https.h"
#include "mimo/trusted_path.h"

#define METADATA_SERVICE "http://169.254.169.254/metadata/identity/oauth2/token"

enum { SECRET_MAXIMUM = 16 * 1024, AUDIENCE_SIZE = 256 };

/* Taken from the configuration, else from the environment that the platform set, else the metadata
 * service of virtual machines. */
static const char *identity_endpoint(const struct config *config)
{
    const char *of_platform = getenv("IDENTITY_ENDPOINT");
    if (config->azure_identity_endpoint[0])
        return config->azure_identity_endpoint;
    return of_platform && config_is_identity_endpoint(of_platform) ? of_platform : METADATA_SERVICE;
}

/* "https://vault.azure.net" for "https://name.vault.azure.net". */
static void find_audience(const struct config *config, const char *vault, char *audience)
{
    const char *dot = strchr(vault, '.');
    if (config->azure_vault_audience[0])
        snprintf(audience, AUDIENCE_SIZE, "%s", config->azure_vault_audience);
    else
        snprintf(audience, AUDIENCE_SIZE, "https://%.*s", dot ? (int)strcspn(dot + 1, ":/") : 0,
                 dot ? dot + 1 : "");
}

struct json_object *azure_settings(const struct config *config)
{
    char audience[AUDIENCE_SIZE];
    const char *vault = config_certificate_vault(config);
    find_audience(config, vault, audience);
    return document_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "vault", vault, "audience", audience,
                         "authority", config->azure_authority, "tenant", config->azure_tenant,
                         "clientID", config->azure_client_id, "identityEndpoint",
                         identity_endpoint(config));
}

void azure_endpoints(const struct config *config, struct azure_endpoints *ret_endpoints)
{
    static const char http[] = "http://";
    const char *endpoint = identity_endpoint(config);
    *ret_endpoints =
        (struct azure_endpoints){.urls = {config_certificate_vault(config)}, .url_count = 1};
    if (config->azure_tenant[0])
        endpoint = config->azure_authority;
    if (strncmp(endpoint, http, strlen(http)) != 0) {
        ret_endpoints->urls[ret_endpoints->url_count++] = endpoint;
        return;
    }
    const char *host = endpoint + strlen(http);
    const char *colon = strpbrk(host, ":/");
    ret_endpoints->port = colon && *colon == ':' ? (uint16_t)strtoul(colon + 1, NULL, 10) : 80;
}

/* The text of a file without the end of its last line. */
static int read_secret(const char *path, char **ret_secret, struct error *error)
{
    if (trusted_path_read(path, TRUSTED_PATH_NO_USER, SECRET_MAXIMUM, ret_secret, NULL, error) < 0)
        return error_prefix(error, "azure.client_secret_file");
    (*ret_secret)[strcspn(*ret_secret, "\r\n")] = '\0';
    if ((*ret_secret)[0])
        return 0;
    azure_wipe_text(ret_secret);
    return error_set(error, ERROR_INVALID, "azure.client_secret_file: %s is empty", path);
}

/* Key Vault writes PKCS#12 with algorithms that OpenSSL 3 keeps in a module of its own. PEM works
 * without, so a machine that has no such module is not an error. */
static void load_legacy_algorithms(void)
{
    if (OSSL_PROVIDER_load(NULL, "default"))
        OSSL_PROVIDER_load(NULL, "legacy");
    ERR_clear_error();
}

int azure_secrets_take_environment(const struct config *config, struct azure_secrets *ret_secrets,
                                   struct error *error)
{
    const char *header = getenv("IDENTITY_HEADER");
    *ret_secrets = (struct azure_secrets){0};
    if (!config_certificate_vault(config) || !header || !getenv("IDENTITY_ENDPOINT") ||
        config->azure_identity_endpoint[0])
        return 0;
    ret_secrets->identity_header = strdup(header);
    return ret_secrets->identity_header ? 0 : error_set_memory(error);
}

int azure_secrets_load(const struct config *config, struct azure_secrets *secrets,
                       struct error *error)
{
    const char *ca = config->azure_ca_file[0] ? config->azure_ca_file : HTTPS_SYSTEM_CA;
    load_legacy_algorithms();
    if (trusted_path_read(ca, TRUSTED_PATH_NO_USER, HTTPS_SYSTEM_CA_MAXIMUM, &secrets->ca, NULL,
                          error) < 0)
        return error_prefix(error, "nothing to verify Azure with (azure.ca_file)");
    if (!config->azure_tenant[0])
        return 0;
    return read_secret(config->azure_client_secret_file, &secrets->client_secret, error);
}

void azure_secrets_wipe(struct azure_secrets *secrets)
{
    azure_wipe_text(&secrets->client_secret);
    azure_wipe_text(&secrets->identity_header);
    free(secrets->ca);
    secrets->ca = NULL;
}
