/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_tree.c - one YAML document as a tree of JSON values.
 *
 * Uses libyaml's events and not its trees: libyaml looks at every level again with each token, so a
 * deeply nested text of 256 KiB would take minutes to read.
 */
#include "kube/yaml_tree.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <openssl/crypto.h>
#include <yaml.h>

#include "kube/yaml_anchors.h"
#include "mimo/base64.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/text.h"

/* The member of a mapping that says where a key came twice. A text may have such a key itself: then
 * it is refused. */
#define DUPLICATE "\x01"

#define TAG(name) "tag:yaml.org,2002:" name

struct reader {
    yaml_parser_t parser;
    struct yaml_anchors anchors;
    struct error *error;
};

static void wipe_event(yaml_event_t *event)
{
    if (event->type == YAML_SCALAR_EVENT)
        OPENSSL_cleanse(event->data.scalar.value, event->data.scalar.length);
    yaml_event_delete(event);
}
#define cleanup_event __attribute__((cleanup(wipe_event)))

static int fail_at(struct reader *reader, const yaml_mark_t *mark, const char *problem)
{
    return error_set(reader->error, ERROR_INVALID, "line %zu, column %zu: %s", mark->line + 1,
                     mark->column + 1, problem);
}

static int refuse(struct reader *reader, const yaml_event_t *event, const char *problem)
{
    return fail_at(reader, &event->start_mark, problem);
}

static int out_of_memory(struct reader *reader)
{
    return error_set_memory(reader->error);
}

/* Fills `event` in any case, so that it can be wiped in any case. */
static int next_event(struct reader *reader, yaml_event_t *event)
{
    *event = (yaml_event_t){0};
    if (yaml_parser_parse(&reader->parser, event))
        return 0;
    if (reader->parser.error == YAML_MEMORY_ERROR)
        return error_set_memory(reader->error);
    return fail_at(reader, &reader->parser.problem_mark,
                   reader->parser.problem ? reader->parser.problem : "not YAML");
}

static bool has_tag(const yaml_event_t *event, const char *tag)
{
    const char *found = (const char *)event->data.scalar.tag;
    return found && strcmp(found, tag) == 0;
}

static bool is_null(const yaml_event_t *event)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    const char *text = (const char *)event->data.scalar.value;
    if (has_tag(event, TAG("null")))
        return true;
    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE || has_tag(event, TAG("str")))
        return false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return false;
}

/* The text of a scalar with the tag !!binary, which is base64. */
static int make_binary(struct reader *reader, const yaml_event_t *event,
                       struct json_object **ret_value)
{
    cleanup_free unsigned char *data = NULL;
    size_t length;
    struct error problem;
    if (base64_decode_lines((const char *)event->data.scalar.value, &data, &length, &problem) < 0)
        return error_may_pass(problem.kind) ? out_of_memory(reader)
                                            : refuse(reader, event, "!!binary is not base64");
    const char *text = (const char *)data; /* a NUL follows */
    bool is_text = strlen(text) == length && text_is_utf8(text);
    *ret_value = is_text ? document_new_string(text) : NULL;
    OPENSSL_cleanse(data, length);
    if (!is_text)
        return refuse(reader, event, "!!binary is not text");
    return *ret_value ? 0 : out_of_memory(reader);
}

static int make_scalar(struct reader *reader, const yaml_event_t *event,
                       struct json_object **ret_value)
{
    const char *text = (const char *)event->data.scalar.value;
    if (strlen(text) != event->data.scalar.length)
        return refuse(reader, event, "a text holds a NUL");
    if (is_null(event))
        return 0;
    if (has_tag(event, TAG("binary")))
        return make_binary(reader, event, ret_value);
    *ret_value = document_new_string(text);
    return *ret_value ? 0 : out_of_memory(reader);
}

/* ---- anchors and aliases ---- */

static int check_copy(struct reader *reader, const yaml_event_t *event, enum yaml_copy end)
{
    static const char *const problems[] = {
        [YAML_COPY_UNKNOWN] = "an alias of an anchor that is not defined before it",
        [YAML_COPY_TOO_LARGE] = "too many anchors, or aliases of too much text",
        [YAML_COPY_NO_MAPPING] = "a merge key (<<) of something that is not a mapping",
    };
    if (end == YAML_COPY_MEMORY)
        return out_of_memory(reader);
    return end == YAML_COPY_DONE ? 0 : refuse(reader, event, problems[end]);
}

static int read_alias(struct reader *reader, const yaml_event_t *event, int depth,
                      struct json_object **ret_value)
{
    const char *name = (const char *)event->data.alias.anchor;
    if (check_copy(reader, event, yaml_anchors_copy(&reader->anchors, name, ret_value)) < 0)
        return -1;
    if (*ret_value && document_depth(*ret_value) + (size_t)depth > DOCUMENT_DEPTH_MAXIMUM + 1) {
        yaml_tree_wipe(*ret_value);
        return refuse(reader, event, "nested too deeply");
    }
    return 0;
}

