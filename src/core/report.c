/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.c - what a worker tells its supervisor: the lines of the result pipe, read as hostile
 * and written.
 */
#include "mimo/report.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/document.h"
#include "mimo/log.h"

enum { STEPS_MAXIMUM = 1000, SYSTEM_CALL_NAME_MAXIMUM = 32 };

static const char *const type_names[] = {
    [REPORT_STEP] = "step",
    [REPORT_STATUS] = "status",
    [REPORT_LOG] = "log",
    [REPORT_PATCH_CLUSTER] = "patchCluster",
    [REPORT_FORBIDDEN] = "forbidden",
    [REPORT_RESULT] = "result",
};

enum { TYPE_COUNT = sizeof(type_names) / sizeof(type_names[0]) };

/* Words of `level` and `outcome`, and the numbers they stand for. */
struct word {
    const char *word;
    int number;
};

static const struct word level_words[] = {{"error", LOG_LEVEL_ERROR},
                                          {"warning", LOG_LEVEL_WARNING},
                                          {"notice", LOG_LEVEL_NOTICE},
                                          {"info", LOG_LEVEL_INFO},
                                          {NULL, 0}};

static const struct word outcome_words[] = {{"succeeded", OUTCOME_SUCCEEDED},
                                            {"transient", OUTCOME_TRANSIENT},
                                            {"terminal", OUTCOME_TERMINAL},
                                            {NULL, 0}};

static int number_of_word(const struct word *words, const char *text)
{
    for (; words->word; words++) {
        if (strcmp(words->word, text) == 0)
            return words->number;
    }
    return -1;
}

static const char *word_of_number(const struct word *words, int number)
{
    for (; words->word; words++) {
        if (words->number == number)
            return words->word;
    }
    return NULL;
}

static int bad_member(struct error *error, const char *name, const char *wanted)
{
    return error_set(error, ERROR_INVALID, "member \"%s\" must be %s", name, wanted);
}

/* Kinds of members: each reads its value into the report. */

static int read_step(const struct json_object *value, const char *name, struct report *report,
                     struct error *error)
{
    if (!document_is_integer(value) || document_number(value) < 1 ||
        document_number(value) > STEPS_MAXIMUM)
        return bad_member(error, name, "an integer from 1 to 1000");
    if (strcmp(name, "step") == 0)
        report->step = (int)document_number(value);
    else
        report->steps = (int)document_number(value);
    return 0;
}

static int read_text(const struct json_object *value, const char *name, struct report *report,
                     struct error *error)
{
    if (!document_is_string(value))
        return bad_member(error, name, "a string");
    report->text = document_text(value);
    return 0;
}

static int read_level(const struct json_object *value, const char *name, struct report *report,
                      struct error *error)
{
    report->level =
        document_is_string(value) ? number_of_word(level_words, document_text(value)) : -1;
    return report->level < 0 ? bad_member(error, name, "error, warning, notice or info") : 0;
}

static int read_patch(const struct json_object *value, const char *name, struct report *report,
                      struct error *error)
{
    if (!document_is_object(value))
        return bad_member(error, name, "an object");
    report->patch = document_member(report->document, name);
    return 0;
}

static int read_system_call(const struct json_object *value, const char *name,
                            struct report *report, struct error *error)
{
    const char *text = document_is_string(value) ? document_text(value) : "";
    size_t length = strlen(text);

    if (length == 0 || length > SYSTEM_CALL_NAME_MAXIMUM ||
        strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") != length)
        return bad_member(error, name, "the name of a system call");
    report->text = text;
    return 0;
}

static int read_outcome(const struct json_object *value, const char *name, struct report *report,
                        struct error *error)
{
    int number =
        document_is_string(value) ? number_of_word(outcome_words, document_text(value)) : -1;

