/* SPDX-License-Identifier: Apache-2.0 */
/*
 * azure.h - certificates out of an Azure Key Vault, with a token of a managed identity or of an
 * application.
 *
 * Who does what: the supervisor puts azure_settings() into the job and resolves the hosts of
 * azure_endpoints(); the launcher loads what is secret before its first fork
 * (azure_secrets_load()); the worker reads, inside its sandbox (key_vault_read()): no file, no name
 * look-up, no redirect.
 *
 * The token goes to the vault and nowhere else, is never logged, and is wiped. Every server is
 * verified by TLS. Plain http is for the metadata service of the machine alone, which offers
 * nothing else: an address in 169.254.0.0/16 or 127.0.0.0/8, which never leaves the machine.
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

/* What a worker has to know to read from the vault of tasks.certificates: the job's settings.azure.
 * Nothing secret. New reference; NULL only without memory. */
struct json_object *azure_settings(const struct config *config);

/* The servers that such a worker talks to. */
struct azure_endpoints {
    const char *urls[2]; /* https: to be resolved; borrowed from the configuration or environment */
    int url_count;
    uint16_t port; /* of a metadata service, which is an address and needs no resolving; else 0 */
};
void azure_endpoints(const struct config *config, struct azure_endpoints *ret_endpoints);

/* What only the launcher may read; workers inherit it. */
struct azure_secrets {
    char *client_secret;   /* of azure.client_secret_file, or NULL */
    char *identity_header; /* of the environment (IDENTITY_HEADER), or NULL */
    char *ca;              /* PEM: what to verify Azure with */
};

/* First what the environment has, as long as there is one; nothing unless tasks.certificates is a
 * vault. Then the files, by the rights of the launcher's user; this makes OpenSSL ready, too, for
 * PKCS#12 as Key Vault writes it. */
int azure_secrets_take_environment(const struct config *config, struct azure_secrets *ret_secrets,
                                   struct error *error);
int azure_secrets_load(const struct config *config, struct azure_secrets *secrets,
                       struct error *error);

/* Overwrites and frees; an empty one is allowed. */
void azure_secrets_wipe(struct azure_secrets *secrets);

/* Reads the newest version of the secret `name`, by which Key Vault hands out certificate and key.
 * `settings` and `endpoints` are the job's. */
struct step_result key_vault_read(struct json_object *settings, const struct json_object *endpoints,
                                  const struct azure_secrets *secrets, const char *name,
                                  struct certificate_data *ret_data);

#endif
