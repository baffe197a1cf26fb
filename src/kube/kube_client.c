/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_client.c - requests to one API server: credentials, JSON bodies and JSON answers.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "kube/kube_private.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/https.h"
#include "mimo/outcome.h"

struct kube_client {
    struct https_client *https;
    struct kubeconfig config; /* own copy: certificates and key are read from it */
    char *authorization;      /* header line with the token, or NULL */
    kube_pause_f *pause;
    void *pause_context;
    long waited; /* seconds in all, for Retry-After */
};

/* ---- set-up ---- */

static char *copy_or_null(const char *text, bool *failed)
{
    char *copy = text ? strdup(text) : NULL;
    *failed |= text && !copy;
    return copy;
}

static int copy_config(struct kubeconfig *copy, const struct kubeconfig *config,
                       struct error *error)
{
    bool failed = false;
    *copy = (struct kubeconfig){
        .server = copy_or_null(config->server, &failed),
        .host = copy_or_null(config->host, &failed),
        .port = config->port,
        .ca = copy_or_null(config->ca, &failed),
        .client_certificate = copy_or_null(config->client_certificate, &failed),
        .client_key = copy_or_null(config->client_key, &failed),
        .token = copy_or_null(config->token, &failed),
        .tls_server_name = copy_or_null(config->tls_server_name, &failed),
        .insecure = config->insecure,
    };
    return failed ? error_set_memory(error) : 0;
}

static int set_authorization(struct kube_client *client, struct error *error)
{
    if (!client->config.token)
        return 0;
    if (asprintf(&client->authorization, "Authorization: Bearer %s", client->config.token) >= 0)
        return 0;
    client->authorization = NULL;
    return error_set_memory(error);
}

static int open_connection(struct kube_client *client, const struct json_object *endpoints,
                           struct error *error)
{
    const struct kubeconfig *config = &client->config;
    struct error problem = {0};
    const struct https_options options = {
        .url = config->server,
        .ca = config->ca ? config->ca : kube_system_ca(),
        .client_certificate = config->client_certificate,
        .client_key = config->client_key,
        .tls_server_name = config->tls_server_name,
        .endpoints = endpoints,
        .response_maximum = KUBE_RESPONSE_MAXIMUM,
        .is_insecure = config->insecure,
    };
    if (!options.ca && !config->insecure)
        return error_set(error, ERROR_INVALID,
                         "the kubeconfig has no certificate-authority-data and this machine has no "
                         "CA bundle to verify %s:%d with",
                         config->host, config->port);
    if (https_client_create(&options, &client->https, &problem) == 0)
        return 0;
    if (problem.kind == ERROR_NOT_FOUND)
        return error_set(error, ERROR_INVALID,
                         "the job has no address for %s:%d: it is not the server of the cluster's "
                         "apiserverProfile.url",
                         config->host, config->port);
    return error_set(error, problem.kind, "%s", problem.message);
}

static void pause_in_earnest(void *context, long milliseconds)
{
    struct timespec left = {.tv_sec = milliseconds / 1000,
                            .tv_nsec = (milliseconds % 1000) * 1000000};
    (void)context;
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
        ;
}

int kube_client_create(const struct kubeconfig *config, const struct json_object *endpoints,
                       struct kube_client **ret_client, struct error *error)
{
    struct kube_client *client = calloc(1, sizeof(*client));
    if (!client)
        return error_set_memory(error);
    client->pause = pause_in_earnest;
    if (copy_config(&client->config, config, error) < 0 || set_authorization(client, error) < 0 ||
        open_connection(client, endpoints, error) < 0) {
        kube_client_free(client);
        return -1;
    }
    *ret_client = client;
    return 0;
}

void kube_client_free(struct kube_client *client)
{
    if (!client)
        return;
    https_client_free(client->https);
    kubeconfig_free(&client->config);
    if (client->authorization)
        OPENSSL_cleanse(client->authorization, strlen(client->authorization));
    free(client->authorization);
    free(client);
}

