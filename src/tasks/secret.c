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

/* Whether the entry, in base64, holds the text or is worth the same. */
static bool is_same(const char *encoded, const char *text,
                    bool (*same)(const char *present, const char *wanted))
{
    unsigned char *present;
    size_t length;
    if (base64_decode(encoded, &present, &length, NULL) < 0)
        return false;
    bool result = length == strlen(text) && memcmp(present, text, length) == 0;
    char *copy = result || !same ? NULL : strndup((const char *)present, length);
    if (copy) {
        result = same(copy, text);
        OPENSSL_cleanse(copy, strlen(copy));
    }
    free(copy);
    OPENSSL_cleanse(present, length);
    free(present);
    return result;
}

int secret_set(struct json_object *secret, const char *key, const char *text,
               bool (*same)(const char *present, const char *wanted), struct error *error)
{
    char *encoded;
    if (!document_get(secret, "data") && document_set(secret, "data", json_object_new_object()) < 0)
        return error_set_memory(error);
    struct json_object *data = document_get(secret, "data");
    if (!document_is_object(data))
        return error_set(error, ERROR_INVALID, "its data is not an object");
    /* Not by document_set(): names of entries have dots in them. */
    const char *present = document_text(document_member(data, key));
    if (present && is_same(present, text, same))
        return 0;
    if (base64_encode(text, strlen(text), &encoded, error) < 0)
        return -1;
    int result = document_add(data, key, document_new_string(encoded));
    OPENSSL_cleanse(encoded, strlen(encoded));
    free(encoded);
    return result < 0 ? error_set_memory(error) : 1;
}
