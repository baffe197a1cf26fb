/* SPDX-License-Identifier: Apache-2.0 */
/*
 * step.h - how one step of a task ended: the value that clients and tasks return.
 *
 *     if (answer.status == 404)
 *         return step_terminal("404 %s not found", what);
 *
 * Values own nothing. A message longer than STATUS_TEXT_SIZE is cut.
 */
#ifndef MIMO_STEP_H
#define MIMO_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "mimo/error.h"
#include "mimo/outcome.h"

/* `outcome` is OUTCOME_SUCCEEDED, OUTCOME_TRANSIENT or OUTCOME_TERMINAL. For the latter two,
 * statusText is a prefix followed by `message`: "503 ...", "404 ...", "timeout ...". */
struct step_result {
    enum outcome_kind outcome;
    bool again;          /* a condition that does not hold yet; `message` says which */
    int64_t retry_after; /* transient: seconds that the server asked to wait; 0: it did not */
    char message[STATUS_TEXT_SIZE];
};

struct step_result step_succeeded(void);
struct step_result step_transient(const char *format, ...) __attribute__((format(printf, 1, 2)));
struct step_result step_terminal(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What an error of this kind means for a step: transient when error_may_pass(), else terminal. */
struct step_result step_failed(enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A condition that does not hold yet. */
struct step_result step_wait(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
