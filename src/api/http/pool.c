/* SPDX-License-Identifier: Apache-2.0 */
/* The handler threads. */
#include "api/http/pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    pthread_cond_t ended; /* on CLOCK_MONOTONIC */
    pool_job_f *run;
    bool stopping;
    size_t running; /* threads that have not ended */
    size_t first;
    size_t count;
    size_t capacity;
    void **jobs; /* a ring */
    size_t thread_count;
    pthread_t threads[];
};

/* The next job, or NULL when the pool stops and nothing is left. */
static void *next_job(struct pool *pool)
{
    while (pool->count == 0 && !pool->stopping)
        pthread_cond_wait(&pool->filled, &pool->lock);
    if (pool->count == 0)
        return NULL;
    void *job = pool->jobs[pool->first];
    pool->first = (pool->first + 1) % pool->capacity;
    pool->count--;
    return job;
}

static void *serve(void *context)
{
    struct pool *pool = context;
    void *job;
    pthread_mutex_lock(&pool->lock);
    while ((job = next_job(pool))) {
        pthread_mutex_unlock(&pool->lock);
        pool->run(job);
        pthread_mutex_lock(&pool->lock);
    }
    pool->running--;
    pthread_cond_signal(&pool->ended);
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static void pool_free(struct pool *pool)
{
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->filled);
    pthread_cond_destroy(&pool->ended);
    free(pool->jobs);
    free(pool);
}

static void join_all(struct pool *pool)
{
    for (size_t i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    pool_free(pool);
}

static void ask_to_stop(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->filled);
    pthread_mutex_unlock(&pool->lock);
}

int pool_start(size_t threads, size_t capacity, pool_job_f *run, struct pool **ret_pool,
               struct error *error)
{
    struct pool *pool = calloc(1, sizeof(*pool) + threads * sizeof(pool->threads[0]));
    void **jobs = calloc(capacity, sizeof(*jobs));
    if (!pool || !jobs) {
        free(pool);
        free(jobs);
        return error_set_memory(error);
    }
    pool->run = run;
    pool->jobs = jobs;
    pool->capacity = capacity;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->ended, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_cond_init(&pool->filled, NULL);
    pthread_mutex_init(&pool->lock, NULL);
    for (; pool->thread_count < threads; pool->thread_count++) {
        pthread_mutex_lock(&pool->lock);
        pool->running++;
        pthread_mutex_unlock(&pool->lock);
        int status = pthread_create(&pool->threads[pool->thread_count], NULL, serve, pool);
        if (status != 0) {
            ask_to_stop(pool);
            join_all(pool);
            return error_set_system(error, status, "cannot start %zu handler threads (api.threads)",
                                    threads);
        }
    }
    *ret_pool = pool;
    return 0;
}

bool pool_submit(struct pool *pool, void *job)
{
    pthread_mutex_lock(&pool->lock);
    bool room = pool->count < pool->capacity;
    if (room) {
        pool->jobs[(pool->first + pool->count) % pool->capacity] = job;
        pool->count++;
    }
    pthread_mutex_unlock(&pool->lock);
    if (room)
        pthread_cond_signal(&pool->filled); /* unlocked: who wakes up can go on at once */
    return room;
}

bool pool_stop(struct pool *pool, long milliseconds)
{
    if (!pool)
        return true;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += milliseconds % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    ask_to_stop(pool);
    pthread_mutex_lock(&pool->lock);
    int status = 0;
    while (pool->running > 0 && status == 0)
        status = pthread_cond_timedwait(&pool->ended, &pool->lock, &until);
    bool ended = pool->running == 0;
    pthread_mutex_unlock(&pool->lock);
    if (ended)
        join_all(pool);
    return ended;
}
