/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend.h - the functions that a kind of store implements, and helpers that all kinds share.
 *
 * A backend is one constant table of functions and one row in store.c, which finds it by the scheme
 * of the URI. Its handle begins with a struct store. store.c checks every operation before a backend
 * sees it: an operation with result.status STORE_NOT_RUN is complete; one that is STORE_REFUSED must
 * be left alone.
 */
#ifndef MIMO_STORE_BACKEND_H
#define MIMO_STORE_BACKEND_H

#include <stdbool.h>
#include <stddef.h>

#include "mimo/store.h"

struct store_backend {
    const char *scheme;   /* of the URI, before the colon */
    const char *location; /* the rest of the URI, for messages: "PATH" */
    int (*open)(const char *location, struct store **ret_store, struct error *error);
    int (*initialize)(const char *location, struct error *error);
    void (*close)(struct store *store);
    int (*run)(struct store *store, struct store_operation *operations, size_t count,
               struct error *error);
    int (*identify)(struct store *store, char *ret_id, struct error *error);
    int (*verify_integrity)(struct store *store, bool *ret_sound, struct error *error);
    int (*backup)(struct store *store, const char *path, struct error *error);
};

struct store {
    const struct store_backend *backend;
};

extern const struct store_backend sqlite_backend;

/* The document as text of at most STORE_DOCUMENT_SIZE_MAXIMUM bytes; the caller frees it. */
int store_format_document(const struct json_object *document, char **ret_text, size_t *ret_length,
                          struct error *error);

/* Ends an operation with STORE_REFUSED and the reason. */
void store_refuse(struct store_operation *operation, const struct error *error);

/* Appends an item to a result; takes over what it holds, on failure as well. An item without etag,
 * or without document and text, means out of memory. */
int store_result_add(struct store_result *result, struct store_item item, struct error *error);

#endif
