/* SPDX-License-Identifier: Apache-2.0 */
/* worker_log.h - how a worker says what went wrong: first in the log, then in reports. */
#ifndef MIMO_LAUNCHER_WORKER_LOG_H
#define MIMO_LAUNCHER_WORKER_LOG_H

#include "launcher/worker_state.h"
#include "mimo/error.h"

/* Puts /dev/null in the log's place: what is said from here on is a report. */
int worker_leave_log(struct error *error);

/* Says why, in the log or, once that is left, in a report, and ends. */
_Noreturn void worker_give_up(const struct worker *worker, int exit_code,
                              const struct error *error);

#endif
