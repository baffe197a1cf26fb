/* SPDX-License-Identifier: Apache-2.0 */
/* store_change.c - reads, changes and conditionally writes documents, and tries again after a
 * conflict, in batches. */
#include "mimo/store_change.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"

/* The state of one run: the batch, and the change of each operation. */
struct run {
    struct store *store;
    struct store_change *changes;
    size_t count;
    struct store_operation *batch;
    struct store_operation **origins;
    struct store_change **writers; /* writers[i] has batch[i] */
    size_t filled;
    store_change_runner_f *runner;
    void *runner_context;
};

static void add_to_batch(struct run *run, struct store_operation *operation)
{
    run->batch[run->filled] = *operation;
    run->origins[run->filled++] = operation;
}

/* Releases the operations with their results. */
static void empty_batch(struct run *run)
{
    for (size_t i = 0; i < run->filled; i++)
        *run->origins[i] = run->batch[i];
    run->filled = 0;
}

static bool is_open(const struct store_change *change)
{
    return change->end == CHANGE_OPEN;
}

static int read_all(struct run *run, bool first, struct error *error)
{
    for (size_t i = 0; i < run->count; i++) {
        struct store_change *change = &run->changes[i];
        if (!is_open(change) || (first && change->known))
            continue;
        store_release(change->reads, change->read_count);
        for (size_t j = 0; j < change->read_count; j++)
            add_to_batch(run, &change->reads[j]);
    }
    int status = run->filled > 0 ? store_run(run->store, run->batch, run->filled, error) : 0;
    empty_batch(run);
    return status;
}

/* Calls each callback, and fills the batch with the writes. */
static void decide_all(struct run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        struct store_change *change = &run->changes[i];
        if (!is_open(change))
            continue;
        switch (change->decide(change)) {
        case CHANGE_WRITE:
            run->writers[run->filled] = change;
            add_to_batch(run, &change->write);
            break;
        case CHANGE_LEAVE:
            change->end = CHANGE_LEFT;
            break;
        }
    }
}

/* Records the result of a write. After a conflict the change stays open for the next try. */
static void take_result(struct store_change *change)
{
    switch (change->write.result.status) {
    case STORE_DONE:
        change->end = CHANGE_DONE;
        return;
    case STORE_CONFLICT:
    case STORE_NOT_FOUND: /* deleted since it was read: the callback decides */
        store_release(&change->write, 1);
        return;
    case STORE_REFUSED:
        change->end = CHANGE_REFUSED;
        change->error = change->write.result.error;
        return;
    case STORE_NOT_RUN:
        break;
    }
    assert(!"a store that answers runs every operation");
}

static int write_all(struct run *run, struct error *error)
{
    size_t count = run->filled;
    if (count == 0)
        return 0;
    int status = run->runner
                     ? run->runner(run->runner_context, run->store, run->batch, count, error)
                     : store_run(run->store, run->batch, count, error);
    empty_batch(run);
    for (size_t i = 0; status == 0 && i < count; i++)
        take_result(run->writers[i]);
    return status;
}

static size_t count_open(const struct run *run)
{
    size_t open = 0;
    for (size_t i = 0; i < run->count; i++)
        open += is_open(&run->changes[i]);
    return open;
}

static int try_all(struct run *run, struct error *error)
{
    for (int try = 0; try < STORE_CHANGE_TRIES && count_open(run) > 0; try++) {
        if (read_all(run, try == 0, error) < 0)
            return -1;
        decide_all(run);
        if (write_all(run, error) < 0)
            return -1;
    }
    return 0;
}

/* Ends the changes that are still open: the store did not answer, or other writers were faster. */
static void end_open(struct run *run, int status, const struct error *error)
{
    for (size_t i = 0; i < run->count; i++) {
        struct store_change *change = &run->changes[i];
        if (!is_open(change))
            continue;
        if (status < 0) {
            change->error = *error;
            continue;
        }
        change->end = CHANGE_CONTENDED;
        error_set(&change->error, ERROR_CONFLICT, "other writers were faster in each of %d tries",
                  STORE_CHANGE_TRIES);
    }
}

static int run_all(struct run *run, struct error *error)
{
    size_t room = run->count * STORE_CHANGE_READS;
    struct error reason;
    for (size_t i = 0; i < run->count; i++) {
        assert(run->changes[i].read_count <= STORE_CHANGE_READS);
        run->changes[i].end = CHANGE_OPEN;
    }
    if (run->count == 0)
        return 0;
    cleanup_free struct store_operation *batch = calloc(room, sizeof(*batch));
    cleanup_free struct store_operation **origins = calloc(room, sizeof(*origins));
    cleanup_free struct store_change **writers = calloc(run->count, sizeof(*writers));
    run->batch = batch;
    run->origins = origins;
    run->writers = writers;
    int status = batch && origins && writers
                     ? try_all(run, &reason)
                     : error_set(&reason, ERROR_MEMORY,
                                 "out of memory while changing %zu documents", run->count);
    end_open(run, status, &reason);
    if (status < 0 && error)
        *error = reason;
    return status;
}

int store_change_run(struct store *store, struct store_change *changes, size_t count,
                     struct error *error)
{
    struct run run = {.store = store, .changes = changes, .count = count};
    return run_all(&run, error);
}

int store_change_one(struct store *store, struct store_change *change, struct error *error)
{
    return store_change_run(store, change, 1, error);
}

int store_change_one_by(struct store *store, struct store_change *change,
                        store_change_runner_f *runner, void *runner_context, struct error *error)
{
    struct run run = {.store = store,
                      .changes = change,
                      .count = 1,
                      .runner = runner,
                      .runner_context = runner_context};
    return run_all(&run, error);
}

void store_change_release(struct store_change *change)
{
    store_release(change->reads, change->read_count);
    store_release(&change->write, 1);
}
