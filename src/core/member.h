/* SPDX-License-Identifier: Apache-2.0 */
/*
 * member.h - members of stored documents and the fields of structs that stand for them.
 *
 * A struct that is read from a document names each of its plain fields in a table of rows: path,
 * kind, place, bounds. Reading (strict), writing back and showing use the same table, so that they
 * cannot disagree.
 */
#ifndef MIMO_CORE_MEMBER_H
#define MIMO_CORE_MEMBER_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mimo/error.h"
#include "mimo/json_scan.h"
#include "mimo/text_buffer.h"

enum member_kind {
    MEMBER_UUID,    /* char[UUID_SIZE]; "" is absent */
    MEMBER_TEXT,    /* char[size], cut to fit and cleaned; "" is absent */
    MEMBER_TIME,    /* int64_t, Unix seconds; 0 is absent */
    MEMBER_INTEGER, /* int64_t from smallest to largest; absent is `otherwise` */
    MEMBER_INT,     /* int, else like MEMBER_INTEGER */
};

struct member {
    const char *path;
    const char *view; /* its name where the Admin API shows it, or NULL: not shown */
    enum member_kind kind;
    size_t offset;
    size_t size;      /* TEXT */
    int64_t smallest; /* INTEGER, INT; below it (such as -1) means absent and is not written */
    int64_t largest;
    int64_t otherwise;
    bool required;
};

/* Reads all members of `document` into `object`. ERROR_INVALID names the member that is wrong. */
int member_read_all(const struct member *members, size_t count, const struct json_object *document,
                    void *object, struct error *error);

/* Writes all fields of `object` into `document`. -1 only without memory. */
int member_write_all(const struct member *members, size_t count, const void *object,
                     struct json_object *document);

/* True when the object's field has a value: see enum member_kind. */
bool member_is_present(const struct member *member, const void *object);

/* Adds the members that are shown to `view`, leaving out what is absent. -1 only without memory. */
int member_show_all(const struct member *members, size_t count, const void *object,
                    struct json_object *view);

/*
 * The same without a tree in between, for documents as text (json_scan.h). False, or at the end
 * false of member_text_is_complete(), is not an error but asks for the ways above.
 */

struct member_text {
    const struct member *members;
    size_t count; /* 64 at most */
    void *object;
    uint64_t seen; /* a bit a row */
    size_t next;   /* row to look at first: members mostly come in the order they were written in */
};

/* Begins with all fields of `object` as if absent. */
struct member_text member_text_begin(const struct member *members, size_t count, void *object);

/* Takes the member `name` of the object at `prefix` ("" or "parent."); names that no row has are
 * nothing. */
bool member_text_take(struct member_text *text, const char *prefix, const struct json_piece *name,
                      const struct json_piece *value);

/* True when all that is required was there. */
bool member_text_is_complete(const struct member_text *text);

/* Adds `,"name":value` for each member that is shown. */
void member_text_show_all(const struct member *members, size_t count, const void *object,
                          struct text_buffer *view);

#endif
