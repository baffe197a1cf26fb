/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commit.c - group commit. A small transaction spends nearly all its time waiting for the disk, so
 * callers that arrive during a commit share the next one. There is no thread for this: a caller
 * that finds no leader becomes it, commits everything that is queued, and then makes the first
 * caller that has arrived since the next leader.
 */
#include <assert.h>

#include "mimo/cleanup.h"
#include "store/sqlite/handle.h"

/* The most documents that one transaction writes, unless a single batch is larger. Bounds how long
 * other processes wait for the lock. */
enum { COMMIT_WEIGHT_MAXIMUM = 1000 };

struct commit_job {
    int (*apply)(void *argument, struct transaction *transaction, struct error *error);
    void *argument;
    size_t weight;
    enum { JOB_WAITS, JOB_LEADS, JOB_ENDED } state;
    pthread_cond_t changed; /* of state */
    int status;
    struct error error;
    struct commit_job *next;
};

/* The connection for writing to the file that the path names at present. */
static int open_writer(struct sqlite_store *store, struct error *error)
{
    if (store->writer && (store->writer->broken || !connection_is_current(store->writer)))
        sqlite_store_disconnect(store, take_pointer(&store->writer));
    if (store->writer)
        return sqlite_store_check_log(store, store->writer, error);
    if (sqlite_store_connect(store, &store->writer, error) < 0)
        return -1;
    return connection_execute(store->writer, "PRAGMA cache_size = -16384", error);
}

/* Removes the first jobs from the queue, at least one. */
static struct commit_job *take_jobs(struct sqlite_store *store)
{
    pthread_mutex_lock(&store->lock);
    struct commit_job *first = store->first_job;
    struct commit_job **end = &store->first_job;
    size_t weight = 0;
    while (*end && (end == &store->first_job || weight + (*end)->weight <= COMMIT_WEIGHT_MAXIMUM)) {
        weight += (*end)->weight;
        end = &(*end)->next;
    }
    store->first_job = *end;
    *end = NULL;
    if (!store->first_job)
        store->last_job = &store->first_job;
    pthread_mutex_unlock(&store->lock);
    return first;
}

/* Asked again with the lock of the file, and after the commit: what is written to a file that has no
 * name any more does not count. */
static int check_in_place(const struct sqlite_store *store, struct error *error)
{
    if (connection_is_current(store->writer) &&
        log_files_are_in_place(store->path, &store->writer->files))
        return 0;
    return error_set(error, ERROR_UNAVAILABLE, "store %s was removed or replaced meanwhile",
                     store->path);
}

static int commit_jobs(struct sqlite_store *store, struct transaction *transaction,
                       struct commit_job *jobs, struct error *error)
{
    uint64_t count = 0;
    if (check_in_place(store, error) < 0)
        return -1;
    for (struct commit_job *job = jobs; job; job = job->next, count++)
        if (job->apply(job->argument, transaction, error) < 0)
            return -1;
    bool changed = transaction->changed;
    if (transaction_commit(transaction, error) < 0 || check_in_place(store, error) < 0)
        return -1;
    pthread_mutex_lock(&store->lock);
    store->statistics.commits += changed;
    store->statistics.jobs += changed ? count : 0;
    pthread_mutex_unlock(&store->lock);
    return 0;
}

/* Stores the result in all of `jobs`, and makes the first job in the queue the leader. */
static void end_jobs(struct sqlite_store *store, struct commit_job *jobs, int status,
                     const struct error *error)
{
    pthread_mutex_lock(&store->lock);
    while (jobs) {
        struct commit_job *job = jobs;
        jobs = job->next; /* its owner may free it once it has ended */
        job->status = status;
        if (status < 0)
            job->error = *error;
        job->state = JOB_ENDED;
        pthread_cond_signal(&job->changed);
    }
    store->has_leader = store->first_job != NULL;
    if (store->first_job) {
        store->first_job->state = JOB_LEADS;
        pthread_cond_signal(&store->first_job->changed);
    }
    pthread_mutex_unlock(&store->lock);
}

/* Takes jobs only after it has the lock of the file, because more may have arrived meanwhile. */
static void lead(struct sqlite_store *store)
{
    struct transaction transaction;
    struct error error;
    int status = open_writer(store, &error);
    if (status == 0)
        status = transaction_begin(&transaction, store->writer, &error);
    struct commit_job *jobs = take_jobs(store);
    if (status == 0) {
        status = commit_jobs(store, &transaction, jobs, &error);
        transaction_end(&transaction);
    }
    end_jobs(store, jobs, status, &error);
}

static void enqueue(struct sqlite_store *store, struct commit_job *job)
{
    *store->last_job = job;
    store->last_job = &job->next;
    if (!store->has_leader) {
        store->has_leader = true;
        job->state = JOB_LEADS;
    }
}

int sqlite_store_commit(struct sqlite_store *store,
                        int (*apply)(void *argument, struct transaction *transaction,
                                     struct error *error),
                        void *argument, size_t weight, struct error *error)
{
    struct commit_job job = {.apply = apply, .argument = argument, .weight = weight};
    pthread_cond_init(&job.changed, NULL);

    pthread_mutex_lock(&store->lock);
    enqueue(store, &job);
    while (job.state == JOB_WAITS)
        pthread_cond_wait(&job.changed, &store->lock);
    bool leads = job.state == JOB_LEADS;
    pthread_mutex_unlock(&store->lock);

    if (leads)
        lead(store); /* a leader is the first in the queue: its own job is among those done */
    assert(job.state == JOB_ENDED);
    pthread_cond_destroy(&job.changed);
    if (job.status < 0 && error)
        *error = job.error;
    return job.status;
}
