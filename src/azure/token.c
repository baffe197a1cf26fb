/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token.c - an access token of a managed identity, or of an application with a secret.
 */
#include "azure/token.h"

#include <stdio.h>
#include <string.h>

#include "azure/azure_http.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/outcome.h"

#define VIRTUAL_MACHINE_VERSION "2018-02-01"
#define HOSTED_VERSION          "2019-08-01" /* of endpoints that come with an IDENTITY_HEADER */

/* The service's message: error_description of OAuth 2.0 (RFC 6749, 5.2). */
static void read_detail(const struct azure_answer *answer, char *detail, size_t size)
{
    status_text_copy(detail, size,
                     document_string(answer->document, "error_description",
                                     document_string(answer->document, "error", "")));
}

/* Only an error object of OAuth 2.0 (RFC 6749, 5.2) is a refusal, because a proxy or a starting
 * service may answer 4xx too. */
static bool is_refusal(const struct azure_answer *answer)
{
    const char *code = document_string(answer->document, "error", "");
    return answer->status >= 400 && !azure_status_passes(answer->status) && code[0] &&
           strcmp(code, "temporarily_unavailable") != 0 && strcmp(code, "server_error") != 0;
}

/* `passing` is true for a status that the service documents as temporary. */
static struct step_result judge(const struct azure_answer *answer, const char *what,
                                const char *remedy, bool passing, char **ret_token)
{
    char detail[512];
    const char *token = document_string(answer->document, "access_token", "");
    read_detail(answer, detail, sizeof(detail));
    if (answer->status == 0 || (answer->status == 200 && answer->error.kind != ERROR_NONE) ||
        answer->error.kind == ERROR_UNAVAILABLE)
        return azure_no_answer(answer, what);
    if (is_refusal(answer) && !passing)
        return step_terminal("%ld %s: %s: %s", answer->status, what, detail, remedy);
    if (answer->status != 200) {
        struct step_result result = step_transient("%ld %s: %s", answer->status, what, detail);
        result.retry_after = answer->retry_after;
        return result;
    }
    if (!token[0])
        return step_terminal(
            "%s: the answer has no access_token; check that this is the token service", what);
    *ret_token = strdup(token);
    return *ret_token ? step_succeeded() : step_transient("out of memory (%s)", what);
}

static struct step_result get_of_identity(struct json_object *settings,
                                          const struct azure_secrets *secrets,
                                          struct azure_request *request, const char *resource,
                                          char **ret_token)
{
    cleanup_secret char *header = NULL;
    cleanup_free char *query = NULL;
    cleanup_free char *url = NULL;
    const char *client = document_string(settings, "clientID", "");
    if (secrets->identity_header
            ? azure_format(&header, "X-IDENTITY-HEADER: %s", secrets->identity_header) < 0
            : !(header = strdup("Metadata: true")))
        return step_transient("out of memory (token)");
    if (azure_add_parameter(&query, "api-version",
                            secrets->identity_header ? HOSTED_VERSION : VIRTUAL_MACHINE_VERSION) <
            0 ||
        azure_add_parameter(&query, "resource", resource) < 0 ||
        (client[0] && azure_add_parameter(&query, "client_id", client) < 0) ||
        azure_format(&url, "%s?%s", document_string(settings, "identityEndpoint", ""), query) < 0)
        return step_transient("out of memory (token)");
    struct azure_answer answer;
    request->url = url;
    request->header = header;
    azure_http(request, &answer);
    /* Microsoft documents 404 and 410 as temporary: the service is being updated. */
    bool passing = answer.status == 404 || answer.status == 410;
    struct step_result result =
        judge(&answer, "token of the managed identity",
              "give this machine an identity, and name it by azure.client_id where it has several",
              passing, ret_token);
    azure_answer_free(&answer);
    return result;
}

static struct step_result get_of_application(struct json_object *settings,
                                             const struct azure_secrets *secrets,
                                             struct azure_request *request, const char *resource,
                                             char **ret_token)
{
    cleanup_secret char *form = NULL;
    cleanup_free char *scope = NULL;
    cleanup_free char *url = NULL;
    if (!secrets->client_secret)
        return step_terminal(
            "there is no client secret: check that mimod and mimo-launcher use the same "
            "configuration");
    if (azure_format(&scope, "%s/.default", resource) < 0 ||
        azure_add_parameter(&form, "grant_type", "client_credentials") < 0 ||
        azure_add_parameter(&form, "client_id", document_string(settings, "clientID", "")) < 0 ||
        azure_add_parameter(&form, "client_secret", secrets->client_secret) < 0 ||
        azure_add_parameter(&form, "scope", scope) < 0 ||
        azure_format(&url, "%s/%s/oauth2/v2.0/token", document_string(settings, "authority", ""),
                     document_string(settings, "tenant", "")) < 0)
        return step_transient("out of memory (token)");
    struct azure_answer answer;
    request->url = url;
    request->form = form;
    azure_http(request, &answer);
    struct step_result result =
        judge(&answer, "token of the application",
              "check azure.tenant, azure.client_id and azure.client_secret_file", false, ret_token);
    azure_answer_free(&answer);
    return result;
}

struct step_result azure_token_get(struct json_object *settings,
                                   const struct json_object *endpoints,
                                   const struct azure_secrets *secrets, const char *resource,
                                   char **ret_token)
{
    struct azure_request request = {.ca = secrets->ca, .endpoints = endpoints};
    bool is_application = document_string(settings, "tenant", "")[0] != '\0';
    return (is_application ? get_of_application : get_of_identity)(settings, secrets, &request,
                                                                   resource, ret_token);
}
