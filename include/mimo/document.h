/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document.h - JSON documents: strict reading, typed access, building, bounded size.
 *
 * All JSON of the product (stored documents, request bodies, jobs, reports of workers) is a tree of
 * json-c's `struct json_object`. Use the functions below and not json-c's own, except for
 * json_object_get() and json_object_put(), which count references, and the json_object_new_*()
 * functions of objects, arrays, numbers and booleans. json-c's readers convert between types,
 * assert on others, and take names and texts that are not UTF-8; these do not.
 *
 * JSON null is a NULL pointer. document_member(), document_item() and document_get() return NULL
 * for null as for what is absent; document_has() tells the two apart. The functions that put a
 * value into a tree take NULL for "out of memory" and fail, so that
 *
 *     if (document_add(object, "name", document_new_string(name)) < 0)
 *         return error_set_memory(error);
 *
 * checks both steps at once. document_add_null() adds null.
 *
 * Ownership: functions that build or parse return a reference, which the caller drops with
 * json_object_put() or `cleanup_json`. Those that add take over the reference to what is added,
 * also when they fail. Readers return borrowed pointers that live as long as the tree.
 *
 * Threads: references are not counted atomically. A tree belongs to one thread at a time, unless
 * nobody changes it and no reference to any part of it is taken or dropped meanwhile.
 *
 * A path is member names joined by dots: "openShiftCluster.properties.provisioningState". A name
 * with a dot in it is reached by document_member() on its parent.
 */
#ifndef MIMO_DOCUMENT_H
#define MIMO_DOCUMENT_H

#include <json-c/json_object.h>
#include <json-c/linkhash.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mimo/error.h"

enum {
    DOCUMENT_DEPTH_MAXIMUM = 32,
    DOCUMENT_SIZE_MAXIMUM = 8 * 1024 * 1024,
};

static inline void cleanup_json_function(struct json_object **value)
{
    json_object_put(*value);
}

#define cleanup_json __attribute__((cleanup(cleanup_json_function)))

/* Does what json-c would do at its first object: it reads a random number for its hash. Every
 * program calls this before it confines itself or forks, for in a sandbox that is refused. */
void document_warm_up(void);

/* ---- text to tree, and back ---- */

/* Parses exactly one JSON object of `length` bytes. NULL on failure; the error says where
 * ("line 3, column 7: duplicate member \"a\"", or "ends too soon"). */
struct json_object *document_parse(const char *text, size_t length, struct error *error);

/* The same for any JSON value; *ret_value is NULL for null. */
int document_parse_value(const char *text, size_t length, struct json_object **ret_value,
                         struct error *error);

/* Compact text without spaces, members in the order they were set. The caller frees it. NULL without
 * memory, and for NULL, which building functions return without memory. */
char *document_format(const struct json_object *value);

/* The same with members sorted by name, so that equal values have one text. */
char *document_format_sorted(const struct json_object *value);

/* For people: each member and item on its line, indented by two blanks a level. */
char *document_format_indented(const struct json_object *value);

/* Nesting depth of a value: 1 for a scalar, or a container that holds no other container. */
size_t document_depth(const struct json_object *value);

/* ---- values ---- */

static inline bool document_is_object(const struct json_object *value)
{
    return json_object_is_type(value, json_type_object);
}

static inline bool document_is_array(const struct json_object *value)
{
    return json_object_is_type(value, json_type_array);
}

static inline bool document_is_string(const struct json_object *value)
{
    return json_object_is_type(value, json_type_string);
}

static inline bool document_is_integer(const struct json_object *value)
{
    return json_object_is_type(value, json_type_int);
}

static inline bool document_is_boolean(const struct json_object *value)
{
    return json_object_is_type(value, json_type_boolean);
}

static inline bool document_is_true(const struct json_object *value)
{
    return document_is_boolean(value) && json_object_get_boolean(value);
}

/* The text of a string, and NULL for any other value. */
const char *document_text(const struct json_object *value);

/* The number of an integer, and 0 for any other value. */
int64_t document_number(const struct json_object *value);

/* A copy that shares nothing with `value`. NULL without memory, and for NULL. */
struct json_object *document_copy(const struct json_object *value);

/* True when both have the same type and content; the order of members does not count. Two NULL
 * are equal: compare with document_has() where null and absent differ. */
bool document_equal(const struct json_object *one, const struct json_object *other);