static const char *anchor_of(const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL;
    if (event->type == YAML_SCALAR_EVENT)
        anchor = event->data.scalar.anchor;
    else if (event->type == YAML_SEQUENCE_START_EVENT)
        anchor = event->data.sequence_start.anchor;
    else if (event->type == YAML_MAPPING_START_EVENT)
        anchor = event->data.mapping_start.anchor;
    return (const char *)anchor;
}

/* ---- containers ---- */

static int read_value(struct reader *reader, const yaml_event_t *event, int depth,
                      struct json_object **ret_value);

/* Reads entries up to the end of the sequence. */
static int fill_sequence(struct reader *reader, struct json_object *sequence, int depth)
{
    for (;;) {
        cleanup_event yaml_event_t event;
        if (next_event(reader, &event) < 0)
            return -1;
        if (event.type == YAML_SEQUENCE_END_EVENT)
            return 0;
        struct json_object *value;
        if (read_value(reader, &event, depth + 1, &value) < 0)
            return -1;
        if (json_object_array_add(sequence, value) < 0) {
            yaml_tree_wipe(value);
            return out_of_memory(reader);
        }
    }
}

static int check_key(struct reader *reader, struct json_object *mapping, const yaml_event_t *event)
{
    if (event->type != YAML_SCALAR_EVENT)
        return fail_at(reader, &event->start_mark, "a key that is not a scalar");
    const char *key = (const char *)event->data.scalar.value;
    if (strlen(key) != event->data.scalar.length)
        return fail_at(reader, &event->start_mark, "a key holds a NUL");
    if (!document_has(mapping, key))
        return 0;
    struct json_object *place = document_new_string_format(
        "line %zu, column %zu", event->start_mark.line + 1, event->start_mark.column + 1);
    return document_add(mapping, DUPLICATE, place) < 0 ? out_of_memory(reader) : 0;
}