void kube_client_set_timeouts(struct kube_client *client, long connect_milliseconds,
                              long request_milliseconds)
{
    https_client_set_timeouts(client->https, connect_milliseconds, request_milliseconds);
}

void kube_client_set_pause(struct kube_client *client, kube_pause_f *pause, void *context)
{
    client->pause = pause;
    client->pause_context = context;
}

void kube_client_pause(struct kube_client *client, long milliseconds)
{
    client->pause(client->pause_context, milliseconds);
}

/* ---- a request ---- */

/* How the text of a page begins, on one line and without the tags of HTML: what a proxy or a load
 * balancer says to people is often the only hint at the cause. */
static void read_page(const struct https_answer *answer, char *page)
{
    char text[4 * KUBE_PAGE_SIZE];
    size_t used = 0;
    bool in_tag = false;
    for (size_t i = 0; i < answer->length && used < sizeof(text) - 1; i++) {
        char character = answer->body[i];
        bool is_blank = in_tag || character == '<' || strchr(" \t\r\n", character);
        if (character == '<' || character == '>')
            in_tag = character == '<';
        else if (!is_blank)
            text[used++] = character;
        if (is_blank && used > 0 && text[used - 1] != ' ')
            text[used++] = ' ';
    }
    while (used > 0 && text[used - 1] == ' ')
        used--;
    text[used] = '\0';
    status_text_copy(page, KUBE_PAGE_SIZE, text);
}

static void send_request(struct kube_client *client, const char *method, const char *path,
                         const char *body, struct kube_answer *ret_answer)
{
    struct https_request request = {.method = method, .path = path, .body = body};
    struct https_answer answer;
    size_t count = 0;
    request.headers[count++] = "Accept: application/json";
    if (body)
        request.headers[count++] = strcmp(method, "PATCH") == 0
                                       ? "Content-Type: application/merge-patch+json"
                                       : "Content-Type: application/json";
    if (client->authorization)
        request.headers[count++] = client->authorization;
    https_request(client->https, &request, &answer);
    *ret_answer = (struct kube_answer){
        .status = answer.status,
        .retry_after = answer.retry_after,
        .document = https_answer_document(&answer, client->https),
    };
    ret_answer->error = answer.error;
    if (answer.status >= 400 && answer.error.kind == ERROR_NONE && !ret_answer->document)
        read_page(&answer, ret_answer->page);
    if (answer.error.kind == ERROR_DENIED)
        error_set(&ret_answer->error, ERROR_DENIED,
                  "%s: it is not the server of the cluster's apiserverProfile.url",
                  answer.error.message);
    https_answer_free(&answer);
}

/* True if the server asks for a pause that the attempt can afford. Nothing was done then, so a write
 * may be repeated too. */
static bool waits_for(const struct kube_client *client, const struct kube_answer *answer)
{
    return (answer->status == 429 || answer->status == 503) && answer->retry_after > 0 &&
           answer->retry_after <= KUBE_RETRY_AFTER_SHORT &&
           client->waited + answer->retry_after <= KUBE_RETRY_AFTER_TOTAL;
}

void kube_request(struct kube_client *client, const char *method, const char *path,
                  struct json_object *body, struct kube_answer *ret_answer)
{
    char *text = body ? document_format(body) : NULL;
    *ret_answer = (struct kube_answer){0};
    if (body && !text)
        error_set_memory(&ret_answer->error);
    else
        send_request(client, method, path, text, ret_answer);
    while (waits_for(client, ret_answer)) {
        client->waited += ret_answer->retry_after;
        kube_client_pause(client, ret_answer->retry_after * 1000);
        kube_answer_free(ret_answer);
        send_request(client, method, path, text, ret_answer);
    }
    if (text) /* may hold a secret */
        OPENSSL_cleanse(text, strlen(text));
    free(text);
}

void kube_answer_free(struct kube_answer *answer)
{
    json_object_put(answer->document);
    answer->document = NULL;
}
