/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outcome.h - how an attempt ended, what that means for its manifest, and the text for operators.
 *
 * One table (outcome.c) has a row for each way in which an attempt can end: its name in the
 * attempts history, the event of the manifest, and the form of its statusText. Operators and their
 * scripts match the prefixes "TransientError: " and "TerminalError: ".
 *
 * Pure: no clock, no I/O. Times are seconds, except where a name says milliseconds.
 */
#ifndef MIMO_OUTCOME_H
#define MIMO_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "mimo/manifest_state.h"

enum outcome_kind {
    OUTCOME_SUCCEEDED,     /* all steps done */
    OUTCOME_TRANSIENT,     /* a step failed, and may succeed next time */
    OUTCOME_TERMINAL,      /* a step failed, and would fail again */
    OUTCOME_TIMEOUT,       /* the worker ran longer than its timeout */
    OUTCOME_CRASHED,       /* killed by a signal */
    OUTCOME_NO_RESULT,     /* ended without a result, or with one that does not parse */
    OUTCOME_NOT_STARTED,   /* the launcher could not start a worker */
    OUTCOME_UNREGISTERED,  /* no such task on this actuator */
    OUTCOME_LEASE_EXPIRED, /* the lease ended, and its owner had not renewed it */
    OUTCOME_OWNER_GONE,    /* its actuator restarted and found it unfinished */
    OUTCOME_DRAINED,       /* interrupted because its actuator stops; not counted */
};
enum { OUTCOME_COUNT = OUTCOME_DRAINED + 1 };

enum { STATUS_TEXT_SIZE = 4096 + 1 }; /* at most 4 KiB of UTF-8 */

struct outcome {
    enum outcome_kind kind;
    int64_t
        retry_after; /* TRANSIENT: seconds before the next attempt that a server asked for; or 0 */
    char status_text[STATUS_TEXT_SIZE];
};

/* Why the supervisor ended a worker. The first reason counts: later ones do not change it. */
enum worker_stop {
    WORKER_STOP_NONE,     /* the supervisor did not end it */
    WORKER_STOP_TIMEOUT,  /* it ran longer than its timeout */
    WORKER_STOP_DISTRUST, /* its reports break the rules */
    WORKER_STOP_OPERATOR, /* an operator asked for it */
    WORKER_STOP_DRAIN,    /* the actuator stops */
};

/* What the supervisor knows when the result pipe is closed and the worker is reaped. */
struct worker_end {
    int wait_status;              /* as from waitpid(2) */
    bool has_result;              /* a complete result line was received */
    enum outcome_kind result;     /* valid with has_result: SUCCEEDED, TRANSIENT or TERMINAL */
    const char *message;          /* the result's message; may be NULL */
    int64_t retry_after;          /* of a TRANSIENT result, in seconds; or 0 */
    const char *bad_report;       /* why the reports are not trusted, or NULL; overrides a result */
    bool bad_patch;               /* with bad_report: a retry would ask for the same change again */
    const char *forbidden_call;   /* the system call that caused SIGSYS, or NULL if unknown */
    enum worker_stop stop;        /* why the supervisor ended it */
    int64_t timeout_milliseconds; /* the alarm it had */
    bool memory_was_full;     /* the kernel ended the attempt: its cgroup's memory was used up */
    bool processes_were_full; /* a process could not be made: its cgroup had enough of them */
};

/* Decides how an attempt ended. A result counts only with exit status 0. */
void outcome_of_worker(const struct worker_end *end, struct outcome *ret_outcome);

/* Fills an outcome of a kind that has a fixed text (NOT_STARTED, UNREGISTERED, LEASE_EXPIRED,
 * OWNER_GONE, DRAINED); `detail` is appended to it unless it is NULL. */
void outcome_of_kind(enum outcome_kind kind, const char *detail, struct outcome *ret_outcome);

enum manifest_event outcome_event(enum outcome_kind kind);

/* "succeeded", "transient", "timeout", ... as in attempts[].outcome. */
const char *outcome_name(enum outcome_kind kind);

/* Copies `text` into `buffer`, cut at a character boundary to fit, invalid UTF-8 and control
 * characters replaced by "?": the form in which texts of workers may be stored and shown. */
void status_text_copy(char *buffer, unsigned long size, const char *text);

#endif
