/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_change.h - the one way to change documents that others may change at the same time.
 *
 * A change reads what it needs, decides by a callback what to write, and writes it on condition that
 * the documents are still those that were read. If another writer was first, it reads and decides
 * again, a few times. Many changes run together: their reads are one batch of the store, and so are
 * their writes, but each succeeds or fails by itself.
 *
 * The callback is asked after each read:
 *
 *     struct store_result *found = &change->reads[0].result;
 *     if (found->status != STORE_DONE)
 *         return CHANGE_LEAVE;                                // gone: nothing to write
 *     ... make `changed` of found->items[0].document ...
 *     change->write = store_replace(STORE_CLUSTERS, found->items[0].etag, changed);
 *     return CHANGE_WRITE;
 *
 * The caller:
 *
 *     struct store_change one = {
 *         .reads = {store_get(STORE_CLUSTERS, NULL, key)}, .read_count = 1, .decide = decide};
 *     if (store_change_one(store, &one, error) < 0)
 *         ...                                                 // the store did not answer
 *     else if (one.end == CHANGE_DONE)
 *         ...
 *     store_change_release(&one);
 *
 * Ownership: the results of `reads` and `write` belong to the change until store_change_release().
 * The callback may take documents and etags out of `reads`, and must keep alive whatever `write`
 * names until it is called again or the change is released.
 *
 * Threads: blocks its caller, as store_run() does. A change is used by one thread.
 */
#ifndef MIMO_STORE_CHANGE_H
#define MIMO_STORE_CHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "mimo/error.h"
#include "mimo/store.h"

enum {
    STORE_CHANGE_TRIES = 6, /* conflicts in a row after which a change is given up */
    STORE_CHANGE_READS = 2,
};

enum change_verdict {
    CHANGE_WRITE, /* run `write` */
    CHANGE_LEAVE, /* nothing is to be written */
};

enum change_end {
    CHANGE_OPEN = 0,  /* the store did not answer: it is unknown whether it was written */
    CHANGE_DONE,      /* written: `write.result` has the new etags */
    CHANGE_LEFT,      /* the callback left it */
    CHANGE_CONTENDED, /* another writer was first in every try */
    CHANGE_REFUSED,   /* the store cannot take the document, such as one that is too large */
};

struct store_change {
    struct store_operation reads[STORE_CHANGE_READS]; /* GETs or queries; all run for each try */
    size_t read_count;
    bool known; /* the caller has read already: the first try runs no reads */
    enum change_verdict (*decide)(struct store_change *change);
    void *context;

    struct store_operation write; /* out of the callback */
    enum change_end end;          /* out */
    struct error error;           /* out: OPEN, CONTENDED and REFUSED, in words */
};

/* Runs batches of operations in place of store_run(): for a caller that adds operations of its own
 * to each batch of writes. Results go where store_run() would put them. */
typedef int store_change_runner_f(void *context, struct store *store,
                                  struct store_operation *writes, size_t count,
                                  struct error *error);

/* Runs `count` changes to their ends. -1 if the store did not answer (or without memory): then at
 * least one is CHANGE_OPEN, and the others have ended. */
int store_change_run(struct store *store, struct store_change *changes, size_t count,
                     struct error *error);

int store_change_one(struct store *store, struct store_change *change, struct error *error);

/* store_change_one() with writes that go through `runner`. */
int store_change_one_by(struct store *store, struct store_change *change,
                        store_change_runner_f *runner, void *runner_context, struct error *error);

/* Releases the results; harmless when there are none. */
void store_change_release(struct store_change *change);

#endif
