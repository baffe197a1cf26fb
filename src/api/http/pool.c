/* SPDX-License-Identifier: Apache-2.0 */
/* pool.c - the handler threads: a lane for each owner with jobs; lanes are served in turn. */
#include "api/http/pool.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "mimo/clock.h"

/* For this many threads, one is kept free of any single owner. */
enum { KEPT_PART = 8 };

struct pool_job {
    STAILQ_ENTRY(pool_job) link;
    void *job;
};

/* The jobs of one owner. A lane is in use while it has jobs that wait or run. */
struct lane {
    TAILQ_ENTRY(lane) turn;  /* in `turns`: it has jobs that wait, and may run one */
    LIST_ENTRY(lane) in_use; /* in `lanes`, or in `free_lanes` */
    char owner[POOL_OWNER_SIZE];
    STAILQ_HEAD(, pool_job) jobs;
    size_t waiting;
    size_t running;
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    pthread_cond_t ended; /* on CLOCK_MONOTONIC */
    pool_job_f *run;
    bool stopping;
    size_t alive; /* threads that have not ended */
    size_t waiting;
    size_t capacity;
    size_t lane_threads;  /* jobs of one owner that run at once at most */
    size_t lane_capacity; /* jobs of one owner that wait at most */
    TAILQ_HEAD(, lane) turns;
    LIST_HEAD(, lane) lanes;
    LIST_HEAD(, lane) free_lanes;
    STAILQ_HEAD(, pool_job) free_jobs;
    struct pool_job *job_memory;
    struct lane *lane_memory;
    size_t thread_count;
    pthread_t threads[];
};

/* A lane is in `turns` while it has a waiting job and may use another thread. */
static bool has_turn(const struct pool *pool, const struct lane *lane)
{
    return lane->waiting > 0 && lane->running < pool->lane_threads;
}

/* The next job and its lane, or NULL when the pool stops and no job is left. A lane whose threads
 * are all busy continues when one of them is done, so no thread may end before. */
static struct lane *next_lane(struct pool *pool, void **ret_job)
{
    while (TAILQ_EMPTY(&pool->turns) && !(pool->stopping && pool->waiting == 0))
        pthread_cond_wait(&pool->filled, &pool->lock);
    struct lane *lane = TAILQ_FIRST(&pool->turns);
    if (!lane)
        return NULL;
    TAILQ_REMOVE(&pool->turns, lane, turn);
    struct pool_job *first = STAILQ_FIRST(&lane->jobs);
    STAILQ_REMOVE_HEAD(&lane->jobs, link);
    STAILQ_INSERT_HEAD(&pool->free_jobs, first, link);
    *ret_job = first->job;
    lane->waiting--;
    lane->running++;
    pool->waiting--;
    if (has_turn(pool, lane))
        TAILQ_INSERT_TAIL(&pool->turns, lane, turn);
    if (pool->stopping && pool->waiting == 0)
        pthread_cond_broadcast(&pool->filled);
    return lane;
}

static void finish_job(struct pool *pool, struct lane *lane)
{
    bool had_turn = has_turn(pool, lane);
    lane->running--;
    if (lane->running == 0 && lane->waiting == 0) {
        LIST_REMOVE(lane, in_use);
        LIST_INSERT_HEAD(&pool->free_lanes, lane, in_use);
    } else if (!had_turn && has_turn(pool, lane)) {
        TAILQ_INSERT_TAIL(&pool->turns, lane, turn);
        pthread_cond_signal(&pool->filled);
    }
}

