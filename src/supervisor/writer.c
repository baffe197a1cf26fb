/* SPDX-License-Identifier: Apache-2.0 */
/* writer.c - batches of settlements on the thread pool. */
#include "supervisor/writer.h"

#include <stdlib.h>

#include "mimo/backoff.h"
#include "mimo/cleanup.h"
#include "mimo/log.h"

enum {
    WRITER_BATCH = 64,            /* settlements in one batch */
    WRITER_PROGRESS_PAUSE = 1000, /* milliseconds between two rounds of progress */
    WRITER_RETRY_FIRST = 100,     /* milliseconds; doubled with each failure of one result */
    WRITER_RETRY_MAXIMUM = 5000,
};

struct writer_batch {
    struct worker *workers[WRITER_BATCH];
    struct settlement *pointers[WRITER_BATCH];
    size_t count;
    struct settle_rules rules; /* a copy: the configuration may change meanwhile */
    struct steady_time now;
    int status;
    struct error error;
    size_t space;
    struct settlement settlements[]; /* each of 15 KiB: no more of them than are needed */
};

static void on_pause_over(uv_timer_t *timer);
static void on_work_done(uv_work_t *work, int status);

/* Moves the documents into the batch. The rest is copied, because the worker may report meanwhile.
 */
static void add_to_batch(struct writer_batch *batch, struct worker *worker)
{
    struct settlement *settlement = &batch->settlements[batch->count];
    *settlement = worker->settlement;
    settlement->cluster_patches = json_object_get(worker->settlement.cluster_patches);
    settlement->claim = claim_move(&worker->settlement.claim);
    worker->writing = true;
    worker->progress_dirty = false;
    batch->pointers[batch->count] = settlement;
    batch->workers[batch->count++] = worker;
}

/* Milliseconds until the result of a SETTLING worker is due; negative when it is with the batch. */
static int64_t result_due_in(const struct writer *writer, const struct worker *worker)
{
    (void)writer;
    if (worker->writing)
        return -1;
    if (worker->write_failures == 0)
        return 0;
    static const struct backoff retry = {WRITER_RETRY_FIRST, WRITER_RETRY_MAXIMUM};
    int64_t left = backoff_pause(&retry, worker->write_failures) - clock_elapsed(worker->failed_at);
    return left > 0 ? left : 0;
}

/* The same for the progress of a RUNNING worker; negative when it has none to write. */
static int64_t progress_due_in(const struct writer *writer, const struct worker *worker)
{
    if (!worker->progress_dirty || worker->writing || worker->orphaned)
        return -1;
    int64_t left = WRITER_PROGRESS_PAUSE - clock_elapsed(writer->progress_written);
    return left > 0 ? left : 0;
}

/* What is due now, and how long until the next is. */
struct due {
    size_t results, retries, progress;
    int64_t next; /* milliseconds; -1: nothing waits */
};

static bool count_due(struct due *due, int64_t due_in)
{
    if (due_in >= 0 && (due->next < 0 || due_in < due->next))
        due->next = due_in;
    return due_in == 0;
}

static struct due find_due(const struct writer *writer)
{
    struct due due = {.next = -1};
    const struct worker *worker = worker_table_first(writer->table, WORKER_SETTLING);
    for (; worker; worker = worker->next)
        if (count_due(&due, result_due_in(writer, worker)))
            *(worker->write_failures > 0 ? &due.retries : &due.results) += 1;
    worker = worker_table_first(writer->table, WORKER_RUNNING);
    for (; worker; worker = worker->next)
        due.progress += count_due(&due, progress_due_in(writer, worker));
    return due;
}

typedef int64_t due_in_f(const struct writer *writer, const struct worker *worker);

/* Fills the batch with workers of this state that are due, those that failed before or the others.
 */
static void collect(struct writer *writer, enum worker_state state, due_in_f *due_in, bool failed)
{
    struct writer_batch *batch = writer->batch;
    struct worker *worker = worker_table_first(writer->table, state);
    for (; worker && batch->count < batch->space; worker = worker->next)
        if ((worker->write_failures > 0) == failed && due_in(writer, worker) == 0)
            add_to_batch(batch, worker);
}

static struct writer_batch *make_batch(const struct writer *writer, size_t wanted)
{
    size_t space = wanted < WRITER_BATCH ? wanted : WRITER_BATCH;
    struct writer_batch *batch = calloc(1, sizeof(*batch) + space * sizeof(batch->settlements[0]));
    if (!batch)
        return NULL;
    batch->space = space;
    batch->rules = *writer->rules;
    batch->now = steady_clock_now(writer->clock);
    return batch;
}

