/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writer.h - writes progress and results of attempts to the store without blocking the event loop.
 *
 * One batch is in flight on the thread pool; what comes up meanwhile is the next batch. New results
 * go first; progress is written at most once a second. A result that could not be written is tried
 * again after a pause of its own, which doubles with each failure: it delays no other result.
 * Results that failed are never in one batch with new ones, so that a result which the store cannot
 * take does not hold up those that it can. A result is kept until it is written or the lease that
 * it was made under is over; then the manifest belongs to the actuator that takes it back, and the
 * result is dropped with a log line.
 *
 * Threads: the event loop's; settle_run() alone runs on the pool, on copies.
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
    /* The result of `worker` is in the store (DONE), was late (LATE), or was given up because its
     * lease is over (OPEN). */
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
    uv_timer_t pause;           /* until the next result or progress is due */
    struct writer_batch *batch; /* in flight, or NULL */
    bool retries_next;          /* results that failed have their turn before new ones */
    struct monotonic progress_written;
};

int writer_initialize(struct writer *writer, uv_loop_t *loop, struct store *store,
                      struct worker_table *table, const struct settle_rules *rules,
                      struct steady_clock *clock, const struct writer_handlers *handlers,
                      void *context, struct error *error);

/* A worker is SETTLING and its settlement is final, or it has progress to show. */
void writer_wake(struct writer *writer);

/* True while a batch is in flight. */
bool writer_is_busy(const struct writer *writer);

/* Closes the handles; nothing may be in flight. */
void writer_close(struct writer *writer);

#endif
