/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mimo-store load: lines of a dump into the store.
 *
 * Lines are taken in batches, each one commit. One that cannot be loaded is named by its number and
 * does not keep the others from it. Existing documents are only overwritten when that was asked
 * for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "store-tool/tool.h"

enum {
    LOAD_BATCH = 500,
    LOAD_BATCH_BYTES = 8 * 1024 * 1024,
    LOAD_LINE_SIZE = 4 * 1024 * 1024, /* the same document may be written with more spaces */
    LOAD_TRIES = 5,                   /* to overwrite what others write at the same time */
};

struct line {
    size_t number;
    enum store_container container;
    struct json_object *document;
};

struct load {
    struct store *store;
    bool replace;
    size_t number; /* of the line at hand */
    size_t loaded;
    size_t refused;
    struct line lines[LOAD_BATCH];
    size_t count;
    size_t bytes;
    struct store_operation operations[LOAD_BATCH];
};

static void refuse_line(struct load *load, size_t number, const char *reason)
{
    load->refused++;
    tool_complain("line %zu: %s", number, reason);
}

static void clear_batch(struct load *load)
{
    for (size_t i = 0; i < load->count; i++)
        json_object_put(load->lines[i].document);
    load->count = 0;
    load->bytes = 0;
}

static void refuse_existing(struct load *load, const struct line *line, const char *what)
{
    struct store_name name = {.id = "?"};
    char text[ERROR_MESSAGE_SIZE];
    store_name_of_document(line->container, line->document, &name, NULL);
    snprintf(text, sizeof(text), "%s %s %s", store_container_name(line->container), name.id, what);
    refuse_line(load, line->number, text);
}

/* Runs the operations of lines[which[0..count - 1]]. */
static int run_batch(struct load *load, const size_t *which, size_t count, struct error *error)
{
    if (store_run(load->store, load->operations, count, error) == 0)
        return 0;
    return error_prefix(
        error,
        "lines %zu to %zu may be loaded or not, none behind them is; once the store "
        "answers load all again with --replace",
        load->lines[which[0]].number, load->lines[which[count - 1]].number);
}

/* Counts what was written; leaves in `which` the lines that somebody else's document is in the way
 * of. */
static size_t settle_batch(struct load *load, size_t *which, size_t count)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        const struct store_result *result = &load->operations[i].result;
        if (result->status == STORE_DONE)
            load->loaded++;
        else if (result->status == STORE_REFUSED)
            refuse_line(load, load->lines[which[i]].number, result->error.message);
        else
            which[left++] = which[i];
    }
    return left;
}

/* Reads what is in the way of the lines, to have its etag. */
static int read_existing(struct load *load, const size_t *which, size_t count, char **etags,
                         struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        const struct line *line = &load->lines[which[i]];
        struct store_name name;
        if (store_name_of_document(line->container, line->document, &name, error) < 0)
            return -1;
        load->operations[i] = store_get(line->container, name.partition, name.id);
    }
    if (run_batch(load, which, count, error) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        etags[i] = load->operations[i].result.status == STORE_DONE
                       ? take_pointer(&load->operations[i].result.items[0].etag)
                       : NULL;
    store_release(load->operations, count);
    return 0;
}

/* Overwrites existing documents; returns how many lines are left in `which`, -1 without an answer.
 */
static int replace_existing(struct load *load, size_t *which, size_t *count, struct error *error)
{
    char *etags[LOAD_BATCH];
    size_t found = 0;
    if (read_existing(load, which, *count, etags, error) < 0)
        return -1;
    for (size_t i = 0; i < *count; i++) {
        const struct line *line = &load->lines[which[i]];
        if (!etags[i]) {
            refuse_existing(load, line,
                            "stands under another partition key: delete it there, then load again");
            continue;
        }
        etags[found] = etags[i];
        which[found] = which[i];
        load->operations[found++] = store_replace(line->container, etags[i], line->document);
    }
    int status = found > 0 ? run_batch(load, which, found, error) : 0;
    *count = status == 0 ? settle_batch(load, which, found) : 0;
    store_release(load->operations, found);
    for (size_t i = 0; i < found; i++)
        free(etags[i]);
    return status;
}

