/* SPDX-License-Identifier: Apache-2.0 */
/* pool.h - a fixed number of threads that serve a bounded queue of jobs. */
#ifndef API_POOL_H
#define API_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "mimo/error.h"

struct pool;

typedef void pool_job_f(void *job);

/* `run` is called on one of the threads for each job. */
int pool_start(size_t threads, size_t capacity, pool_job_f *run, struct pool **ret_pool,
               struct error *error);

/* False when the queue is full; the job stays the caller's. */
bool pool_submit(struct pool *pool, void *job);

/* Serves what is queued, then ends the threads. True when that was done within `milliseconds`; else
 * threads are stuck in their jobs, nothing is released, and the process can only end. */
bool pool_stop(struct pool *pool, long milliseconds);

#endif
