/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubeconfig_fitness.c - whether the credentials of a kubeconfig are valid at a given time.
 */
#include <stdio.h>
#include <string.h>

#include "kube/pem.h"
#include "mimo/base64.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/kube.h"

/* The payload of a JSON Web Token (RFC 7519) as a document; NULL if the token is another kind. */
static struct json_object *read_payload(const char *token)
{
    const char *start = strchr(token, '.');
    const char *end = start ? strchr(start + 1, '.') : NULL;
    cleanup_free char *text = NULL;
    cleanup_free unsigned char *data = NULL;
    size_t length;
    if (!end)
        return NULL;
    text = calloc(1, (size_t)(end - start) + 4); /* with room for padding */
    if (!text)
        return NULL;
    memcpy(text, start + 1, (size_t)(end - start) - 1);
    for (char *c = text; *c; c++)
        *c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
    while (strlen(text) % 4 != 0)
        strcat(text, "=");
    if (base64_decode(text, &data, &length, NULL) < 0)
        return NULL;
    return document_parse((const char *)data, length, NULL);
}

static int check_token(const char *token, int64_t now, struct error *error)
{
    cleanup_json struct json_object *payload = read_payload(token);
    char shown[CLOCK_TEXT_SIZE];
    int64_t expires = document_number(document_member(payload, "exp"));
    int64_t begins = document_number(document_member(payload, "nbf"));
    if (expires > 0 && expires <= now)
        return error_set(error, ERROR_INVALID, "the token expired at %s",
                         clock_format(shown, expires < CLOCK_MAXIMUM ? expires : CLOCK_MAXIMUM));
    if (begins > now)
        return error_set(error, ERROR_INVALID, "the token is not valid before %s",
                         clock_format(shown, begins < CLOCK_MAXIMUM ? begins : CLOCK_MAXIMUM));
    return 0;
}

int kubeconfig_check_dates(const struct kubeconfig *config, int64_t now, struct error *error)
{
    if (config->ca && !config->insecure &&
        pem_check_dates(config->ca, PEM_ANY, now, "certificate-authority-data", error) < 0)
        return -1;
    if (config->client_certificate && pem_check_dates(config->client_certificate, PEM_FIRST, now,
                                                      "client-certificate-data", error) < 0)
        return -1;
    return config->token ? check_token(config->token, now, error) : 0;
}
