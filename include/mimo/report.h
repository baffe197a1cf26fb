/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h - the result pipe: what a worker sends to its supervisor.
 *
 * Each line is one JSON object of at most REPORT_LINE_MAXIMUM bytes with its newline; an attempt
 * may send REPORT_TOTAL_MAXIMUM bytes. All of it is untrusted. Types and their members:
 *
 *   {"type":"step","step":2,"steps":3,"name":"API server is up"}
 *   {"type":"status","text":"waiting for ..."}
 *   {"type":"log","level":"info","text":"..."}
 *   {"type":"patchCluster","patch":{"properties":{...}}}      a merge patch, RFC 7396
 *   {"type":"forbidden","systemCall":"openat"}                from the SIGSYS handler, at the end
 *   {"type":"result","outcome":"succeeded","message":"..."}   or transient, terminal; comes last.
 *       "retryAfter": seconds that a server asked to wait, 1..REPORT_RETRY_AFTER_MAXIMUM
 *
 * A patch applies to openShiftCluster and may change only what the task declared (task.h).
 *
 * After an unknown type or member, a wrong type, or anything behind the result, the reports of the
 * attempt are no longer trusted: it ends as OUTCOME_NO_RESULT, and its statusText gives the reason.
 *
 * Ownership: a report's document owns its texts and its patch; report_free().
 * Threads: a reader is used by one thread at a time.
 * Errors: ERROR_INVALID says which rule a line breaks.
 */
#ifndef MIMO_REPORT_H
#define MIMO_REPORT_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>

#include "mimo/error.h"
#include "mimo/outcome.h"

enum {
    REPORT_LINE_MAXIMUM = 64 * 1024,
    REPORT_TOTAL_MAXIMUM = 1024 * 1024,
    REPORT_RETRY_AFTER_MAXIMUM = 3600,
};

enum report_type {
    REPORT_STEP,
    REPORT_STATUS,
    REPORT_LOG,
    REPORT_PATCH_CLUSTER,
    REPORT_FORBIDDEN,
    REPORT_RESULT,
};

struct report {
    enum report_type type;
    int step, steps;  /* STEP: 1..steps, steps at most 1000 */
    const char *text; /* STEP: name, FORBIDDEN: call, RESULT: message, "" if none; STATUS, LOG */
    int level;        /* LOG: enum log_level, info or more severe */
    enum outcome_kind outcome; /* RESULT */
    int64_t retry_after; /* RESULT: seconds, 0 if none; longer ones are written as the maximum */
    struct json_object *patch;    /* PATCH_CLUSTER: an object */
    struct json_object *document; /* owner of all the above; report_free() */
};

/* Reads one line without its newline. */
int report_parse(const char *line, size_t length, struct report *ret_report, struct error *error);
void report_free(struct report *report);

/* The line of a report with its newline; the caller frees it. Texts are cleaned and
 * cut as by status_text_copy(). NULL only without memory, or when a patch does not fit. */
char *report_format(const struct report *report);

/* Splits a stream into lines, enforces the bounds, and notes when the result has arrived. */
struct report_reader {
    char *buffer; /* REPORT_LINE_MAXIMUM bytes at most, grown as needed */
    size_t length;
    size_t capacity;
    size_t total;
    bool has_result;
    struct error problem; /* kind ERROR_NONE until a rule is broken */
};

typedef void report_handler_f(const struct report *report, void *context);

void report_reader_initialize(struct report_reader *reader);
void report_reader_free(struct report_reader *reader);

/* Takes the bytes that were read and calls `handler` for each complete report. After a problem it
 * drops all further bytes and returns false. */
bool report_reader_feed(struct report_reader *reader, const char *data, size_t length,
                        report_handler_f *handler, void *context);

/* At end of file: an unfinished line is a problem. */
bool report_reader_finish(struct report_reader *reader);

#endif
