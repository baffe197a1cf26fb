/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_vault.c - certificates with their keys out of an Azure Key Vault.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "azure/azure_http.h"
#include "azure/token.h"
#include "mimo/azure.h"
#include "mimo/base64.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/outcome.h"

#define API_VERSION "7.4"

enum { RESOURCE_SIZE = 256, DETAIL_SIZE = 512 };

/* One reading: what every request of it needs. */
struct reading {
    struct json_object *settings;
    const struct json_object *endpoints;
    const struct azure_secrets *secrets;
    const char *name;
    const char *vault;
};

/* ---- the 401 challenge ---- */

/* The value of `parameter` in: Bearer authorization="https://...", resource="https://..." */
static bool read_challenge(const char *challenge, const char *parameter, char *value)
{
    size_t length = strlen(parameter);
    for (const char *c = strcasestr(challenge, parameter); c; c = strcasestr(c + 1, parameter)) {
        bool is_whole = c == challenge || c[-1] == ' ' || c[-1] == ',';
        if (!is_whole || c[length] != '=' || c[length + 1] != '"')
            continue;
        const char *end = strchr(c + length + 2, '"');
        size_t size = end ? (size_t)(end - c) - length - 2 : RESOURCE_SIZE;
        if (size == 0 || size >= RESOURCE_SIZE)
            return false;
        memcpy(value, c + length + 2, size);
        value[size] = '\0';
        return true;
    }
    return false;
}

/* A token for a resource must not go to another server: the vault is to be a host under that of the
 * resource, or the resource the configured one.
 *
 * https://devblogs.microsoft.com/azure-sdk/guidance-for-applications-using-the-key-vault-libraries/ */
static bool resource_fits(const struct reading *reading, const char *resource)
{
    static const char scheme[] = "https://";
    if (strcasecmp(resource, document_string(reading->settings, "audience", "")) == 0)
        return true;
    if (strncasecmp(resource, scheme, strlen(scheme)) != 0)
        return false;
    const char *host = reading->vault + strlen(scheme);
    size_t host_length = strcspn(host, ":/"), length = strcspn(resource + strlen(scheme), ":/");
    return length > 0 && host_length > length + 1 && host[host_length - length - 1] == '.' &&
           strncasecmp(host + host_length - length, resource + strlen(scheme), length) == 0;
}

/* ---- the answer ---- */

static struct step_result decode(const struct reading *reading, const char *value,
                                 struct certificate_data *data)
{
    struct error error;
    data->is_pkcs12 = true;
    if (base64_decode_lines(value, &data->bytes, &data->length, &error) == 0)
        return step_succeeded();
    return step_failed(error.kind, "certificate %s in %s: its PKCS#12 cannot be decoded: %s",
                       reading->name, reading->vault, error.message);
}

static struct step_result take_value(const struct reading *reading,
                                     const struct json_object *secret,
                                     struct certificate_data *ret_data)
{
    const char *value = document_string(secret, "value", "");
    const char *type = document_string(secret, "contentType", "application/x-pem-file");
    struct certificate_data data = {0};
    struct step_result result = step_succeeded();
    if (!value[0])
        return step_terminal("certificate %s in %s: the secret has no value", reading->name,
                             reading->vault);
    if (strcasecmp(type, "application/x-pkcs12") == 0) {
        result = decode(reading, value, &data);
    } else if (strcasecmp(type, "application/x-pem-file") == 0) {
        data.bytes = (unsigned char *)strdup(value);
        data.length = strlen(value);
        if (!data.bytes)
            return step_transient("out of memory (certificate %s)", reading->name);
    } else {
        return step_terminal(
            "certificate %s in %s: a secret of type \"%.64s\" is not a certificate", reading->name,
            reading->vault, type);
    }
    *ret_data = data;
    return result;
}

/* Statuses that Key Vault refuses with, and what to do about each. */
static struct step_result refused(const struct reading *reading, long status, const char *detail)
{
    const char *name = reading->name, *vault = reading->vault;
    if (status == 403)
        return step_terminal("forbidden: certificate %s in %s: the identity needs the right to get "
                             "secrets: %s",
                             name, vault, detail);
    if (status == 404)
        return step_terminal("404 certificate %s not found in %s: import it under this name: %s",
                             name, vault, detail);
    return step_terminal("%ld certificate %s in %s: %s", status, name, vault, detail);
}