static bool is_merge_key(const yaml_event_t *key)
{
    return strcmp((const char *)key->data.scalar.value, "<<") == 0 &&
           key->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* Takes the values of all merge keys over from the end of a mapping's own members: these count
 * first. */
static int merge(struct reader *reader, const yaml_event_t *end, struct json_object *mapping,
                 const struct json_object *sources)
{
    size_t index;
    struct json_object *source;
    document_foreach_item(sources, index, source) {
        enum yaml_copy copied = yaml_anchors_merge(&reader->anchors, mapping, source);
        if (check_copy(reader, end, copied) < 0)
            return -1;
    }
    return 0;
}

/* Adds a member, or a value to be merged; takes `value` over. */
static int add_member(struct reader *reader, struct json_object *mapping,
                      struct json_object *sources, const yaml_event_t *key,
                      struct json_object *value)
{
    const char *name = (const char *)key->data.scalar.value;
    int result = is_merge_key(key) ? json_object_array_add(sources, value)
                                   : json_object_object_add(mapping, name, value);
    if (result < 0) {
        yaml_tree_wipe(value);
        return out_of_memory(reader);
    }
    return 0;
}

/* Reads keys and values up to the end of the mapping. */
static int read_members(struct reader *reader, struct json_object *mapping,
                        struct json_object *sources, int depth)
{
    for (;;) {
        cleanup_event yaml_event_t key;
        cleanup_event yaml_event_t event = {0};
        struct json_object *value;
        if (next_event(reader, &key) < 0)
            return -1;
        if (key.type == YAML_MAPPING_END_EVENT)
            return merge(reader, &key, mapping, sources);
        if (check_key(reader, mapping, &key) < 0 || next_event(reader, &event) < 0 ||
            read_value(reader, &event, depth + 1, &value) < 0 ||
            add_member(reader, mapping, sources, &key, value) < 0)
            return -1;
    }
}

static int fill_mapping(struct reader *reader, struct json_object *mapping, int depth)
{
    struct json_object *sources = json_object_new_array();
    int result = sources ? read_members(reader, mapping, sources, depth) : out_of_memory(reader);
    yaml_tree_wipe(sources);
    return result;
}

typedef int fill_f(struct reader *reader, struct json_object *container, int depth);

static int fill_container(struct reader *reader, struct json_object *container, fill_f *fill,
                          int depth, struct json_object **ret_value)
{
    if (!container)
        return out_of_memory(reader);
    if (fill(reader, container, depth) == 0)
        return *ret_value = container, 0;
    yaml_tree_wipe(container);
    return -1;
}

static int read_new_value(struct reader *reader, const yaml_event_t *event, int depth,
                          struct json_object **ret_value)
{
    if (event->type == YAML_SCALAR_EVENT)
        return make_scalar(reader, event, ret_value);
    if (event->type == YAML_SEQUENCE_START_EVENT)
        return fill_container(reader, json_object_new_array(), fill_sequence, depth, ret_value);
    return fill_container(reader, json_object_new_object(), fill_mapping, depth, ret_value);
}

/* Reads the value that begins with `event`. */
static int read_value(struct reader *reader, const yaml_event_t *event, int depth,
                      struct json_object **ret_value)
{
    *ret_value = NULL;
    if (depth > DOCUMENT_DEPTH_MAXIMUM)
        return refuse(reader, event, "nested too deeply");
    if (event->type == YAML_ALIAS_EVENT)
        return read_alias(reader, event, depth, ret_value);
    if (read_new_value(reader, event, depth, ret_value) < 0)
        return -1;
    const char *anchor = anchor_of(event);
    if (!anchor ||
        check_copy(reader, event, yaml_anchors_add(&reader->anchors, anchor, *ret_value)) == 0)
        return 0;
    yaml_tree_wipe(*ret_value);
    return -1;
}

/* Reads the events around a document. */
static int expect_event(struct reader *reader, yaml_event_type_t type, const char *problem)
{
    cleanup_event yaml_event_t event;
    if (next_event(reader, &event) < 0)
        return -1;
    return event.type == type ? 0 : fail_at(reader, &event.start_mark, problem);
}

/* Expects the end of the text; "---" with nothing after it is one too. */
static int expect_end(struct reader *reader)
{
    static const char problem[] = "more than one document";
    cleanup_event yaml_event_t event;
    cleanup_event yaml_event_t value = {0};
    if (next_event(reader, &event) < 0)
        return -1;
    if (event.type == YAML_STREAM_END_EVENT)
        return 0;
    if (next_event(reader, &value) < 0)
        return -1;
    if (value.type != YAML_SCALAR_EVENT || !is_null(&value) || value.data.scalar.length > 0)
        return refuse(reader, &event, problem);
    if (expect_event(reader, YAML_DOCUMENT_END_EVENT, problem) < 0)
        return -1;
    return expect_event(reader, YAML_STREAM_END_EVENT, problem);
}

static struct json_object *read_only_document(struct reader *reader)
{
    cleanup_event yaml_event_t event = {0};
    if (expect_event(reader, YAML_STREAM_START_EVENT, "not YAML") < 0 ||
        expect_event(reader, YAML_DOCUMENT_START_EVENT, "empty document") < 0 ||
        next_event(reader, &event) < 0)
        return NULL;
    if (event.type != YAML_MAPPING_START_EVENT)
        return refuse(reader, &event, "no mapping of names to values"), NULL;
    struct json_object *tree;
    if (read_value(reader, &event, 1, &tree) < 0)
        return NULL;
    if (expect_event(reader, YAML_DOCUMENT_END_EVENT, "more than one value") == 0 &&
        expect_end(reader) == 0)
        return tree;
    yaml_tree_wipe(tree);
    return NULL;
}

/* The parser's buffers hold the text as it was read. */
static void wipe_parser(yaml_parser_t *parser)
{
    OPENSSL_cleanse(parser->raw_buffer.start,
                    (size_t)(parser->raw_buffer.end - parser->raw_buffer.start));
    OPENSSL_cleanse(parser->buffer.start, (size_t)(parser->buffer.end - parser->buffer.start));
    yaml_parser_delete(parser);
}

struct json_object *yaml_tree_parse(const char *text, size_t length, struct error *error)
{
    struct reader reader = {.error = error};
    if (!yaml_parser_initialize(&reader.parser))
        return out_of_memory(&reader), NULL;
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, length);
    struct json_object *tree = read_only_document(&reader);
    yaml_anchors_free(&reader.anchors);
    wipe_parser(&reader.parser);
    return tree;
}

int yaml_tree_check_own_keys(const struct json_object *mapping, struct error *error)
{
    const char *place = document_text(document_member(mapping, DUPLICATE));
    if (!document_has(mapping, DUPLICATE))
        return 0;
    return error_set(error, ERROR_INVALID, "%s: duplicate key", place ? place : "somewhere");
}

int yaml_tree_check_keys(const struct json_object *value, struct error *error)
{
    size_t index;
    const char *name;
    struct json_object *child;
    if (yaml_tree_check_own_keys(value, error) < 0)
        return -1;
    document_foreach_item(value, index, child)
        if (yaml_tree_check_keys(child, error) < 0)
            return -1;
    document_foreach_member(value, name, child)
        if (yaml_tree_check_keys(child, error) < 0)
            return -1;
    return 0;
}

static void wipe_strings(struct json_object *value)
{
    size_t index;
    const char *name;
    struct json_object *child;
    if (document_is_string(value))
        OPENSSL_cleanse((char *)(uintptr_t)document_text(value), json_object_get_string_len(value));
    document_foreach_item(value, index, child)
        wipe_strings(child);
    document_foreach_member(value, name, child)
        wipe_strings(child);
}

void yaml_tree_wipe(struct json_object *tree)
{
    wipe_strings(tree);
    json_object_put(tree);
}