    if (number < 0)
        return bad_member(error, name, "succeeded, transient or terminal");
    report->outcome = (enum outcome_kind)number;
    return 0;
}

static int read_retry_after(const struct json_object *value, const char *name,
                            struct report *report, struct error *error)
{
    if (!document_is_integer(value) || document_number(value) < 1 ||
        document_number(value) > REPORT_RETRY_AFTER_MAXIMUM)
        return bad_member(error, name, "an integer from 1 to 3600");
    report->retry_after = document_number(value);
    return 0;
}

/* Members of each type beside "type". Whatever is not here is refused. */
static const struct member {
    enum report_type type;
    const char *name;
    bool required;
    int (*read)(const struct json_object *value, const char *name, struct report *report,
                struct error *error);
} members[] = {
    {REPORT_STEP, "step", true, read_step},
    {REPORT_STEP, "steps", true, read_step},
    {REPORT_STEP, "name", true, read_text},
    {REPORT_STATUS, "text", true, read_text},
    {REPORT_LOG, "level", true, read_level},
    {REPORT_LOG, "text", true, read_text},
    {REPORT_PATCH_CLUSTER, "patch", true, read_patch},
    {REPORT_FORBIDDEN, "systemCall", true, read_system_call},
    {REPORT_RESULT, "outcome", true, read_outcome},
    {REPORT_RESULT, "message", false, read_text},
    {REPORT_RESULT, "retryAfter", false, read_retry_after},
};

enum { MEMBER_COUNT = sizeof(members) / sizeof(members[0]) };

static int read_type(const struct json_object *document, enum report_type *ret_type,
                     struct error *error)
{
    const char *name = document_string(document, "type", NULL);
    char shown[64];

    if (!name)
        return bad_member(error, "type", "a string");
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        if (strcmp(type_names[i], name) == 0) {
            *ret_type = (enum report_type)i;
            return 0;
        }
    }
    return error_set(error, ERROR_INVALID, "unknown type \"%s\"",
                     log_escape(shown, sizeof(shown), name));
}

static int read_members(struct report *report, struct error *error)
{
    size_t known = 1; /* "type" */

    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        const struct member *member = &members[i];
        const struct json_object *value = document_member(report->document, member->name);

        if (member->type != report->type)
            continue;
        if (!document_has(report->document, member->name)) {
            if (member->required)
                return error_set(error, ERROR_INVALID, "member \"%s\" is missing", member->name);
            continue;
        }
        known++;
        if (member->read(value, member->name, report, error) < 0)
            return -1;
    }
    if (document_member_count(report->document) != known)
        return error_set(error, ERROR_INVALID, "unexpected member for this type");
    if (report->type == REPORT_STEP && report->step > report->steps)
        return error_set(error, ERROR_INVALID, "step %d is after the last, %d", report->step,
                         report->steps);
    return 0;
}

int report_parse(const char *line, size_t length, struct report *ret_report, struct error *error)
{
    struct report report = {.text = ""};

    if (length >= REPORT_LINE_MAXIMUM)
        return error_set(error, ERROR_TOO_LARGE, "report of %zu bytes is too long", length);
    report.document = document_parse(line, length, error);
    if (!report.document)
        return error_prefix(error, "report");
    if (read_type(report.document, &report.type, error) < 0 || read_members(&report, error) < 0) {
        report_free(&report);
        return error_prefix(error, "report");
    }
    *ret_report = report;
    return 0;
}

void report_free(struct report *report)
{
    json_object_put(report->document);
    *report = (struct report){.text = ""};
}

/* The value of a member of a report that is to be written. New reference. */
static struct json_object *make_value(const struct report *report, const struct member *member)
{
    char text[STATUS_TEXT_SIZE]; /* in this length a text fits its line, whatever has to be
     * escaped */

    if (member->read == read_step)
        return json_object_new_int64(strcmp(member->name, "step") == 0 ? report->step
                                                                       : report->steps);
    if (member->read == read_level)
        return document_new_string(word_of_number(level_words, report->level));
    if (member->read == read_outcome)
        return document_new_string(word_of_number(outcome_words, (int)report->outcome));
    if (member->read == read_patch)
        return json_object_get(report->patch);
    if (member->read == read_retry_after)
        return json_object_new_int64(report->retry_after < REPORT_RETRY_AFTER_MAXIMUM
                                         ? report->retry_after
                                         : REPORT_RETRY_AFTER_MAXIMUM);
    status_text_copy(text, sizeof(text), report->text);
    return document_new_string(text);
}