static void run_batch(uv_work_t *work)
{
    struct writer *writer = work->data;
    struct writer_batch *batch = writer->batch;
    batch->status = settle_run(writer->store, &batch->rules, batch->pointers, batch->count,
                               batch->now.steady / 1000, &batch->error);
}

static void start_pause(struct writer *writer, int64_t milliseconds)
{
    uv_timer_start(&writer->pause, on_pause_over, (uint64_t)milliseconds, 0);
}

/* Puts what is due into a batch: either results that failed before, or all else. */
static void fill_batch(struct writer *writer, const struct due *due)
{
    bool retries = due->retries > 0 && (writer->retries_next || due->results == 0);
    collect(writer, WORKER_SETTLING, result_due_in, retries);
    writer->retries_next = !retries;
    if (retries || due->progress == 0)
        return;
    collect(writer, WORKER_RUNNING, progress_due_in, false);
    writer->progress_written = clock_monotonic();
}

void writer_wake(struct writer *writer)
{
    if (writer->batch)
        return; /* what is there is the next batch */
    struct due due = find_due(writer);
    size_t wanted = due.results + due.retries + due.progress;
    if (wanted == 0) {
        if (due.next > 0)
            start_pause(writer, due.next);
        return;
    }
    writer->batch = make_batch(writer, wanted);
    if (!writer->batch) {
        start_pause(writer, WRITER_RETRY_FIRST);
        return;
    }
    fill_batch(writer, &due);
    uv_timer_stop(&writer->pause);
    writer->work.data = writer;
    uv_queue_work(writer->loop, &writer->work, run_batch, on_work_done);
}

static void on_pause_over(uv_timer_t *timer)
{
    struct writer *writer = timer->data;
    writer_wake(writer);
}

static void finish_progress(struct worker *worker, const struct settlement *settlement)
{
    if (settlement->status == SETTLEMENT_OPEN)
        worker->progress_dirty = true;
    if (settlement->status != SETTLEMENT_LATE)
        return;
    worker->orphaned = true;
    log_notice("progress of the worker is no longer written: %s", settlement->error.message);
}

static void finish_result(struct writer *writer, struct worker *worker,
                          const struct settlement *settlement, bool answered)
{
    bool lease_is_over = clock_elapsed(worker->claimed) >= worker->lease_milliseconds;
    if (settlement->status != SETTLEMENT_OPEN || lease_is_over) {
        writer->handlers->settled(writer->context, worker, settlement->status, &settlement->error);
        return;
    }
    worker->failed_at = clock_monotonic();
    if (worker->write_failures++ == 0 && answered) /* a store that is down has a line of its own */
        log_warning("manifest %s: its result is not written yet and is tried again: %s",
                    worker->manifest_id, settlement->error.message);
}

/* Gives the documents back to the worker. */
static void finish(struct writer *writer, struct worker *worker, struct settlement *settlement,
                   bool answered)
{
    worker->settlement.claim = claim_move(&settlement->claim);
    worker->writing = false;
    if (settlement->final)
        finish_result(writer, worker, settlement, answered);
    else
        finish_progress(worker, settlement);
}

static void on_work_done(uv_work_t *work, int status)
{
    (void)status; /* never cancelled */
    struct writer *writer = work->data;
    cleanup_free struct writer_batch *batch = take_pointer(&writer->batch);

    bool answered = batch->status == 0;
    writer->handlers->store_answered(writer->context, answered, &batch->error);
    for (size_t i = 0; i < batch->count; i++) {
        finish(writer, batch->workers[i], &batch->settlements[i], answered);
        settlement_free(&batch->settlements[i]);
    }
    writer_wake(writer);
}

int writer_initialize(struct writer *writer, uv_loop_t *loop, struct store *store,
                      struct worker_table *table, const struct settle_rules *rules,
                      struct steady_clock *clock, const struct writer_handlers *handlers,
                      void *context, struct error *error)
{
    *writer = (struct writer){
        .loop = loop,
        .store = store,
        .table = table,
        .rules = rules,
        .clock = clock,
        .handlers = handlers,
        .context = context,
    };
    int status = uv_timer_init(loop, &writer->pause);
    if (status < 0)
        return error_set(error, ERROR_SYSTEM, "cannot create a timer: %s", uv_strerror(status));
    writer->pause.data = writer;
    return 0;
}

bool writer_is_busy(const struct writer *writer)
{
    return writer->batch != NULL;
}

void writer_close(struct writer *writer)
{
    uv_close((uv_handle_t *)&writer->pause, NULL);
}
