/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writer.h - brings progress and results of attempts into the store, without blocking the event
 * loop.
 *
 * One batch is in flight on the thread pool; what comes up meanwhile is the next batch. Results go
 * first; progress is written at most once a second. A store that does not answer is asked again
 * with growing pauses; results stay in memory until they are written, or until the lease that they
 * were made under is over: then the manifest belongs to whoever takes it back, and the result is
 * dropped with a log line.
 */
#ifndef MIMO_SUPERVISOR_WRITER_H
#define MIMO_SUPERVISOR_WRITER_H

#include <stdbool.h>
#include <uv.h>

#include "mimo/store.h"
#include "supervisor/settle.h"
#include "supervisor/steady_clock.h"
#include "supervisor/worker.h"

struct writer_handlers {
    /* The result of `worker` is in the store (DONE), was late (LATE), or had to be given up (OPEN).
     */
    void (*settled)(void *context, struct worker *worker, enum settlement_status status,
                    const struct error *error);
    /* Whether the store answered the latest batch. */
    void (*store_answered)(void *context, bool answered, const struct error *error);
};

struct writer {
    uv_loop_t *loop;
    struct store *store;
    struct worker_table *table;
    const struct settle_rules *rules;
    struct steady_clock *clock;
    const struct writer_handlers *handlers;
    void *context;
    uv_work_t work;
    uv_timer_t pause;           /* until the next try, or the next round of progress */
    struct writer_batch *batch; /* in flight, or NULL */
    int failures;               /* in a row */
    struct monotonic progress_written;
};

int writer_initialize(struct writer *writer, uv_loop_t *loop, struct store *store,
                      struct worker_table *table, const struct settle_rules *rules,
                      struct steady_clock *clock, const struct writer_handlers *handlers,
                      void *context, struct error *error);

/* Says that a worker is SETTLING with its settlement made final, or has progress to show. */
void writer_wake(struct writer *writer);

/* True while a batch is in flight. */
bool writer_is_busy(const struct writer *writer);

/* Closes the handles; nothing may be in flight. */
void writer_close(struct writer *writer);

#endif
