/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of settlements on the thread pool. */
#include "supervisor/writer.h"

#include <stdlib.h>

#include "mimo/cleanup.h"
#include "mimo/log.h"

enum {
    WRITER_BATCH = 64,            /* settlements in one batch */
    WRITER_PROGRESS_PAUSE = 1000, /* milliseconds between two rounds of progress */
    WRITER_RETRY_FIRST = 100,     /* milliseconds; doubled for each failure in a row */
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

/* Moves the documents into the batch; the rest is copied, for the worker may report on meanwhile.
 */
static void add_to_batch(struct writer_batch *batch, struct worker *worker)
{
    struct settlement *settlement = &batch->settlements[batch->count];
    *settlement = worker->settlement;
    settlement->cluster_patches = json_incref(worker->settlement.cluster_patches);
    settlement->claim = claim_move(&worker->settlement.claim);
    worker->writing = true;
    worker->progress_dirty = false;
    batch->pointers[batch->count] = settlement;
    batch->workers[batch->count++] = worker;
}

static bool progress_is_due(const struct writer *writer)
{
    return clock_elapsed(writer->progress_written) >= WRITER_PROGRESS_PAUSE;
}

static bool has_result(const struct worker *worker)
{
    return worker->state == WORKER_SETTLING && !worker->writing;
}

static bool has_progress(const struct worker *worker)
{
    return worker->state == WORKER_RUNNING && worker->progress_dirty && !worker->writing &&
           !worker->orphaned;
}

static void collect(struct writer *writer, bool wanted(const struct worker *worker))
{
    struct worker_table *table = writer->table;
    for (uint32_t i = 0; i < table->size && writer->batch->count < writer->batch->space; i++)
        if (wanted(&table->workers[i]))
            add_to_batch(writer->batch, &table->workers[i]);
}

static size_t count(const struct writer *writer, bool wanted(const struct worker *worker))
{
    size_t found = 0;
    for (uint32_t i = 0; i < writer->table->size; i++)
        found += wanted(&writer->table->workers[i]);
    return found;
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

static int64_t retry_pause(const struct writer *writer)
{
    int64_t pause = WRITER_RETRY_FIRST;
    for (int i = 1; i < writer->failures && pause < WRITER_RETRY_MAXIMUM; i++)
        pause *= 2;
    return pause < WRITER_RETRY_MAXIMUM ? pause : WRITER_RETRY_MAXIMUM;
}

void writer_wake(struct writer *writer)
{
    if (writer->batch)
        return; /* what is there is the next batch */
    if (writer->failures > 0 && uv_is_active((uv_handle_t *)&writer->pause))
        return;
    size_t results = count(writer, has_result);
    size_t progress = count(writer, has_progress);
    if (!results && !progress)
        return;
    if (!results && !progress_is_due(writer)) {
        start_pause(writer, WRITER_PROGRESS_PAUSE - clock_elapsed(writer->progress_written));
        return;
    }

    writer->batch = make_batch(writer, results + progress);
    if (!writer->batch) {
        start_pause(writer, WRITER_RETRY_FIRST);
        return;
    }
    collect(writer, has_result);
    if (progress && progress_is_due(writer)) {
        collect(writer, has_progress);
        writer->progress_written = clock_monotonic();
    }
    uv_timer_stop(&writer->pause);
    writer->work.data = writer;
    uv_queue_work(writer->loop, &writer->work, run_batch, on_work_done);
}

static void on_pause_over(uv_timer_t *timer)
{
    struct writer *writer = timer->data;
    writer_wake(writer);
}

/* Gives the documents back to the worker and tells how a result fared. */
static void finish(struct writer *writer, struct worker *worker, struct settlement *settlement)
{
    worker->settlement.claim = claim_move(&settlement->claim);
    worker->writing = false;
    if (!settlement->final) {
        if (settlement->status == SETTLEMENT_LATE) {
            worker->orphaned = true;
            log_notice("its progress is no longer written: %s", settlement->error.message);
        }
        return;
    }
    bool lease_is_over = clock_elapsed(worker->claimed) >= worker->lease_milliseconds;
    if (settlement->status == SETTLEMENT_OPEN && !lease_is_over)
        return; /* stays SETTLING: the next batch has it again */
    writer->handlers->settled(writer->context, worker, settlement->status, &settlement->error);
}

static void on_work_done(uv_work_t *work, int status)
{
    (void)status; /* never cancelled */
    struct writer *writer = work->data;
    cleanup_free struct writer_batch *batch = take_pointer(&writer->batch);

    bool all_settled = batch->status == 0;
    writer->handlers->store_answered(writer->context, batch->status == 0, &batch->error);
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->settlements[i].status == SETTLEMENT_OPEN)
            all_settled = false;
        finish(writer, batch->workers[i], &batch->settlements[i]);
        settlement_free(&batch->settlements[i]);
    }
    writer->failures = all_settled ? 0 : writer->failures + 1;
    if (writer->failures > 0)
        start_pause(writer, retry_pause(writer));
    else
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
        return error_set(error, ERROR_SYSTEM, "cannot make a timer: %s", uv_strerror(status));
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