/* False for a member that is left out because it says nothing. */
static bool has_value(const struct report *report, const struct member *member)
{
    return member->read != read_retry_after || report->retry_after > 0;
}

char *report_format(const struct report *report)
{
    struct json_object *document = json_object_new_object();
    char *text = NULL;
    char *line;
    size_t length;

    assert((unsigned)report->type < TYPE_COUNT);
    if (document_add(document, "type", document_new_string(type_names[report->type])) < 0)
        goto out;
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        if (members[i].type == report->type && has_value(report, &members[i]) &&
            document_add(document, members[i].name, make_value(report, &members[i])) < 0)
            goto out;
    }
    text = document_format(document);
out:
    json_object_put(document);
    length = text ? strlen(text) : 0;
    line = text && length < REPORT_LINE_MAXIMUM ? realloc(text, length + 2) : NULL;
    if (!line) {
        free(text);
        return NULL;
    }
    memcpy(line + length, "\n", 2);
    return line;
}

void report_reader_initialize(struct report_reader *reader)
{
    *reader = (struct report_reader){0};
}

void report_reader_free(struct report_reader *reader)
{
    free(reader->buffer);
    *reader = (struct report_reader){0};
}

/* Puts bytes behind the unfinished line. */
static int keep_bytes(struct report_reader *reader, const char *data, size_t length)
{
    size_t needed = reader->length + length;
    size_t capacity = reader->capacity ? reader->capacity : 4096;
    char *buffer;

    if (needed >= REPORT_LINE_MAXIMUM)
        return error_set(&reader->problem, ERROR_TOO_LARGE, "a line is longer than %d bytes",
                         REPORT_LINE_MAXIMUM);
    while (capacity < needed)
        capacity *= 2;
    if (capacity > reader->capacity) {
        buffer = realloc(reader->buffer, capacity);
        if (!buffer)
            return error_set_memory(&reader->problem);
        reader->buffer = buffer;
        reader->capacity = capacity;
    }
    memcpy(reader->buffer + reader->length, data, length);
    reader->length = needed;
    return 0;
}

static int take_line(struct report_reader *reader, report_handler_f *handler, void *context)
{
    struct report report;

    if (report_parse(reader->buffer, reader->length, &report, &reader->problem) < 0)
        return -1;
    reader->length = 0;
    reader->has_result = report.type == REPORT_RESULT;
    handler(&report, context);
    report_free(&report);
    return 0;
}

static int take_bytes(struct report_reader *reader, const char *data, size_t length,
                      report_handler_f *handler, void *context)
{
    while (length > 0) {
        const char *newline = memchr(data, '\n', length);
        size_t part = newline ? (size_t)(newline - data) : length;

        if (reader->has_result)
            return error_set(&reader->problem, ERROR_INVALID, "data after the result");
        if (keep_bytes(reader, data, part) < 0)
            return -1;
        if (!newline)
            return 0;
        if (take_line(reader, handler, context) < 0)
            return -1;
        data += part + 1;
        length -= part + 1;
    }
    return 0;
}

bool report_reader_feed(struct report_reader *reader, const char *data, size_t length,
                        report_handler_f *handler, void *context)
{
    size_t allowed = REPORT_TOTAL_MAXIMUM - reader->total;
    bool too_much = length > allowed;

    if (reader->problem.kind != ERROR_NONE)
        return false;
    length = too_much ? allowed : length;
    reader->total += length;
    if (take_bytes(reader, data, length, handler, context) == 0 && too_much)
        error_set(&reader->problem, ERROR_TOO_LARGE, "reports of more than %d bytes",
                  REPORT_TOTAL_MAXIMUM);
    return reader->problem.kind == ERROR_NONE;
}

bool report_reader_finish(struct report_reader *reader)
{
    if (reader->problem.kind == ERROR_NONE && reader->length > 0)
        error_set(&reader->problem, ERROR_INVALID, "the last line is not finished");
    return reader->problem.kind == ERROR_NONE;
}
