/* SPDX-License-Identifier: Apache-2.0 */
/*
 * azure.h - reads certificates from an Azure Key Vault, with a token of a managed identity or of an
 * application.
 *
 * Three processes take part. The supervisor puts azure_settings() into the job and resolves the
 * hosts of azure_endpoints(). The launcher loads the secrets before its first fork
 * (azure_secrets_load()). The worker reads the certificate inside its sandbox (key_vault_read()),
 * where it can open no file, resolve no name and follow no redirect.
 *
 * The token is sent only to the vault, is never logged, and is wiped. Every server is verified by
 * TLS, with one exception: the metadata service of the machine, which offers only plain http. Its
 * address is in 169.254.0.0/16 or 127.0.0.0/8, so its traffic never leaves the machine.
 *
 * Ownership: the caller wipes secrets (azure_secrets_wipe()) and certificate data.
 * Threads: any, one at a time for each struct azure_secrets.
 *
 * Sources:
 * https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret/get-secret
 * https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
 * https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
 * https://learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses
 */
#ifndef MIMO_AZURE_H
#define MIMO_AZURE_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdint.h>

#include "mimo/certificate.h"
#include "mimo/config.h"
#include "mimo/error.h"
#include "mimo/step.h"

/* The job's settings.azure: what a worker needs to read from the vault of tasks.certificates.
 * Contains no secrets. New reference; NULL only without memory. */
struct json_object *azure_settings(const struct config *config);

/* The servers that such a worker connects to. */
struct azure_endpoints {
    const char *urls[2]; /* https: to be resolved; borrowed from the configuration or environment */
    int url_count;
    uint16_t port; /* of the metadata service, whose host is an IP address; else 0 */
};
void azure_endpoints(const struct config *config, struct azure_endpoints *ret_endpoints);

/* Secrets that only the launcher can read; workers inherit them by fork. */
struct azure_secrets {
    char *client_secret;   /* of azure.client_secret_file, or NULL */
    char *identity_header; /* of the environment (IDENTITY_HEADER), or NULL */
    char *ca;              /* PEM: what to verify Azure with */
};

/* azure_secrets_take_environment() comes first, while the environment still exists.
 * azure_secrets_load() then reads the files as the launcher's user, and prepares OpenSSL for the
 * PKCS#12 of Key Vault. Neither does anything unless tasks.certificates is a vault. */
int azure_secrets_take_environment(const struct config *config, struct azure_secrets *ret_secrets,
                                   struct error *error);
int azure_secrets_load(const struct config *config, struct azure_secrets *secrets,
                       struct error *error);

/* Overwrites and frees; an empty one is allowed. */
void azure_secrets_wipe(struct azure_secrets *secrets);

/* Reads the newest version of the secret `name`: Key Vault returns certificate and private key as a
 * secret. `settings` and `endpoints` are the job's. */
struct step_result key_vault_read(struct json_object *settings, const struct json_object *endpoints,
                                  const struct azure_secrets *secrets, const char *name,
                                  struct certificate_data *ret_data);

#endif