static void *serve(void *context)
{
    struct pool *pool = context;
    struct lane *lane;
    void *job;
    pthread_mutex_lock(&pool->lock);
    while ((lane = next_lane(pool, &job))) {
        pthread_mutex_unlock(&pool->lock);
        pool->run(job);
        pthread_mutex_lock(&pool->lock);
        finish_job(pool, lane);
    }
    pool->alive--;
    pthread_cond_signal(&pool->ended);
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static void pool_free(struct pool *pool)
{
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->filled);
    pthread_cond_destroy(&pool->ended);
    free(pool->job_memory);
    free(pool->lane_memory);
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

static void init_locks(struct pool *pool)
{
    clock_make_condition(&pool->ended);
    pthread_cond_init(&pool->filled, NULL);
    pthread_mutex_init(&pool->lock, NULL);
}

static struct pool *pool_new(size_t threads, size_t capacity)
{
    struct pool *pool = calloc(1, sizeof(*pool) + threads * sizeof(pool->threads[0]));
    if (!pool)
        return NULL;
    const size_t lanes = capacity + threads; /* each job may have an owner of its own */
    const size_t kept = threads / KEPT_PART > 0 ? threads / KEPT_PART : 1;
    init_locks(pool);
    pool->capacity = capacity;
    pool->lane_threads = threads > 1 ? threads - kept : 1;
    pool->lane_capacity = capacity > 1 ? capacity / 2 : 1;
    pool->job_memory = calloc(capacity, sizeof(*pool->job_memory));
    pool->lane_memory = calloc(lanes, sizeof(*pool->lane_memory));
    if (!pool->job_memory || !pool->lane_memory) {
        pool_free(pool);
        return NULL;
    }
    TAILQ_INIT(&pool->turns);
    LIST_INIT(&pool->lanes);
    LIST_INIT(&pool->free_lanes);
    STAILQ_INIT(&pool->free_jobs);
    for (size_t i = 0; i < capacity; i++)
        STAILQ_INSERT_HEAD(&pool->free_jobs, &pool->job_memory[i], link);
    for (size_t i = 0; i < lanes; i++)
        LIST_INSERT_HEAD(&pool->free_lanes, &pool->lane_memory[i], in_use);
    return pool;
}

int pool_start(size_t threads, size_t capacity, pool_job_f *run, struct pool **ret_pool,
               struct error *error)
{
    struct pool *pool = pool_new(threads, capacity);
    if (!pool)
        return error_set_memory(error);
    pool->run = run;
    for (; pool->thread_count < threads; pool->thread_count++) {
        pthread_mutex_lock(&pool->lock);
        pool->alive++;
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

/* The lane of `owner`, taken into use if it is not. There is always a free one: see pool_new(). */
static struct lane *lane_of(struct pool *pool, const char *owner)
{
    struct lane *lane;
    LIST_FOREACH(lane, &pool->lanes, in_use)
    {
        if (strncmp(lane->owner, owner, sizeof(lane->owner) - 1) == 0)
            return lane;
    }
    lane = LIST_FIRST(&pool->free_lanes);
    LIST_REMOVE(lane, in_use);
    LIST_INSERT_HEAD(&pool->lanes, lane, in_use);
    snprintf(lane->owner, sizeof(lane->owner), "%s", owner);
    STAILQ_INIT(&lane->jobs);
    return lane;
}

static bool enqueue(struct pool *pool, const char *owner, void *job)
{
    if (pool->waiting == pool->capacity)
        return false;
    struct lane *lane = lane_of(pool, owner);
    if (lane->waiting == pool->lane_capacity)
        return false;
    struct pool_job *entry = STAILQ_FIRST(&pool->free_jobs);
    bool had_turn = has_turn(pool, lane);
    STAILQ_REMOVE_HEAD(&pool->free_jobs, link);
    STAILQ_INSERT_TAIL(&lane->jobs, entry, link);
    entry->job = job;
    lane->waiting++;
    pool->waiting++;
    if (!had_turn && has_turn(pool, lane))
        TAILQ_INSERT_TAIL(&pool->turns, lane, turn);
    return true;
}

bool pool_submit(struct pool *pool, const char *owner, void *job)
{
    pthread_mutex_lock(&pool->lock);
    bool room = enqueue(pool, owner, job);
    pthread_mutex_unlock(&pool->lock);
    if (room)
        pthread_cond_signal(
            &pool->filled); /* unlocked: the thread that wakes up can go on at once */
    return room;
}

bool pool_stop(struct pool *pool, long milliseconds)
{
    if (!pool)
        return true;
    struct timespec until = clock_deadline(milliseconds);
    ask_to_stop(pool);
    pthread_mutex_lock(&pool->lock);
    int status = 0;
    while (pool->alive > 0 && status == 0)
        status = pthread_cond_timedwait(&pool->ended, &pool->lock, &until);
    bool ended = pool->alive == 0;
    pthread_mutex_unlock(&pool->lock);
    if (ended)
        join_all(pool);
    return ended;
}
