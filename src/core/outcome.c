/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outcome.c - how an attempt ended: the table of outcomes, and how one is told from what is
 * known of a worker.
 */
#include "mimo/outcome.h"

#include <assert.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "mimo/clock.h"
#include "mimo/exit_codes.h"
#include "mimo/text.h"

/* A row: its name in the history, what it means for the manifest, what its statusText begins
 * with. */
static const struct outcome_row {
    const char *name;
    enum manifest_event event;
    const char *text;
} rows[OUTCOME_COUNT] = {
    [OUTCOME_SUCCEEDED] = {"succeeded", MANIFEST_SUCCEED, ""},
    [OUTCOME_TRANSIENT] = {"transient", MANIFEST_RETRY, "TransientError: "},
    [OUTCOME_TERMINAL] = {"terminal", MANIFEST_FAIL, "TerminalError: "},
    [OUTCOME_TIMEOUT] = {"timeout", MANIFEST_RETRY, "TransientError: timeout: task exceeded "},
    [OUTCOME_CRASHED] = {"crashed", MANIFEST_RETRY, "TransientError: worker killed by signal "},
    [OUTCOME_NO_RESULT] = {"noResult", MANIFEST_RETRY,
                           "TransientError: worker ended without a result "},
    [OUTCOME_NOT_STARTED] = {"notStarted", MANIFEST_RETRY,
                             "TransientError: worker could not be started"},
    [OUTCOME_UNREGISTERED] = {"unregistered", MANIFEST_FAIL, "task ID not registered"},
    [OUTCOME_LEASE_EXPIRED] = {"leaseExpired", MANIFEST_RETRY,
                               "TransientError: lease expired: no heartbeat from its actuator"},
    [OUTCOME_OWNER_GONE] = {"ownerGone", MANIFEST_RETRY,
                            "TransientError: its actuator stopped during the attempt"},
    [OUTCOME_DRAINED] =
        {"drained", MANIFEST_DRAIN,
         "returned to the queue: its actuator was stopped; this attempt does not count"},
};

static const struct outcome_row *row_of(enum outcome_kind kind)
{
    assert((unsigned)kind < OUTCOME_COUNT);
    return &rows[kind];
}

enum manifest_event outcome_event(enum outcome_kind kind)
{
    return row_of(kind)->event;
}

const char *outcome_name(enum outcome_kind kind)
{
    return row_of(kind)->name;
}

void status_text_copy(char *buffer, unsigned long size, const char *text)
{
    text_copy_clean(buffer, size, text ? text : "", '?');
}