static int write_batch(struct load *load, struct error *error)
{
    size_t which[LOAD_BATCH];
    size_t count = load->count;
    if (count == 0)
        return 0;
    for (size_t i = 0; i < count; i++) {
        which[i] = i;
        load->operations[i] = store_create(load->lines[i].container, load->lines[i].document);
    }
    int status = run_batch(load, which, count, error);
    if (status == 0)
        count = settle_batch(load, which, count);
    store_release(load->operations, load->count);
    for (int i = 0; status == 0 && load->replace && count > 0 && i < LOAD_TRIES; i++)
        status = replace_existing(load, which, &count, error);
    for (size_t i = 0; status == 0 && i < count; i++)
        refuse_existing(load, &load->lines[which[i]],
                        load->replace
                            ? "is changed by others all the time; stop them, and load again"
                            : "is there already; --replace overwrites it");
    clear_batch(load);
    return status;
}

/* Reads {"container": NAME, "document": {...}} and nothing else. */
static int parse_line(const char *text, size_t length, struct line *line, struct error *error)
{
    cleanup_json struct json_object *object = document_parse(text, length, error);
    const char *container;
    const char *name;
    struct json_object *value;
    if (!object)
        return error_prefix(error, "is no JSON object");
    if (document_read_string(object, "container", "", &container, error) < 0)
        return -1;
    document_foreach_member(object, name, value)
        if (strcmp(name, "container") != 0 && strcmp(name, "document") != 0)
            return error_set(error, ERROR_INVALID, "unknown member \"%s\"", name);
    if (!store_container_parse(container, &line->container))
        return error_set(error, ERROR_INVALID, "\"%s\" is not the name of a container", container);
    line->document = document_member(object, "document");
    if (!document_is_object(line->document))
        return error_set(error, ERROR_INVALID, "member \"document\" must be an object");
    if (tool_complete_document(line->container, line->document, error) < 0)
        return -1;
    json_object_get(line->document);
    return 0;
}

static int take_line(struct load *load, const char *text, size_t length, struct error *error)
{
    struct error reason;
    struct line line = {.number = load->number};
    if (text[strspn(text, " \t\r")] == '\0' && strlen(text) == length)
        return 0;
    if (parse_line(text, length, &line, &reason) < 0) {
        refuse_line(load, line.number, reason.message);
        return 0;
    }
    load->lines[load->count++] = line;
    load->bytes += length;
    if (load->count < LOAD_BATCH && load->bytes < LOAD_BATCH_BYTES)
        return 0;
    return write_batch(load, error);
}

static int load_stream(struct load *load, FILE *stream, struct error *error)
{
    cleanup_free char *buffer = malloc(LOAD_LINE_SIZE);
    size_t length;
    if (!buffer)
        return error_set_memory(error);
    for (;;) {
        enum tool_line got = tool_read_line(stream, buffer, LOAD_LINE_SIZE, &length);
        load->number++;
        if (got == TOOL_LINE_END)
            return write_batch(load, error);
        if (got == TOOL_LINE_ERROR) {
            error_set_system(error, errno, "cannot read line %zu", load->number);
            return -1;
        }
        if (got == TOOL_LINE_TOO_LONG)
            refuse_line(load, load->number, "is longer than 4 MiB");
        else if (take_line(load, buffer, length, error) < 0)
            return -1;
    }
}

static int open_and_load(const struct tool *tool, struct load *load, struct error *error)
{
    cleanup_file FILE *file = tool->operand ? fopen(tool->operand, "re") : NULL;
    if (tool->operand && !file)
        return error_set_system(error, errno, "cannot read %s", tool->operand);
    return load_stream(load, file ? file : stdin, error);
}

int tool_load(const struct tool *tool)
{
    cleanup_store struct store *store = NULL;
    cleanup_free struct load *load = calloc(1, sizeof(*load));
    struct error error;
    if (!load)
        return tool_complain("out of memory");
    if (store_open(tool->uri, &store, &error) < 0)
        return tool_fail(&error);
    load->store = store;
    load->replace = tool->replace;
    int status = open_and_load(tool, load, &error);
    clear_batch(load);
    if (status < 0)
        tool_fail(&error);
    printf("%zu documents loaded, %zu lines refused\n", load->loaded, load->refused);
    return status < 0 || load->refused > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
