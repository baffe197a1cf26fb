/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c - mimo-store load: loads the lines of a dump into the store.
 *
 * Lines are loaded in batches, one commit each. A line that cannot be loaded is reported by its
 * number, and the others are loaded. Existing documents are overwritten only with --replace.
 *
 * Loading an older document while an attempt runs undoes its claim: the manifest may be claimed
 * again while the first worker still runs. So load refuses while actuators seem to be running.
 * Times in their records come from other clocks; a time in the future therefore counts as alive.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/store_change.h"
#include "store-tool/tool.h"

enum {
    LOAD_BATCH = 500,
    LOAD_BATCH_BYTES = 8 * 1024 * 1024,
    LOAD_LINE_SIZE = 4 * 1024 * 1024, /* the same document may be written with more spaces */
    MEMBER_TTL_LEAST = 60,            /* seconds: the default of actuator.membership_ttl */
    MEMBER_TTL_MOST = 24 * 60 * 60,
};

struct line {
    size_t number;
    enum store_container container;
    struct json_object *document;
    bool replace;
};

struct load {
    struct store *store;
    bool replace;
    size_t number; /* of the current line */
    size_t loaded;
    size_t refused;
    struct line lines[LOAD_BATCH];
    size_t count;
    size_t bytes;
    struct store_change changes[LOAD_BATCH];
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

/* Creates the document. If it exists already, --replace reads and replaces it, unless its partition
 * key differs. */
static enum change_verdict decide(struct store_change *change)
{
    struct line *line = change->context;
    const struct store_result *existing = &change->reads[0].result;
    if (existing->status == STORE_NOT_RUN) {
        change->write = store_create(line->container, line->document);
        return CHANGE_WRITE;
    }
    if (!line->replace || existing->status != STORE_DONE)
        return CHANGE_LEAVE;
    change->write = store_replace(line->container, existing->items[0].etag, line->document);
    return CHANGE_WRITE;
}

/* The store refuses a document without a name; until then any name will do. */
static struct store_change make_change(struct line *line)
{
    struct store_name name = {.id = "?", .partition = "?"};
    store_name_of_document(line->container, line->document, &name, NULL);
    return (struct store_change){.reads = {store_get(line->container, name.partition, name.id)},
                                 .read_count = 1,
                                 .known = true,
                                 .decide = decide,
                                 .context = line};
}

static void count_end(struct load *load, const struct line *line, const struct store_change *change)
{
    switch (change->end) {
    case CHANGE_OPEN: /* write_batch() reports the whole batch */
        break;
    case CHANGE_DONE:
        load->loaded++;
        break;
    case CHANGE_REFUSED:
        refuse_line(load, line->number, change->error.message);
        break;
    case CHANGE_CONTENDED:
        refuse_existing(load, line, "is changed by other writers; stop them, and load again");
        break;
    case CHANGE_LEFT:
        refuse_existing(load, line,
                        line->replace ? "has another partition key in the store: delete it there, "
                                        "then load again"
                                      : "exists already; --replace overwrites it");
        break;
    }
}

static int write_batch(struct load *load, struct error *error)
{
    if (load->count == 0)
        return 0;
    for (size_t i = 0; i < load->count; i++)
        load->changes[i] = make_change(&load->lines[i]);
    int status = store_change_run(load->store, load->changes, load->count, error);
    if (status < 0)
        error_prefix(
            error,
            "lines %zu to %zu may or may not be loaded; later lines are not. When the store "
            "answers again, load the whole file with --replace",
            load->lines[0].number, load->lines[load->count - 1].number);
    for (size_t i = 0; i < load->count; i++) {
        count_end(load, &load->lines[i], &load->changes[i]);
        store_change_release(&load->changes[i]);
    }
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
        return error_prefix(error, "is not a JSON object");
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
    struct line line = {.number = load->number, .replace = load->replace};
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

/* False if the record is older than its ttl. */
static bool seems_alive(const struct json_object *member, int64_t now)
{
    int64_t seen = document_time(member, "seenAt", 0);
    int64_t ttl = document_integer(member, "ttl", 0);
    if (ttl < MEMBER_TTL_LEAST || ttl > MEMBER_TTL_MOST)
        ttl = MEMBER_TTL_LEAST;
    return seen >= now || (seen > 0 && now - seen <= ttl);
}

static int refuse_alive(const struct json_object *member, struct error *error)
{
    return error_set(
        error, ERROR_BUSY,
        "actuator %s on %.200s is running, or stopped less than actuator.membership_ttl ago: if "
        "the document of a "
        "manifest is loaded while it runs, it may run twice. Stop mimod on every "
        "machine and try again, or use --force",
        document_string(member, "id", "?"), document_string(member, "hostname", "an unknown host"));
}

/* Refuses while an actuator of this store seems to be alive. */
static int check_members(struct store *store, struct error *error)
{
    struct store_query query = {.kind = STORE_QUERY_MEMBERS, .limit = STORE_PAGE_MAXIMUM};
    struct store_operation operation = store_query(&query);
    int64_t now = clock_unix_seconds();
    int status = store_run(store, &operation, 1, error);
    for (size_t i = 0; status == 0 && i < operation.result.count; i++)
        if (seems_alive(operation.result.items[i].document, now))
            status = refuse_alive(operation.result.items[i].document, error);
    store_release(&operation, 1);
    return status;
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
    if (store_open(tool->uri, &store, &error) < 0 ||
        (!tool->force && check_members(store, &error) < 0))
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
