/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret.c - entries of Secrets.
 * https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1/
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "mimo/base64.h"
#include "mimo/document.h"
#include "tasks/tasks.h"

static int set_encoded(struct json_object *secret, const char *key, const char *encoded,
                       struct error *error)
{
    if (!document_get(secret, "data") && document_set(secret, "data", json_object_new_object()) < 0)
        return error_set_memory(error);
    struct json_object *data = document_get(secret, "data");
    if (!document_is_object(data))
        return error_set(error, ERROR_INVALID, "its data is no object");
    /* Not by document_set(): names of entries have dots in them. */
    const char *present = document_text(document_member(data, key));
    if (present && strcmp(present, encoded) == 0)
        return 0;
    if (document_add(data, key, document_new_string(encoded)) < 0)
        return error_set_memory(error);
    return 1;
}

int secret_set(struct json_object *secret, const char *key, const char *text, struct error *error)
{
    char *encoded;
    if (base64_encode(text, strlen(text), &encoded, error) < 0)
        return -1;
    int result = set_encoded(secret, key, encoded, error);
    OPENSSL_cleanse(encoded, strlen(encoded));
    free(encoded);
    return result;
}
