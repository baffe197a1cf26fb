/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_text.h - JSON that a test writes down as text.
 */
#ifndef MIMO_TEST_JSON_TEXT_H
#define MIMO_TEST_JSON_TEXT_H

#include "expect.h"
#include "mimo/document.h"

/* The value of `text`; NULL for "null". */
static inline struct json_object *json_of_text(const char *text)
{
    struct json_object *value;
    struct error error;

    expect_success(document_parse_value(text, strlen(text), &value, &error), &error);
    return value;
}

/* Sets the member to the value of `text`, null included; NULL removes it. */
static inline void json_put_member(struct json_object *object, const char *name, const char *text)
{
    if (!text)
        document_delete(object, name);
    else if (strcmp(text, "null") == 0)
        assert_int_equal(document_add_null(object, name), 0);
    else
        assert_int_equal(document_add(object, name, json_of_text(text)), 0);
}

/* The same at a path, whose parents are there. */
static inline void json_put_path(struct json_object *document, const char *path, const char *text)
{
    const char *dot = strrchr(path, '.');
    char parent[128] = "";

    if (!dot) {
        json_put_member(document, path, text);
        return;
    }
    snprintf(parent, sizeof(parent), "%.*s", (int)(dot - path), path);
    if (text && !document_get(document, parent))
        assert_int_equal(document_set(document, parent, json_object_new_object()), 0);
    json_put_member(document_get(document, parent), dot + 1, text);
}

#endif
