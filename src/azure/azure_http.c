/* SPDX-License-Identifier: Apache-2.0 */
/*
 * azure_http.c - one request to a service of Azure, inside a worker's sandbox.
 */
#include "azure/azure_http.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <openssl/crypto.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"

static void wipe(void *data, size_t length)
{
    if (data)
        OPENSSL_cleanse(data, length);
    free(data);
}

void azure_wipe_text(char **text)
{
    wipe(*text, *text ? strlen(*text) : 0);
    *text = NULL;
}

int azure_format(char **ret_text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(ret_text, format, arguments);
    va_end(arguments);
    if (length < 0)
        *ret_text = NULL;
    return length < 0 ? -1 : 0;
}

int azure_add_parameter(char **text, const char *name, const char *value)
{
    cleanup_secret char *old = take_pointer(text);
    char *escaped = curl_easy_escape(NULL, value, 0);
    if (escaped)
        azure_format(text, "%s%s%s=%s", old ? old : "", old ? "&" : "", name, escaped);
    if (escaped)
        OPENSSL_cleanse(escaped, strlen(escaped));
    curl_free(escaped);
    return *text ? 0 : -1;
}

/* ---- a request ---- */

static void send_request(struct https_client *client, const struct azure_request *request,
                         struct azure_answer *ret_answer)
{
    const struct https_request sent = {
        .method = request->form ? "POST" : "GET",
        .path = "",
        .headers = {"Accept: application/json", request->header},
        .body = request->form,
    };
    struct https_answer answer;
    https_request(client, &sent, &answer);
    ret_answer->status = answer.status;
    ret_answer->retry_after = answer.retry_after;
    memcpy(ret_answer->challenge, answer.challenge, sizeof(ret_answer->challenge));
    ret_answer->document = https_answer_document(&answer, client);
    ret_answer->error = answer.error;
    https_answer_free(&answer);
}

void azure_http(const struct azure_request *request, struct azure_answer *ret_answer)
{
    struct https_client *client = NULL;
    const struct https_options options = {
        .url = request->url,
        .ca = request->ca,
        .endpoints = request->endpoints,
        .response_maximum = AZURE_RESPONSE_MAXIMUM,
        .is_plain_allowed = true, /* for the metadata service: azure.h */
    };
    *ret_answer = (struct azure_answer){0};
    if (https_client_create(&options, &client, &ret_answer->error) == 0)
        send_request(client, request, ret_answer);
    https_client_free(client);
}

bool azure_status_passes(long status)
{
    return status >= 500 || status == 408 || status == 429;
}

struct step_result azure_no_answer(const struct azure_answer *answer, const char *what)
{
    const struct error *error = &answer->error;
    if (answer->status == 0)
        return step_failed(error->kind, "%s (%s)", error->message, what);
    return step_transient("%s (%s)", error->message, what);
}

void azure_answer_free(struct azure_answer *answer)
{
    const char *name;
    struct json_object *value;
    document_foreach_member(answer->document, name, value)
        if (document_is_string(value))
            OPENSSL_cleanse((void *)(uintptr_t)document_text(value),
                            json_object_get_string_len(value));
    json_object_put(answer->document);
    answer->document = NULL;
}
