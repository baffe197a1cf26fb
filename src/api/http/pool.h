/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h - a fixed number of handler threads, and a bounded queue that serves owners in turn.
 *
 * Each job belongs to an owner, a name. The owners that have jobs waiting are served in turn, so
 * that one with many jobs does not delay the others. One owner never occupies all threads: at least
 * one in eight stays free for others (at least one if there are several). One owner fills at most
 * half of the queue.
 *
 *     pool_start(16, 2048, serve, &pool, error);
 *     if (!pool_submit(pool, actor, job)) ...       // answer 503
 *     pool_stop(pool, 1000);
 *
 * Ownership: jobs stay the caller's; names are copied (cut at POOL_OWNER_SIZE). Threads: any thread
 * may submit, one thread stops. Memory is allocated at the start alone.
 */
#ifndef API_POOL_H
#define API_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "mimo/error.h"

enum { POOL_OWNER_SIZE = 264 };

struct pool;

typedef void pool_job_f(void *job);

/* `run` is called on one of the threads for each job. */
int pool_start(size_t threads, size_t capacity, pool_job_f *run, struct pool **ret_pool,
               struct error *error);

/* False when the queue, or the owner's part of it, is full. */
bool pool_submit(struct pool *pool, const char *owner, void *job);

/* Runs the queued jobs, then ends the threads. False if that takes longer than `milliseconds`: then
 * threads are stuck in their jobs, nothing is released, and the process must end. */
bool pool_stop(struct pool *pool, long milliseconds);

#endif