/* An answer that is neither success nor refusal: a retry may get another one. */
static struct step_result not_final(const struct reading *reading,
                                    const struct azure_answer *answer, const char *detail)
{
    const char *name = reading->name, *vault = reading->vault;
    struct step_result result =
        answer->status == 401
            ? step_transient("401 unauthorized: certificate %s in %s: the vault does not accept "
                             "our token: %s",
                             name, vault, detail)
        : azure_status_passes(answer->status)
            ? step_transient("%ld certificate %s in %s: %s", answer->status, name, vault, detail)
            : step_transient("%ld certificate %s in %s: the answer is not one of a Key Vault",
                             answer->status, name, vault);
    result.retry_after = answer->retry_after;
    return result;
}

/* Only an error object of Key Vault is a refusal: a proxy, a firewall or a service that is starting
 * answers 403 and 404 as well.
 * https://learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses */
static bool is_refusal(const struct azure_answer *answer)
{
    return answer->status >= 400 && answer->status != 401 && !azure_status_passes(answer->status) &&
           document_string(answer->document, "error.code", "")[0];
}

static struct step_result judge(const struct reading *reading, const struct azure_answer *answer,
                                struct certificate_data *ret_data)
{
    char detail[DETAIL_SIZE], what[RESOURCE_SIZE];
    status_text_copy(detail, sizeof(detail),
                     document_string(answer->document, "error.message", ""));
    snprintf(what, sizeof(what), "certificate %s", reading->name);
    if (answer->status == 0 || (answer->status == 200 && answer->error.kind != ERROR_NONE) ||
        answer->error.kind == ERROR_UNAVAILABLE)
        return azure_no_answer(answer, what);
    if (answer->status == 200)
        return take_value(reading, answer->document, ret_data);
    return is_refusal(answer) ? refused(reading, answer->status, detail)
                              : not_final(reading, answer, detail);
}

/* ---- asking ---- */

/* Asks with a token for `resource`. After a 401 `challenge` has what the vault wants instead. */
static struct step_result ask(const struct reading *reading, const char *resource, char *challenge,
                              struct certificate_data *ret_data)
{
    cleanup_secret char *token = NULL;
    cleanup_secret char *header = NULL;
    cleanup_free char *url = NULL;
    struct azure_answer answer;
    challenge[0] = '\0';
    struct step_result result =
        azure_token_get(reading->settings, reading->endpoints, reading->secrets, resource, &token);
    if (result.outcome != OUTCOME_SUCCEEDED)
        return result;
    if (azure_format(&header, "Authorization: Bearer %s", token) < 0 ||
        azure_format(&url, "%s/secrets/%s?api-version=" API_VERSION, reading->vault,
                     reading->name) < 0)
        return step_transient("out of memory (certificate %s)", reading->name);
    struct azure_request request = {
        .url = url,
        .header = header,
        .ca = reading->secrets->ca,
        .endpoints = reading->endpoints,
    };
    azure_http(&request, &answer);
    result = judge(reading, &answer, ret_data);
    if (answer.status == 401 && !read_challenge(answer.challenge, "resource", challenge))
        snprintf(challenge, RESOURCE_SIZE, "%s", resource);
    azure_answer_free(&answer);
    return result;
}

struct step_result key_vault_read(struct json_object *settings, const struct json_object *endpoints,
                                  const struct azure_secrets *secrets, const char *name,
                                  struct certificate_data *ret_data)
{
    struct reading reading = {
        .settings = settings,
        .endpoints = endpoints,
        .secrets = secrets,
        .name = name,
        .vault = document_string(settings, "vault", ""),
    };
    char wanted[RESOURCE_SIZE], ignored[RESOURCE_SIZE];
    struct step_result result =
        ask(&reading, document_string(settings, "audience", ""), wanted, ret_data);
    if (!wanted[0])
        return result;
    /* Once more: the token may have come out of a cache just before its end, or was for another
     * resource than the vault names. */
    if (!resource_fits(&reading, wanted))
        return step_terminal("401 certificate %s in %s: the vault asks for a token for \"%s\", "
                             "which is not where it is: set azure.vault_audience if it is right",
                             name, reading.vault, wanted);
    return ask(&reading, wanted, ignored, ret_data);
}
