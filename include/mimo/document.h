/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document.h - JSON documents: strict reading, typed access, bounded size.
 *
 * Everything of the product that is JSON (stored documents, request bodies, jobs, reports of
 * workers) is a json_t of Jansson (https://jansson.readthedocs.io). This module adds what input
 * from outside needs: UTF-8 checked, duplicate keys and NUL refused, nothing behind the value, a
 * bound on depth and bytes, and errors that name the member.
 *
 * Ownership is Jansson's: document_parse() returns a reference the caller drops with json_decref()
 * or `cleanup_json`; the getters return borrowed pointers that live as long as the document.
 *
 * A path is member names joined by dots: "openShiftCluster.properties.provisioningState". Names
 * with a dot in them are reached by taking the parent first.
 */
#ifndef MIMO_DOCUMENT_H
#define MIMO_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mimo/error.h"

enum {
    DOCUMENT_DEPTH_MAXIMUM = 32,
    DOCUMENT_SIZE_MAXIMUM = 8 * 1024 * 1024,
};

static inline void cleanup_json_function(json_t **value)
{
    json_decref(*value);
}

#define cleanup_json __attribute__((cleanup(cleanup_json_function)))

/* Parses exactly one JSON object of `length` bytes. NULL on failure; the error says where
 * ("line 3, column 7: duplicate object key near 'a'"). */
json_t *document_parse(const char *text, size_t length, struct error *error);

/* Compact text without spaces, members in the order they were set. NULL only without memory; the
 * caller frees it. */
char *document_format(const json_t *document);

/* Nesting depth of a value: 1 for a scalar, or a container that holds no other container. */
size_t document_depth(const json_t *value);

/* The value at `path`, or NULL. JSON null counts as absent everywhere in this module. */
json_t *document_get(const json_t *document, const char *path);

/* Readers for what must have a certain type. Absent: the default is stored and 0 returned.
 * Another type: -1, ERROR_INVALID "member \"priority\" must be an integer". */
int document_read_string(const json_t *document, const char *path, const char *otherwise,
                         const char **ret_value, struct error *error);
int document_read_integer(const json_t *document, const char *path, int64_t otherwise,
                          int64_t *ret_value, struct error *error);
int document_read_boolean(const json_t *document, const char *path, bool otherwise, bool *ret_value,
                          struct error *error);

/* For what we wrote ourselves or only show: the value, or `otherwise` when absent or of another
 * type. */
const char *document_string(const json_t *document, const char *path, const char *otherwise);
int64_t document_integer(const json_t *document, const char *path, int64_t otherwise);

/* Sets the value at `path`, making parents as needed; steals the reference to `value`. -1 without
 * memory, which a NULL `value` stands for too (so that json_integer() and the like may be passed
 * unchecked), or when a parent is not an object. */
int document_set(json_t *document, const char *path, json_t *value);

/* The same, skipping what is empty or zero: such members are removed, for absent means that. */
int document_set_string(json_t *document, const char *path, const char *value);
int document_set_time(json_t *document, const char *path, int64_t unix_seconds);

/* Removes the member at `path`, if it is there. */
void document_remove(json_t *document, const char *path);

#endif