/* A string. NULL for NULL, for what is not UTF-8, and without memory. */
struct json_object *document_new_string(const char *text);
struct json_object *document_new_string_length(const char *text, size_t length);
struct json_object *document_new_string_format(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Builds a tree by a format. Blanks, ',' and ':' are skipped.
 *
 *     s  string           char *       {..} object: a name (s) and a value, in turn
 *     i  integer          int          [..] array
 *     I  integer          int64_t      n    null
 *     b  boolean          int          o    struct json_object *, whose reference is taken over
 *     f  number           double       O    struct json_object *, with a reference of its own
 *
 * s, o and O may be followed by '*': for NULL the member or item is left out; or by '?': for NULL
 * it is null. `s` may be followed by '+' for each text that is appended to it. A NULL without
 * these, bad UTF-8 and lack of memory make the whole NULL; what `o` took over is dropped then.
 *
 *     document_pack("{s:s, s:[i, i], s:o*}", "name", name, "range", 1, 9, "extra", extra); */
struct json_object *document_pack(const char *format, ...);

/* ---- objects ---- */

/* The member's value. NULL when it is absent or null, and when `object` is not an object. */
struct json_object *document_member(const struct json_object *object, const char *name);

/* True when the member exists, even as null. */
bool document_has(const struct json_object *object, const char *name);

/* Members in the order they were set. 0 for what is not an object. */
size_t document_member_count(const struct json_object *object);

/* Sets a member, in the place of one of that name if there is one. -1 without memory, for a NULL
 * `value`, for a name that is not UTF-8, and when `object` is not an object. */
int document_add(struct json_object *object, const char *name, struct json_object *value);
int document_add_null(struct json_object *object, const char *name);

/* Removes a member, if it is there. */
void document_delete(struct json_object *object, const char *name);

static inline struct lh_entry *document_first_member(const struct json_object *object)
{
    return document_is_object(object) ? json_object_get_object(object)->head : NULL;
}

/* Walks through the members of `object` (nothing if it is not an object), `value` being NULL for
 * null. The body may delete the member it is at, and no other. */
#define document_foreach_member(object, name, value)                                               \
    for (struct lh_entry *name##_at = document_first_member(object), *name##_next;                 \
         name##_at && ((name) = (const char *)lh_entry_k(name##_at),                               \
                      (value) = (struct json_object *)lh_entry_v(name##_at), (void)(name),         \
                      (void)(value), name##_next = name##_at->next, true);                         \
         name##_at = name##_next)

/* ---- arrays ---- */

/* Number of items; 0 if `array` is not an array. */
size_t document_length(const struct json_object *array);

/* The item at `index`. NULL for null, after the end, and if `array` is not an array. */
struct json_object *document_item(const struct json_object *array, size_t index);

/* Adds an item at the end. -1 without memory, for a NULL `value`, or if `array` is no array. */
int document_append(struct json_object *array, struct json_object *value);

/* Adds the items of `more`, which stays as it is. -1 without memory. */
int document_append_all(struct json_object *array, const struct json_object *more);

/* Removes the item at `index`, if there is one. */
void document_remove_item(struct json_object *array, size_t index);

/* Walks through the items of `array` (nothing if it is not an array); `index` is a size_t. */
#define document_foreach_item(array, index, item)                                                  \
    for ((index) = 0;                                                                              \
         (index) < document_length(array) && ((item) = document_item(array, index), true);         \
         (index)++)

/* ---- members by path ---- */

/* The value at `path`, or NULL. JSON null counts as absent for all functions with a path. */
struct json_object *document_get(const struct json_object *document, const char *path);

/* Readers for what must have a certain type. Absent: the default is stored and 0 returned.
 * Another type: -1, ERROR_INVALID "member \"priority\" must be an integer". */
int document_read_string(const struct json_object *document, const char *path,
                         const char *otherwise, const char **ret_value, struct error *error);
int document_read_integer(const struct json_object *document, const char *path, int64_t otherwise,
                          int64_t *ret_value, struct error *error);

/* Whether the value at `path`, if any, is an object; else -1 like the readers. */
int document_check_object(const struct json_object *document, const char *path,
                          struct error *error);

/* For what this product wrote itself or only shows: the value, or `otherwise` when absent or of
 * another type. */
const char *document_string(const struct json_object *document, const char *path,
                            const char *otherwise);
int64_t document_integer(const struct json_object *document, const char *path, int64_t otherwise);

/* A time in Unix seconds. It is what another clock said: outside of 1970 to the year 9999 it counts
 * as absent, so that it can be added to and subtracted from without overflow. */
int64_t document_time(const struct json_object *document, const char *path, int64_t otherwise);

/* Sets the value at `path`, making parents as needed. -1 without memory, which a NULL `value`
 * stands for too, or when a parent is not an object. */
int document_set(struct json_object *document, const char *path, struct json_object *value);

/* The same, skipping what is empty or zero: such members are removed, for absent means that. */
int document_set_string(struct json_object *document, const char *path, const char *value);
int document_set_time(struct json_object *document, const char *path, int64_t unix_seconds);

/* Removes the member at `path`, if it is there. */
void document_remove(struct json_object *document, const char *path);

#endif
