/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token.h - an access token for a service of Azure.
 */
#ifndef MIMO_AZURE_TOKEN_H
#define MIMO_AZURE_TOKEN_H

#include "mimo/azure.h"

/* Requests a new token for `resource` ("https://vault.azure.net"): as an application if the
 * settings name a tenant, else with the machine's identity. On success the caller wipes
 * *ret_token. */
struct step_result azure_token_get(struct json_object *settings,
                                   const struct json_object *endpoints,
                                   const struct azure_secrets *secrets, const char *resource,
                                   char **ret_token);

#endif
