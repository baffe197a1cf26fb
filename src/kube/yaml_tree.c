/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_tree.c - one YAML document as a tree of JSON values.
 *
 * Stands on libyaml's events and not on its own trees: those let a text of 256 KiB nest so deeply
 * that reading it takes minutes, for libyaml looks at every level again with each token.
 */
#include "kube/yaml_tree.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <openssl/crypto.h>
#include <yaml.h>

#include "mimo/document.h"

struct reader {
    yaml_parser_t parser;
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

static bool is_null(const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static int make_scalar(struct reader *reader, const yaml_event_t *event,
                       struct json_object **ret_value)
{
    const char *text = (const char *)event->data.scalar.value;
    if (strlen(text) != event->data.scalar.length)
        return refuse(reader, event, "a text holds a NUL");
    if (is_null(event))
        return 0;
    *ret_value = document_new_string(text);
    return *ret_value ? 0 : out_of_memory(reader);
}

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
        return fail_at(reader, &event->start_mark, "a key that is no text");
    const char *key = (const char *)event->data.scalar.value;
    if (strlen(key) != event->data.scalar.length)
        return fail_at(reader, &event->start_mark, "a key holds a NUL");
    if (document_has(mapping, key))
        return fail_at(reader, &event->start_mark, "a key that is there already");
    return 0;
}

/* Reads keys and values up to the end of the mapping. */
static int fill_mapping(struct reader *reader, struct json_object *mapping, int depth)
{
    for (;;) {
        cleanup_event yaml_event_t key;
        cleanup_event yaml_event_t event = {0};
        if (next_event(reader, &key) < 0)
            return -1;
        if (key.type == YAML_MAPPING_END_EVENT)
            return 0;
        if (check_key(reader, mapping, &key) < 0 || next_event(reader, &event) < 0)
            return -1;
        struct json_object *value;
        if (read_value(reader, &event, depth + 1, &value) < 0)
            return -1;
        if (json_object_object_add(mapping, (const char *)key.data.scalar.value, value) < 0) {
            yaml_tree_wipe(value);
            return out_of_memory(reader);
        }
    }
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

/* The value that begins with `event`. */
static int read_value(struct reader *reader, const yaml_event_t *event, int depth,
                      struct json_object **ret_value)
{
    *ret_value = NULL;
    if (depth > DOCUMENT_DEPTH_MAXIMUM)
        return refuse(reader, event, "nested too deeply");
    if (event->type == YAML_SCALAR_EVENT)
        return make_scalar(reader, event, ret_value);
    if (event->type == YAML_SEQUENCE_START_EVENT)
        return fill_container(reader, json_object_new_array(), fill_sequence, depth, ret_value);
    if (event->type == YAML_MAPPING_START_EVENT)
        return fill_container(reader, json_object_new_object(), fill_mapping, depth, ret_value);
    return refuse(reader, event, "an alias; write the value itself");
}

/* Reads the events that stand around a document. */
static int expect_event(struct reader *reader, yaml_event_type_t type, const char *problem)
{
    cleanup_event yaml_event_t event;
    if (next_event(reader, &event) < 0)
        return -1;
    return event.type == type ? 0 : fail_at(reader, &event.start_mark, problem);
}

static struct json_object *read_only_document(struct reader *reader)
{
    cleanup_event yaml_event_t event = {0};
    if (expect_event(reader, YAML_STREAM_START_EVENT, "not YAML") < 0 ||
        expect_event(reader, YAML_DOCUMENT_START_EVENT, "nothing there") < 0 ||
        next_event(reader, &event) < 0)
        return NULL;
    if (event.type != YAML_MAPPING_START_EVENT)
        return refuse(reader, &event, "no mapping of names to values"), NULL;
    struct json_object *tree;
    if (read_value(reader, &event, 1, &tree) < 0)
        return NULL;
    if (expect_event(reader, YAML_DOCUMENT_END_EVENT, "more than one value") == 0 &&
        expect_event(reader, YAML_STREAM_END_EVENT, "more than one document") == 0)
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
    wipe_parser(&reader.parser);
    return tree;
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
