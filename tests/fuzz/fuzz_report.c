/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_report.c - the result pipe: what a worker writes, in pieces of whatever size. */
#include "fuzz.h"

#include "mimo/document.h"
#include "mimo/log.h"
#include "mimo/report.h"

struct seen {
    struct report_reader *reader;
    bool result;
};

/* What was read can be written, and is read as the same. */
static void check_again(const struct report *report)
{
    struct error error;
    struct report again;
    cleanup_free char *line = report_format(report);
    if (!line) { /* a patch that does not fit any more once it was written out */
        PROMISE(report->type == REPORT_PATCH_CLUSTER);
        return;
    }
    size_t length = strlen(line);
    PROMISE(length > 0 && length <= REPORT_LINE_MAXIMUM && line[length - 1] == '\n');
    PROMISE(!memchr(line, '\n', length - 1));
    PROMISE(report_parse(line, length - 1, &again, &error) == 0);
    PROMISE(again.type == report->type && again.step == report->step &&
            again.steps == report->steps && again.outcome == report->outcome);
    PROMISE(document_equal(again.patch, report->patch) || !report->patch);
    report_free(&again);
}

static void take(const struct report *report, void *context)
{
    struct seen *seen = context;
    PROMISE(!seen->result); /* nothing behind the result is handed on */
    switch (report->type) {
    case REPORT_STEP:
        PROMISE(report->step >= 1 && report->step <= report->steps && report->steps <= 1000);
        PROMISE(report->text);
        break;
    case REPORT_LOG:
        PROMISE(report->text);
        PROMISE(report->level >= LOG_LEVEL_ERROR && report->level <= LOG_LEVEL_INFO);
        break;
    case REPORT_PATCH_CLUSTER:
        PROMISE(document_is_object(report->patch));
        break;
    case REPORT_RESULT:
        seen->result = true;
        PROMISE(report->outcome == OUTCOME_SUCCEEDED || report->outcome == OUTCOME_TRANSIENT ||
                report->outcome == OUTCOME_TERMINAL);
        PROMISE(report->text);
        break;
    case REPORT_STATUS:
    case REPORT_FORBIDDEN:
        PROMISE(report->text);
        break;
    }
    check_again(report);
}

/* The first byte is the size of the pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct report_reader reader;
    struct seen seen = {.reader = &reader};
    if (size == 0)
        return 0;
    size_t piece = data[0] ? data[0] : 4096;
    report_reader_initialize(&reader);
    bool good = true;
    for (size_t at = 1; at < size; at += piece) {
        size_t length = size - at < piece ? size - at : piece;
        cleanup_free char *copy = fuzz_copy(data + at, length);
        bool now = report_reader_feed(&reader, copy, length, take, &seen);
        PROMISE(good || !now); /* what is not trusted stays so */
        good = now;
        PROMISE(reader.capacity <= REPORT_LINE_MAXIMUM);
        PROMISE(reader.total <= REPORT_TOTAL_MAXIMUM || !good);
    }
    good = report_reader_finish(&reader);
    PROMISE(good == (reader.problem.kind == ERROR_NONE));
    if (!good)
        promise_error(&reader.problem);
    report_reader_free(&reader);
    return 0;
}
