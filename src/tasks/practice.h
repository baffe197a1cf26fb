/* SPDX-License-Identifier: Apache-2.0 */
/*
 * practice.h - the steps of the practice task, and the ways in which they can fail on request.
 */
#ifndef MIMO_TASKS_PRACTICE_H
#define MIMO_TASKS_PRACTICE_H

#include "mimo/task.h"

struct practice_step;

/* How a step ends: a row of the table in practice_trouble.c. */
struct practice_trouble {
    const char *word; /* of "then" */
    struct step_result (*make)(struct task_context *context, const struct practice_step *step);
};

/* One entry of parameters.steps; texts are borrowed from the parameters. */
struct practice_step {
    const char *name;
    const char *status;  /* reported first, or NULL */
    const char *message; /* of a failure, or of the result; or NULL */
    const struct practice_trouble *then;
    int64_t sleep_milliseconds; /* before `then` */
    int64_t until_attempt; /* `then` only in attempts before this one, afterwards ok; 0: always */
    int64_t port;          /* of `connect` */
};

/* The row of `word`, or NULL. */
const struct practice_trouble *practice_find_trouble(const char *word);

/* All words, "ok, transient, ...", into `buffer`. */
void practice_list_troubles(char *buffer, size_t size);

#endif