static void fill(struct outcome *outcome, enum outcome_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The row's text with this behind it. */
static void fill(struct outcome *outcome, enum outcome_kind kind, const char *format, ...)
{
    char text[2 * STATUS_TEXT_SIZE];
    size_t length = strlen(row_of(kind)->text);
    va_list arguments;

    memcpy(text, row_of(kind)->text, length);
    va_start(arguments, format);
    vsnprintf(text + length, sizeof(text) - length, format, arguments);
    va_end(arguments);
    outcome->kind = kind;
    outcome->retry_after = 0;
    status_text_copy(outcome->status_text, sizeof(outcome->status_text), text);
}

static void fill_result(const struct worker_end *end, struct outcome *ret_outcome)
{
    const char *message = end->message ? end->message : "";

    if (end->result != OUTCOME_SUCCEEDED && *message == '\0')
        message = "the task gave no reason";
    fill(ret_outcome, end->result, "%s", message);
    if (end->result == OUTCOME_TRANSIENT)
        ret_outcome->retry_after = end->retry_after;
}

static void fill_crash(const struct worker_end *end, struct outcome *ret_outcome)
{
    int number = WTERMSIG(end->wait_status);
    const char *name = sigabbrev_np(number);
    char shown[32] = "";

    if (name)
        snprintf(shown, sizeof(shown), " (SIG%s)", name);
    if (number == SIGSYS && end->forbidden_call)
        fill(ret_outcome, OUTCOME_CRASHED, "%d%s: forbidden system call %s", number, shown,
             end->forbidden_call);
    else if (number == SIGSYS)
        fill(ret_outcome, OUTCOME_CRASHED, "%d%s: forbidden system call", number, shown);
    else
        fill(ret_outcome, OUTCOME_CRASHED, "%d%s", number, shown);
}

/* Reports that cannot be trusted, and how the worker ended: by itself, or because of them. */
static void fill_bad_report(const struct worker_end *end, struct outcome *ret_outcome)
{
    if (end->bad_patch)
        fill(ret_outcome, OUTCOME_TERMINAL, "%s", end->bad_report);
    else if (!WIFEXITED(end->wait_status))
        fill(ret_outcome, OUTCOME_NO_RESULT, "(bad report: %s; killed by signal %d)",
             end->bad_report, WTERMSIG(end->wait_status));
    else if (WEXITSTATUS(end->wait_status) != 0)
        fill(ret_outcome, OUTCOME_NO_RESULT, "(bad report: %s; exit %d)", end->bad_report,
             WEXITSTATUS(end->wait_status));
    else
        fill(ret_outcome, OUTCOME_NO_RESULT, "(bad report: %s)", end->bad_report);
}

static void fill_exit(const struct worker_end *end, struct outcome *ret_outcome)
{
    int code = WEXITSTATUS(end->wait_status);
    const char *text = exit_code_text(code);

    if (text)
        fill(ret_outcome, OUTCOME_NO_RESULT, "(exit %d: %s)", code, text);
    else
        fill(ret_outcome, OUTCOME_NO_RESULT, "(exit %d)", code);
}

/* Appends the limit of the attempt as a whole that it reached: without it, nobody could tell why a
 * program was killed or could not be started. */
static void append_limits(const struct worker_end *end, struct outcome *outcome)
{
    char text[STATUS_TEXT_SIZE];
    enum outcome_kind kind = outcome->kind;
    if (kind == OUTCOME_SUCCEEDED || kind == OUTCOME_DRAINED)
        return;
    const char *limit =
        end->memory_was_full ? "the attempt used up its memory (sandbox.attempt_memory)"
        : end->processes_were_full
            ? "the attempt reached its process limit ([sandbox] processes of its task)"
            : NULL;
    if (!limit)
        return;
    snprintf(text, sizeof(text), "%.3800s: %s", outcome->status_text, limit);
    status_text_copy(outcome->status_text, sizeof(outcome->status_text), text);
}

static void decide(const struct worker_end *end, struct outcome *ret_outcome)
{
    const bool exited = WIFEXITED(end->wait_status);
    const bool exited_well = exited && WEXITSTATUS(end->wait_status) == 0;
    const int signal = exited ? 0 : WTERMSIG(end->wait_status);
    char duration[CLOCK_TEXT_SIZE];

    /* A worker that is killed leaves broken reports behind: the cause of death is more useful than
     * they are. But SIGKILL is what the supervisor answers to bad reports. */
    if (exited_well && end->has_result && !end->bad_report)
        fill_result(end, ret_outcome);
    else if (end->stop == WORKER_STOP_DRAIN)
        outcome_of_kind(OUTCOME_DRAINED, NULL, ret_outcome);
    else if (end->stop == WORKER_STOP_TIMEOUT || signal == SIGALRM)
        fill(ret_outcome, OUTCOME_TIMEOUT, "%s",
             clock_format_duration(duration, end->timeout_milliseconds));
    else if (end->bad_report && (exited || (signal == SIGKILL && !end->memory_was_full)))
        fill_bad_report(end, ret_outcome);
    else if (!exited)
        fill_crash(end, ret_outcome);
    else
        fill_exit(end, ret_outcome);
}

void outcome_of_worker(const struct worker_end *end, struct outcome *ret_outcome)
{
    decide(end, ret_outcome);
    append_limits(end, ret_outcome);
}

void outcome_of_kind(enum outcome_kind kind, const char *detail, struct outcome *ret_outcome)
{
    assert(kind == OUTCOME_NOT_STARTED || kind == OUTCOME_UNREGISTERED ||
           kind == OUTCOME_LEASE_EXPIRED || kind == OUTCOME_OWNER_GONE || kind == OUTCOME_DRAINED);
    fill(ret_outcome, kind, "%s%s", detail ? ": " : "", detail ? detail : "");
}
